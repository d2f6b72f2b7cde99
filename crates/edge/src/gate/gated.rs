//! The rule in force: a socket that hands out only what may be read.

use super::{
    Check, GateControl, HELD_MAX, Limits, PREFACE, Violation,
    control::Decision,
    pace::{Pace, Watch},
};
use bytes::{Buf as _, Bytes, BytesMut};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// Ends a head with an error, wherever in it hyper is: NUL may stand nowhere, and the empty line makes it look.
const HEAD_POISON: &[u8] = b"\0\r\n\r\n";
/// Ends a chunked body with an error, wherever in it hyper is but within the data, where we never refuse.
const BODY_POISON: &[u8] = b"\r\0";
/// What hyper answers to a head it cannot read. Ours, which says what is wrong, goes out instead.
const HYPERS_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n";

/// Closing with unread bytes would reset the connection and take our answer with it, so up to this much more is read
/// and thrown away, for at most this long.
const LINGER_BYTES: usize = 256 * 1024;
/// The same for the rest of an upload that was answered before its end, which is not against any rule.
const LINGER_UPLOAD_BYTES: usize = 16 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(1);

/// A socket behind the gate.
#[derive(Debug)]
pub struct Gated<IO> {
    io: IO,
    /// None: not HTTP/1, nothing to judge.
    check: Option<Box<Check>>,
    /// Read from the socket and not yet handed on: while sniffing, or beyond a request to switch protocols.
    held: Bytes,
    control: GateControl,
    mode: Mode,
    head_within: Option<Duration>,
    head_timer: Option<Pin<Box<Sleep>>>,
    body_pace: Option<Pace>,
    body: Watch,
    write_pace: Option<Pace>,
    write: Watch,
    linger: Option<Linger>,
}

#[derive(Debug)]
enum Mode {
    Open,
    /// So much of the poison is still to be handed out; then it is as if the client had left.
    Poisoning(&'static [u8]),
}

#[derive(Debug)]
struct Linger {
    until: Pin<Box<Sleep>>,
    left: usize,
}

// === impl Gated ===

impl<IO> Gated<IO> {
    /// `prefix`: what was read while sniffing. A connection that begins as HTTP/2 is never judged.
    pub fn new(io: IO, prefix: Bytes, limits: Limits) -> (Gated<IO>, GateControl) {
        let control = GateControl::default();
        let judged = !prefix.starts_with(PREFACE);
        let gated = Gated {
            io,
            head_within: limits.head_within,
            body_pace: limits.body_pace,
            write_pace: limits.write_pace,
            check: judged.then(|| Box::new(Check::new(limits))),
            held: prefix,
            control: control.clone(),
            mode: Mode::Open,
            head_timer: None,
            body: Watch::default(),
            write: Watch::default(),
            linger: None,
        };
        (gated, control)
    }

    /// Not judged, only watched for stalls: for HTTP/2 agreed on in TLS.
    pub fn transparent(io: IO, limits: Limits) -> Gated<IO> {
        let (mut gated, _) = Gated::new(io, Bytes::new(), limits);
        gated.check = None;
        gated
    }

    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// What was read from the socket and not yet handed on.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Judges what was read into `buf` behind `before`. True: there is something for the reader.
    fn judge(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> bool {
        let Some(check) = &mut self.check else { return true };
        let fresh = &buf.filled()[before..];
        let asked = check.asks_to_switch();
        let fed = check.feed(fresh);
        if !asked && check.asks_to_switch() {
            self.control.undecide();
        }
        if fed.passed < fresh.len() {
            if fed.refused.is_none() {
                let beyond = Bytes::copy_from_slice(&fresh[fed.passed..]);
                // What is still held lies behind what was just read from it.
                self.held =
                    if self.held.is_empty() { beyond } else { [&beyond[..], &self.held[..]].concat().into() };
            }
            buf.set_filled(before + fed.passed);
        }
        if let Some(why) = fed.refused {
            self.refuse(why);
            self.poison(buf);
        }
        buf.filled().len() > before
    }

    fn refuse(&mut self, why: Violation) {
        self.control.refuse(why);
        self.held = Bytes::new();
        let in_body = self.check.as_ref().is_some_and(|c| c.refused_in_body());
        self.mode = Mode::Poisoning(if in_body { BODY_POISON } else { HEAD_POISON });
    }

    fn poison(&mut self, buf: &mut ReadBuf<'_>) {
        if let Mode::Poisoning(rest) = &mut self.mode {
            let n = rest.len().min(buf.remaining());
            buf.put_slice(&rest[..n]);
            *rest = &rest[n..];
        }
    }

    fn is_watching_body(&self) -> bool {
        self.check.as_ref().is_some_and(|c| c.is_in_body())
    }

    /// Our answer, when hyper is about to send its own to what we refused.
    fn own_answer(&self, first: &[u8]) -> Option<Vec<u8>> {
        if !matches!(self.mode, Mode::Poisoning(_)) || !first.starts_with(HYPERS_ANSWER) {
            return None;
        }
        let why = self.control.violation()?;
        let (status, reason) = why.status();
        let text = why.sentence();
        let length = text.len() + 1;
        let answer = format!(
            "HTTP/1.1 {status} {reason}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: {length}\r\n\r\n{text}\n"
        );
        Some(answer.into_bytes())
    }
}

impl<IO: AsyncRead + Unpin> Gated<IO> {
    /// Behind a request to switch protocols: keeps what comes, until it is decided what it is.
    fn poll_undecided(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Decision>>> {
        if let Some(decision) = self.control.decision(cx.waker()) {
            return Poll::Ready(Ok(Some(decision)));
        }
        ready!(self.poll_hold(cx))?;
        // Bytes that were held are handed on before the end.
        if self.held.is_empty() { Poll::Ready(Ok(None)) } else { Poll::Pending }
    }

    /// Reads on, as far as there is room. Ready: that was all.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held.len() < HELD_MAX {
            let mut room = [0; 2048];
            let mut buf = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            let mut held = BytesMut::from(std::mem::take(&mut self.held));
            held.extend_from_slice(buf.filled());
            self.held = held.freeze();
        }
        Poll::Pending
    }

