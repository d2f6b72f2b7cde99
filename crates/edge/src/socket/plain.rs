//! Plain sockets: bytes pass untouched, only frame heads are read.
//!
//! The failure this defends against: the origin dies, and the client sees a cut (1006) without a word. Because we know
//! where frames begin, we can put a Close with the reason after the last whole one. Frames of up to [`WHOLE_MAX`] are
//! passed on only whole, so that a death in the middle of one does not matter; a longer one that is cut off in its
//! middle cannot be repaired, and then a cut is the only honest thing.
//!
//! A socket on which nothing happens holds no buffer at all: what is read goes through one buffer of the thread.

use super::{
    Io, Why,
    frame::{self, Head, Violation, code},
    registry::{Happened, Seat, Stop},
    scratch,
};
use crate::body::Guard;
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use stillhere_net::clock::mono;
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};

/// A frame up to this size is passed on only whole.
pub const WHOLE_MAX: usize = 16 << 10;
/// How long a peer may take to answer our Close.
pub const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// How often one direction may go round before the other one has its turn.
const TURNS: usize = 16;

/// Both connections of a plain socket.
pub(super) struct Pump {
    client: Box<dyn Io>,
    node: Box<dyn Io>,
    down: Flow,
    up: Flow,
    /// Who said farewell first.
    farewell: Option<Happened>,
    _guard: Option<Guard>,
}

/// One direction.
struct Flow {
    /// `buf[at..safe]` is to be written; `buf[safe..]` is the beginning of a frame that is not whole yet.
    buf: Vec<u8>,
    at: usize,
    safe: usize,
    frames: Frames,
    unflushed: bool,
    /// Nothing more is read: at the next frame boundary it ends.
    stop: bool,
    ended: bool,
    /// When bytes last moved, or began not to.
    moved: Instant,
}

/// Where in the stream of frames we are.
struct Frames {
    /// Bytes of a long frame that are still to come.
    left: u64,
    closed: bool,
    /// Clients mask, servers do not.
    masked: bool,
    fragmented: bool,
}

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The source said no more.
    Source,
    /// The target takes no more.
    Target,
    /// As asked, at a frame boundary.
    Stopped,
    Wrong(Violation),
}

enum Side {
    Down(End),
    Up(End),
    /// Somebody stopped taking what we have, or said farewell: the timer is to be set anew.
    Blocked,
}

/// Closes a socket that was only opened to say why it cannot be.
pub(super) async fn refuse(mut client: Box<dyn Io>, code: u16, text: &str) {
    let mut close = Vec::with_capacity(2 + frame::CONTROL_MAX);
    frame::write_close(&mut close, None, code, text);
    let said = async {
        client.write_all(&close).await?;
        client.flush().await?;
        poll_fn(|cx| scratch::drain(cx, &mut client)).await;
        client.shutdown().await
    };
    let _ = tokio::time::timeout(CLOSE_WAIT, said).await;
}

// === impl Frames ===

impl Frames {
    fn new(masked: bool) -> Frames {
        Frames { left: 0, closed: false, masked, fragmented: false }
    }

    /// Reads on. Answers how many bytes may be passed on at once; the rest is a frame that is not whole yet and is to
    /// be seen again.
    fn scan(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut i = 0;
        loop {
            if self.left > 0 {
                let here = (bytes.len() - i).min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= here as u64;
                i += here;
            }
            // What follows a Close has no meaning.
            if i == bytes.len() || self.closed {
                return Ok(i);
            }
            let Some(head) = Head::read(&bytes[i..])? else { return Ok(i) };
            if head.mask.is_some() != self.masked {
                return Err(Violation::Mask);
            }
            let whole = usize::try_from(head.length).unwrap_or(usize::MAX).saturating_add(head.size);
            let here = bytes.len() - i;
            if whole > here && whole <= WHOLE_MAX {
                return Ok(i);
            }
            if !head.is_control() {
                if (head.opcode == frame::CONTINUATION) != self.fragmented {
                    return Err(Violation::Order);
                }
                self.fragmented = !head.fin;
            }
            self.closed = head.opcode == frame::CLOSE;
            let now = whole.min(here);
            self.left = (whole - now) as u64;
            i += now;
        }
    }
}

// === impl Flow ===

impl Flow {
    fn new(masked: bool, now: Instant) -> Flow {
        Flow {
            buf: Vec::new(),
            at: 0,
            safe: 0,
            frames: Frames::new(masked),
            unflushed: false,
            stop: false,
            ended: false,
            moved: now,
        }
    }

    fn is_blocked(&self) -> bool {
        self.at < self.safe
    }

    /// Everything passed on ends with a whole frame.
    fn at_boundary(&self) -> bool {
        !self.is_blocked() && self.frames.left == 0
    }

