//! Opens N server-sent event streams and measures how long a change takes to reach all of them.
//!
//! ```text
//! fanout_client --addr 127.0.0.1:8080 --path '/live?lang=en' --mark 'event: change' --n 10000 --rounds 10 --target 127.0.0.1:9000
//! fanout_client --addr 127.0.0.1:8081 --path /sub --mark data: --n 10000 --rounds 10 --publish 127.0.0.1:8081 \
//!     --publish-path /pub --body-file message
//! ```
//! What makes a change, and from when time counts:
//! - `--target`: it is itself the target of checks. In round *k* the path `/k` begins to answer 500; time counts from
//!   when the first 500 is written, which with `fail_after = 1` is the look that decides. It is well again after the round.
//! - `--publish`: it posts a body, with `--bearer-file` as one who may, and as JSON; time counts from just before the post is written.
//!
//! A stream has seen the change when it has read a message with `--mark` in it to its end. One loop and one buffer for all
//! streams, without a task or a record of readiness for each: 10,000 real browsers bring processors of their own, and what this
//! program takes of the machine is missing to the server it measures. With `--gated yes` it waits for a line on standard input before it opens the
//! streams and before the first round, so that the server's memory can be read in between. `--save FILE` keeps the data of the
//! last change that was timed. Prints one line per round, and a summary.

#![expect(clippy::print_stdout, reason = "a command-line tool: its output is its result")]

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::{
    io::{BufRead as _, ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use stillhere_net::clock::mono;

/// A round that is not complete by then is reported as it stands.
const ROUND_WITHIN: Duration = Duration::from_secs(20);
/// What a server may take to answer a request of ours.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const BUFFER_BYTES: usize = 64 * 1024;
/// Streams that are looked at after one call.
const EVENTS: usize = 1024;

struct Args {
    addr: SocketAddr,
    path: String,
    host: String,
    n: usize,
    rounds: usize,
    target: Option<SocketAddr>,
    publish: Option<SocketAddr>,
    publish_path: String,
    body: String,
    /// The token of somebody who may publish.
    bearer: Option<String>,
    mark: String,
    pause_ms: u64,
    gated: bool,
    save: Option<String>,
}

/// What the target of the checks and the round at hand know of each other.
#[derive(Default)]
struct Target {
    /// The path that answers 500 now.
    broken: Option<String>,
    /// When it first did so.
    began: Option<Instant>,
}

struct Streams {
    poll: Poll,
    events: Events,
    open: Vec<Option<TcpStream>>,
    /// Those that are in the middle of a message.
    begun: Vec<bool>,
    buffer: Vec<u8>,
    mark: Vec<u8>,
    lost: usize,
    /// The last message of the first stream: one copy says what was sent.
    message: Vec<u8>,
    kept: Vec<u8>,
}

fn main() {
    let args = Args::read();
    let target = Arc::new(Mutex::new(Target::default()));
    if let Some(at) = args.target {
        let listener = TcpListener::bind(at).expect("--target can be bound");
        let target = target.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &target)));
        println!("target ready");
    }
    gate(&args);
    let mut streams = Streams::open(&args);
    println!("{} streams open", args.n);
    gate(&args);
    let mut all = Vec::new();
    let mut rounds = Vec::new();
    let mut told = Vec::new();
    for round in 0..args.rounds {
        let took = one_round(&args, &mut streams, &target, round);
        rounds.push((share(&took, 0.5), share(&took, 0.99), share(&took, 1.0)));
        all.extend(took);
        // Before the pause, in which the recovery is told.
        told.clone_from(&streams.message);
        streams.read_until(mono() + Duration::from_millis(args.pause_ms), |_| false);
    }
    if let Some(path) = &args.save {
        std::fs::write(path, data_of(&told)).expect("--save can be written");
    }
    all.sort_by(f64::total_cmp);
    let median = |pick: fn(&(f64, f64, f64)) -> f64| {
        let mut v: Vec<f64> = rounds.iter().map(pick).collect();
        v.sort_by(f64::total_cmp);
        share(&v, 0.5)
    };
    println!(
        "median of rounds: p50 {:.2} ms  p99 {:.2} ms  last {:.2} ms; all: p99 {:.2} ms  worst {:.2} ms; lost {}",
        median(|r| r.0),
        median(|r| r.1),
        median(|r| r.2),
        share(&all, 0.99),
        share(&all, 1.0),
        streams.lost
    );
}

