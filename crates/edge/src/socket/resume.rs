//! Sessions: a client's first words, and who may go on with which session.
//!
//! The threats this defends against: somebody takes over another person's session (a secret of 256 bits, compared in
//! constant time, good only on the same route, from the same page's origin and for the same person), learns which
//! sessions exist (every refusal is the same), or fills the memory (sessions and their bytes are counted).

mod actor;
mod parcel;

pub(super) use parcel::{PARCEL_MAX, Parcel};

use super::{
    BoxFuture, DialError, Dialled, Io, Sockets, Way, Why,
    conn::{Conn, Event},
    frame::code,
    handover::Ends,
    handshake::{self, RESUME},
    registry::{As, Happened},
    wire::{self, FromClient, Said, closed},
};
use actor::Actor;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{header, request};
use ring::digest::{Context, SHA256, digest};
use std::{
    collections::HashMap,
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_net::entropy;
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, watch};

/// Most sessions, with or without their client.
pub const SESSIONS_MAX: usize = 20_000;
/// Most bytes that all sessions keep together. A session may go over it by [`KEEP_FLOOR`].
pub const KEEP_TOTAL: usize = 64 << 20;
/// So much a session may keep in each direction whatever the others do.
pub const KEEP_FLOOR: usize = 8 << 10;
/// How long a client may take to say `hello`.
pub const HELLO_WAIT: Duration = Duration::from_secs(10);
/// Connections of one session that may be waiting to take it over.
const CALLS_WAITING: usize = 4;
/// A client that comes while its session is on its way here waits for it so long.
const AWAITED: Duration = Duration::from_secs(5);

type Id = [u8; 16];

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: Mutex<HashMap<Id, Arc<Entry>>>,
    bytes: AtomicUsize,
    pub(super) ends: Ends,
    /// Rings when one has come from another process, or none will any more.
    came: watch::Sender<()>,
}

/// What one has to know to go on with a session.
struct Entry {
    token: [u8; 32],
    binding: [u8; 32],
    /// Small: a channel has room for 32 at once, and there is one for each session.
    calls: mpsc::Sender<Call>,
}

/// What a session is asked for from outside.
enum Call {
    Link(Box<Link>),
    /// To go over to the process that takes over.
    Move,
}

/// A connection that goes on with a session.
struct Link {
    conn: Conn,
    got: u64,
}

/// How the node is asked for: again and again, with the same handshake.
struct Dialler {
    way: Way,
    handshake: request::Parts,
    offers: Vec<String>,
}

// === impl Sessions ===

impl Sessions {
    fn has_room(&self) -> bool {
        self.bytes.load(Relaxed) < KEEP_TOTAL
    }

    /// Counts what a session keeps: it was `before`, it is `now`.
    fn account(&self, before: usize, now: usize) {
        if now > before {
            self.bytes.fetch_add(now - before, Relaxed);
        } else if before > now {
            self.bytes.fetch_sub(before - now, Relaxed);
        }
    }

    fn add(&self, id: Id, entry: Entry) -> bool {
        let mut sessions = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            return false;
        }
        sessions.insert(id, Arc::new(entry));
        true
    }

    fn entry(&self, id: &Id) -> Option<Arc<Entry>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The other process wants this one, now.
    pub(super) fn send_away(&self, id: &str) {
        if let Some(entry) = read_id(id).and_then(|id| self.entry(&id)) {
            let _ = entry.calls.try_send(Call::Move);
        }
    }

    pub(super) fn has_come(&self) {
        self.came.send_replace(());
    }

    /// The same as [`Self::find`] for a session that may be on its way here.
    async fn await_it(&self, id: &str, token: &str, binding: &[u8; 32]) -> Option<Arc<Entry>> {
        if !self.ends.expects() || read_id(id).is_none() {
            return None;
        }
        let mut came = self.came.subscribe();
        self.ends.ask_for(id);
        let looked = async {
            loop {
                let expects = self.ends.expects();
                let found = self.find(id, token, binding);
                if found.is_some() || !expects || came.changed().await.is_err() {
                    return found;
                }
            }
        };
        tokio::time::timeout(AWAITED, looked).await.ok().flatten()
    }

    fn remove(&self, id: &Id) {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The session, if these words are its own. Takes as long for a wrong token as for the right one.
    fn find(&self, id: &str, token: &str, binding: &[u8; 32]) -> Option<Arc<Entry>> {
        let entry = read_id(id).and_then(|id| self.entry(&id));
        let hash = token_hash(token);
        let (expected, bound) =
            entry.as_ref().map_or(([0; 32], [0; 32]), |entry| (entry.token, entry.binding));
        let same = hash.ct_eq(&expected) & binding.ct_eq(&bound);
        entry.filter(|_| bool::from(same))
    }
}

fn read_id(id: &str) -> Option<Id> {
    URL_SAFE_NO_PAD.decode(id).ok().and_then(|id| id.try_into().ok())
}

