//! The access log: one JSON object a line. Off unless `[edge.log]` is there.
//!
//! Lines are gathered in one text and written by a thread of their own, fifty times a second. A disk that is slow or full
//! costs lines, never a request: the text is bounded, and what did not fit is counted and said in the next line that does.

mod line;

use crate::spec::Problem;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use line::{field, hex, ms, network, number, stamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use stillhere_model::Time;

/// Bounds of the size at which a file is put aside.
const SIZE_MIN: u64 = 64 * 1024;
const SIZE_MAX: u64 = 1 << 40;
const KEEP_MAX: u32 = 100;
/// Bytes of lines that wait for the disk, twice: while one text is written the next is gathered.
const WAITING_MAX: usize = 4 * 1024 * 1024;
/// What is kept of that memory when there is less to say again.
const WAITING_USUAL: usize = 256 * 1024;
/// Lines are written this often: a writer that waited for each one would be woken by every request, which cost as much
/// as the request itself.
const GATHER: Duration = Duration::from_millis(20);
const TRACE: HeaderName = HeaderName::from_static("traceparent");
/// Characters of one.
const TRACE_LENGTH: usize = 55;

/// One JSON line for each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSpec {
    /// A file on the edge's host. Without it lines go to standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(min = 1, max = 4_096))]
    pub file: Option<PathBuf>,
    /// A file of this size is put aside (`.1`) and a new one begun. It is opened anew at SIGHUP, too.
    #[schemars(range(min = 65_536))]
    pub max_bytes: u64,
    /// Files that were put aside and are kept; the oldest is removed.
    #[schemars(range(max = 100))]
    pub keep: u32,
    /// What is written of the client's address.
    pub address: AddressInLog,
    /// Whether the query of the address is written. It may hold secrets.
    pub query: bool,
}

/// What is written of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressInLog {
    /// Nothing.
    None,
    /// The /24 (of IPv6: the /48) it is in.
    #[default]
    Network,
    Full,
}

/// Where lines go.
pub struct Log {
    spec: LogSpec,
    queue: Arc<Queue>,
}

/// Lines on their way to the writing thread.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Rings for a writer that has nothing to write, and when nothing more will come.
    stirred: Condvar,
    /// Rings when the writer has ended.
    over: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: String,
    /// Lines that did not fit.
    lost: u64,
    /// The writer sleeps until it is woken.
    idle: bool,
    ended: bool,
    over: bool,
}

/// What is known of a request before it is answered.
pub(crate) struct Begun {
    line: String,
    came: Instant,
}

/// What only those who answered know; rides on the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    /// Why the edge answered itself.
    pub(crate) why: Option<&'static str>,
    /// The operation id that the visitor was told.
    pub(crate) request: u64,
    pub(crate) pool: Option<Arc<str>>,
    /// How often it was sent, and how long the last sending took.
    pub(crate) sent: u32,
    pub(crate) after: Duration,
}

// === impl LogSpec ===

impl Default for LogSpec {
    fn default() -> LogSpec {
        LogSpec {
            file: None,
            max_bytes: 100 * 1024 * 1024,
            keep: 5,
            address: AddressInLog::Network,
            query: false,
        }
    }
}

impl LogSpec {
    /// What is wrong with it; paths are relative to its own table.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say =
            |path: &str, problem: &str, hint: &str| problems.push(Problem::new(path, problem, hint));
        if !(SIZE_MIN..=SIZE_MAX).contains(&self.max_bytes) {
            say("max_bytes", "is not between 64 KiB and 1 TiB", "write 104857600");
        }
        if self.keep > KEEP_MAX {
            say("keep", "is more than 100", "write 5");
        }
        problems
    }
}

// === impl Log ===

