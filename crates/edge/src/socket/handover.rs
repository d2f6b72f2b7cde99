//! Sessions go over to the process that takes over.
//!
//! ```text
//! old                                             new
//!  │ lets go of the origin; keeps what it still said │
//!  │── the session, as one message ─────────────────▶│ keeps it, asks for an origin
//!  │◀─────────────────────────────── "taken" ────────│ (or "refused": it ends with 1012 here)
//!  │ closes the client's connection with 4905        │
//!  │                                                 │ the client comes, and goes on
//!  │◀─────────────────────────────── "want ID" ──────│ a client came before its session: it goes over at once
//! ```
//!
//! A client that comes while its session is on its way waits for it. The failure this defends against: everybody with a
//! session learns that what it said is uncertain, and what it was told while it was away is lost, because we wanted to
//! replace a binary.

use super::{
    Sockets, Way,
    resume::{self, PARCEL_MAX, Parcel},
};
use http::request;
use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    os::unix::net::UnixStream as Channel,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixStream, unix::OwnedReadHalf},
    sync::{mpsc, oneshot},
};

/// Sessions that are packed and not yet written.
const ON_THE_WAY: usize = 8;
/// Sessions that the other process has asked for, and we have not.
pub(super) const WANTS: usize = 256;
const TAKEN: &str = "taken";
const REFUSED: &str = "refused";
const WANT: &str = "want ";
/// The longest line: a `want`.
const LINE_MAX: u64 = 64;

/// A session that is to go, and who wants to know whether it was taken.
pub(super) struct Given {
    pub(super) parcel: Vec<u8>,
    pub(super) taken: oneshot::Sender<bool>,
}

/// What is to be given away.
#[derive(Debug)]
pub struct Will(mpsc::Receiver<Given>);

/// What is said to the process that gives, and what was said already.
#[derive(Debug)]
pub struct Expecting {
    say: mpsc::Sender<String>,
    said: mpsc::Receiver<String>,
}

/// A session that has come. Dropping it refuses it.
pub struct Arrival {
    parcel: Parcel,
    handshake: request::Parts,
    taken: oneshot::Sender<bool>,
}

/// Sessions that have come and go on with no worker yet.
#[derive(Debug)]
pub(super) struct Arrivals {
    came: mpsc::Sender<Arrival>,
    next: tokio::sync::Mutex<mpsc::Receiver<Arrival>>,
}

/// What both ends of a handover need to know of the other one.
#[derive(Debug, Default)]
pub(super) struct Ends {
    heir: Mutex<Option<mpsc::Sender<Given>>>,
    predecessor: Mutex<Option<mpsc::Sender<String>>>,
}

// === impl Sockets ===

impl Sockets {
    /// From now on sessions that are told to go are given away.
    #[must_use]
    pub fn will(&self) -> Will {
        let (give, given) = mpsc::channel(ON_THE_WAY);
        *self.sessions.ends.heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(give);
        Will(given)
    }

