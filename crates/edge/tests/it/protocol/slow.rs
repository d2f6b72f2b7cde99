//! Debian's slowhttptest against small deadlines: every slow connection is closed in time, and somebody else who asks
//! meanwhile is served as fast as ever.

use crate::rig::{Node, Raw, Reply, Running, now, pool, since, soon, text};
use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::net::TcpSocket;

/// Slow connections at a time.
const SLOW: usize = 60;
/// So many of them at the same time are an attack; on a busy machine the first are closed before the last have come.
const ENOUGH: usize = 10;
/// All deadlines are 2 s. A busy machine is late.
const CLOSED_WITHIN: Duration = Duration::from_secs(8);
/// What somebody else may wait for an answer while that goes on: who had to wait for a slow one would wait longer.
const SOMEBODY_ELSE: Duration = Duration::from_secs(2);

const LIMITS: &str = "[limits]\nhead_within = \"2s\"\nbody_stall = \"2s\"\nwrite_stall = \"2s\"\nidle = \"2s\"\n\
                      body_min_rate = 1000\nwrite_min_rate = 10000\nby_address = \"off\"\n";

/// Ends with the test.
struct Attack(Child);

impl Attack {
    /// It would go on for much longer than anything may take here.
    fn begin(edge: &Running, how: &[&str]) -> Attack {
        let (url, count) = (format!("http://{}/big", edge.addr), SLOW.to_string());
        let mut attack = Command::new("slowhttptest");
        attack.args(how).args(["-c", &count, "-r", &count, "-l", "60", "-p", "3", "-u", &url]);
        Attack(attack.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A visitor at another address, on one connection of its own for each request.
async fn visit(edge: &Running) -> Duration {
    let began = now();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut raw = Raw::over(soon(socket.connect(edge.addr)).await.unwrap());
    raw.send("GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    since(began)
}

async fn all_are_closed(how: &[&str]) {
    let node = Node::with(|seen| match seen.uri.path() {
        "/big" => Reply::Answer(text(vec![b'x'; 4 * 1024 * 1024])),
        _ => Reply::text("ok"),
    })
    .await;
    let edge = Running::start(&format!("{}{LIMITS}", pool(&[&node], "")));
    let open = || edge.edge().shared().limits.connections();
    let _attack = Attack::begin(&edge, how);
    let (mut most, mut grew, mut worst) = (0, now(), Duration::ZERO);
    loop {
        worst = worst.max(visit(&edge).await);
        let open = open();
        if open > most {
            (most, grew) = (open, now());
        }
        if most >= ENOUGH {
            // The visitor's own may not be gone yet.
            if open <= 1 {
                break;
            }
            assert!(since(grew) < CLOSED_WITHIN, "{open} are open still");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(worst < SOMEBODY_ELSE, "{worst:?}");
}

#[tokio::test]
async fn slow_heads_are_closed_in_time_and_nobody_else_waits() {
    all_are_closed(&["-H", "-i", "1"]).await;
}

#[tokio::test]
async fn slow_bodies_are_closed_in_time_and_nobody_else_waits() {
    all_are_closed(&["-B", "-i", "1", "-s", "8192", "-x", "10"]).await;
}

#[tokio::test]
async fn slow_readers_are_closed_in_time_and_nobody_else_waits() {
    all_are_closed(&["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "1"]).await;
}
