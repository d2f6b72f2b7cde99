//! Opens N server-sent event streams and measures how long a change takes to reach them.
//!
//! ```text
//! fanout_client --addr 127.0.0.1:8080 --path '/live?lang=en' --n 10000 --rounds 10 \
//!     --publish 127.0.0.1:8080 --publish-path /pub --body hello [--mark 'event: change'] [--host localhost]
//! ```
//! Each round posts the body to `--publish` and waits until every stream has received a chunk that holds `--mark`
//! (any chunk when not given). Times count from just before the post is written. Without `--publish` it waits for
//! changes by themselves and counts from the first arrival. One thread, so that the server has the other core.
//! Prints one line per round and a summary: p50, p99, last.

#![expect(clippy::print_stdout, reason = "a command-line tool: its output is its result")]

use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use stillhere_net::clock::mono;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::Notify,
    task::LocalSet,
};

/// Streams that connect at the same time.
const CONNECTING: usize = 256;
/// A round that is not complete by then is reported as it stands.
const ROUND_WITHIN: Duration = Duration::from_secs(20);

struct Args {
    addr: SocketAddr,
    path: String,
    host: String,
    n: usize,
    rounds: usize,
    publish: Option<SocketAddr>,
    publish_path: String,
    body: String,
    mark: String,
    pause_ms: u64,
}

#[derive(Default)]
struct Seen {
    at: RefCell<Vec<Instant>>,
    want: usize,
    all: Notify,
    lost: RefCell<usize>,
}

fn main() {
    let args = Args::read();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    LocalSet::new().block_on(&runtime, run(args));
}

async fn run(args: Args) {
    let args = Rc::new(args);
    let seen = Rc::new(Seen { want: args.n, ..Seen::default() });
    let mut started = 0;
    while started < args.n {
        let more = CONNECTING.min(args.n - started);
        let mut opening = Vec::new();
        for i in started..started + more {
            opening.push(tokio::task::spawn_local(open(args.clone(), i)));
        }
        for stream in opening {
            match stream.await.expect("connecting does not panic") {
                Ok(stream) => {
                    tokio::task::spawn_local(listen(stream, args.clone(), seen.clone()));
                }
                Err(e) => panic!("stream {started}: {e}"),
            }
        }
        started += more;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    println!("{} streams open", args.n);
    let mut all = Vec::new();
    let mut lasts = Vec::new();
    for round in 0..args.rounds {
        seen.at.borrow_mut().clear();
        let begin = mono();
        if let Some(to) = args.publish {
            publish(&args, to).await;
        }
        let complete = tokio::time::timeout(ROUND_WITHIN, seen.all.notified()).await.is_ok();
        let at = seen.at.borrow();
        let begin = if args.publish.is_some() { begin } else { at.first().copied().unwrap_or(begin) };
        let mut took: Vec<f64> =
            at.iter().map(|t| t.saturating_duration_since(begin).as_secs_f64() * 1e3).collect();
        took.sort_by(f64::total_cmp);
        let complete = if complete { "" } else { "  INCOMPLETE" };
        println!(
            "round {round:>3}: {} of {}  p50 {:.1} ms  p99 {:.1} ms  last {:.1} ms{complete}",
            took.len(),
            args.n,
            share(&took, 0.5),
            share(&took, 0.99),
            share(&took, 1.0)
        );
        lasts.push((share(&took, 0.5), share(&took, 0.99), share(&took, 1.0)));
        all.extend(took);
        drop(at);
        tokio::time::sleep(Duration::from_millis(args.pause_ms)).await;
    }
    all.sort_by(f64::total_cmp);
    let median = |pick: fn(&(f64, f64, f64)) -> f64| {
        let mut v: Vec<f64> = lasts.iter().map(pick).collect();
        v.sort_by(f64::total_cmp);
        share(&v, 0.5)
    };
    println!(
        "median of rounds: p50 {:.1} ms  p99 {:.1} ms  last {:.1} ms; all deliveries: p99 {:.1} ms  worst {:.1} ms; lost {}",
        median(|r| r.0),
        median(|r| r.1),
        median(|r| r.2),
        share(&all, 0.99),
        share(&all, 1.0),
        seen.lost.borrow()
    );
}

async fn open(args: Rc<Args>, i: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Several source addresses of the loopback net, so that one address's ports are not the limit.
    let source = [127, 0, 0, u8::try_from(1 + i / 20_000).unwrap_or(1)];
    socket.bind((source, 0).into())?;
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

async fn listen(mut stream: TcpStream, args: Rc<Args>, seen: Rc<Seen>) {
    let mut buf = vec![0; 4096];
    loop {
        match stream.read(&mut buf).await {
            Ok(n) if n > 0 => {
                if holds(&buf[..n], args.mark.as_bytes()) {
                    let mut at = seen.at.borrow_mut();
                    at.push(mono());
                    if at.len() == seen.want {
                        seen.all.notify_one();
                    }
                }
            }
            _ => {
                *seen.lost.borrow_mut() += 1;
                return;
            }
        }
    }
}

fn holds(chunk: &[u8], mark: &[u8]) -> bool {
    mark.is_empty() || chunk.starts_with(mark) || chunk.windows(mark.len()).any(|w| w == mark)
}

async fn publish(args: &Args, to: SocketAddr) {
    let mut stream = TcpStream::connect(to).await.expect("the publisher's address answers");
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
            publish: None,
            publish_path: "/pub".into(),
            body: "hello".into(),
            mark: String::new(),
            pause_ms: 500,
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
                "--publish" => args.publish = Some(value.parse().expect("--publish is ip:port")),
                "--publish-path" => args.publish_path = value,
                "--body" => args.body = value,
                "--body-file" => {
                    args.body = std::fs::read_to_string(&value).expect("--body-file can be read")
                }
                "--mark" => args.mark = value,
                "--pause-ms" => args.pause_ms = value.parse().expect("--pause-ms is a number"),
                other => panic!("unknown option {other}"),
            }
        }
        args
    }
}
