//! One question, one answer, over UDP or TCP, from a server that is not trusted.

use super::answer::Failure;
use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, Name, RecordType},
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use stillhere_net::{Fault, Phase, clock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

/// More than was offered to the server; what is longer is cut by the system and cannot be parsed.
const MAX_DATAGRAM: usize = 4_096;
/// Datagrams looked at for one question: a flood must not keep us busy until the deadline.
const MAX_DATAGRAMS: usize = 64;

/// What an answer to our question looks like.
pub(super) struct Expect<'a> {
    pub id: u16,
    pub name: &'a Name,
    pub record: RecordType,
}

/// `None`: the answer does not fit; ask over TCP.
pub(super) async fn udp(
    server: SocketAddr,
    question: &[u8],
    expect: &Expect<'_>,
    wait: Duration,
) -> Result<Option<Message>, Failure> {
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(|e| ours(&e))?;
    // Connected: the system drops what comes from elsewhere, and tells us when nobody listens.
    socket.connect(server).await.map_err(|e| ours(&e))?;
    socket.send(question).await.map_err(|e| before(&e))?;
    let deadline = clock::mono() + wait;
    let mut seen = Failure::Silence;
    let mut buffer = [0u8; MAX_DATAGRAM];
    for _ in 0..MAX_DATAGRAMS {
        let length = match tokio::time::timeout_at(deadline.into(), socket.recv(&mut buffer)).await {
            Err(_) => return Err(seen),
            Ok(Err(e)) => return Err(after(&e)),
            Ok(Ok(length)) => length,
        };
        match read(&buffer[..length], expect) {
            Ok(message) if message.metadata.truncation => return Ok(None),
            Ok(message) => return Ok(Some(message)),
            // Perhaps not from the server at all: go on waiting for the real one.
            Err(what) => seen = Failure::Garbage(what),
        }
    }
    Err(seen)
}

pub(super) async fn tcp(
    server: SocketAddr,
    question: &[u8],
    expect: &Expect<'_>,
    wait: Duration,
) -> Result<Message, Failure> {
    let talk = async {
        let mut stream = TcpStream::connect(server).await.map_err(|e| after(&e))?;
        let length = u16::try_from(question.len()).expect("a question has one name of at most 255 bytes");
        let mut sent = length.to_be_bytes().to_vec();
        sent.extend_from_slice(question);
        stream.write_all(&sent).await.map_err(|e| after(&e))?;
        let mut length = [0u8; 2];
        stream.read_exact(&mut length).await.map_err(|e| after(&e))?;
        // At most 64 KiB, by the format itself.
        let mut answer = vec![0u8; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).await.map_err(|e| after(&e))?;
        read(&answer, expect).map_err(Failure::Garbage)
    };
    tokio::time::timeout(wait, talk).await.unwrap_or(Err(Failure::Silence))
}

/// The message, when it is an answer to our question; else what is wrong with it. Never panics, whatever `bytes` are.
pub(super) fn read(bytes: &[u8], expect: &Expect<'_>) -> Result<Message, &'static str> {
    let Some([a, b]) = bytes.first_chunk::<2>() else { return Err("the answer is too short") };
    if u16::from_be_bytes([*a, *b]) != expect.id {
        return Err("the answer has another number");
    }
    let message = match Message::from_vec(bytes) {
        Ok(message) => message,
        // A truncated answer may end in the middle of a record. Its head is enough to ask again over TCP.
        Err(_) if bytes.len() >= 12 && bytes[2] & 0x82 == 0x82 => {
            let mut head = Message::new(expect.id, MessageType::Response, OpCode::Query);
            head.metadata.truncation = true;
            return Ok(head);
        }
        Err(_) => return Err("the answer cannot be read"),
    };
    if message.metadata.message_type != MessageType::Response {
        return Err("what came is not an answer");
    }
    let same = |name: &Name| name.to_lowercase() == expect.name.to_lowercase();
    match message.queries.as_slice() {
        [q] if same(q.name()) && q.query_type() == expect.record && q.query_class() == DNSClass::IN => {
            Ok(message)
        }
        // Some servers leave the question out when they refuse it.
        [] if message.metadata.response_code != ResponseCode::NoError => Ok(message),
        _ => Err("the answer is to another question"),
    }
}

fn ours(e: &io::Error) -> Failure {
    Fault::immediate(e).map_or_else(|| after(e), |f| Failure::Ours(Box::new(f)))
}

/// Sending failed: nothing left this machine, except when an earlier datagram was refused.
fn before(e: &io::Error) -> Failure {
    ours(e)
}

fn after(e: &io::Error) -> Failure {
    use io::ErrorKind as K;
    match e.kind() {
        K::ConnectionRefused | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Failure::Closed,
        K::UnexpectedEof => Failure::Garbage("the connection was closed before the answer"),
        K::HostUnreachable | K::NetworkUnreachable => Failure::Unreachable,
        K::TimedOut => Failure::Silence,
        _ => Failure::Ours(Box::new(Fault::io(Phase::Dns, e))),
    }
}
