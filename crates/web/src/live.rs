//! The live stream `/live?lang=…`: one change, told to every open page.
//!
//! A listener is a bare socket in a shard's list: no task, no timer, no buffer of its own. A change is framed
//! once, and each shard writes the same bytes to its sockets in a tight loop. That is what 10,000 open pages
//! cost: one system call each, and well under a kilobyte of our memory each.
//!
//! There are many more shards than threads, and only as many write at a time as there are threads: whichever is done
//! takes the next shard. With one share for each thread, whatever else runs on one of them (an alert, a reader on
//! the same machine) makes its whole share late while the other threads have nothing left to do.
//!
//! | bound | value | beyond |
//! |---|---|---|
//! | listeners | [`LiveLimits::listeners`] | 503 with `Retry-After` and the reason |
//! | frames waiting for a slow listener | [`MAX_BACKLOG`] | closed; the browser comes back and resumes by id |
//! | a listener that takes nothing | [`STALLED_TICKS`] s | closed |
//! | changes that can be resumed | [`RING`] | a full set of fragments instead |
//!
//! Delivery is at least once and in order: `id: <epoch>-<seq>` (`<epoch>-<seq>-<n>` when one snapshot made several
//! changes), and a fragment that comes twice is put in place twice, which changes nothing.

mod ring;
mod shard;

use bytes::Bytes;
use shard::{Common, Job, Shard};
use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use stillhere_model::Lang;
use tokio::{net::TcpStream, sync::mpsc};

pub use ring::RING;
pub use shard::{MAX_BACKLOG, STALLED_TICKS};

/// A listener dead without a word is noticed by the kernel after this time.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// What the kernel may hold for a listener that does not read.
const SEND_BUFFER_BYTES: usize = 32 * 1024;
/// How soon a browser comes back when the stream breaks.
const RETRY_MS: u32 = 3000;
/// Frames on the way to a listener that hyper serves.
const CHANNEL: usize = 16;
/// With 10,000 listeners about 160 in each, which take a millisecond or two to write to: by no more than that is one
/// thread done before another.
const SHARDS: usize = 64;

#[derive(Debug, Clone, Copy)]
pub struct LiveLimits {
    pub listeners: usize,
    /// Loops over which listeners are spread.
    pub shards: usize,
    /// How many of them write at a time; as many as there are worker threads.
    pub writers: usize,
}

/// Where a change stands in the order of all changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    pub epoch: u64,
    pub seq: u64,
    /// Further changes of the same snapshot: the same facts seen later.
    pub nth: u32,
}

/// What a listener says it has seen: `None` when it said something that we cannot have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since(pub Option<Position>);

/// What the hub asks for when it needs more than the change at hand.
pub trait Voice: Send + Sync + 'static {
    /// The data of a `beat` event, now.
    fn beat(&self) -> String;
    /// The data of a `change` event with everything that is on the page, now.
    fn whole(&self, lang: Lang) -> String;
}

/// Takes listeners and tells them changes. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    shards: Vec<mpsc::UnboundedSender<Job>>,
    next: AtomicUsize,
    limits: LiveLimits,
    counts: Arc<LiveCounts>,
}

/// For `/metrics`.
#[derive(Debug, Default)]
pub struct LiveCounts {
    pub listeners: AtomicUsize,
    pub refused: AtomicU64,
    pub resumed: AtomicU64,
    pub resumed_whole: AtomicU64,
    pub frames: AtomicU64,
    pub dropped_slow: AtomicU64,
}

/// One of the listeners' places; given back when dropped.
pub struct Seat(Arc<LiveCounts>);

// === impl LiveLimits ===

impl Default for LiveLimits {
    fn default() -> LiveLimits {
        let writers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        LiveLimits { listeners: 20_000, shards: SHARDS, writers }
    }
}

// === impl Hub ===

