//! Plain sockets: untouched while all is well, closed with the reason when it is not.

use super::rig::{Edge, Origin, SOON, Ws, soon};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Version};
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{io::Read as _, time::Duration};
use stillhere_edge::socket::{Notice, SocketSpec};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{CloseFrame, Role},
};

const WRONG_KEY: &str = "wrong key";

async fn close_of<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>) -> Option<CloseFrame> {
    soon(async {
        loop {
            match ws.next().await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>, message: Message) {
    ws.send(message.clone()).await.unwrap();
    assert_eq!(soon(ws.next()).await.unwrap().unwrap(), message);
}

#[tokio::test]
async fn messages_of_every_size_pass_both_ways_and_the_handshake_is_the_origins() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let (mut ws, head) = edge.client(&[("sec-websocket-protocol", "chat, other"), ("cookie", "a=1")]).await;
    assert_eq!(head["sec-websocket-protocol"], "chat");
    assert_eq!(head["x-origin"], "yes");
    assert_eq!(origin.handshakes.lock().unwrap()[0]["cookie"], "a=1");
    for size in [0, 1, 125, 126, 5_000, 16_384, 65_536, 3_000_000] {
        echo(&mut ws, Message::Text("x".repeat(size).into())).await;
        echo(&mut ws, Message::Binary(vec![7; size].into())).await;
    }
    assert_eq!(edge.sockets.open()[0].plain, 1);
    assert_eq!(edge.sockets.open()[0].service.as_deref(), Some("shop"));
    ws.close(Some(CloseFrame { code: 4321.into(), reason: "mine".into() })).await.unwrap();
    assert_eq!(u16::from(close_of(&mut ws).await.unwrap().code), 4321);
    edge.until_open(0).await;
    assert_eq!(*origin.closes.lock().unwrap(), [Some(4321)]);
    assert_eq!(edge.happened(), ["closed_by_client 1", "opened 1"]);
}

#[tokio::test]
async fn when_the_origin_is_killed_the_client_gets_1012_and_the_reason_in_its_language() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let (mut english, _) = edge.client(&[]).await;
    let (mut chinese, _) = edge.client(&[("accept-language", "zh-CN,zh;q=0.9")]).await;
    echo(&mut english, "hello".into()).await;
    origin.kill().await;
    let close = close_of(&mut english).await.unwrap();
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1012, "OriginGone: the service is coming back.")
    );
    let close = close_of(&mut chinese).await.unwrap();
    assert_eq!(u16::from(close.code), 1012);
    assert!(close.reason.contains("服务正在恢复") && close.reason.len() <= 123, "{}", close.reason);
    edge.until_open(0).await;
    assert_eq!(edge.happened(), ["closed_origin_gone 2", "opened 2"]);
}

#[tokio::test]
async fn when_the_notice_says_that_it_takes_longer_it_is_1013() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let (mut ws, _) = edge.client(&[]).await;
    *edge.notice.lock().unwrap() =
        Some(Notice { text: "Down.".into(), state: Some("down".into()), eta: None });
    origin.kill().await;
    assert_eq!(u16::from(close_of(&mut ws).await.unwrap().code), 1013);
    edge.until_open(0).await;
    assert_eq!(edge.happened(), ["closed_origin_away 1", "opened 1"]);
}

/// An origin that answers the handshake by hand, says these bytes, and then dies.
async fn by_hand(extension: &'static str, bytes: Vec<u8>) -> std::net::SocketAddr {
    use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let value = |name: &str| {
            head.lines()
                .find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)))
                .map(|(_, v)| v.to_owned())
        };
        let key = if extension == WRONG_KEY { "another" } else { &value("sec-websocket-key").unwrap() };
        let accept = derive_accept_key(key.as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        );
        if !matches!(extension, "" | WRONG_KEY) {
            assert_eq!(value("sec-websocket-extensions").unwrap(), extension);
            answer.push_str(&format!("Sec-WebSocket-Extensions: {extension}\r\n"));
        }
        answer.push_str("\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        // Everything has been read at the other end before it dies.
        tokio::time::sleep(Duration::from_millis(100)).await;
    });
    address
}

async fn raw_client(edge: &Edge, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
    rest
}