impl Log {
    /// Opens the file, and writes from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(spec: &LogSpec) -> io::Result<Log> {
        let out = match &spec.file {
            None => Out::Stderr,
            Some(path) => Out::File(Rotating::open(path, spec)?),
        };
        let queue = Arc::<Queue>::default();
        let written = queue.clone();
        thread::Builder::new().name("edge-log".to_owned()).spawn(move || write_all(&written, out))?;
        Ok(Log { spec: spec.clone(), queue })
    }

    /// Notes what is asked for. Makes a `traceparent` where there is none, so that the origin's log and this one can be
    /// held side by side.
    pub(crate) fn begin<B>(
        &self,
        request: &mut Request<B>,
        peer: IpAddr,
        dice: u64,
        came: Instant,
        wall: Time,
    ) -> Begun {
        let mut line = String::with_capacity(384);
        line.push_str("{\"at\":\"");
        stamp(&mut line, wall);
        line.push('"');
        field(&mut line, "method", request.method().as_str());
        let host = request.uri().authority().map(|a| a.as_str().as_bytes());
        let host = host.or_else(|| request.headers().get(http::header::HOST).map(HeaderValue::as_bytes));
        field(&mut line, "host", &String::from_utf8_lossy(host.unwrap_or_default()));
        let uri = request.uri();
        let shown =
            if self.spec.query { uri.path_and_query().map_or("", |p| p.as_str()) } else { uri.path() };
        field(&mut line, "path", shown);
        match self.spec.address {
            AddressInLog::None => {}
            AddressInLog::Full => field(&mut line, "from", &peer.to_string()),
            AddressInLog::Network => network(&mut line, peer),
        }
        match request.headers().get(TRACE).and_then(|v| trace_id(v.as_bytes())) {
            Some(given) => field(&mut line, "trace", given),
            None => {
                let (trace, span) = ([mixed(dice), mixed(dice ^ 0x5EED)], mixed(dice ^ 0x5AFE) | 1);
                let mut made = String::with_capacity(TRACE_LENGTH);
                made.push_str("00-");
                trace.into_iter().for_each(|half| hex(&mut made, half));
                field(&mut line, "trace", &made["00-".len()..]);
                made.push('-');
                hex(&mut made, span);
                made.push_str("-01");
                if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(made)) {
                    request.headers_mut().insert(TRACE, value);
                }
            }
        }
        Begun { line, came }
    }

    /// The head of the answer is there.
    pub(crate) fn end(&self, begun: Begun, status: StatusCode, how: Option<&How>, now: Instant) {
        let Begun { mut line, came } = begun;
        line.push_str(",\"status\":");
        line.push_str(status.as_str());
        line.push_str(",\"ms\":");
        ms(&mut line, now.saturating_duration_since(came));
        if let Some(how) = how {
            if let Some(pool) = &how.pool {
                field(&mut line, "pool", pool);
            }
            if how.sent > 0 {
                line.push_str(",\"sent\":");
                number(&mut line, u64::from(how.sent));
                line.push_str(",\"origin_ms\":");
                ms(&mut line, how.after);
            }
            if let Some(why) = how.why {
                field(&mut line, "why", why);
                line.push_str(",\"request\":\"");
                hex(&mut line, how.request);
                line.push('"');
            }
        }
        self.queue.push(&line);
    }

    /// Nothing more will be said: what was said is written before this comes back, or `within` has passed. Blocks.
    pub(crate) fn finish(&self, within: Duration) {
        self.queue.end();
        let waiting = self.queue.lock();
        let _ = self.queue.over.wait_timeout_while(waiting, within, |w| !w.over);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.end();
    }
}

// === impl Queue ===

impl Queue {
    /// `line` without its end.
    fn push(&self, line: &str) {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > WAITING_MAX {
            waiting.lost += 1;
            return;
        }
        let lost = std::mem::take(&mut waiting.lost);
        waiting.lines.push_str(line);
        if lost > 0 {
            waiting.lines.push_str(",\"lost_before\":");
            number(&mut waiting.lines, lost);
        }
        waiting.lines.push_str("}\n");
        // Nearly always it is gathering, and comes by itself.
        let idle = std::mem::take(&mut waiting.idle);
        drop(waiting);
        if idle {
            self.stirred.notify_one();
        }
    }

