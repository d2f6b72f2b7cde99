//! Switches of protocol and slow peers, over real sockets.

use super::{force::*, *};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const ASK: &str = "HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn what_follows_a_switch_goes_to_the_new_protocol_even_if_it_came_too_early() {
    let (at, seen, _) = server(Limits::default()).await;
    for pieces in [
        vec![format!("GET /switch {ASK}\0\r\n\r\n")],
        vec![format!("GET /switch {ASK}"), "\0\r\n\r\n".into()],
    ] {
        let pieces: Vec<&[u8]> = pieces.iter().map(String::as_bytes).collect();
        let all = talk(at, &pieces).await;
        assert!(all.ends_with("\r\n\r\n\0\r\n\r\n"), "{all:?}");
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_follows_a_declined_switch_is_the_next_request() {
    let (at, seen, _) = server(Limits::default()).await;
    let all = talk(at, &[format!("GET /no {ASK}{SMUGGLED}").as_bytes()]).await;
    assert_eq!(statuses(&all), [200, 200], "{all}");
    assert_eq!(seen.lock().unwrap().len(), 2);
    let all = talk(at, &[format!("GET /no {ASK}GET / HTTP/1.1\r\n\r\n").as_bytes()]).await;
    assert_eq!(statuses(&all), [200, 400], "{all}");
}

#[tokio::test]
async fn nothing_follows_an_undecided_switch() {
    let (at, seen, controls) = server(Limits::default()).await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(format!("GET /undecided {ASK}{SMUGGLED}").as_bytes()).await.unwrap();
    let mut first = [0; 2048];
    let n = socket.read(&mut first).await.unwrap();
    assert_eq!(statuses(&String::from_utf8_lossy(&first[..n])), [200]);
    // It was read to the end of the first request, and nothing else came for a while that a request needs.
    let more = tokio::time::timeout(Duration::from_millis(100), socket.read(&mut first)).await;
    assert!(more.is_err(), "something came");
    assert_eq!(seen.lock().unwrap().len(), 1);
    let control = controls.lock().unwrap()[0].clone();
    control.declined();
    let mut rest = String::new();
    tokio::time::timeout(DEADLINE, socket.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!(statuses(&rest), [200]);
}

#[tokio::test]
async fn a_client_that_leaves_while_undecided_is_noticed() {
    let (at, _, controls) = server(Limits::default()).await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(format!("GET /undecided {ASK}").as_bytes()).await.unwrap();
    let mut first = [0; 2048];
    assert!(socket.read(&mut first).await.unwrap() > 0);
    socket.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, socket.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(controls.lock().unwrap()[0].violation(), None);
}

fn hasty() -> Limits {
    Limits {
        head_within: Some(Duration::from_millis(200)),
        body_pace: Some(Pace { window: Duration::from_millis(200), bytes: 1000 }),
        write_pace: Some(Pace { window: Duration::from_millis(200), bytes: 1000 }),
        ..Limits::default()
    }
}

/// Writes a byte every 20 ms until the server closes; gives back what it said.
async fn trickle(at: std::net::SocketAddr, begin: &str) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(begin.as_bytes()).await.unwrap();
    let (mut read, mut write) = socket.into_split();
    let writing = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            if write.write_all(b"a").await.is_err() {
                return;
            }
        }
    });
    let mut all = Vec::new();
    // A byte that comes too late makes the kernel reset the connection: closed as well.
    let _ended = tokio::time::timeout(DEADLINE, read.read_to_end(&mut all)).await.expect("it is closed");
    writing.abort();
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn a_head_that_trickles_is_closed_at_its_deadline_with_408() {
    let (at, seen, controls) = server(hasty()).await;
    let all = trickle(at, "GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    assert_eq!(statuses(&all), [408], "{all}");
    assert_eq!(controls.lock().unwrap()[0].violation(), Some(Violation::TooSlow));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_trickles_is_ended_at_its_deadline_and_is_not_whole() {
    let (at, seen, _) = server(hasty()).await;
    let _said = trickle(at, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n").await;
    assert_eq!(*seen.lock().unwrap(), [("/".to_owned(), None)]);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_one_that_reads_slowly_enough_is_not() {
    for reads in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(at).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let (mut gated, _) = Gated::new(socket, Bytes::new(), hasty());
        let reading = tokio::spawn(async move {
            let mut taken = 0;
            if !reads {
                std::future::pending::<()>().await;
            }
            let mut buf = vec![0; 1 << 20];
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            loop {
                tick.tick().await;
                match client.read(&mut buf).await.unwrap() {
                    0 => return taken,
                    n => taken += n,
                }
            }
        });
        let much = vec![b'x'; 16 << 20];
        let written = tokio::time::timeout(DEADLINE, gated.write_all(&much)).await.expect("it ends");
        if reads {
            written.unwrap();
            drop(gated);
            assert_eq!(reading.await.unwrap(), much.len());
        } else {
            assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            reading.abort();
        }
    }
}

#[tokio::test]
async fn sniffing_ends_at_its_deadline_and_tells_the_protocols_apart() {
    let (mut here, mut there) = tokio::io::duplex(64);
    let error = sniff(&mut there, Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    here.write_all(b"PRI * H").await.unwrap();
    let (sniffed, ()) = tokio::join!(sniff(&mut there, DEADLINE), async {
        here.write_all(&PREFACE[7..]).await.unwrap();
    });
    assert_eq!(sniffed.unwrap(), (Bytes::from_static(PREFACE), Kind::H2));
    here.write_all(b"PRI x").await.unwrap();
    assert_eq!(sniff(&mut there, DEADLINE).await.unwrap(), (Bytes::from_static(b"PRI x"), Kind::H1));
    drop(here);
    assert_eq!(sniff(&mut there, DEADLINE).await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}