#[tokio::test]
async fn a_node_that_dies_within_a_short_frame_still_ends_in_a_close_and_half_a_frame_is_not_shown() {
    let mut bytes = vec![0x81, 5];
    bytes.extend_from_slice(b"whole");
    bytes.extend_from_slice(&[0x81, 126, 0x10, 0]); // 4,096 bytes, of which only these come
    bytes.extend_from_slice(b"half");
    let node = by_hand("", bytes).await;
    let edge = Edge::start(node, SocketSpec::default()).await;
    let (stream, head) = raw_client(&edge, "").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the answer to the client's own key: {head}");
    let rest = rest(stream).await;
    assert_eq!(&rest[..7], b"\x81\x05whole");
    assert_eq!(rest[7], 0x88);
    assert_eq!(u16::from_be_bytes([rest[9], rest[10]]), 1012);
    assert_eq!(rest.len(), 9 + usize::from(rest[8]));
}

#[tokio::test]
async fn a_long_frame_that_is_cut_off_in_its_middle_ends_in_a_cut_because_nothing_else_would_be_true() {
    let mut bytes = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
    bytes.extend_from_slice(&[7; 20_000]);
    let length = bytes.len();
    let node = by_hand("", bytes).await;
    let edge = Edge::start(node, SocketSpec::default()).await;
    let (stream, _) = raw_client(&edge, "").await;
    assert_eq!(rest(stream).await.len(), length, "what came, and no Close within it");
}

#[tokio::test]
async fn compression_passes_untouched() {
    let extension = "permessage-deflate; client_max_window_bits=15";
    let text = "the same again and again ".repeat(200);
    let mut packed = Vec::new();
    let mut deflate = flate2::read::DeflateEncoder::new(text.as_bytes(), flate2::Compression::best());
    deflate.read_to_end(&mut packed).unwrap();
    assert!(packed.len() < 126);
    let mut bytes = vec![0xC1, u8::try_from(packed.len()).unwrap()];
    bytes.extend_from_slice(&packed);
    let node = by_hand(extension, bytes.clone()).await;
    let edge = Edge::start(node, SocketSpec::default()).await;
    let (stream, head) = raw_client(&edge, &format!("Sec-WebSocket-Extensions: {extension}\r\n")).await;
    assert!(head.to_lowercase().contains(&format!("sec-websocket-extensions: {extension}")), "{head}");
    let rest = rest(stream).await;
    assert_eq!(rest[..bytes.len()], bytes);
    let mut unpacked = String::new();
    flate2::read::DeflateDecoder::new(&rest[2..bytes.len()]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, text);
}

#[tokio::test]
async fn a_node_that_does_not_know_the_key_is_a_bad_gateway() {
    let node = by_hand(WRONG_KEY, Vec::new()).await;
    let edge = Edge::start(node, SocketSpec::default()).await;
    let (_, head) = raw_client(&edge, "").await;
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
}

#[tokio::test]
async fn without_a_node_the_socket_opens_to_say_1013_or_is_answered_503_where_that_is_wanted() {
    let origin = Origin::start().await;
    let address = origin.kill().await;
    let edge = Edge::start(address, SocketSpec::default()).await;
    let (mut ws, head) = edge.client(&[("sec-websocket-protocol", "chat")]).await;
    assert_eq!(head["sec-websocket-protocol"], "chat", "a browser fails a handshake that takes none");
    let close = close_of(&mut ws).await.unwrap();
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1013, "OriginAway: the service is coming back.")
    );

    let edge = Edge::start(address, SocketSpec { tell: false, ..SocketSpec::default() }).await;
    let Err(Error::Http(answer)) = edge.try_client(&[]).await else { panic!("no answer") };
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn a_no_of_the_origin_is_the_clients_answer() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let Err(Error::Http(answer)) = edge.try_client(&[("authorization", "wrong")]).await else {
        panic!("no answer")
    };
    assert_eq!(answer.status(), 403);
    let Err(Error::Http(answer)) = edge.try_client(&[("sec-websocket-version", "12")]).await else {
        panic!("open")
    };
    assert_eq!(answer.status(), 426);
}

