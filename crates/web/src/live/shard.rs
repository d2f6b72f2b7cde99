//! One loop that owns a share of the listeners.

use super::{
    LiveCounts, Position, RETRY_MS, Seat, Since, Voice,
    ring::{CatchUp, Ring},
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_model::Lang;
use stillhere_tell::live::BEAT_S;
use tokio::{
    net::TcpStream,
    sync::{
        Semaphore,
        mpsc::{self, error::TrySendError},
    },
    time::{MissedTickBehavior, interval, sleep},
};

/// Frames that wait for a slow listener. One more, and it is closed.
pub const MAX_BACKLOG: usize = 16;
/// Seconds for which a listener with frames waiting may take none of them.
pub const STALLED_TICKS: u8 = 60;
/// Writes after which other tasks get the thread: a fan-out must not hold up an alert.
const WRITES_PER_TURN: usize = 64;
/// How soon a backlog is tried again.
const FLUSH_PAUSE: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_secs(1);
/// When the server stops, browsers come back spread over this time.
const RETURN_OVER_MS: usize = 4000;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-store\r\n\
    x-accel-buffering: no\r\naccess-control-allow-origin: *\r\nx-content-type-options: nosniff\r\n\
    connection: close\r\n\r\n";

pub(super) enum Job {
    Join(Listener, Lang, Option<Since>),
    Change { lang: Lang, at: Position, frame: Bytes },
    Beat,
    Close,
}

pub(super) struct Listener {
    sink: Sink,
    /// What it has not taken yet; only slow listeners have one.
    backlog: Option<Box<Backlog>>,
    _seat: Seat,
}

enum Sink {
    Socket(TcpStream),
    Channel(mpsc::Sender<Bytes>),
}

#[derive(Default)]
struct Backlog {
    frames: VecDeque<Bytes>,
    stalled_ticks: u8,
}

/// Whether a frame waits in the backlog of a slow listener: a beat is worth nothing later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Always,
    UnlessBehind,
}

enum Gone {
    Left,
    Slow,
}

/// What all shards have together.
pub(super) struct Common {
    voice: Arc<dyn Voice>,
    counts: Arc<LiveCounts>,
    /// Who holds a permit may write to its listeners. Whoever waits for one takes no thread's time: what else has to run
    /// (an alert) stands behind as many shards as write, not behind all of them.
    turns: Semaphore,
    /// By language: the whole page as a frame, and the position it was made at.
    wholes: [Mutex<Option<(Position, Bytes)>>; Lang::ALL.len()],
}

pub(super) struct Shard {
    common: Arc<Common>,
    /// By language.
    rooms: [Room; Lang::ALL.len()],
    ticks: u64,
    closed: bool,
}

struct Room {
    lang: Lang,
    listeners: Vec<Listener>,
    ring: Ring,
    /// Some listener has a backlog.
    behind: bool,
}

// === impl Job ===

impl Job {
    pub(super) fn join_socket(seat: Seat, stream: TcpStream, lang: Lang, since: Option<Since>) -> Job {
        Job::Join(Listener { sink: Sink::Socket(stream), backlog: None, _seat: seat }, lang, since)
    }
    pub(super) fn join_channel(
        seat: Seat,
        frames: mpsc::Sender<Bytes>,
        lang: Lang,
        since: Option<Since>,
    ) -> Job {
        Job::Join(Listener { sink: Sink::Channel(frames), backlog: None, _seat: seat }, lang, since)
    }
}

// === impl Common ===

impl Common {
    pub(super) fn new(voice: Arc<dyn Voice>, counts: Arc<LiveCounts>, writers: usize) -> Common {
        let turns = Semaphore::new(writers.max(1));
        Common { voice, counts, turns, wholes: Lang::ALL.map(|_| Mutex::new(None)) }
    }

    fn beat(&self) -> Bytes {
        Bytes::from(format!("event: beat\ndata: {}\n\n", self.voice.beat()))
    }

    /// Made once per position, because after a restart everybody needs it at the same time: who asks while it is being
    /// made waits. `at` was read before the page is made: what a listener holds may then be newer than its id
    /// says, never older.
    fn whole(&self, lang: Lang, at: Position) -> Bytes {
        let mut kept = self.wholes[lang as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_at, frame)) = &*kept
            && *made_at == at
        {
            return frame.clone();
        }
        let frame = Bytes::from(format!("event: change\nid: {at}\ndata: {}\n\n", self.voice.whole(lang)));
        *kept = Some((at, frame.clone()));
        frame
    }
}

