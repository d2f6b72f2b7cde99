//! One session at work: a client's connection that comes and goes, an origin's connection that comes and goes, and the
//! memory between them. One task drives both; everything it decides about messages is in `session`.

mod client;
mod moving;
mod origin;
mod time;

use super::{
    super::{
        BoxFuture, DialError, Dialled, Notice, Sockets, Why,
        conn::{Conn, Event},
        frame::code,
        registry::{self, Counted, Seat, Stop},
        session::{In, Keep, Kind, Message, Next, Out, Upward},
        wire::{self, ToClient},
    },
    Call, Dialler, Id, KEEP_FLOOR,
};
use crate::body::Guard;
use http::HeaderValue;
use std::{
    future::{pending, poll_fn},
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::clock::mono;
use tokio::sync::mpsc;

/// How often something is said at least.
pub const BEAT: Duration = Duration::from_secs(5);
/// A client that says nothing for so many beats is taken for gone; its session waits.
pub const SILENT_BEATS: u32 = 3;
/// Acknowledgements wait so long for more to acknowledge…
pub const ACK_WAIT: Duration = Duration::from_millis(200);
/// …or for so many messages.
pub const ACK_EVERY: u64 = 32;
/// The origin is asked (by a Ping) what it has read, not more often than this.
pub const ASK_EVERY: Duration = Duration::from_millis(20);
/// The client is asked to pause at this percentage of what is kept for the origin, and to go on at that.
pub const PAUSE_AT: usize = 75;
pub const GO_ON_AT: usize = 50;
/// Waits between two tries for an origin: double each time, a random share of it.
pub const REDIAL_FIRST: Duration = Duration::from_millis(200);
pub const REDIAL_LAST: Duration = Duration::from_secs(5);
/// When an origin dies its sessions try again spread so that about this many do so in a second.
pub const REDIALS_A_SECOND: u64 = 500;
/// A connection that lived so long was a good one: the next try comes soon again.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// When the edge goes, its clients come back within this time.
pub const BYE_WITHIN: Duration = Duration::from_secs(5);

/// A session.
pub(super) struct Actor {
    sockets: Arc<Sockets>,
    seat: Seat,
    id: Id,
    dialler: Dialler,
    out: Out,
    got: In,
    up: Upward,
    client: Option<Client>,
    node: Option<Node>,
    dial: Option<Dialling>,
    origin: Origin,
    /// There was an origin's connection before.
    opened: bool,
    tries: u32,
    redial_at: Option<Instant>,
    away_since: Option<Instant>,
    detached_at: Option<Instant>,
    /// The session's Close for the client, after everything before it.
    ending: Option<(u16, String)>,
    /// The client's Close for the origin, after everything before it.
    leaving: Option<Leaving>,
    /// Since when it is on its way into another process.
    moving: Option<Instant>,
    stopping: bool,
    over: bool,
    kept: usize,
    _counted: Counted,
    away_counted: Option<Counted>,
}

struct Client {
    conn: Conn,
    beat_at: Instant,
    ack_at: Option<Instant>,
    paused: bool,
    notice: Option<Notice>,
    /// When our Close was written.
    closed_at: Option<Instant>,
}

struct Node {
    conn: Conn,
    opened_at: Instant,
    asked_at: Option<Instant>,
    pinged: bool,
    _guard: Option<Guard>,
}

struct Leaving {
    code: u16,
    reason: String,
    at: Instant,
}

type Dialling = (HeaderValue, BoxFuture<'static, Result<Dialled, DialError>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Opening,
    Open,
    Away,
}

enum Happened {
    Called(Option<Call>),
    Stop(Stop),
    Client(Event),
    Node(Event),
    Dialled(Result<Dialled, DialError>),
    Time,
}

// === impl Actor ===

impl Actor {
    pub(super) fn new(
        sockets: Arc<Sockets>,
        seat: Seat,
        counted: Counted,
        id: Id,
        dialler: Dialler,
    ) -> Actor {
        let spec = &dialler.way.spec;
        let keep = Keep { messages: spec.keep_messages, bytes: spec.keep_bytes };
        Actor {
            sockets,
            seat,
            id,
            out: Out::new(keep),
            got: In::default(),
            up: Upward::new(keep),
            dialler,
            client: None,
            node: None,
            dial: None,
            origin: Origin::Opening,
            opened: false,
            tries: 0,
            redial_at: None,
            away_since: None,
            detached_at: None,
            ending: None,
            leaving: None,
            moving: None,
            stopping: false,
            over: false,
            kept: 0,
            _counted: counted,
            away_counted: None,
        }
    }

    /// The first client's connection.
    pub(super) fn begin(&mut self, conn: Conn, token: &str) {
        self.attach(conn, Some(token), mono());
        self.redial_at = Some(mono());
    }

    /// Boxed, for the future that is kept as long as the session would hold it more than once.
    pub(super) async fn run(mut self: Box<Self>, mut calls: mpsc::Receiver<Call>) {
        let mut stop = self.seat.stop();
        loop {
            let now = mono();
            if self.is_ready_to_move(now) {
                self.stopping = true;
                if Box::pin(self.hand_over()).await {
                    break;
                }
                self.moving = None;
                self.end(now);
            }
            self.on_time(now);
            self.fill(now);
            self.account();
            if self.over || self.is_done() {
                break;
            }
            let due = self.due(now);
            let (read_client, read_node) = (self.may_read_client(), self.may_read_node());
            let Actor { client, node, dial, .. } = &mut *self;
            let happened = tokio::select! {
                biased;
                told = stop.told() => Happened::Stop(told),
                call = calls.recv() => Happened::Called(call),
                event = next(client.as_mut().map(|c| &mut c.conn), read_client) => Happened::Client(event),
                event = next(node.as_mut().map(|n| &mut n.conn), read_node) => Happened::Node(event),
                dialled = answered(dial) => Happened::Dialled(dialled),
                () = tokio::time::sleep_until(due.into()) => Happened::Time,
            };
            let now = mono();
            match happened {
                Happened::Called(Some(Call::Link(link))) => self.on_link(link.conn, link.got, now),
                Happened::Called(Some(Call::Move)) => _ = self.begin_to_move(now),
                Happened::Called(None) | Happened::Time => {}
                Happened::Stop(Stop::Cut) => break,
                Happened::Stop(Stop::Close) => self.on_stop(now),
                Happened::Client(event) => self.on_client(event, now),
                Happened::Node(event) => self.on_node(event, now),
                Happened::Dialled(result) => self.on_dialled(result, now),
            }
        }
        Box::pin(self.finish()).await;
    }

    // --- limits ---

    fn has_room_down(&self) -> bool {
        self.out.has_room() && (self.out.bytes() < KEEP_FLOOR || self.sockets.sessions.has_room())
    }

    fn has_room_up(&self) -> bool {
        self.up.has_room() && (self.up.bytes() < KEEP_FLOOR || self.sockets.sessions.has_room())
    }

    fn may_read_node(&self) -> bool {
        self.client.is_none() || self.has_room_down()
    }

    fn may_read_client(&self) -> bool {
        self.has_room_up() && !self.stopping && self.moving.is_none()
    }

    fn account(&mut self) {
        let now = self.out.bytes() + self.up.bytes();
        self.sockets.sessions.account(self.kept, now);
        self.kept = now;
    }

    // --- what is to be done ---

    /// Gives both connections what they have room for.
    fn fill(&mut self, now: Instant) {
        if let Some(node) = self.node.as_mut().filter(|_| self.moving.is_none()) {
            while node.conn.has_room() {
                let Some(message) = self.up.take_next() else { break };
                match message.kind {
                    Kind::Binary => node.conn.binary(&message.bytes),
                    Kind::Text | Kind::Event => node.conn.text(&[&message.bytes]),
                }
            }
            if node.asked_at.is_none_or(|at| now >= at + ASK_EVERY)
                && let Some(number) = self.up.ask()
            {
                node.conn.ping(&number.to_be_bytes());
                node.asked_at = Some(now);
            }
        }
        let fill = if self.has_room_up() { self.up.fill() } else { 100 };
        let (got, read) = (&mut self.got, self.up.read());
        let Some(client) = &mut self.client else { return };
        if client.closed_at.is_some() {
            return;
        }
        if got.untold() >= ACK_EVERY || client.ack_at.is_some_and(|at| now >= at) {
            client.conn.text(&[&ToClient::Ack { got: got.tell(), read }.json()]);
            client.ack_at = None;
        }
        if (!client.paused && fill >= PAUSE_AT) || (client.paused && fill <= GO_ON_AT) {
            client.paused = !client.paused;
            client.conn.text(&[&ToClient::Slow { pause: client.paused }.json()]);
        }
        while client.conn.has_room() {
            match self.out.take_next() {
                None => break,
                Some(Next::Gap { next, lost }) => {
                    client.conn.text(&[&ToClient::Gap { next, lost }.json()]);
                }
                Some(Next::Message(Message { kind, bytes })) => match kind {
                    Kind::Text => client.conn.text(&[&[wire::TEXT_MARK], &bytes]),
                    Kind::Binary => client.conn.binary(&bytes),
                    Kind::Event => client.conn.text(&[&bytes]),
                },
            }
        }
        if let Some((code, reason)) = &self.ending
            && self.out.is_sent()
        {
            client.conn.text(&[&ToClient::Ack { got: got.tell(), read }.json()]);
            if self.stopping {
                client.conn.text(&[&ToClient::Bye { within_ms: millis(BYE_WITHIN) }.json()]);
            }
            client.conn.close(*code, reason);
            client.closed_at = Some(now);
        }
    }

    // --- the end ---

    fn on_stop(&mut self, now: Instant) {
        if !self.begin_to_move(now) {
            self.end(now);
        }
    }

    /// Nobody takes it over.
    fn end(&mut self, now: Instant) {
        self.stopping = true;
        if self.ending.is_none() {
            self.ending = Some((code::RESTART, self.seat.reason(Why::EdgeRestarts)));
        }
        if self.client.is_none() && self.leaving.is_none() {
            self.leaving = Some(Leaving { code: code::GOING_AWAY, reason: String::new(), at: now });
        }
    }

    /// The client said farewell, and the origin has everything that came before.
    fn is_done(&self) -> bool {
        let gone = self.leaving.is_some() || (self.stopping && self.client.is_none());
        gone && (self.ending.is_some() && self.node.is_none()
            || self.up.is_empty() && self.node.as_ref().is_none_or(|node| node.conn.is_written()))
    }

    /// The first of what ended it.
    fn how(&self) -> registry::Happened {
        use registry::Happened;
        match (&self.ending, &self.leaving) {
            _ if self.stopping => Happened::ClosedEdgeRestarts,
            (Some((code::TRY_AGAIN, _)), _) => Happened::ClosedOriginAway,
            (Some(_), _) => Happened::ClosedByOrigin,
            (None, Some(_)) => Happened::ClosedByClient,
            (None, None) if self.detached_at.is_some() => Happened::ClosedLost,
            (None, None) => Happened::ClosedEdgeRestarts,
        }
    }

    async fn finish(mut self: Box<Self>) {
        self.seat.happened(self.how());
        self.sockets.sessions.remove(&self.id);
        self.sockets.sessions.account(self.kept, 0);
        self.dial = None;
        let (code, reason) = match &self.leaving {
            Some(leaving) => (leaving.code, leaving.reason.as_str()),
            None => (code::GOING_AWAY, ""),
        };
        if let Some(node) = self.node.take() {
            node.conn.farewell(code, reason).await;
        }
    }
}

/// Whether trying again would only be answered the same.
fn is_final(status: http::StatusCode) -> bool {
    !(status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429))
}

async fn next(conn: Option<&mut Conn>, may_read: bool) -> Event {
    match conn {
        Some(conn) => poll_fn(|cx| conn.poll(cx, may_read)).await,
        None => pending().await,
    }
}

async fn answered(dial: &mut Option<Dialling>) -> Result<Dialled, DialError> {
    match dial {
        Some((_, answer)) => answer.as_mut().await,
        None => pending().await,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