    /// What waits, in place of `written`; asleep until there is something. False: nothing more will come.
    fn take(&self, written: &mut String) -> bool {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() {
            if waiting.ended {
                return false;
            }
            waiting.idle = true;
            waiting = self.stirred.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        std::mem::swap(&mut waiting.lines, written);
        true
    }

    fn end(&self) {
        self.lock().ended = true;
        self.stirred.notify_one();
    }

    /// Until there is worth a text to write. True: nothing more will come.
    fn gather(&self) -> bool {
        let waiting = self.lock();
        let (waiting, _) = self
            .stirred
            .wait_timeout_while(waiting, GATHER, |w| !w.ended)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.ended
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trace's id of a `traceparent` (W3C Trace Context), if it is one.
fn trace_id(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |s: &str, n: usize| {
        s.len() == n && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |s: &str| s.bytes().all(|b| b == b'0');
    let good = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    (good && version != "ff" && !zero(trace) && !zero(span)).then_some(trace)
}

/// `SplitMix64`: enough to tell requests apart.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

// === the writing thread ===

enum Out {
    Stderr,
    File(Rotating),
}

struct Rotating {
    path: PathBuf,
    file: File,
    bytes: u64,
    max_bytes: u64,
    keep: u32,
    /// Said once until it works again.
    broken: bool,
}

/// Ends when the last one who could write a line is gone, and what was said is written or cannot be.
fn write_all(queue: &Queue, mut out: Out) {
    let mut lines = String::new();
    while queue.take(&mut lines) {
        let mut done = 0;
        loop {
            done += out.write(&lines[done..]);
            // What does not fit on the disk is tried again; meanwhile the next text fills, and then lines are lost.
            if done == lines.len() || queue.gather() {
                break;
            }
        }
        lines.clear();
        lines.shrink_to(WAITING_USUAL);
        queue.gather();
    }
    queue.lock().over = true;
    queue.over.notify_all();
}

impl Out {
    /// How much of it was written: whole lines, or up to where the disk was full.
    fn write(&mut self, lines: &str) -> usize {
        match self {
            Out::Stderr => {
                let _ = io::stderr().lock().write_all(lines.as_bytes());
                lines.len()
            }
            Out::File(file) => file.write(lines),
        }
    }
}

impl Rotating {
    fn open(path: &Path, spec: &LogSpec) -> io::Result<Rotating> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Rotating {
            path: path.to_owned(),
            file,
            bytes,
            max_bytes: spec.max_bytes,
            keep: spec.keep,
            broken: false,
        })
    }

    fn write(&mut self, lines: &str) -> usize {
        let mut done = 0;
        while done < lines.len() {
            let rest = &lines[done..];
            let mut fits = self.fitting(rest);
            if fits == 0 {
                let turned = self.turn();
                // A file that is too long is better than lines that are lost.
                fits = if turned.is_err() { rest.len() } else { self.fitting(rest) };
                self.say(turned);
            }
            let written = self.file.write(&rest.as_bytes()[..fits]);
            let n = *written.as_ref().unwrap_or(&0);
            self.say(written.map(drop));
            if n == 0 {
                break;
            }
            self.bytes += n as u64;
            done += n;
        }
        done
    }

    /// How much of these lines the file takes before it is full: whole lines, and one however long it is.
    fn fitting(&self, lines: &str) -> usize {
        let room = usize::try_from(self.max_bytes.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        if lines.len() <= room {
            return lines.len();
        }
        let end = lines.as_bytes()[..room].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if end == 0 && self.bytes == 0 {
            return lines.find('\n').map_or(lines.len(), |at| at + 1);
        }
        end
    }

    /// Puts the file aside and begins a new one.
    fn turn(&mut self) -> io::Result<()> {
        let aside = |n: u32| PathBuf::from(format!("{}.{n}", self.path.display()));
        if self.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            for n in (1..self.keep).rev() {
                match fs::rename(aside(n), aside(n + 1)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
            }
            fs::rename(&self.path, aside(1))?;
        }
        self.file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    fn say(&mut self, done: io::Result<()>) {
        match done {
            Ok(()) => self.broken = false,
            Err(e) if !std::mem::replace(&mut self.broken, true) => {
                tracing::error!(file = %self.path.display(), error = %e, "the access log cannot be written");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