/// A socket over HTTP/2 (RFC 8441).
async fn over_two(edge: &Edge) -> Ws<TokioIo<hyper::upgrade::Upgraded>> {
    let stream = TcpStream::connect(edge.address).await.unwrap();
    let (mut sender, conn) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(conn);
    let request = |protocol: bool| {
        let mut request = Request::builder()
            .method(if protocol { Method::CONNECT } else { Method::GET })
            .version(Version::HTTP_2)
            .uri(format!("http://{}/chat", edge.address))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", "chat")
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        if protocol {
            request.extensions_mut().insert(Protocol::from_static("websocket"));
        }
        request
    };
    // The server's settings say that extended CONNECT is spoken; they are there with the first answer.
    let plain = soon(sender.send_request(request(false))).await.unwrap();
    assert_eq!(plain.status(), 200);
    let answer = soon(sender.send_request(request(true))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    for absent in ["sec-websocket-accept", "upgrade", "connection"] {
        assert!(!answer.headers().contains_key(absent), "{absent}");
    }
    let upgraded = soon(hyper::upgrade::on(answer)).await.unwrap();
    Ws::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await
}

#[tokio::test]
async fn over_http2_it_is_the_same_and_the_close_comes_too() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut ws = over_two(&edge).await;
    let handshake = origin.handshakes.lock().unwrap()[0].clone();
    assert_eq!(handshake["host"], edge.address.to_string(), "HTTP/2 has it in the address");
    echo(&mut ws, "hello".into()).await;
    echo(&mut ws, Message::Binary(vec![1; 300_000].into())).await;
    origin.kill().await;
    assert_eq!(u16::from(close_of(&mut ws).await.unwrap().code), 1012);
    edge.until_open(0).await;
}

#[tokio::test]
async fn when_the_edge_drains_everybody_gets_1012_and_what_was_said_before_arrives() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let mut clients = Vec::new();
    for n in 0..20 {
        let (mut ws, _) = edge.client(&[]).await;
        ws.send(Message::Text(format!("{n}").into())).await.unwrap();
        clients.push(ws);
    }
    let mut two = over_two(&edge).await;
    origin.until_heard(20).await;
    edge.until_open(21).await;
    let sockets = edge.sockets.clone();
    let drained = tokio::spawn(async move { sockets.drain(Duration::from_millis(300), SOON).await });
    for ws in clients.iter_mut() {
        let close = close_of(ws).await.unwrap();
        assert_eq!(
            (u16::from(close.code), close.reason.as_str()),
            (1012, "EdgeRestarts: the service is coming back.")
        );
    }
    assert_eq!(u16::from(close_of(&mut two).await.unwrap().code), 1012);
    assert_eq!(soon(drained).await.unwrap(), 0, "nobody had to be cut");
    assert_eq!(edge.open(), 0);
    let closes = origin.closes.lock().unwrap();
    assert!(closes.iter().all(|code| *code == Some(1012)), "the origin hears a proper end: {closes:?}");
}

#[tokio::test]
async fn a_client_within_a_long_frame_is_cut_at_the_deadline_of_the_drain() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let (mut stream, _) = raw_client(&edge, "").await;
    let (mut deaf, _) = edge.client(&[]).await;
    // Neither reads: what is for them fills up within a frame.
    soon(async {
        while origin.connections() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    origin.say(Message::Binary(vec![1; 30 << 20].into()));
    let _ = stream.read_u8().await;
    edge.until_open(2).await;
    let cut = soon(edge.sockets.drain(Duration::ZERO, Duration::from_millis(300))).await;
    assert_eq!(cut, 2, "both were within the long frame");
    edge.until_open(0).await;
    assert_eq!(close_of(&mut deaf).await, None);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_one_that_says_nothing_is_told_so() {
    let second = Duration::from_secs(1);
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec { write_stall: second, ..SocketSpec::default() }).await;
    let (deaf, _) = edge.client(&[]).await;
    soon(async {
        while origin.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    origin.say(Message::Binary(vec![1; 30 << 20].into()));
    edge.until_open(1).await;
    edge.until_open(0).await;
    drop(deaf);

    let edge = Edge::start(origin.address, SocketSpec { idle: second, ..SocketSpec::default() }).await;
    let (mut ws, _) = edge.client(&[]).await;
    let close = close_of(&mut ws).await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1001, "Idle: the service is coming back."));
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_and_the_origin_does_not_see_it() {
    let origin = Origin::start().await;
    let edge = Edge::start(origin.address, SocketSpec::default()).await;
    let (mut stream, _) = raw_client(&edge, "").await;
    stream.write_all(&[0x81, 0x01, b'x']).await.unwrap(); // not masked
    let rest = rest(stream).await;
    assert_eq!(rest[0], 0x88);
    assert_eq!(u16::from_be_bytes([rest[2], rest[3]]), 1002);
    edge.until_open(0).await;
    assert!(origin.heard.lock().unwrap().is_empty());
}
