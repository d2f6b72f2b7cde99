//! The throw-away server that is broken by a script. It is watched like any other: nobody tells Stillhere anything.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How it behaves, one after the other, each for a share of the time in per cent: it fails altogether, comes back too slow
/// to be of use, and fails once more, as outages do.
const SCRIPT: [(u32, Mode); 3] = [(60, Mode::Failing), (25, Mode::Slow), (15, Mode::Failing)];
/// How slow it is; the drill's limit is far below, its time-out above.
pub const SLOW: Duration = Duration::from_millis(1_200);
/// Longest head of a request.
const HEAD_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    Well,
    Failing,
    Slow,
}

#[derive(Clone)]
pub struct Target {
    addr: SocketAddr,
    mode: Arc<AtomicU8>,
}

// === impl Target ===

impl Target {
    pub async fn start() -> std::io::Result<Target> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let target = Target { addr: listener.local_addr()?, mode: Arc::default() };
        let mode = target.mode.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A visitor that went away is of no interest.
                let mode = mode.load(Relaxed);
                tokio::spawn(async move { drop(answer(stream, mode).await) });
            }
        });
        Ok(target)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Acts the script within this time, and is well again at its end.
    pub async fn act(self, lasts: Duration) {
        for (share, mode) in SCRIPT {
            self.mode.store(mode as u8, Relaxed);
            tokio::time::sleep(lasts / 100 * share).await;
        }
        self.mode.store(Mode::Well as u8, Relaxed);
    }
}

async fn answer(mut stream: TcpStream, mode: u8) -> std::io::Result<()> {
    let mut head = [0u8; HEAD_MAX];
    let _ = stream.read(&mut head).await?;
    if mode == Mode::Slow as u8 {
        tokio::time::sleep(SLOW).await;
    }
    let line = if mode == Mode::Failing as u8 { "503 Service Unavailable" } else { "200 OK" };
    let text = format!("HTTP/1.1 {line}\r\ncontent-length: 9\r\nconnection: close\r\n\r\nexercise\n");
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