    fn poll(&mut self, cx: &mut Context<'_>, from: &mut Box<dyn Io>, to: &mut Box<dyn Io>) -> Poll<End> {
        for _ in 0..TURNS {
            while self.at < self.safe {
                match Pin::new(&mut *to).poll_write(cx, &self.buf[self.at..self.safe]) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(n)) if n > 0 => {
                        self.at += n;
                        self.unflushed = true;
                        self.moved = mono();
                    }
                    Poll::Ready(_) => return Poll::Ready(End::Target),
                }
            }
            self.settle();
            if self.stop && self.frames.left == 0 {
                return Poll::Ready(End::Stopped);
            }
            if self.ended || self.frames.closed {
                if self.unflushed {
                    self.unflushed = ready!(Pin::new(&mut *to).poll_flush(cx)).is_err();
                }
                if self.ended {
                    return Poll::Ready(End::Source);
                }
            }
            let read = scratch::read(cx, from, |cx, bytes| self.take(cx, bytes, to));
            match read {
                Poll::Ready(Some(Ok(Ok(())))) => {}
                Poll::Ready(Some(Ok(Err(end)))) => return Poll::Ready(end),
                Poll::Ready(Some(Err(_)) | None) => self.ended = true,
                Poll::Pending => {
                    if self.unflushed {
                        match Pin::new(&mut *to).poll_flush(cx) {
                            Poll::Ready(Ok(())) => self.unflushed = false,
                            Poll::Ready(Err(_)) => return Poll::Ready(End::Target),
                            Poll::Pending => {}
                        }
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes what was read. Nothing waits to be written at this point, but a frame may not be whole yet.
    fn take(&mut self, cx: &mut Context<'_>, bytes: &[u8], to: &mut Box<dyn Io>) -> Result<(), End> {
        self.moved = mono();
        if self.frames.closed {
            return Ok(()); // what follows a Close has no meaning
        }
        if !self.buf.is_empty() {
            self.buf.extend_from_slice(bytes);
            self.safe = self.frames.scan(&self.buf).map_err(End::Wrong)?;
            return Ok(());
        }
        let safe = self.frames.scan(bytes).map_err(End::Wrong)?;
        let mut done = 0;
        while done < safe {
            match Pin::new(&mut *to).poll_write(cx, &bytes[done..safe]) {
                Poll::Pending => break,
                Poll::Ready(Ok(n)) if n > 0 => {
                    done += n;
                    self.unflushed = true;
                }
                Poll::Ready(_) => return Err(End::Target),
            }
        }
        let keep = if self.frames.closed { safe } else { bytes.len() };
        self.buf.extend_from_slice(&bytes[done..keep]);
        (self.at, self.safe) = (0, safe - done);
        Ok(())
    }

    /// Gives back what was written.
    fn settle(&mut self) {
        if self.at > 0 || self.buf.is_empty() {
            if self.at == self.buf.len() {
                self.buf = Vec::new();
            } else {
                self.buf.drain(..self.at);
            }
            (self.at, self.safe) = (0, 0);
        }
    }
}

// === impl Pump ===

impl Pump {
    pub(super) fn new(client: Box<dyn Io>, node: Box<dyn Io>, guard: Option<Guard>) -> Pump {
        let now = mono();
        Pump {
            client,
            node,
            down: Flow::new(false, now),
            up: Flow::new(true, now),
            farewell: None,
            _guard: guard,
        }
    }

    /// Runs until the socket is closed, on both sides.
    pub(super) async fn run(self, seat: Seat, idle: Duration, stall: Duration) {
        seat.happened(Happened::Opened);
        let how = self.pass(&seat, idle, stall).await;
        seat.happened(how);
    }

    async fn pass(mut self, seat: &Seat, idle: Duration, stall: Duration) -> Happened {
        let mut stop = seat.stop();
        let mut stopping = false;
        let sleep = tokio::time::sleep_until(self.due(idle, stall).into());
        tokio::pin!(sleep);
        let (code, why, how) = loop {
            let side = tokio::select! {
                biased;
                side = poll_fn(|cx| self.poll(cx)) => side,
                () = &mut sleep => {
                    let now = mono();
                    let stalled = |flow: &Flow| flow.is_blocked() && now >= flow.moved + stall;
                    if stalled(&self.down) {
                        return Happened::ClosedStalled; // the client takes nothing: no Close either
                    }
                    if stalled(&self.up) {
                        break (code::TRY_AGAIN, Why::OriginAway, Happened::ClosedOriginAway);
                    }
                    if now >= self.last() + self.patience(idle, stall) && !stopping {
                        break (code::GOING_AWAY, Why::Idle, Happened::ClosedIdle);
                    }
                    Side::Blocked
                }
                told = stop.told() => match told {
                    Stop::Cut => return Happened::ClosedEdgeRestarts,
                    Stop::Close => {
                        stopping = true;
                        self.down.stop = true;
                        Side::Blocked
                    }
                },
            };
            self.farewell = self.farewell.or(match (self.down.frames.closed, self.up.frames.closed) {
                (_, true) => Some(Happened::ClosedByClient),
                (true, false) => Some(Happened::ClosedByOrigin),
                (false, false) => None,
            });
            match side {
                Side::Blocked => sleep.as_mut().reset(self.due(idle, stall).into()),
                Side::Down(End::Stopped) => {
                    break (code::RESTART, Why::EdgeRestarts, Happened::ClosedEdgeRestarts);
                }
                // The node is gone. If the client had said farewell already, that is all.
                Side::Down(End::Source) if self.down.frames.closed || self.up.frames.closed => {
                    if !self.down.frames.closed && self.down.at_boundary() {
                        self.say(code::NONE, "").await;
                    }
                    let how = self.farewell.unwrap_or(Happened::ClosedOriginGone);
                    break (code::NONE, Why::OriginGone, how);
                }
                Side::Down(End::Source) | Side::Up(End::Target) => {
                    break if seat.is_known_down() {
                        (code::TRY_AGAIN, Why::OriginAway, Happened::ClosedOriginAway)
                    } else {
                        (code::RESTART, Why::OriginGone, Happened::ClosedOriginGone)
                    };
                }
                Side::Down(End::Wrong(violation)) => {
                    tracing::warn!(route = %seat.route(), %violation, "a node broke the WebSocket protocol");
                    break (code::INTERNAL, Why::OriginGone, Happened::ClosedProtocol);
                }
                Side::Up(End::Wrong(violation)) => {
                    tracing::debug!(route = %seat.route(), %violation, "a client broke the WebSocket protocol");
                    self.say(code::PROTOCOL, &violation.to_string()).await;
                    break (code::NONE, Why::Idle, Happened::ClosedProtocol);
                }
                Side::Down(End::Target) | Side::Up(End::Source | End::Stopped) => {
                    let _ = tokio::time::timeout(CLOSE_WAIT, self.node.shutdown()).await;
                    return self.farewell.unwrap_or(Happened::ClosedLost);
                }
            }
        };
        if code != code::NONE && self.down.frames.left == 0 && !self.down.frames.closed {
            // Whole frames that wait go first, as far as they are taken in time.
            self.down.buf.truncate(self.down.safe);
            let rest = self.down.buf.split_off(self.down.at.min(self.down.buf.len()));
            let all = async {
                self.client.write_all(&rest).await?;
                self.client.flush().await
            };
            if !matches!(tokio::time::timeout(CLOSE_WAIT, all).await, Ok(Ok(()))) {
                return how;
            }
            self.say(code, &seat.reason(why)).await;
        }
        self.last_words().await;
        how
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Side> {
        let before = self.pressing();
        if let Poll::Ready(end) = self.down.poll(cx, &mut self.node, &mut self.client) {
            return Poll::Ready(Side::Down(end));
        }
        if let Poll::Ready(end) = self.up.poll(cx, &mut self.client, &mut self.node) {
            if end == End::Target {
                // It may have said why before it went: that is read first.
                if let Poll::Ready(end) = self.down.poll(cx, &mut self.node, &mut self.client) {
                    return Poll::Ready(Side::Down(end));
                }
            }
            return Poll::Ready(Side::Up(end));
        }
        if self.pressing() != before { Poll::Ready(Side::Blocked) } else { Poll::Pending }
    }

    /// What makes the timer shorter.
    fn pressing(&self) -> [bool; 4] {
        [self.down.is_blocked(), self.up.is_blocked(), self.down.frames.closed, self.up.frames.closed]
    }

    /// How long nothing may happen: once both have said farewell, not long.
    fn patience(&self, idle: Duration, stall: Duration) -> Duration {
        match (self.down.frames.closed, self.up.frames.closed) {
            (true, true) => CLOSE_WAIT,
            (false, false) => idle,
            _ => stall,
        }
    }

    fn last(&self) -> Instant {
        self.down.moved.max(self.up.moved)
    }

    /// When something has to be done although nothing happens.
    fn due(&self, idle: Duration, stall: Duration) -> Instant {
        let mut due = self.last() + self.patience(idle, stall);
        for flow in [&self.down, &self.up] {
            if flow.is_blocked() {
                due = due.min(flow.moved + stall);
            }
        }
        due
    }

    /// Writes a Close to the client.
    async fn say(&mut self, code: u16, text: &str) {
        let mut close = Vec::with_capacity(2 + frame::CONTROL_MAX);
        frame::write_close(&mut close, None, code, text);
        let said = async {
            self.client.write_all(&close).await?;
            self.client.flush().await
        };
        let _ = tokio::time::timeout(CLOSE_WAIT, said).await;
    }

    /// What the client still says, its Close above all, goes to the node if that is there; then both are closed.
    async fn last_words(&mut self) {
        let rest = async {
            if !self.up.frames.closed
                && poll_fn(|cx| self.up.poll_closing(cx, &mut self.client, &mut self.node)).await
                    == End::Target
            {
                // The node is gone: the client is read only so that its Close is not answered with RST.
                poll_fn(|cx| scratch::drain(cx, &mut self.client)).await;
            }
            let _ = self.client.shutdown().await;
            let _ = self.node.shutdown().await;
        };
        let _ = tokio::time::timeout(CLOSE_WAIT, rest).await;
    }
}

impl Flow {
    /// As `poll`, but ends when the Close has been passed on.
    fn poll_closing(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Box<dyn Io>,
        to: &mut Box<dyn Io>,
    ) -> Poll<End> {
        match self.poll(cx, from, to) {
            Poll::Pending if self.frames.closed && !self.is_blocked() => Poll::Ready(End::Stopped),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