    /// While nobody reads from here: keeps what comes. Ready when the client has left.
    pub(crate) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_hold(cx).map(|_end_or_error| ())
    }

    /// The socket has nothing: whom do we wait for, and how long already?
    fn poll_patience(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let in_head = self.check.as_ref().is_some_and(|c| c.is_in_head());
        if in_head && let Some(within) = self.head_within {
            let timer = self.head_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
            ready!(timer.as_mut().poll(cx));
            self.refuse(Violation::TooSlow);
            self.poison(buf);
            return Poll::Ready(Ok(()));
        }
        if let Some(pace) = self.body_pace
            && self.is_watching_body()
        {
            let stalled = ready!(self.body.poll_waiting(pace, cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, stalled)));
        }
        Poll::Pending
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Gated<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if let Mode::Poisoning(_) = this.mode {
                this.poison(buf);
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            if this.check.as_ref().is_some_and(|c| c.is_withholding()) {
                let Some(decision) = ready!(this.poll_undecided(cx))? else { return Poll::Ready(Ok(())) };
                if let Some(check) = &mut this.check {
                    match decision {
                        Decision::Upgraded => check.upgraded(),
                        Decision::Declined => check.declined(),
                    }
                }
                continue;
            }
            if !this.held.is_empty() {
                let n = this.held.len().min(buf.remaining());
                buf.put_slice(&this.held[..n]);
                this.held.advance(n);
                if this.held.is_empty() {
                    // Even of no length it would keep its memory, for as long as the connection lives.
                    this.held = Bytes::new();
                }
            } else {
                match Pin::new(&mut this.io).poll_read(cx, buf) {
                    Poll::Ready(done) => done?,
                    Poll::Pending => return this.poll_patience(cx, buf),
                }
                let n = buf.filled().len() - before;
                if n == 0 {
                    return Poll::Ready(Ok(()));
                }
                if let Some(pace) = this.body_pace {
                    this.body.progressed(pace, n);
                }
            }
            let something = this.judge(buf, before);
            if this.head_timer.is_some() && !this.check.as_ref().is_some_and(|c| c.is_in_head()) {
                this.head_timer = None;
            }
            if !this.is_watching_body() {
                this.body.ended();
            }
            if something {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncWrite + Unpin> Gated<IO> {
    fn watched(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let Some(pace) = self.write_pace else { return done };
        match done {
            Poll::Ready(Ok(n)) => {
                self.write.progressed(pace, n);
                Poll::Ready(Ok(n))
            }
            Poll::Pending => {
                let stalled = ready!(self.write.poll_waiting(pace, cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, stalled)))
            }
            failed => failed,
        }
    }

    /// Sends ours for hyper's. An answer this short is taken by the socket in one piece or the client has other
    /// troubles than its wording, so a part of it is not followed up.
    fn answer(&mut self, cx: &mut Context<'_>, ours: &[u8], theirs: usize) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.io).poll_write(cx, ours);
        self.watched(cx, done).map_ok(|_| theirs)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gated<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(ours) = this.own_answer(buf) {
            return this.answer(cx, &ours, buf.len());
        }
        let done = Pin::new(&mut this.io).poll_write(cx, buf);
        this.watched(cx, done)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(ours) = bufs.first().and_then(|first| this.own_answer(first)) {
            return this.answer(cx, &ours, bufs.iter().map(|b| b.len()).sum());
        }
        let done = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.watched(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.io).poll_flush(cx)?;
        match (done, this.write_pace) {
            (Poll::Ready(()), _) => {
                this.write.ended();
                Poll::Ready(Ok(()))
            }
            (Poll::Pending, Some(pace)) => {
                let stalled = ready!(this.write.poll_waiting(pace, cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, stalled)))
            }
            (Poll::Pending, None) => Poll::Pending,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            if matches!(this.mode, Mode::Open) && !this.is_watching_body() {
                return Poll::Ready(Ok(()));
            }
        }
        let left = if matches!(this.mode, Mode::Open) { LINGER_UPLOAD_BYTES } else { LINGER_BYTES };
        let linger =
            this.linger.get_or_insert_with(|| Linger { until: Box::pin(tokio::time::sleep(LINGER)), left });
        let mut room = [0; 4096];
        while linger.left > 0 {
            let mut buf = ReadBuf::new(&mut room);
            match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(buf.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return linger.until.as_mut().poll(cx).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}
