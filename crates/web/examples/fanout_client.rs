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
//! - `--publish`: it posts a body; time counts from just before the post is written.
//!
//! A stream has seen the change when it has read a message with `--mark` in it to its end. One thread and one buffer, so that
//! the server has the rest of the machine. With `--gated yes` it waits for a line on standard input before it opens the
//! streams and before the first round, so that the server's memory can be read in between. `--save FILE` keeps the data of the
//! last change that was timed. Prints one line per round, and a summary.

#![expect(clippy::print_stdout, reason = "a command-line tool: its output is its result")]

use std::{
    cell::{Cell, RefCell},
    io::BufRead as _,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use stillhere_net::clock::mono;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::LocalSet,
};

/// Streams that connect at the same time.
const CONNECTING: usize = 256;
/// A round that is not complete by then is reported as it stands.
const ROUND_WITHIN: Duration = Duration::from_secs(20);
const BUFFER_BYTES: usize = 64 * 1024;

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
    mark: String,
    pause_ms: u64,
    gated: bool,
    save: Option<String>,
}

#[derive(Default)]
struct Seen {
    began: Cell<Option<Instant>>,
    at: RefCell<Vec<Instant>>,
    want: usize,
    all: Notify,
    lost: Cell<usize>,
    message: RefCell<Vec<u8>>,
    /// The path that answers 500 now.
    broken: RefCell<Option<String>>,
    buffer: RefCell<Vec<u8>>,
}

fn main() {
    let args = Args::read();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The thread that waited at a gate ends at once: alone, a process finds its files without locked counting.
        .thread_keep_alive(Duration::from_millis(1))
        .build()
        .expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, run(args));
}

async fn run(args: Args) {
    let args = Rc::new(args);
    let seen = Rc::new(Seen { want: args.n, buffer: RefCell::new(vec![0; BUFFER_BYTES]), ..Seen::default() });
    if let Some(at) = args.target {
        let listener = TcpListener::bind(at).await.expect("--target can be bound");
        tokio::task::spawn_local(target(listener, seen.clone()));
        println!("target ready");
    }
    gate(&args).await;
    open_all(&args, &seen).await;
    println!("{} streams open", args.n);
    gate(&args).await;
    let mut all = Vec::new();
    let mut rounds = Vec::new();
    let mut told = Vec::new();
    for round in 0..args.rounds {
        let took = one_round(&args, &seen, round).await;
        rounds.push((share(&took, 0.5), share(&took, 0.99), share(&took, 1.0)));
        all.extend(took);
        // Before the pause, in which the recovery is told.
        told.clone_from(&seen.message.borrow());
        tokio::time::sleep(Duration::from_millis(args.pause_ms)).await;
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
        seen.lost.get()
    );
}

async fn open_all(args: &Rc<Args>, seen: &Rc<Seen>) {
    let mut started = 0;
    while started < args.n {
        let more = CONNECTING.min(args.n - started);
        let opening: Vec<_> =
            (started..started + more).map(|i| tokio::task::spawn_local(open(args.clone(), i))).collect();
        for (stream, i) in opening.into_iter().zip(started..) {
            match stream.await.expect("connecting does not panic") {
                Ok(stream) => {
                    // Only the first stream keeps what it reads: one copy says what was sent.
                    tokio::task::spawn_local(listen(stream, args.clone(), seen.clone(), i == 0));
                }
                Err(e) => panic!("stream {i}: {e}"),
            }
        }
        started += more;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// How long each stream had to wait, in milliseconds, ascending.
async fn one_round(args: &Args, seen: &Rc<Seen>, round: usize) -> Vec<f64> {
    seen.at.borrow_mut().clear();
    seen.began.set(None);
    if args.target.is_some() {
        *seen.broken.borrow_mut() = Some(format!("/{round}"));
    } else if let Some(to) = args.publish {
        let stream = TcpStream::connect(to).await.expect("the publisher's address answers");
        seen.began.set(Some(mono()));
        publish(args, stream).await;
    }
    let complete = tokio::time::timeout(ROUND_WITHIN, seen.all.notified()).await.is_ok();
    *seen.broken.borrow_mut() = None;
    let at = seen.at.borrow();
    let began = seen.began.get().or(at.first().copied()).unwrap_or_else(mono);
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
        seen.message.borrow().len(),
        if complete { "" } else { "  INCOMPLETE" }
    );
    took
}

/// Waits for a line, so that whoever started us can look at the server first.
async fn gate(args: &Args) {
    if args.gated {
        let line = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
        let _ = line.await;
    }
}

async fn open(args: Rc<Args>, i: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Source addresses of the loopback net by process and by 20,000 streams: neither the ports of one address nor
    // those that an earlier run left in TIME_WAIT are then the limit.
    let [_, high, mid, low] = std::process::id().to_be_bytes();
    let source = [127, 1 + (low ^ high) % 200, mid, u8::try_from(1 + i / 20_000).unwrap_or(1)];
    if args.addr.ip().is_loopback() {
        socket.bind((source, 0).into())?;
    }
    let mut stream = socket.connect(args.addr).await?;
    stream.set_nodelay(true)?;
    let request =
        format!("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", args.path, args.host);
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 4096];
    let n = stream.read(&mut head).await?;
    if !head[..n].starts_with(b"HTTP/1.1 200") {
        let said = String::from_utf8_lossy(&head[..n.min(200)]).into_owned();
        return Err(std::io::Error::other(said));
    }
    Ok(stream)
}

