//! RFC 9113 §4 to §6 and §8 with raw frames: what is forbidden ends the stream or the connection with the code that
//! the standard names, and what is allowed is taken. The cases are those of h2spec, which no package registry has; `h2spec.rs`
//! runs it itself where it is.

use super::frames::*;
use crate::rig::{Node, Reply, Running, text};
use http::Method;
use std::{net::SocketAddr, time::Duration};

const PROTOCOL: u32 = 1;
const FLOW_CONTROL: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE: u32 = 6;
const REFUSED: u32 = 7;
const COMPRESSION: u32 = 9;

/// What is to come of it. Where the standard asks for the end of a stream, the end of the connection is allowed
/// (§5.4.2), and closing it without a word too (§5.4.1). The general code PROTOCOL_ERROR is taken for any other: our
/// library says it for most of what it cannot read.
#[derive(Debug)]
enum Want {
    Connection(&'static [u32]),
    Stream(&'static [u32]),
    /// A 400 is as good: the request is not passed on.
    Refused,
    Answer,
    Nothing,
}

impl Want {
    fn fits(&self, took: &Took) -> bool {
        match (self, took) {
            (Want::Connection(codes), Took::Ended(code)) => codes.contains(code) || *code == PROTOCOL,
            (Want::Stream(codes), Took::Ended(code) | Took::Reset(code)) => {
                codes.contains(code) || *code == PROTOCOL
            }
            (Want::Connection(_) | Want::Stream(_) | Want::Refused, Took::Closed) => true,
            (Want::Refused, Took::Ended(PROTOCOL) | Took::Reset(PROTOCOL)) => true,
            (Want::Refused, Took::Answered(_, 400)) => true,
            (Want::Answer, Took::Answered(_, 200)) | (Want::Nothing, Took::Nothing) => true,
            _ => false,
        }
    }
}

type Case = (&'static str, Vec<u8>, Want);

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

fn padded(pad: u8, rest: &[u8]) -> Vec<u8> {
    [&[pad][..], rest].concat()
}

/// §4: frames, their sizes, and field blocks.
fn framing() -> Vec<Case> {
    let whole = frame(HEADERS, WHOLE, 1, &get(&[]));
    let open = frame(HEADERS, END_HEADERS, 1, &post(&[]));
    let half = &get(&[])[..20];
    vec![
        ("4.1 a frame of an unknown kind", frame(0x16, 0, 0, b"what?"), Want::Nothing),
        ("4.1 unknown flags", frame(PING, 0x16, 0, &[0; 8]), Want::Nothing),
        ("4.1 the reserved bit", frame(PING, 0, 0x8000_0000, &[0; 8]), Want::Nothing),
        (
            "4.2 the greatest frame",
            [open.clone(), frame(DATA, END_STREAM, 1, &[b'x'; 16384])].concat(),
            Want::Answer,
        ),
        (
            "4.2 DATA too large",
            [open.clone(), frame(DATA, END_STREAM, 1, &[b'x'; 16385])].concat(),
            Want::Stream(&[FRAME_SIZE]),
        ),
        ("4.2 HEADERS too large", frame(HEADERS, WHOLE, 1, &[0; 16385]), Want::Connection(&[FRAME_SIZE])),
        (
            "4.3 a block that cannot be read",
            frame(HEADERS, WHOLE, 1, &[0xff; 5]),
            Want::Connection(&[COMPRESSION]),
        ),
        (
            "4.3 PRIORITY within a block",
            [frame(HEADERS, END_STREAM, 1, half), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9])].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "4.3 HEADERS of another stream within a block",
            [frame(HEADERS, END_STREAM, 1, half), frame(HEADERS, WHOLE, 3, &get(&[]))].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "5.5 an unknown frame within a block",
            [frame(HEADERS, END_STREAM, 1, half), frame(0x16, 0, 1, b"x")].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        ("5.5 an unknown frame between requests", [frame(0x16, 0, 7, b"x"), whole].concat(), Want::Answer),
    ]
}

/// §5: the life of a stream.
fn streams() -> Vec<Case> {
    let whole = frame(HEADERS, WHOLE, 1, &get(&[]));
    let reset =
        [frame(HEADERS, END_HEADERS, 1, &post(&[])), frame(RST_STREAM, 0, 1, &8u32.to_be_bytes())].concat();
    vec![
        ("5.1 idle: DATA", frame(DATA, END_STREAM, 1, b"x"), Want::Connection(&[PROTOCOL, STREAM_CLOSED])),
        ("5.1 idle: RST_STREAM", frame(RST_STREAM, 0, 1, &8u32.to_be_bytes()), Want::Connection(&[PROTOCOL])),
        (
            "5.1 idle: WINDOW_UPDATE",
            frame(WINDOW_UPDATE, 0, 1, &9u32.to_be_bytes()),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "5.1 idle: CONTINUATION",
            frame(CONTINUATION, END_HEADERS, 1, &get(&[])),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "5.1 half closed: DATA",
            [whole.clone(), frame(DATA, END_STREAM, 1, b"x")].concat(),
            Want::Stream(&[STREAM_CLOSED]),
        ),
        (
            "5.1 half closed: HEADERS",
            [whole.clone(), whole.clone()].concat(),
            Want::Stream(&[STREAM_CLOSED, PROTOCOL]),
        ),
        (
            "5.1 half closed: CONTINUATION",
            [whole.clone(), frame(CONTINUATION, END_HEADERS, 1, &get(&[]))].concat(),
            Want::Connection(&[STREAM_CLOSED, PROTOCOL]),
        ),
        (
            "5.1 reset: DATA",
            [reset.clone(), frame(DATA, END_STREAM, 1, b"x")].concat(),
            Want::Stream(&[STREAM_CLOSED]),
        ),
        (
            "5.1 reset: CONTINUATION",
            [reset, frame(CONTINUATION, END_HEADERS, 1, &get(&[]))].concat(),
            Want::Connection(&[STREAM_CLOSED, PROTOCOL]),
        ),
        ("5.1.1 an even number", frame(HEADERS, WHOLE, 2, &get(&[])), Want::Connection(&[PROTOCOL])),
        (
            "5.1.1 a smaller number",
            [frame(HEADERS, WHOLE, 5, &get(&[])), frame(HEADERS, WHOLE, 3, &get(&[]))].concat(),
            Want::Connection(&[PROTOCOL, STREAM_CLOSED]),
        ),
    ]
}

/// §6.1 to §6.4, §6.6: frames of streams.
fn stream_frames() -> Vec<Case> {
    let open = frame(HEADERS, END_HEADERS, 1, &post(&[]));
    let with_pad = padded(3, &[&get(&[])[..], &[0; 3]].concat());
    vec![
        ("6.1 DATA on stream 0", frame(DATA, 0, 0, b"x"), Want::Connection(&[PROTOCOL])),
        (
            "6.1 DATA with padding",
            [open.clone(), frame(DATA, END_STREAM | PADDED, 1, &padded(2, b"x\0\0"))].concat(),
            Want::Answer,
        ),
        (
            "6.1 DATA with more padding than frame",
            [open.clone(), frame(DATA, END_STREAM | PADDED, 1, &padded(9, b"x"))].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        ("6.2 HEADERS on stream 0", frame(HEADERS, WHOLE, 0, &get(&[])), Want::Connection(&[PROTOCOL])),
        ("6.2 HEADERS with padding", frame(HEADERS, WHOLE | PADDED, 1, &with_pad), Want::Answer),
        (
            "6.2 HEADERS with more padding than frame",
            frame(HEADERS, WHOLE | PADDED, 1, &padded(200, &get(&[]))),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS, then DATA instead of the rest",
            [frame(HEADERS, 0, 1, &post(&[])), frame(DATA, END_STREAM, 1, b"x")].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        ("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 9]), Want::Connection(&[PROTOCOL])),
        (
            "6.3 PRIORITY of another size",
            [open.clone(), frame(PRIORITY, 0, 1, &[0; 4])].concat(),
            Want::Stream(&[FRAME_SIZE]),
        ),
        (
            "6.3 PRIORITY of an idle stream",
            [frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 9]), frame(HEADERS, WHOLE, 3, &get(&[]))].concat(),
            Want::Answer,
        ),
        (
            "6.4 RST_STREAM on stream 0",
            frame(RST_STREAM, 0, 0, &8u32.to_be_bytes()),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "6.4 RST_STREAM of another size",
            [open, frame(RST_STREAM, 0, 1, &[0; 3])].concat(),
            Want::Connection(&[FRAME_SIZE]),
        ),
        (
            "6.6 a client's PUSH_PROMISE",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[&2u32.to_be_bytes()[..], &get(&[])].concat()),
            Want::Connection(&[PROTOCOL]),
        ),
    ]
}

/// §6.5, §6.7 to §6.10: frames of the connection, and CONTINUATION.
fn connection_frames() -> Vec<Case> {
    let most = 0x7fff_ffffu32.to_be_bytes();
    let open = frame(HEADERS, END_HEADERS, 1, &post(&[]));
    let (first, rest) = get(&[]).split_at(20).clone_parts();
    let (middle, last) = rest.split_at(20).clone_parts();
    vec![
        (
            "6.5 an acknowledgement that says something",
            frame(SETTINGS, ACK, 0, &setting(3, 9)),
            Want::Connection(&[FRAME_SIZE]),
        ),
        ("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1, &setting(3, 9)), Want::Connection(&[PROTOCOL])),
        (
            "6.5 SETTINGS of a broken size",
            frame(SETTINGS, 0, 0, &setting(3, 9)[..5]),
            Want::Connection(&[FRAME_SIZE]),
        ),
        ("6.5.2 ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, &setting(2, 2)), Want::Connection(&[PROTOCOL])),
        (
            "6.5.2 a window too large",
            frame(SETTINGS, 0, 0, &setting(4, 0x8000_0000)),
            Want::Connection(&[FLOW_CONTROL]),
        ),
        ("6.5.2 frames too small", frame(SETTINGS, 0, 0, &setting(5, 16383)), Want::Connection(&[PROTOCOL])),
        (
            "6.5.2 frames too large",
            frame(SETTINGS, 0, 0, &setting(5, 0x0100_0000)),
            Want::Connection(&[PROTOCOL]),
        ),
        ("6.5.2 an unknown setting", frame(SETTINGS, 0, 0, &setting(0xff, 1)), Want::Nothing),
        ("6.7 an acknowledged PING is not answered", frame(PING, ACK, 0, &[7; 8]), Want::Nothing),
        ("6.7 PING on a stream", frame(PING, 0, 1, &[0; 8]), Want::Connection(&[PROTOCOL])),
        ("6.7 PING of another size", frame(PING, 0, 0, &[0; 6]), Want::Connection(&[FRAME_SIZE])),
        ("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), Want::Connection(&[PROTOCOL])),
        (
            "6.9 an update of 0 for the connection",
            frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "6.9 an update of 0 for a stream",
            [open.clone(), frame(WINDOW_UPDATE, 0, 1, &[0; 4])].concat(),
            Want::Stream(&[PROTOCOL]),
        ),
        (
            "6.9 an update of another size",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            Want::Connection(&[FRAME_SIZE]),
        ),
        (
            "6.9.1 the connection's window over its top",
            [frame(WINDOW_UPDATE, 0, 0, &most), frame(WINDOW_UPDATE, 0, 0, &most)].concat(),
            Want::Connection(&[FLOW_CONTROL]),
        ),
        (
            "6.9.1 a stream's window over its top",
            [open.clone(), frame(WINDOW_UPDATE, 0, 1, &most), frame(WINDOW_UPDATE, 0, 1, &most)].concat(),
            Want::Stream(&[FLOW_CONTROL]),
        ),
        (
            "6.10 a block in three parts",
            [
                frame(HEADERS, END_STREAM, 1, &first),
                frame(CONTINUATION, 0, 1, &middle),
                frame(CONTINUATION, END_HEADERS, 1, &last),
            ]
            .concat(),
            Want::Answer,
        ),
        (
            "6.10 CONTINUATION on stream 0",
            [frame(HEADERS, END_STREAM, 1, &first), frame(CONTINUATION, END_HEADERS, 0, &rest)].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after the end",
            [open.clone(), frame(CONTINUATION, END_HEADERS, 1, &get(&[]))].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after DATA",
            [open, frame(DATA, 0, 1, b"x"), frame(CONTINUATION, END_HEADERS, 1, &get(&[]))].concat(),
            Want::Connection(&[PROTOCOL]),
        ),
        (
            "10.5 CONTINUATION without an end",
            [
                vec![frame(HEADERS, END_STREAM, 1, &first)],
                vec![frame(CONTINUATION, 0, 1, &block(&[("x", &"y".repeat(100))]).repeat(100)); 60],
            ]
            .concat()
            .concat(),
            Want::Connection(&[PROTOCOL, 11]),
        ),
    ]
}

trait CloneParts {
    fn clone_parts(self) -> (Vec<u8>, Vec<u8>);
}

impl CloneParts for (&[u8], &[u8]) {
    fn clone_parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.0.to_vec(), self.1.to_vec())
    }
}

/// §8: what a request is.
fn requests() -> Vec<Case> {
    let headers = |fields: &[(&str, &str)]| frame(HEADERS, WHOLE, 1, &block(fields));
    let (m, s, p, a) =
        ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "shop.example"));
    let body = |length: &str, pieces: &[&[u8]]| {
        let mut all = frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", length)]));
        for (n, piece) in pieces.iter().enumerate() {
            all.extend(frame(DATA, u8::from(n + 1 == pieces.len()) * END_STREAM, 1, piece));
        }
        all
    };
    let open = frame(HEADERS, END_HEADERS, 1, &post(&[]));
    let trailers = |flags: u8, fields: &[(&str, &str)]| {
        [open.clone(), frame(HEADERS, flags, 1, &block(fields))].concat()
    };
    vec![
        ("8.1 a request", headers(&[m, s, p, a]), Want::Answer),
        ("8.1 trailers", trailers(WHOLE, &[("x-sum", "1")]), Want::Answer),
        ("8.1 trailers that do not end it", trailers(END_HEADERS, &[("x-sum", "1")]), Want::Refused),
        (
            "8.1 trailers with a pseudo-header, which is left out",
            trailers(WHOLE, &[(":method", "GET")]),
            Want::Answer,
        ),
        ("8.1.1 too little body", body("4", &[b"x"]), Want::Refused),
        ("8.1.1 too little body in pieces", body("4", &[b"x", b"y"]), Want::Refused),
        ("8.1.1 too much body", body("1", &[b"xy"]), Want::Refused),
        ("8.1.1 a body where its length says none", body("0", &[b"x"]), Want::Refused),
        ("8.2.1 a name in upper case", headers(&[m, s, p, a, ("X-Test", "1")]), Want::Refused),
        ("8.2.1 a name with a space", headers(&[m, s, p, a, ("x test", "1")]), Want::Refused),
        (
            "8.2.1 a value with a line end",
            headers(&[m, s, p, a, ("x-test", "1\r\nx-other: 2")]),
            Want::Refused,
        ),
        ("8.2.2 connection", headers(&[m, s, p, a, ("connection", "keep-alive")]), Want::Refused),
        ("8.2.2 transfer-encoding", headers(&[m, s, p, a, ("transfer-encoding", "chunked")]), Want::Refused),
        ("8.2.2 te other than trailers", headers(&[m, s, p, a, ("te", "gzip")]), Want::Refused),
        ("8.2.2 te: trailers", headers(&[m, s, p, a, ("te", "trailers")]), Want::Answer),
        ("8.3 an unknown pseudo-header", headers(&[m, s, p, a, (":test", "1")]), Want::Refused),
        ("8.3 a pseudo-header of answers", headers(&[m, s, p, a, (":status", "200")]), Want::Refused),
        ("8.3 a pseudo-header after the others", headers(&[m, s, p, ("x-test", "1"), a]), Want::Refused),
        ("8.3.1 no method", headers(&[s, p, a]), Want::Refused),
        ("8.3.1 no scheme", headers(&[m, p, a]), Want::Refused),
        ("8.3.1 no path", headers(&[m, s, a]), Want::Refused),
        ("8.3.1 an empty path", headers(&[m, s, (":path", ""), a]), Want::Refused),
        ("8.3.1 two methods", headers(&[m, m, s, p, a]), Want::Refused),
        ("8.3.1 two schemes", headers(&[m, s, s, p, a]), Want::Refused),
        ("8.3.1 two paths", headers(&[m, s, p, p, a]), Want::Refused),
    ]
}

async fn run(at: SocketAddr, (name, bytes, want): &Case) -> Result<(), String> {
    let mut wire = Wire::open(at, &[]).await;
    wire.send(bytes).await;
    let took = match want {
        Want::Answer => wire.answers().await,
        _ => wire.took().await,
    };
    if want.fits(&took) { Ok(()) } else { Err(format!("{name}: {took:?}, not {want:?}")) }
}

async fn shop() -> (Node, Running) {
    let node = Node::with(|seen| match (&seen.method, seen.uri.path()) {
        // Long enough that what comes behind a request meets it.
        (&Method::GET, _) => Reply::After(Duration::from_millis(30), text("ok")),
        _ => Reply::text("ok"),
    })
    .await;
    let edge = Running::before(&[&node]);
    (node, edge)
}

async fn all(cases: Vec<Case>) {
    let (_node, edge) = shop().await;
    let mut failed = Vec::new();
    for case in &cases {
        if let Err(how) = run(edge.addr, case).await {
            failed.push(how);
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
    // None of it has done any harm.
    run(edge.addr, &("afterwards", frame(HEADERS, WHOLE, 1, &get(&[])), Want::Answer)).await.unwrap();
}

#[tokio::test]
async fn frames_are_taken_or_refused_as_rfc_9113_section_4_says() {
    all(framing()).await;
}

#[tokio::test]
async fn streams_live_as_rfc_9113_section_5_says() {
    all(streams()).await;
}

#[tokio::test]
async fn frames_of_streams_are_as_rfc_9113_section_6_says() {
    all(stream_frames()).await;
}

#[tokio::test]
async fn frames_of_the_connection_are_as_rfc_9113_section_6_says() {
    all(connection_frames()).await;
}

#[tokio::test]
async fn requests_are_as_rfc_9113_section_8_says() {
    all(requests()).await;
}

/// The one case of §8 that ends otherwise than the standard asks: the library leaves such a field out instead of
/// refusing the request. What matters is that nobody behind us sees it.
#[tokio::test]
async fn a_pseudo_header_among_trailers_reaches_nobody() {
    let (node, edge) = shop().await;
    let mut wire = Wire::open(edge.addr, &[]).await;
    wire.send(&frame(HEADERS, END_HEADERS, 1, &post(&[("te", "trailers")]))).await;
    wire.send(&frame(HEADERS, WHOLE, 1, &block(&[(":path", "/admin"), ("x-sum", "1")]))).await;
    assert_eq!(wire.answers().await, Took::Answered(1, 200));
    let seen = node.last();
    assert_eq!(seen.uri.path(), "/");
    assert!(seen.trailers.is_none_or(|t| t.len() == 1 && t.contains_key("x-sum")));
}

#[tokio::test]
async fn settings_and_pings_are_acknowledged() {
    let (_node, edge) = shop().await;
    // To have come this far is to have had one's SETTINGS acknowledged.
    let mut wire = Wire::open(edge.addr, &setting(3, 100)).await;
    wire.send(&frame(PING, 0, 0, b"12345678")).await;
    loop {
        let got = wire.next().await.unwrap();
        if got.kind == PING {
            assert_eq!((got.flags, got.payload.as_slice()), (ACK, &b"12345678"[..]));
            break;
        }
    }
}

#[tokio::test]
async fn no_more_is_sent_than_the_client_has_room_for() {
    let node = Node::with(|_| Reply::text("0123456789")).await;
    let edge = Running::before(&[&node]);
    // One byte of room for each stream (§6.9.2).
    let mut wire = Wire::open(edge.addr, &setting(4, 1)).await;
    wire.send(&frame(HEADERS, WHOLE, 1, &get(&[]))).await;
    let data = async |wire: &mut Wire| loop {
        let got = wire.next().await.unwrap();
        if got.kind == DATA && !got.payload.is_empty() {
            return got.payload;
        }
    };
    assert_eq!(data(&mut wire).await, b"0");
    assert_eq!(wire.soon().await, None, "there is no room");
    wire.send(&frame(WINDOW_UPDATE, 0, 1, &3u32.to_be_bytes())).await;
    assert_eq!(data(&mut wire).await, b"123");
    // A greater window for all streams is one for those that are open, too.
    wire.send(&frame(SETTINGS, 0, 0, &setting(4, 100))).await;
    assert_eq!(data(&mut wire).await, b"456789");
}

#[tokio::test]
async fn more_streams_than_are_allowed_are_refused_and_the_others_answered() {
    let node = Node::with(|_| Reply::After(Duration::from_millis(500), text("ok"))).await;
    let edge = Running::before(&[&node]);
    let mut wire = Wire::open(edge.addr, &[]).await;
    let streams = 300u32;
    for n in 0..streams {
        wire.send(&frame(HEADERS, WHOLE, 2 * n + 1, &get(&[]))).await;
    }
    let (mut answered, mut refused) = (0, 0);
    while answered + refused < streams {
        let got = wire.next().await.expect("the connection stays");
        match got.kind {
            RST_STREAM => {
                assert!(
                    [PROTOCOL, REFUSED].contains(&u32::from_be_bytes(got.payload[..4].try_into().unwrap()))
                );
                refused += 1;
            }
            _ if [DATA, HEADERS].contains(&got.kind) && got.flags & END_STREAM != 0 => answered += 1,
            GOAWAY => panic!("{got:?}"),
            _ => {}
        }
    }
    assert!(answered >= 100 && refused >= 50, "{answered} answered, {refused} refused");
}

#[tokio::test]
async fn a_preface_that_is_none_is_not_answered_as_http_2() {
    let (_node, edge) = shop().await;
    let mut wire = Wire::raw(edge.addr).await;
    wire.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
    // On a port that takes both versions this is HTTP/1, and not a request of it.
    let mut said = Vec::new();
    while let Some(got) = wire.soon().await {
        said.push(got.kind);
    }
    assert!(!said.contains(&SETTINGS), "{said:?}");
}
