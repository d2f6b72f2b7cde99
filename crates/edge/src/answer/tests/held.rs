//! Event streams that are held open. Time is tokio's, paused: waiting costs nothing and is exact.

use super::*;
use tokio::sync::oneshot;

fn wall() -> Time {
    NOW
}

async fn next(body: &mut Body) -> Option<String> {
    let frame =
        tokio::time::timeout(Duration::from_secs(7_200), body.frame()).await.expect("something comes");
    let bytes = frame?.unwrap().into_data().unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn source() -> Asked {
    asked("GET", &[("accept", "text/event-stream")])
}

#[tokio::test(start_paused = true)]
async fn an_event_source_is_held_told_and_let_go_when_the_origin_is_back() {
    let streams = Streams::new(10);
    let known = Arc::new(down());
    let (back, waits) = oneshot::channel();
    let until = async { waits.await.unwrap_or_default() };
    let answer = streams.hold(source(), checkout(Why::AllOut), known.clone(), wall, 1 << 63, until);
    assert_eq!(
        (answer.status(), has(&answer, "content-type").as_deref()),
        (StatusCode::OK, Some("text/event-stream"))
    );
    assert_eq!(streams.open(), 1);
    let mut body = answer.into_body();
    let first = next(&mut body).await.unwrap();
    assert!(
        first.starts_with(": ") && first.contains("\nretry: ") && first.contains("event: stillhere\ndata: {"),
        "{first}"
    );
    tokio::time::timeout(BEAT - Duration::from_millis(1), next(&mut body))
        .await
        .expect_err("not before its time");
    let beat = tokio::time::timeout(Duration::from_millis(2), next(&mut body)).await.expect("in its time");
    assert_eq!(beat.unwrap(), ": still here\n\n");
    known.sighting("shop", Some(&"checkout".into()), Seen::AllOut, before(740));
    let told = next(&mut body).await.unwrap();
    assert!(told.starts_with("event: stillhere\ndata: ") && told.contains("At 10:01"), "{told}");
    back.send(Back { waiting: 1_000, per_second: 20.0 }).unwrap();
    let last = next(&mut body).await.unwrap();
    assert_eq!(last, "retry: 25000\nevent: stillhere\ndata: {\"return_ms\":25000,\"state\":\"back\"}\n\n");
    assert_eq!(next(&mut body).await, None, "ended cleanly");
    assert_eq!(streams.open(), 0);
    assert!(![first, told, last].concat().contains("\nid:"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_is_let_go_after_its_limit_with_a_time_to_come_back() {
    let streams = Streams::new(10);
    let answer =
        streams.hold(source(), checkout(Why::AllOut), Arc::new(down()), wall, 1, std::future::pending());
    let mut body = answer.into_body();
    let (mut pieces, mut last) = (0, String::new());
    while let Some(piece) = next(&mut body).await {
        (pieces, last) = (pieces + 1, piece);
    }
    assert!(last.starts_with("retry: ") && last.contains("\"state\":\"away\""), "{last}");
    assert!((119..=122).contains(&pieces), "{pieces}");
}

#[tokio::test(start_paused = true)]
async fn more_streams_than_the_limit_are_sent_away_politely_and_those_who_left_make_room() {
    let streams = Streams::new(1);
    let hold =
        || streams.hold(source(), checkout(Why::AllOut), Arc::new(down()), wall, 1, std::future::pending());
    let first = hold();
    let second = hold();
    assert_eq!(second.status(), StatusCode::OK);
    let text = body(second).await;
    assert!(text.starts_with("retry: ") && text.contains("event: stillhere"), "{text}");
    drop(first);
    tokio::time::timeout(Duration::from_secs(1), async {
        while streams.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("who left makes room");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_does_not_read_holds_no_more_than_its_pieces() {
    let streams = Streams::new(1);
    let known = Arc::new(down());
    let answer =
        streams.hold(source(), checkout(Why::AllOut), known.clone(), wall, 1, std::future::pending());
    for n in 0..50 {
        let seen = if n % 2 == 0 { Seen::AllOut } else { Seen::Paused };
        known.sighting("shop", Some(&"checkout".into()), seen, before(n));
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let mut body = answer.into_body();
    let mut pieces = 0;
    while next(&mut body).await.is_some() {
        pieces += 1;
    }
    assert!(pieces <= 6, "{pieces}");
}