fn token_hash(token: &str) -> [u8; 32] {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What a session belongs to: the route, the page's origin, and the person.
fn binding(way: &Way, headers: &http::HeaderMap) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    let mut add = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]);
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(0, way.route.as_bytes());
    for (kind, name) in [(1, header::HOST), (2, header::ORIGIN), (3, header::AUTHORIZATION)] {
        for value in headers.get_all(name) {
            add(kind, value.as_bytes());
        }
    }
    // Browsers send cookies in one order and other clients in another.
    let mut cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|cookie| {
            let name = cookie.split(|b| *b == b'=').next().unwrap_or_default();
            way.spec.cookies.is_empty() || way.spec.cookies.iter().any(|c| c.as_bytes() == name)
        })
        .collect();
    cookies.sort_unstable();
    for cookie in cookies {
        add(4, cookie);
    }
    hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(***)")
    }
}

// === impl Dialler ===

impl Dialler {
    fn dial(&self) -> (http::HeaderValue, BoxFuture<'static, Result<Dialled, DialError>>) {
        let mut parts = self.handshake.clone();
        let offers: Vec<&str> = self.offers.iter().map(String::as_str).collect();
        let expected = handshake::to_node(&mut parts, &offers);
        // We read the messages ourselves, so nothing may be agreed that changes them.
        parts.headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        let dial = self.way.dial.clone();
        (expected, Box::pin(async move { dial.dial(parts).await }))
    }
}

/// The same with memory of its own: what was read from the wire points into the connection's whole first buffer.
fn own(mut parts: request::Parts) -> request::Parts {
    let mut headers = http::HeaderMap::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        let name = header::HeaderName::from_bytes(name.as_str().as_bytes()).expect("it was a name");
        let mut copy = http::HeaderValue::from_bytes(value.as_bytes()).expect("it was a value");
        copy.set_sensitive(value.is_sensitive());
        headers.append(name, copy);
    }
    parts.headers = headers;
    // Should a URI not read back (none is known), the old one will do.
    if let Ok(uri) = parts.uri.to_string().parse() {
        parts.uri = uri;
    }
    parts
}

// === the first words ===

/// Takes a client that can resume: hears what it wants, and begins a session or goes on with one.
pub(super) async fn greet(
    sockets: Arc<Sockets>,
    io: Box<dyn Io>,
    handshake: request::Parts,
    offers: Vec<String>,
    languages: Option<String>,
    way: Way,
) {
    let mut conn = Conn::server(io, way.spec.keep_bytes.max(wire::CONTROL_MAX) + 1);
    let first = tokio::time::timeout(HELLO_WAIT, poll_fn(|cx| conn.poll(cx, true))).await;
    let hello = match first {
        Ok(Event::Text(text)) => wire::read(text),
        Ok(Event::Gone | Event::Close(..)) => return,
        _ => None,
    };
    let Some(Said::Control(FromClient::Hello { v, session, token, got })) = hello else {
        return conn.farewell(closed::PROTOCOL, "hello comes first").await;
    };
    if v != wire::VERSION {
        return conn.farewell(closed::PROTOCOL, "version 1 is spoken here").await;
    }
    let binding = binding(&way, &handshake.headers);
    if let Some(session) = session {
        let token = token.unwrap_or_default();
        let found = match sockets.sessions.find(&session, &token, &binding) {
            None => Box::pin(sockets.sessions.await_it(&session, &token, &binding)).await,
            found => found,
        };
        let unknown = match found {
            None => conn,
            Some(entry) => match entry.calls.try_send(Call::Link(Box::new(Link { conn, got }))) {
                Ok(()) => return,
                Err(full) => match full.into_inner() {
                    Call::Link(link) => link.conn,
                    Call::Move => return,
                },
            },
        };
        return unknown.farewell(closed::UNKNOWN, "").await;
    }
    let id: Id = entropy::bytes();
    let token = URL_SAFE_NO_PAD.encode(entropy::bytes::<32>());
    let (calls, waiting) = mpsc::channel(CALLS_WAITING);
    let seat = sockets.registry.seat(&way, languages.as_deref(), None);
    if !sockets.sessions.add(id, Entry { token: token_hash(&token), binding, calls }) {
        seat.happened(Happened::TurnedAway);
        return conn.farewell(code::TRY_AGAIN, &seat.reason(Why::TooMany)).await;
    }
    seat.happened(Happened::Opened);
    let counted = seat.tally().count(As::Resumable);
    let offers = offers.into_iter().filter(|offer| offer != RESUME).collect();
    let dialler = Dialler { way, handshake: own(handshake), offers };
    let mut actor = Box::new(Actor::new(sockets, seat, counted, id, dialler));
    actor.begin(conn, &token);
    // A task of its own, so that the memory of this one is not kept as long as the session.
    tokio::spawn(actor.run(waiting));
}

/// Goes on with a session that another process had. False: it cannot be.
pub(super) fn go_on(sockets: Arc<Sockets>, parcel: &Parcel, handshake: request::Parts, way: Way) -> bool {
    let Some((id, token, binding)) = parcel.names() else { return false };
    let (calls, waiting) = mpsc::channel(CALLS_WAITING);
    let seat = sockets.registry.seat(&way, parcel.languages.as_deref(), None);
    let counted = seat.tally().count(As::Lingering);
    let dialler = Dialler { way, handshake: own(handshake), offers: parcel.offers.clone() };
    let mut actor = Box::new(Actor::new(sockets.clone(), seat, counted, id, dialler));
    if !actor.becomes(parcel) || !sockets.sessions.add(id, Entry { token, binding, calls }) {
        return false;
    }
    tokio::spawn(actor.run(waiting));
    true
}

#[cfg(test)]
mod tests;