    /// The rest ends here.
    pub fn keep_the_rest(&self) {
        self.sessions.ends.heir.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Gives them to the process at the other end, until that hangs up or the rest is kept.
    pub async fn give_away(self: &Arc<Self>, will: Will, channel: Channel) {
        let why = self.give(will, channel).await;
        self.keep_the_rest();
        if let Err(e) = why {
            tracing::warn!(error = %e, "sessions of WebSockets cannot be handed over");
        }
    }

    async fn give(&self, Will(mut given): Will, channel: Channel) -> io::Result<()> {
        let (read, mut write) = unix(channel)?.into_split();
        let mut answers = Lines::new(read);
        let mut waiting = VecDeque::new();
        loop {
            tokio::select! {
                gift = given.recv() => {
                    let Some(Given { parcel, taken }) = gift else { return Ok(()) };
                    let length = u32::try_from(parcel.len()).map_err(io::Error::other)?;
                    write.write_all(&length.to_be_bytes()).await?;
                    write.write_all(&parcel).await?;
                    waiting.push_back(taken);
                }
                answer = answers.next() => match answer?.as_deref() {
                    None => return Ok(()),
                    Some(word @ (TAKEN | REFUSED)) => {
                        if let Some(taken) = waiting.pop_front() {
                            let _ = taken.send(word == TAKEN);
                        }
                    }
                    Some(line) => match line.strip_prefix(WANT) {
                        Some(id) => self.sessions.send_away(id),
                        None => return Err(io::Error::other("the other process says something unknown")),
                    },
                },
            }
        }
    }

    /// From now on a client may come for a session that comes later.
    #[must_use]
    pub fn expect(&self) -> Expecting {
        let (say, said) = mpsc::channel(WANTS);
        *self.sessions.ends.predecessor.lock().unwrap_or_else(PoisonError::into_inner) = Some(say.clone());
        Expecting { say, said }
    }

    /// Takes what the process at the other end gives away, until that hangs up. [`Sockets::arrival`] has them.
    pub async fn take_in(self: &Arc<Self>, expecting: Expecting, channel: Channel) {
        if let Err(e) = self.receive(expecting, channel).await {
            tracing::warn!(error = %e, "sessions of WebSockets are not handed over");
        }
        self.sessions.ends.predecessor.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Who waits for one waits for nothing.
        self.sessions.has_come();
    }

    async fn receive(&self, expecting: Expecting, channel: Channel) -> io::Result<()> {
        let Expecting { say, mut said } = expecting;
        let (mut read, mut write) = unix(channel)?.into_split();
        let reading = async {
            while let Some(parcel) = parcel(&mut read).await? {
                let taken = self.offer(&parcel).await;
                self.sessions.has_come();
                let word = if taken { TAKEN } else { REFUSED };
                say.send(word.to_owned()).await.map_err(io::Error::other)?;
            }
            Ok(())
        };
        let writing = async {
            while let Some(line) = said.recv().await {
                write.write_all(format!("{line}\n").as_bytes()).await?;
            }
            Ok(())
        };
        tokio::select! { done = reading => done, done = writing => done }
    }

    /// Whether somebody goes on with it.
    async fn offer(&self, parcel: &[u8]) -> bool {
        let Ok(parcel) = serde_json::from_slice::<Parcel>(parcel) else { return false };
        let Some(handshake) = parcel.handshake() else { return false };
        let (taken, answer) = oneshot::channel();
        let came = self.arrivals.came.send(Arrival { parcel, handshake, taken }).await;
        came.is_ok() && answer.await.unwrap_or(false)
    }

    /// The next session that has come. Several may ask; each gets another one.
    pub async fn arrival(&self) -> Arrival {
        match self.arrivals.next.lock().await.recv().await {
            Some(arrival) => arrival,
            // We have a sender ourselves.
            None => std::future::pending().await,
        }
    }

    /// Goes on with it in a task of its own, on this way.
    pub fn go_on(self: &Arc<Self>, arrival: Arrival, way: Way) {
        let Arrival { parcel, handshake, taken } = arrival;
        let _ = taken.send(resume::go_on(self.clone(), &parcel, handshake, way));
    }
}

// === impl Arrival ===

impl Arrival {
    /// As its client once asked for it.
    #[must_use]
    pub fn handshake(&self) -> &request::Parts {
        &self.handshake
    }
    /// Who the client is, and whether it came over TLS.
    #[must_use]
    pub fn client(&self) -> (IpAddr, bool) {
        (self.parcel.peer, self.parcel.tls)
    }
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Arrival(***)")
    }
}

// === impl Arrivals ===

impl Default for Arrivals {
    fn default() -> Arrivals {
        let (came, next) = mpsc::channel(1);
        Arrivals { came, next: tokio::sync::Mutex::new(next) }
    }
}

// === impl Ends ===

impl Ends {
    pub(super) fn heir(&self) -> Option<mpsc::Sender<Given>> {
        self.heir.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether sessions may still come.
    pub(super) fn expects(&self) -> bool {
        self.predecessor.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Asks for this one. It comes anyhow; when too many are asked for at once, it may come later.
    pub(super) fn ask_for(&self, id: &str) {
        if let Some(say) = &*self.predecessor.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = say.try_send(format!("{WANT}{id}"));
        }
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given(***)")
    }
}

/// Lines of the other side, each of bounded length. Dropping a call of `next` loses nothing.
struct Lines {
    from: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
}

impl Lines {
    fn new(from: OwnedReadHalf) -> Lines {
        Lines { from: BufReader::new(from), line: Vec::new() }
    }

    async fn next(&mut self) -> io::Result<Option<String>> {
        let room = LINE_MAX - self.line.len() as u64;
        (&mut self.from).take(room).read_until(b'\n', &mut self.line).await?;
        match self.line.last() {
            Some(b'\n') => {
                let line = std::mem::take(&mut self.line);
                Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
            }
            _ if self.line.len() as u64 == LINE_MAX => Err(io::Error::other("a line is too long")),
            _ => Ok(None),
        }
    }
}

fn unix(channel: Channel) -> io::Result<UnixStream> {
    channel.set_nonblocking(true)?;
    UnixStream::from_std(channel)
}

async fn parcel(from: &mut OwnedReadHalf) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > PARCEL_MAX {
        return Err(io::Error::other("a session is too large"));
    }
    let mut parcel = vec![0; length];
    from.read_exact(&mut parcel).await?;
    Ok(Some(parcel))
}
