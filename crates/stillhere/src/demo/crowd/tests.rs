use super::*;

#[test]
fn each_end_counts_once_and_in_its_second() {
    let mut tally = Tally::default();
    let ms = Duration::from_millis;
    tally.add(0, &End::Served, ms(20));
    tally.add(0, &End::Served, ms(1_500));
    tally.add(2, &End::Told, ms(5_000));
    tally.add(2, &End::Kept("k".to_owned()), ms(5_000));
    tally.add(2, &End::Lost, ms(1));
    assert_eq!((tally.served, tally.waited, tally.told, tally.lost), (2, 1, 2, 1));
    assert_eq!(tally.longest, ms(5_000));
    tally.second(3);
    let seen: Vec<_> = tally.seconds().map(|s| (s.served, s.waited, s.told, s.bad)).collect();
    assert_eq!(seen, [(1, 1, 0, 0), (0, 0, 0, 0), (0, 0, 2, 1)]);
}

#[test]
fn after_a_long_silence_only_the_last_seconds_are_there() {
    let mut tally = Tally::default();
    tally.add(0, &End::Served, Duration::ZERO);
    tally.add(1_000_000, &End::Served, Duration::ZERO);
    assert_eq!(tally.seconds().count(), HISTORY - 1);
    assert!(tally.seconds().all(|s| s.served == 0));
}

/// An edge that says every order is done, and does none.
#[tokio::test]
async fn an_order_that_is_said_to_be_done_and_is_not_is_lost() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 2_048];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            });
        }
    });
    let crowd = Crowd::start(addr, Arc::default());
    let deadline = clock::mono() + Duration::from_secs(20);
    while crowd.tally().lost == 0 {
        assert!(clock::mono() < deadline, "{:?}", crowd.tally());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(crowd.tally().doubled, 0);
    crowd.set(false);
    assert!(!crowd.is_on());
}