/// How long each stream had to wait, in milliseconds, ascending.
fn one_round(args: &Args, streams: &mut Streams, target: &Mutex<Target>, round: usize) -> Vec<f64> {
    let mut at: Vec<Instant> = Vec::with_capacity(args.n);
    let mut posted = None;
    if args.target.is_some() {
        *lock(target) = Target { broken: Some(format!("/{round}")), began: None };
    } else if let Some(to) = args.publish {
        let stream = net::TcpStream::connect(to).expect("the publisher's address answers");
        let began = mono();
        publish(args, &stream);
        posted = Some((stream, began));
    }
    let began = || posted.as_ref().map_or_else(|| lock(target).began, |(_, began)| Some(*began));
    // Changes that we did not cause (the recovery from the round before) come while nothing is being timed.
    let mut timed = false;
    streams.read_until(mono() + ROUND_WITHIN, |now| {
        timed = timed || began().is_some();
        if timed {
            at.push(now);
        }
        at.len() >= args.n
    });
    let complete = at.len() >= args.n;
    let began = began().or(at.first().copied()).unwrap_or_else(mono);
    *lock(target) = Target::default();
    if let Some((stream, _)) = posted {
        published(stream);
    }
    let mut took: Vec<f64> =
        at.iter().map(|t| t.saturating_duration_since(began).as_secs_f64() * 1e3).collect();
    took.sort_by(f64::total_cmp);
    println!(
        "round {round:>3}: {} of {}  first {:.2} ms  p50 {:.2} ms  p99 {:.2} ms  last {:.2} ms  {} bytes{}",
        took.len(),
        args.n,
        share(&took, 0.0),
        share(&took, 0.5),
        share(&took, 0.99),
        share(&took, 1.0),
        streams.message.len(),
        if complete { "" } else { "  INCOMPLETE" }
    );
    took
}

/// Waits for a line, so that whoever started us can look at the server first.
fn gate(args: &Args) {
    if args.gated {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
    }
}

// === impl Streams ===