async fn listen(stream: TcpStream, args: Rc<Args>, seen: Rc<Seen>, keeps: bool) {
    let mut begun = false;
    let mut kept = Vec::new();
    while stream.readable().await.is_ok() {
        let mut buffer = seen.buffer.borrow_mut();
        match stream.try_read(&mut buffer) {
            Ok(n) if n > 0 => {
                if n < buffer.len() {
                    // That was all there is: asking once more would be a system call for nothing.
                    let nothing = || Err::<(), _>(std::io::ErrorKind::WouldBlock.into());
                    let _ = stream.try_io(tokio::io::Interest::READABLE, nothing);
                }
                let chunk = &buffer[..n];
                if holds(chunk, args.mark.as_bytes()) {
                    begun = true;
                    kept.clear();
                }
                if !begun {
                    continue;
                }
                if keeps {
                    kept.extend_from_slice(chunk);
                }
                // Chunked or not, a message of an event stream ends with an empty line.
                if chunk.ends_with(b"\n\n") || chunk.ends_with(b"\n\n\r\n") {
                    begun = false;
                    if keeps {
                        *seen.message.borrow_mut() = std::mem::take(&mut kept);
                    }
                    arrived(&args, &seen);
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    seen.lost.set(seen.lost.get() + 1);
}

fn arrived(args: &Args, seen: &Seen) {
    // Changes that we did not cause (the recovery from the round before) come while nothing is being timed.
    if args.target.is_some() && seen.began.get().is_none() {
        return;
    }
    let mut at = seen.at.borrow_mut();
    if at.len() < seen.want {
        at.push(mono());
        if at.len() == seen.want {
            seen.all.notify_one();
        }
    }
}

fn holds(chunk: &[u8], mark: &[u8]) -> bool {
    mark.is_empty() || chunk.starts_with(mark) || chunk.windows(mark.len()).any(|w| w == mark)
}

fn data_of(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    text.lines().find_map(|l| l.strip_prefix("data: ")).unwrap_or_default().to_owned()
}

async fn target(listener: TcpListener, seen: Rc<Seen>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::task::spawn_local(answer(stream, seen.clone()));
    }
}

async fn answer(mut stream: TcpStream, seen: Rc<Seen>) {
    let mut head = [0; 2048];
    let Ok(n) = stream.read(&mut head).await else { return };
    let path = String::from_utf8_lossy(&head[..n]).split(' ').nth(1).unwrap_or_default().to_owned();
    let broken = seen.broken.borrow().as_deref() == Some(path.as_str());
    let status = if broken { "500 Broken" } else { "200 OK" };
    if broken && seen.began.get().is_none() {
        seen.began.set(Some(mono()));
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
    let _ = stream.write_all(head.as_bytes()).await;
}

async fn publish(args: &Args, mut stream: TcpStream) {
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        args.publish_path,
        args.host,
        args.body.len(),
        args.body
    );
    stream.write_all(request.as_bytes()).await.expect("the publisher takes the request");
    tokio::task::spawn_local(async move {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 20"),
            "publishing failed: {}",
            String::from_utf8_lossy(&answer)
        );
    });
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