// === impl Shard ===

impl Shard {
    pub(super) fn new(at: Position, common: Arc<Common>) -> Shard {
        let rooms =
            Lang::ALL.map(|lang| Room { lang, listeners: Vec::new(), ring: Ring::new(at), behind: false });
        Shard { common, rooms, ticks: 0, closed: false }
    }

    pub(super) async fn run(mut self, mut todo: mpsc::UnboundedReceiver<Job>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let behind = self.rooms.iter().any(|r| r.behind);
            // Nobody is woken for nobody: most shards of most pages are empty.
            let empty = self.rooms.iter().all(|r| r.listeners.is_empty());
            tokio::select! {
                job = todo.recv() => match job {
                    Some(job) => self.job(job).await,
                    None => return,
                },
                _ = tick.tick(), if !empty => self.tick().await,
                () = sleep(FLUSH_PAUSE), if behind => {
                    for room in &mut self.rooms {
                        room.flush(&self.common.counts);
                    }
                }
            }
        }
    }

    async fn job(&mut self, job: Job) {
        match job {
            Job::Join(listener, lang, since) if !self.closed => {
                self.rooms[lang as usize].join(listener, since, &self.common);
            }
            Job::Join(..) => {}
            Job::Change { lang, at, frame } => {
                let room = &mut self.rooms[lang as usize];
                room.ring.push(at, frame.clone());
                if !room.listeners.is_empty() {
                    let _turn = self.common.turns.acquire().await;
                    room.tell(|_| true, &frame, Keep::Always, &self.common.counts).await;
                }
            }
            Job::Beat => {
                let _turn = self.common.turns.acquire().await;
                let frame = self.common.beat();
                for room in &mut self.rooms {
                    room.tell(|_| true, &frame, Keep::UnlessBehind, &self.common.counts).await;
                }
            }
            Job::Close => {
                self.closed = true;
                let _turn = self.common.turns.acquire().await;
                for room in &mut self.rooms {
                    room.close(&self.common.counts).await;
                }
            }
        }
    }

    /// Each second a share of the listeners gets its beat, so that 10,000 beats are not one burst.
    async fn tick(&mut self) {
        self.ticks += 1;
        let _turn = self.common.turns.acquire().await;
        let frame = self.common.beat();
        let turn = self.ticks % BEAT_S;
        for room in &mut self.rooms {
            room.sweep(&self.common.counts);
            room.tell(|n| n as u64 % BEAT_S == turn, &frame, Keep::UnlessBehind, &self.common.counts).await;
        }
    }
}

/// Past the runtime's readiness: the kernel says itself when a socket is full, and 10,000 records of readiness that are
/// not in the cache cost more than the few calls they save.
fn write(stream: &TcpStream, frame: &[u8]) -> io::Result<usize> {
    socket2::SockRef::from(stream).send(frame)
}

// === impl Room ===

impl Room {
    fn join(&mut self, mut listener: Listener, since: Option<Since>, common: &Common) {
        let counts = &*common.counts;
        let mut opening = Vec::with_capacity(512);
        if matches!(listener.sink, Sink::Socket(_)) {
            opening.extend_from_slice(HEAD.as_bytes());
        }
        opening.extend_from_slice(format!("retry: {RETRY_MS}\n\n").as_bytes());
        let mut frames = Vec::new();
        if let Some(since) = since {
            match self.ring.after(since) {
                CatchUp::Frames(missed) => {
                    counts.resumed.fetch_add(u64::from(!missed.is_empty()), Relaxed);
                    missed.iter().for_each(|frame| opening.extend_from_slice(frame));
                }
                CatchUp::Whole => {
                    counts.resumed_whole.fetch_add(1, Relaxed);
                    frames.push(common.whole(self.lang, self.ring.last()));
                }
            }
        }
        frames.insert(0, Bytes::from(opening));
        frames.push(common.beat());
        for frame in &frames {
            if listener.offer(frame).is_err() {
                return;
            }
        }
        self.behind |= listener.backlog.is_some();
        self.listeners.push(listener);
    }