impl Streams {
    fn open(args: &Args) -> Streams {
        let poll = Poll::new().expect("an epoll can be had");
        let mut open = Vec::with_capacity(args.n);
        for i in 0..args.n {
            let stream = connect(args, i).unwrap_or_else(|e| panic!("stream {i}: {e}"));
            let mut stream = TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(i), Interest::READABLE)
                .expect("a socket can be watched");
            open.push(Some(stream));
        }
        let mut streams = Streams {
            poll,
            events: Events::with_capacity(EVENTS),
            begun: vec![false; args.n],
            open,
            buffer: vec![0; BUFFER_BYTES],
            mark: args.mark.clone().into_bytes(),
            lost: 0,
            message: Vec::new(),
            kept: Vec::new(),
        };
        // What every stream begins with.
        streams.read_until(mono() + Duration::from_millis(500), |_| false);
        streams
    }

    /// Reads what comes until `until`, or until `seen`, told of each change, has seen enough.
    fn read_until(&mut self, until: Instant, mut seen: impl FnMut(Instant) -> bool) {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(1));
        'reading: loop {
            let left = until.saturating_duration_since(mono());
            if left.is_zero() {
                break;
            }
            match self.poll.poll(&mut events, Some(left)) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => panic!("the streams cannot be watched: {e}"),
            }
            let mut enough = false;
            for event in &events {
                enough |= self.read(event.token().0, &mut seen);
            }
            if enough {
                break 'reading;
            }
        }
        self.events = events;
    }

    fn read(&mut self, i: usize, seen: &mut impl FnMut(Instant) -> bool) -> bool {
        let mut enough = false;
        while let Some(stream) = &mut self.open[i] {
            match stream.read(&mut self.buffer) {
                Ok(n) if n > 0 => {
                    enough |= self.arrived(i, n, seen);
                    if n < BUFFER_BYTES {
                        // That was all there is: asking once more would be a system call for nothing.
                        break;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                _ => {
                    self.open[i] = None;
                    self.lost += 1;
                }
            }
        }
        enough
    }

    fn arrived(&mut self, i: usize, n: usize, seen: &mut impl FnMut(Instant) -> bool) -> bool {
        let chunk = &self.buffer[..n];
        if holds(chunk, &self.mark) {
            self.begun[i] = true;
            if i == 0 {
                self.kept.clear();
            }
        }
        if !self.begun[i] {
            return false;
        }
        if i == 0 {
            self.kept.extend_from_slice(chunk);
        }
        // Chunked or not, a message of an event stream ends with an empty line.
        if !chunk.ends_with(b"\n\n") && !chunk.ends_with(b"\n\n\r\n") {
            return false;
        }
        self.begun[i] = false;
        if i == 0 {
            self.message = std::mem::take(&mut self.kept);
        }
        seen(mono())
    }
}

fn connect(args: &Args, i: usize) -> std::io::Result<net::TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    // Source addresses of the loopback net by process and by 20,000 streams: neither the ports of one address nor
    // those that an earlier run left in TIME_WAIT are then the limit.
    let [_, high, mid, low] = std::process::id().to_be_bytes();
    let source = [127, 1 + (low ^ high) % 200, mid, u8::try_from(1 + i / 20_000).unwrap_or(1)];
    if args.addr.ip().is_loopback() {
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    socket.connect_timeout(&args.addr.into(), ANSWER_WITHIN)?;
    let mut stream = net::TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let request =
        format!("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", args.path, args.host);
    stream.write_all(request.as_bytes())?;
    let mut head = [0; 4096];
    let n = stream.read(&mut head)?;
    if !head[..n].starts_with(b"HTTP/1.1 200") {
        let said = String::from_utf8_lossy(&head[..n.min(200)]).into_owned();
        return Err(std::io::Error::other(said));
    }
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn holds(chunk: &[u8], mark: &[u8]) -> bool {
    mark.is_empty() || chunk.starts_with(mark) || chunk.windows(mark.len()).any(|w| w == mark)
}

fn data_of(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    text.lines().find_map(|l| l.strip_prefix("data: ")).unwrap_or_default().to_owned()
}

fn lock(target: &Mutex<Target>) -> std::sync::MutexGuard<'_, Target> {
    target.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request, one answer: what a check asks of its target.
fn answer(mut stream: net::TcpStream, target: &Mutex<Target>) {
    let mut head = [0; 2048];
    let Ok(n) = stream.set_read_timeout(Some(ANSWER_WITHIN)).and_then(|()| stream.read(&mut head)) else {
        return;
    };
    let path = String::from_utf8_lossy(&head[..n]).split(' ').nth(1).unwrap_or_default().to_owned();
    let mut target = lock(target);
    let broken = target.broken.as_deref() == Some(path.as_str());
    if broken && target.began.is_none() {
        target.began = Some(mono());
    }
    drop(target);
    let status = if broken { "500 Broken" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
    let _ = stream.write_all(head.as_bytes());
}

fn publish(args: &Args, mut stream: &net::TcpStream) {
    let who = args.bearer.as_ref().map_or_else(
        || "Content-Type: text/plain\r\n".to_owned(),
        |token| format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"),
    );
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\n{who}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        args.publish_path,
        args.host,
        args.body.len(),
        args.body
    );
    stream.write_all(request.as_bytes()).expect("the publisher takes the request");
}

fn published(mut stream: net::TcpStream) {
    let mut answer = Vec::new();
    let _ = stream.set_read_timeout(Some(ANSWER_WITHIN));
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 20"), "publishing failed: {}", String::from_utf8_lossy(&answer));
}

fn share(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let n = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(n - 1).copied().unwrap_or(f64::NAN)
}

// === impl Args ===

impl Args {
    fn read() -> Args {
        let mut args = Args {
            addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            path: "/live?lang=en".into(),
            host: "localhost".into(),
            n: 1000,
            rounds: 10,
            target: None,
            publish: None,
            publish_path: "/pub".into(),
            body: "hello".into(),
            bearer: None,
            mark: String::new(),
            pause_ms: 500,
            gated: false,
            save: None,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given.next().unwrap_or_else(|| panic!("{name} needs a value"));
            match name.as_str() {
                "--addr" => args.addr = value.parse().expect("--addr is ip:port"),
                "--path" => args.path = value,
                "--host" => args.host = value,
                "--n" => args.n = value.parse().expect("--n is a number"),
                "--rounds" => args.rounds = value.parse().expect("--rounds is a number"),
                "--target" => args.target = Some(value.parse().expect("--target is ip:port")),
                "--publish" => args.publish = Some(value.parse().expect("--publish is ip:port")),
                "--publish-path" => args.publish_path = value,
                "--body" => args.body = value,
                "--body-file" => {
                    args.body = std::fs::read_to_string(&value).expect("--body-file can be read")
                }
                "--bearer-file" => {
                    let token = std::fs::read_to_string(&value).expect("--bearer-file can be read");
                    args.bearer = Some(token.trim().to_owned());
                }
                "--mark" => args.mark = value,
                "--pause-ms" => args.pause_ms = value.parse().expect("--pause-ms is a number"),
                "--gated" => args.gated = value == "yes",
                "--save" => args.save = Some(value),
                other => panic!("unknown option {other}"),
            }
        }
        args
    }
}
