//! What those cost who only wait: an edge in a process of its own, a crowd that comes all at once, and its resident
//! memory before and after. By hand with thousands: `cargo test -p stillhere-edge --test it -- --ignored by_hand`.

use crate::rig::{Running, soon, until};
use http::{Request, Response, header};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The goal: bytes of each, with its tasks and all that lies between them unused.
const MOST: u64 = 12_000;
/// So many that what the process takes once, and by chance (a thread more that allocates, pages of the program that are
/// read for the first time), is little of each one's share. Two descriptors for each in either process.
const FEW: u64 = 2_000;
const MANY: u64 = 9_000;
/// Who comes first, for what the process needs once.
const FIRST: u64 = 60;
const NODE: &str = "STILLHERE_TEST_NODE";
const HEAD: &str = "Host: shop.example.com\r\nAccept-Language: de-CH,de;q=0.9,en;q=0.5\r\n\
                    Cookie: session=0123456789abcdef0123456789abcdef\r\n";
const SOCKET: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://shop.example.com\r\n";

/// Not a test by itself: the process that the measurement looks at.
#[tokio::test]
#[ignore = "runs as a process of the measurement"]
async fn the_edge_alone() {
    let Ok(node) = std::env::var(NODE) else { return };
    allow_many_files();
    let edge = Running::start(&format!(
        "[limits]\nconnections_per_address = 100000\nconnections_per_network = 100000\n\
         by_address = {{ per_second = 1000000, burst = 1000000 }}\n\
         [pools.p]\nnodes = [\"http://{node}\"]\nhold = \"120s\"\nqueue = 20000\n\
         [[routes]]\npool = \"p\"\n"
    ));
    println!("listens on {}", edge.addr);
    std::io::stdout().flush().unwrap();
    std::future::pending::<()>().await;
}

/// The usual soft limit, 1,024, is too low for a crowd; the hard one is not.
fn allow_many_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

struct Measured {
    process: Child,
    addr: SocketAddr,
}

impl Measured {
    fn start(node: SocketAddr) -> Measured {
        allow_many_files();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "memory::the_edge_alone", "--ignored", "--nocapture"])
            .env(NODE, node.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let addr = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map(|line| line.unwrap())
            .find_map(|line| line.split_once("listens on ").map(|(_, address)| address.parse().unwrap()))
            .unwrap();
        Measured { process, addr }
    }

    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Opens WebSockets that say nothing, and counts them.
async fn silent_node() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (addr, open) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let count = open.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = count.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let mut answer = Response::new(Empty::<bytes::Bytes>::new());
                if let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) {
                    let accept = derive_accept_key(key.as_bytes());
                    *answer.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
                    for (name, value) in [
                        (header::UPGRADE, "websocket"),
                        (header::CONNECTION, "upgrade"),
                        (header::SEC_WEBSOCKET_ACCEPT, &accept),
                    ] {
                        answer.headers_mut().insert(name, value.parse().unwrap());
                    }
                    let (upgrade, count) = (hyper::upgrade::on(&mut request), count.clone());
                    tokio::spawn(async move {
                        let Ok(socket) = upgrade.await else { return };
                        count.fetch_add(1, SeqCst);
                        let _ = tokio::io::copy(&mut TokioIo::new(socket), &mut tokio::io::sink()).await;
                    });
                }
                async { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades(),
            );
        }
    });
    (addr, open)
}

/// They come all at once, each on a connection of its own.
async fn crowd(at: SocketAddr, count: u64, asks: &str) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = soon(TcpStream::connect(at)).await.unwrap();
        stream.write_all(asks.as_bytes()).await.unwrap();
        open.push(stream);
    }
    open
}

async fn idle_socket(count: u64, more: &str, first: &[u8]) -> u64 {
    let (node, open) = silent_node().await;
    let edge = Measured::start(node);
    let asks = format!("GET /chat HTTP/1.1\r\n{HEAD}{SOCKET}{more}\r\n");
    let (mut all, mut before) = (Vec::new(), 0);
    for count in [FIRST, count] {
        before = edge.resident();
        let mut came = crowd(edge.addr, count, &asks).await;
        for stream in &mut came {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(soon(stream.read_u8()).await.unwrap());
            }
            assert!(head.starts_with(b"HTTP/1.1 101"));
            stream.write_all(first).await.unwrap();
        }
        all.append(&mut came);
        let mut there = open.load(SeqCst);
        while there < all.len() {
            until("more are there", || open.load(SeqCst) > there).await;
            there = open.load(SeqCst);
        }
    }
    settled(&edge).await.saturating_sub(before) / count
}

async fn held_request(count: u64) -> u64 {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = nobody.local_addr().unwrap();
    drop(nobody);
    let edge = Measured::start(node);
    let asks = format!("GET /page HTTP/1.1\r\n{HEAD}\r\n");
    let _first = crowd(edge.addr, FIRST, &asks).await;
    let before = settled(&edge).await;
    let _all = crowd(edge.addr, count, &asks).await;
    settled(&edge).await.saturating_sub(before) / count
}

/// What it takes when it takes no more for a while.
async fn settled(edge: &Measured) -> u64 {
    let mut last = edge.resident();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = edge.resident();
        if now <= last {
            return now;
        }
        last = now;
    }
}

#[tokio::test]
async fn who_waits_for_a_node_takes_little() {
    let each = held_request(FEW).await;
    assert!(each <= MOST, "{each} bytes for each held request");
}

#[tokio::test]
async fn an_idle_socket_takes_little_though_all_came_at_once() {
    let each = idle_socket(FEW, "", b"").await;
    assert!(each <= MOST, "{each} bytes for each idle socket");
}

#[tokio::test]
#[ignore = "opens 18,000 connections; by hand"]
async fn by_hand_ten_thousand_take_less_than_12_kb_each() {
    let held = held_request(MANY).await;
    let plain = idle_socket(MANY, "", b"").await;
    // A masked hello; the mask is zero.
    let hello = b"{\"c\":\"hello\",\"v\":1}";
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(hello);
    let session = idle_socket(MANY, "Sec-WebSocket-Protocol: stillhere.resume.v1, chat\r\n", &frame).await;
    println!("held: {held}, plain socket: {plain}, session: {session} bytes each");
    assert!(held.max(plain).max(session) <= MOST, "{held}, {plain} and {session}");
}