    async fn tell(&mut self, whom: impl Fn(usize) -> bool, frame: &Bytes, keep: Keep, counts: &LiveCounts) {
        let mut written = 0usize;
        // From the end, so that a listener that is removed does not move another one past the cursor.
        for n in (0..self.listeners.len()).rev() {
            if !whom(n) {
                continue;
            }
            let listener = &mut self.listeners[n];
            if keep == Keep::UnlessBehind && listener.backlog.is_some() {
                continue;
            }
            match listener.offer(frame) {
                Ok(()) => self.behind |= listener.backlog.is_some(),
                Err(gone) => self.remove(n, &gone, counts),
            }
            written += 1;
            if written.is_multiple_of(WRITES_PER_TURN) {
                tokio::task::yield_now().await;
            }
        }
        counts.frames.fetch_add(written as u64, Relaxed);
    }

    fn remove(&mut self, n: usize, gone: &Gone, counts: &LiveCounts) {
        if matches!(gone, Gone::Slow) {
            counts.dropped_slow.fetch_add(1, Relaxed);
        }
        self.listeners.swap_remove(n);
    }

    /// Finds those that left: costs no system call for a socket on which nothing happened.
    fn sweep(&mut self, counts: &LiveCounts) {
        for n in (0..self.listeners.len()).rev() {
            if let Err(gone) = self.listeners[n].check() {
                self.remove(n, &gone, counts);
            }
        }
    }

    fn flush(&mut self, counts: &LiveCounts) {
        self.behind = false;
        for n in (0..self.listeners.len()).rev() {
            let listener = &mut self.listeners[n];
            if listener.backlog.is_none() {
                continue;
            }
            match listener.flush() {
                Ok(()) => self.behind |= listener.backlog.is_some(),
                Err(gone) => self.remove(n, &gone, counts),
            }
        }
    }

    async fn close(&mut self, counts: &LiveCounts) {
        for n in (0..self.listeners.len()).rev() {
            let again_ms = 1000 + (n * 37) % RETURN_OVER_MS;
            let _ = self.listeners[n].offer(&Bytes::from(format!("retry: {again_ms}\n\n")));
            if n % WRITES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.flush(counts);
        self.listeners = Vec::new();
        self.behind = false;
    }
}

// === impl Listener ===

impl Listener {
    fn offer(&mut self, frame: &Bytes) -> Result<(), Gone> {
        if let Some(backlog) = &mut self.backlog {
            if backlog.frames.len() >= MAX_BACKLOG {
                return Err(Gone::Slow);
            }
            backlog.frames.push_back(frame.clone());
            return Ok(());
        }
        let rest = match &self.sink {
            Sink::Channel(frames) => {
                return frames.try_send(frame.clone()).map_err(|e| match e {
                    TrySendError::Full(_) => Gone::Slow,
                    TrySendError::Closed(_) => Gone::Left,
                });
            }
            Sink::Socket(stream) => match write(stream, frame) {
                Ok(n) if n == frame.len() => return Ok(()),
                Ok(n) => frame.slice(n..),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => frame.clone(),
                Err(_) => return Err(Gone::Left),
            },
        };
        self.backlog.get_or_insert_default().frames.push_back(rest);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let (Some(backlog), Sink::Socket(stream)) = (&mut self.backlog, &self.sink) else { return Ok(()) };
        while let Some(frame) = backlog.frames.front_mut() {
            match write(stream, frame) {
                Ok(n) => {
                    backlog.stalled_ticks = 0;
                    if n < frame.len() {
                        *frame = frame.slice(n..);
                        return Ok(());
                    }
                    backlog.frames.pop_front();
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Gone::Left),
            }
        }
        self.backlog = None;
        Ok(())
    }

    /// Once a second: has it left, or taken nothing for too long?
    fn check(&mut self) -> Result<(), Gone> {
        if let Some(backlog) = &mut self.backlog {
            backlog.stalled_ticks += 1;
            if backlog.stalled_ticks > STALLED_TICKS {
                return Err(Gone::Slow);
            }
        }
        match &self.sink {
            Sink::Channel(frames) if frames.is_closed() => Err(Gone::Left),
            Sink::Channel(_) => Ok(()),
            // A listener has nothing to say: what comes is thrown away, a little at a time.
            Sink::Socket(stream) => match stream.try_read(&mut [0; 512]) {
                Ok(0) => Err(Gone::Left),
                Ok(_) => Ok(()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(_) => Err(Gone::Left),
            },
        }
    }
}
