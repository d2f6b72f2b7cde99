use super::*;
use proptest::prelude::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn first(bytes: &[u8], limit: usize) -> Event {
    let (mut peer, ours) = tokio::io::duplex(1 << 20);
    let mut conn = Conn::server(Box::new(ours), limit);
    peer.write_all(bytes).await.unwrap();
    drop(peer);
    poll_fn(|cx| conn.poll(cx, true)).await
}

/// A masked frame; the mask is zero.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    out.extend_from_slice(payload);
    out
}

#[test]
fn what_breaks_the_protocol_is_refused_with_the_right_code() {
    runtime().block_on(async {
        for (bytes, wrong) in [
            (vec![0x81, 0x01, b'x'], Violation::Mask),
            (masked(0xC1, b"x"), Violation::Kind),
            (masked(0x83, b"x"), Violation::Kind),
            (masked(0x80, b"x"), Violation::Order),
            ([masked(0x01, b"a"), masked(0x81, b"b")].concat(), Violation::Order),
            (masked(0x81, b"\xFF"), Violation::Text),
            (masked(0x88, b"\x03"), Violation::Close),
            (masked(0x88, &1005u16.to_be_bytes()), Violation::Close),
            (masked(0x82, &[0; 101]), Violation::TooBig),
            ([masked(0x02, &[0; 60]), masked(0x80, &[0; 60])].concat(), Violation::TooBig),
        ] {
            assert_eq!(first(&bytes, 100).await, Event::Wrong(wrong), "{bytes:x?}");
        }
        assert_eq!(Violation::Text.code(), 1007);
        assert_eq!(Violation::TooBig.code(), 1009);
        assert_eq!(first(b"", 100).await, Event::Gone);
        assert_eq!(first(&masked(0x88, b""), 100).await, Event::Close(1005, String::new()));
    });
}

#[test]
fn a_message_in_pieces_with_a_ping_in_between_comes_whole_and_the_ping_is_answered() {
    runtime().block_on(async {
        let (mut peer, ours) = tokio::io::duplex(1 << 16);
        let mut conn = Conn::server(Box::new(ours), 100);
        let bytes = [masked(0x01, "h\u{e9}".as_bytes()), masked(0x89, b"?"), masked(0x80, b"llo")].concat();
        // The letter of two bytes is cut through, too.
        let pieces = [masked(0x01, &[b'h', 0xC3]), masked(0x80, &[0xA9])].concat();
        for byte in bytes.iter().chain(&pieces) {
            peer.write_all(&[*byte]).await.unwrap();
        }
        let mut came = Vec::new();
        while came.len() < 2 {
            match poll_fn(|cx| conn.poll(cx, true)).await {
                Event::Written => {}
                event => came.push(event),
            }
        }
        assert_eq!(came, [Event::Text("h\u{e9}llo".into()), Event::Text("h\u{e9}".into())]);
        let mut pong = [0; 3];
        peer.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, &[0x8A, 1, b'?']);
    });
}

#[test]
fn whoever_pings_and_never_listens_gets_no_memory() {
    runtime().block_on(async {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut conn = Conn::server(Box::new(ours), 100);
        let pings = masked(0x89, &[7; 100]).repeat(20_000);
        let flood = tokio::spawn(async move {
            let _ = peer.write_all(&pings).await;
            peer
        });
        let polled = tokio::time::timeout(Duration::from_millis(300), async {
            loop {
                poll_fn(|cx| conn.poll(cx, true)).await;
            }
        });
        assert!(polled.await.is_err(), "it waits");
        assert!(conn.write.len() < WRITE_HIGH + 200, "{}", conn.write.len());
        assert!(!flood.is_finished(), "so does the other side");
        assert!(conn.blocked_since().is_some());
        flood.abort();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_one_end_says_the_other_end_hears(
        list in proptest::collection::vec((any::<bool>(), proptest::collection::vec(0u8..128, 0..5_000)), 1..20),
        pipe in 1usize..5_000,
    ) {
        runtime().block_on(async {
            let (a, b) = tokio::io::duplex(pipe);
            let mut client = Conn::client(Box::new(a), 1 << 20);
            let mut server = Conn::server(Box::new(b), 1 << 20);
            for (text, bytes) in &list {
                if *text { client.text(&[bytes]) } else { client.binary(bytes) }
            }
            client.close(4000, "done");
            let mut heard = Vec::new();
            loop {
                let event = tokio::select! {
                    event = poll_fn(|cx| server.poll(cx, true)) => event,
                    _ = poll_fn(|cx| client.poll(cx, true)) => continue,
                };
                match event {
                    Event::Text(bytes) => heard.push((true, bytes.to_vec())),
                    Event::Binary(bytes) => heard.push((false, bytes.to_vec())),
                    Event::Close(code, reason) => {
                        assert_eq!((code, reason.as_str()), (4000, "done"));
                        break;
                    }
                    Event::Written => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(heard, list);
        });
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        runtime().block_on(async {
            let _ = first(&bytes, 200).await;
        });
    }
}
