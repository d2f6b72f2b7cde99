//! The access log: one JSON object a line. Off unless `[edge.log]` is there.
//!
//! Lines are written by a thread of their own. A disk that is slow or full costs lines, never a request: the queue is
//! bounded, and what did not fit is counted and said in the next line that does.

use crate::spec::Problem;
use http::{HeaderName, HeaderValue, Request, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};
use stillhere_model::Time;

/// Bounds of the size at which a file is put aside.
const SIZE_MIN: u64 = 64 * 1024;
const SIZE_MAX: u64 = 1 << 40;
const KEEP_MAX: u32 = 100;
/// Lines that wait for the disk.
const LINES_MAX: usize = 16_384;
/// Lines are written this often: a writer that waited for each one would be woken by every request, which cost as much
/// as the request itself.
const GATHER: Duration = Duration::from_millis(20);
/// Characters of a path, a host or a user agent in a line.
const TEXT_MAX: usize = 1_024;
const TRACE: HeaderName = HeaderName::from_static("traceparent");

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
    lines: SyncSender<String>,
    lost: AtomicU64,
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
    pub(crate) pool: Option<String>,
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
        let mut say = |path: &str, problem: &str, hint: &str| {
            let (path, problem, hint) = (path.to_owned(), problem.to_owned(), Some(hint.to_owned()));
            problems.push(Problem { path, problem, hint });
        };
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
        let (lines, queue) = mpsc::sync_channel(LINES_MAX);
        // Ends when the last one who could write a line is gone.
        thread::Builder::new().name("edge-log".to_owned()).spawn(move || write_all(&queue, out))?;
        Ok(Log { spec: spec.clone(), lines, lost: AtomicU64::new(0) })
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
        let _ = write!(line, "{{\"at\":\"{wall}\"");
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
            AddressInLog::Network => {
                let length = if peer.is_ipv4() { 24 } else { 48 };
                field(&mut line, "from", &crate::limit::Prefix::of(peer, length).to_string());
            }
        }
        let given = request.headers().get(TRACE).and_then(|v| trace_id(v.as_bytes())).map(str::to_owned);
        let trace = given.unwrap_or_else(|| {
            let (a, b, span) = (mixed(dice), mixed(dice ^ 0x5EED), mixed(dice ^ 0x5AFE) | 1);
            let made = format!("00-{a:016x}{b:016x}-{span:016x}-01");
            if let Ok(value) = HeaderValue::from_str(&made) {
                request.headers_mut().insert(TRACE, value);
            }
            format!("{a:016x}{b:016x}")
        });
        field(&mut line, "trace", &trace);
        Begun { line, came }
    }

    /// The head of the answer is there.
    pub(crate) fn end<B>(&self, begun: Begun, answer: &Response<B>, now: Instant) {
        let Begun { mut line, came } = begun;
        let ms = |d: Duration| d.as_secs_f64() * 1_000.0;
        let took = ms(now.saturating_duration_since(came));
        let _ = write!(line, ",\"status\":{},\"ms\":{took:.2}", answer.status().as_u16());
        if let Some(how) = answer.extensions().get::<How>() {
            if let Some(pool) = &how.pool {
                field(&mut line, "pool", pool);
            }
            if how.sent > 0 {
                let _ = write!(line, ",\"sent\":{},\"origin_ms\":{:.2}", how.sent, ms(how.after));
            }
            if let Some(why) = how.why {
                field(&mut line, "why", why);
                let _ = write!(line, ",\"request\":\"{:016x}\"", how.request);
            }
        }
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            let _ = write!(line, ",\"lost_before\":{lost}");
        }
        line.push_str("}\n");
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(lost + 1, Relaxed);
        }
    }
}

/// `,"name":"value"`, bounded, and valid JSON whatever the value holds.
fn field(line: &mut String, name: &str, value: &str) {
    let end = value.char_indices().nth(TEXT_MAX).map_or(value.len(), |(at, _)| at);
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":");
    line.push_str(&serde_json::to_string(&value[..end]).unwrap_or_else(|_| "\"\"".to_owned()));
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
    file: BufWriter<File>,
    bytes: u64,
    max_bytes: u64,
    keep: u32,
    /// Said once until it works again.
    broken: bool,
}

fn write_all(queue: &Receiver<String>, mut out: Out) {
    while let Ok(line) = queue.recv() {
        let mut next = Some(line);
        while let Some(line) = next {
            out.write(&line);
            next = queue.try_recv().ok();
        }
        // Nobody else has anything to say at the moment.
        out.flush();
        thread::sleep(GATHER);
    }
}

impl Out {
    fn write(&mut self, line: &str) {
        match self {
            Out::Stderr => {
                let _ = io::stderr().lock().write_all(line.as_bytes());
            }
            Out::File(file) => file.write(line),
        }
    }

    fn flush(&mut self) {
        if let Out::File(file) = self {
            let flushed = file.file.flush();
            file.say(flushed);
        }
    }
}

impl Rotating {
    fn open(path: &Path, spec: &LogSpec) -> io::Result<Rotating> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Rotating {
            path: path.to_owned(),
            file: BufWriter::with_capacity(64 * 1024, file),
            bytes,
            max_bytes: spec.max_bytes,
            keep: spec.keep,
            broken: false,
        })
    }

    fn write(&mut self, line: &str) {
        if self.bytes + line.len() as u64 > self.max_bytes && self.bytes > 0 {
            let turned = self.turn();
            self.say(turned);
        }
        let written = self.file.write_all(line.as_bytes());
        self.bytes += line.len() as u64;
        self.say(written);
    }

    /// Puts the file aside and begins a new one.
    fn turn(&mut self) -> io::Result<()> {
        self.file.flush()?;
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
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        self.file = BufWriter::with_capacity(64 * 1024, file);
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
