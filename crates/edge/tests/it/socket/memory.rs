//! What an idle socket costs: an edge in a process of its own, 9,000 sockets through it, and its resident memory before
//! and after. By hand: `cargo test -p stillhere-edge --test it -- --ignored --nocapture idle_sockets`.

use super::rig::{Edge, Origin, soon};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::Duration,
};
use stillhere_edge::socket::SocketSpec;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Two descriptors for each in either process: a usual limit of 20,000 leaves room for these.
const SOCKETS: u64 = 9_000;
/// The goal: bytes of an idle socket, with its task.
const MOST: u64 = 12_000;
const NODE: &str = "STILLHERE_TEST_NODE";

/// Not a test by itself: the process that the measurement looks at.
#[tokio::test]
#[ignore = "runs as a process of the measurement"]
async fn the_edge_alone() {
    let Ok(node) = std::env::var(NODE) else { return };
    let edge = Edge::patient(node.parse().unwrap(), SocketSpec::default(), Duration::from_secs(10)).await;
    println!("listens on {}", edge.address);
    std::io::stdout().flush().unwrap();
    std::future::pending::<()>().await;
}

struct Measured(Child);

impl Measured {
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(more: &str, first: Option<&[u8]>) -> u64 {
    let origin = Origin::start().await;
    let mut edge = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "socket::memory::the_edge_alone", "--ignored", "--nocapture"])
        .env(NODE, origin.address.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(edge.stdout.take().unwrap()).lines();
    let edge = Measured(edge);
    let address = lines
        .map(|line| line.unwrap())
        .find_map(|line| line.split_once("listens on ").map(|(_, address)| address.to_owned()))
        .unwrap();
    let mut open = Vec::new();
    let mut before = 0;
    for n in 0..SOCKETS + 100 {
        if n == 100 {
            before = edge.resident(); // what the first ones need for all is there
        }
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET /chat HTTP/1.1\r\nHost: shop.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Accept-Language: de-CH,de;q=0.9,en;q=0.5\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\
             Origin: https://shop.example.com\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(stream.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        if let Some(first) = first {
            stream.write_all(first).await.unwrap();
        }
        open.push(stream);
    }
    soon(async {
        while (origin.connections() as u64) < SOCKETS + 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    (edge.resident() - before) / SOCKETS
}

#[tokio::test]
#[ignore = "opens 18,000 connections; by hand"]
async fn idle_sockets_cost_less_than_12_kb_each() {
    let plain = measure("", None).await;
    println!("plain: {plain} bytes for each idle socket");
    // A masked hello; the mask is zero.
    let hello = b"{\"c\":\"hello\",\"v\":1}";
    let mut frame = vec![0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0];
    frame.extend_from_slice(hello);
    let session = measure("Sec-WebSocket-Protocol: stillhere.resume.v1, chat\r\n", Some(&frame)).await;
    println!("session: {session} bytes for each idle session");
    assert!(plain <= MOST && session <= MOST, "{plain} and {session}");
}
