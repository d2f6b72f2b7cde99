//! HTTP/2 by hand: frames with whatever is wrong in them, and what comes back.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
/// A request without a body.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

/// An answer comes within this time, or does not come.
const WITHIN: Duration = Duration::from_secs(5);
/// For what must not come: so long is waited for it.
const QUIET: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// How the far side took it.
#[derive(Debug, PartialEq, Eq)]
pub enum Took {
    /// GOAWAY with this code.
    Ended(u32),
    /// RST_STREAM with this code.
    Reset(u32),
    /// The connection ended without a word.
    Closed,
    /// An answer with this status on this stream, whole.
    Answered(u32, u16),
    /// A PING of ours came back, and nothing else had come.
    Nothing,
}

pub struct Wire {
    stream: TcpStream,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Fields as HPACK has them: literal, never indexed, not compressed.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0x10);
        for text in [name, value] {
            assert!(text.len() < 127, "{text}");
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// A GET of `/`, with more fields.
pub fn get(more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "shop.example")];
    block(&[&usual[..], more].concat())
}

/// A POST of `/`, with more fields.
pub fn post(more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "shop.example")];
    block(&[&usual[..], more].concat())
}

impl Wire {
    /// Past the exchange of SETTINGS.
    pub async fn open(at: SocketAddr, settings: &[u8]) -> Wire {
        let mut wire = Wire::raw(at).await;
        wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()).await;
        let mut acked = false;
        let mut theirs = false;
        while !(acked && theirs) {
            let got = wire.next().await.unwrap();
            match (got.kind, got.flags & ACK) {
                (SETTINGS, ACK) => acked = true,
                (SETTINGS, _) => theirs = true,
                _ => {}
            }
        }
        wire.send(&frame(SETTINGS, ACK, 0, &[])).await;
        wire
    }

    pub async fn raw(at: SocketAddr) -> Wire {
        let stream = TcpStream::connect(at).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Wire { stream }
    }

    /// The far side may have closed already: that is seen when reading.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// None: the connection has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        timeout(WITHIN, self.read()).await.expect("a frame in time")
    }

    /// The next frame, if one comes soon.
    pub async fn soon(&mut self) -> Option<Frame> {
        timeout(QUIET, self.read()).await.ok().flatten()
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// What becomes of what was sent. A PING behind it shows that it was taken without a word.
    pub async fn took(&mut self) -> Took {
        self.send(&frame(PING, 0, 0, b"are you?")).await;
        self.outcome(true).await
    }

    /// Waits for an answer.
    pub async fn answers(&mut self) -> Took {
        self.outcome(false).await
    }

    async fn outcome(&mut self, until_ping: bool) -> Took {
        let mut status = None;
        loop {
            let Some(got) = self.next().await else { return Took::Closed };
            match got.kind {
                GOAWAY => {
                    let code = u32::from_be_bytes(got.payload[4..8].try_into().unwrap());
                    if code != 0 {
                        return Took::Ended(code);
                    }
                }
                RST_STREAM => return Took::Reset(u32::from_be_bytes(got.payload[..4].try_into().unwrap())),
                HEADERS => status = Some(status_of(&got.payload)),
                PING if until_ping && got.flags & ACK != 0 && got.payload == b"are you?" => {
                    // What concerns a request may still be on its way.
                    match self.soon().await {
                        Some(Frame { kind: RST_STREAM, payload, .. }) => {
                            return Took::Reset(u32::from_be_bytes(payload[..4].try_into().unwrap()));
                        }
                        Some(Frame { kind: HEADERS, payload, stream, .. }) => {
                            return Took::Answered(stream, status_of(&payload));
                        }
                        _ => return Took::Nothing,
                    }
                }
                _ => {}
            }
            if let (Some(status), true) = (status, got.flags & END_STREAM != 0) {
                return Took::Answered(got.stream, status);
            }
        }
    }
}

/// Ours come first and from the static table, or as a literal beside its name.
fn status_of(block: &[u8]) -> u16 {
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        // A literal with the name of entry 8; three digits, compressed in two bytes or as they are.
        _ if block[1] == 3 => std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap(),
        _ => 999,
    }
}