impl Hub {
    /// Starts the shards on the current runtime. `at`: the position of what `voice` tells now.
    #[must_use]
    pub fn start(limits: LiveLimits, at: Position, voice: Arc<dyn Voice>) -> Hub {
        let counts = Arc::new(LiveCounts::default());
        let common = Arc::new(Common::new(voice, counts.clone(), limits.writers));
        let shards = (0..limits.shards.max(1))
            .map(|_| {
                // Unbounded, and yet bounded: a join holds a seat, and changes come at the pace of snapshots.
                let (jobs, todo) = mpsc::unbounded_channel();
                tokio::spawn(Shard::new(at, common.clone()).run(todo));
                jobs
            })
            .collect();
        Hub(Arc::new(Inner { shards, next: AtomicUsize::new(0), limits, counts }))
    }

    /// A place for one more listener, if there is one.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        let counts = &self.0.counts;
        if counts.listeners.fetch_add(1, Relaxed) < self.0.limits.listeners {
            return Some(Seat(counts.clone()));
        }
        counts.listeners.fetch_sub(1, Relaxed);
        counts.refused.fetch_add(1, Relaxed);
        None
    }

    /// Takes over a connection whose request was read; the hub writes the head.
    pub fn join(&self, seat: Seat, stream: TcpStream, lang: Lang, since: Option<Since>) {
        if let Err(e) = prepare(&stream) {
            tracing::debug!(error = %e, "a listener left before it could listen");
            return;
        }
        self.send_to_next(Job::join_socket(seat, stream, lang, since));
    }

    /// A listener that is served through hyper: frames come over the channel, the head is hyper's.
    #[must_use]
    pub fn join_channel(&self, seat: Seat, lang: Lang, since: Option<Since>) -> mpsc::Receiver<Bytes> {
        let (frames, rx) = mpsc::channel(CHANNEL);
        self.send_to_next(Job::join_channel(seat, frames, lang, since));
        rx
    }

    /// Tells `data`, the JSON of a `change` event, to all listeners of `lang`. Positions only grow.
    pub fn change(&self, lang: Lang, at: Position, data: &str) {
        let frame = Bytes::from(format!("event: change\nid: {at}\ndata: {data}\n\n"));
        for shard in &self.0.shards {
            let _ = shard.send(Job::Change { lang, at, frame: frame.clone() });
        }
    }

    /// A `beat` to everybody at once, out of turn: news became stale, or fresh again.
    pub fn beat(&self) {
        for shard in &self.0.shards {
            let _ = shard.send(Job::Beat);
        }
    }

    /// Tells all listeners to come back later, and closes.
    pub fn close(&self) {
        for shard in &self.0.shards {
            let _ = shard.send(Job::Close);
        }
    }

    #[must_use]
    pub fn counts(&self) -> &LiveCounts {
        &self.0.counts
    }

    #[must_use]
    pub fn limits(&self) -> LiveLimits {
        self.0.limits
    }

    fn send_to_next(&self, job: Job) {
        let n = self.0.next.fetch_add(1, Relaxed) % self.0.shards.len();
        let _ = self.0.shards[n].send(job);
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(DEAD_AFTER))?;
    #[cfg(not(target_os = "linux"))]
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(DEAD_AFTER))?;
    Ok(())
}

// === impl Seat ===

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Relaxed);
    }
}

// === impl Position ===

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)?;
        if self.nth > 0 {
            write!(f, "-{}", self.nth)?;
        }
        Ok(())
    }
}

// === impl Since ===

impl Since {
    /// From `Last-Event-ID` or `?seen=`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Since {
        fn number(part: &str) -> Option<u64> {
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
        }
        let position = || {
            let mut parts = std::str::from_utf8(text).ok()?.split('-');
            let position = Position {
                epoch: number(parts.next()?)?,
                seq: number(parts.next()?)?,
                nth: parts.next().map_or(Some(0), |n| number(n)?.try_into().ok())?,
            };
            parts.next().is_none().then_some(position)
        };
        Since(position())
    }
}

#[cfg(test)]
mod tests;
