use super::*;
use std::sync::atomic::AtomicU64;
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

const SOON: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Counting {
    wholes: AtomicU64,
}

impl Voice for Counting {
    fn beat(&self) -> String {
        "{\"beat\":1}".into()
    }
    fn whole(&self, lang: Lang) -> String {
        self.wholes.fetch_add(1, Relaxed);
        format!("{{\"whole\":\"{}\"}}", lang.tag())
    }
}

fn at(seq: u64) -> Position {
    Position { epoch: 1, seq, nth: 0 }
}

fn hub(listeners: usize) -> (Hub, Arc<Counting>) {
    let voice = Arc::new(Counting::default());
    (Hub::start(LiveLimits { listeners, shards: 3, writers: 2 }, at(10), voice.clone()), voice)
}

/// A listener on real TCP, from its own side.
struct Page {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Page {
    async fn open(hub: &Hub, lang: Lang, since: Option<Since>) -> Page {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, there) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        hub.join(hub.seat().expect("a seat"), there.unwrap().0, lang, since);
        Page { stream: here.unwrap(), read: Vec::new() }
    }

    /// Reads until `text` has come; gives everything up to there.
    async fn until(&mut self, text: &str) -> String {
        let found = timeout(SOON, async {
            loop {
                if let Some(n) = self.read.windows(text.len()).position(|w| w == text.as_bytes()) {
                    let rest = self.read.split_off(n + text.len());
                    return String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
                }
                let n = self.stream.read_buf(&mut self.read).await.unwrap();
                assert!(n > 0, "closed before {text:?} came: {}", String::from_utf8_lossy(&self.read));
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("{text:?} did not come: {}", String::from_utf8_lossy(&self.read)))
    }

    async fn rest(mut self) -> String {
        timeout(SOON, self.stream.read_to_end(&mut self.read)).await.expect("closed soon").unwrap();
        String::from_utf8(self.read).unwrap()
    }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = timeout(SOON, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn a_listener_gets_the_head_a_beat_and_then_each_change_in_its_language() {
    let (hub, _) = hub(10);
    let mut en = Page::open(&hub, Lang::En, None).await;
    let mut zh = Page::open(&hub, Lang::ZhCn, None).await;
    let opening = en.until("event: beat\ndata: {\"beat\":1}\n\n").await;
    assert!(opening.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream"), "{opening}");
    assert!(opening.contains("\r\n\r\nretry: 3000\n\n"), "{opening}");
    zh.until("event: beat").await;
    hub.change(Lang::En, at(11), "{\"n\":1}");
    hub.change(Lang::ZhCn, at(11), "{\"n\":\"一\"}");
    assert_eq!(en.until("{\"n\":1}\n\n").await, "event: change\nid: 1-11\ndata: {\"n\":1}\n\n");
    let told = zh.until("{\"n\":\"一\"}\n\n").await;
    assert!(!told.contains("{\"n\":1}"), "{told}");
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_and_nothing_else() {
    let (hub, voice) = hub(10);
    for seq in 11..=13 {
        hub.change(Lang::En, at(seq), &format!("{{\"n\":{seq}}}"));
    }
    let seen = |text: &str| Some(Since::parse(text.as_bytes()));
    let opening = Page::open(&hub, Lang::En, seen("1-11")).await.until("event: beat").await;
    assert!(
        !opening.contains("{\"n\":11}") && opening.contains("id: 1-12\n") && opening.contains("id: 1-13\n"),
        "{opening}"
    );
    let opening = Page::open(&hub, Lang::En, seen("1-13")).await.until("event: beat").await;
    assert!(!opening.contains("event: change"), "{opening}");
    for strange in ["0-11", "1-9", "x", "1-2-3-4", "-", "99999999999999999999999-1"] {
        let opening = Page::open(&hub, Lang::En, seen(strange)).await.until("event: beat").await;
        assert!(opening.contains("id: 1-13\ndata: {\"whole\":\"en\"}"), "{strange}: {opening}");
    }
    assert_eq!(voice.wholes.load(Relaxed), 1, "made once, not once per shard or listener");
}

/// Many more shards than may write at a time: each listener still gets every change, once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn shards_take_turns_and_every_listener_hears_everything_in_order() {
    let limits = LiveLimits { listeners: 64, shards: 16, writers: 2 };
    let hub = Hub::start(limits, at(10), Arc::new(Counting::default()));
    let mut pages = Vec::new();
    for _ in 0..40 {
        let mut page = Page::open(&hub, Lang::En, None).await;
        page.until("event: beat").await;
        pages.push(page);
    }
    for seq in 11..=60 {
        hub.change(Lang::En, at(seq), "{}");
    }
    hub.close();
    for page in pages {
        let all = page.rest().await;
        let ids: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
        let expected: Vec<String> = (11..=60).map(|seq| at(seq).to_string()).collect();
        assert_eq!(ids, expected);
    }
    eventually("all seats are free", || hub.counts().listeners.load(Relaxed) == 0).await;
}

#[tokio::test]
async fn seats_are_bounded_and_come_back() {
    let (hub, _) = hub(2);
    let first = Page::open(&hub, Lang::En, None).await;
    let _second = Page::open(&hub, Lang::En, None).await;
    assert!(hub.seat().is_none());
    assert_eq!(hub.counts().refused.load(Relaxed), 1);
    drop(first);
    eventually("a listener that left is noticed", || hub.counts().listeners.load(Relaxed) == 1).await;
    assert!(hub.seat().is_some());
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_dropped_and_the_others_are_not_held_up() {
    let (hub, _) = hub(10);
    let slow = Page::open(&hub, Lang::En, None).await;
    let mut brisk = Page::open(&hub, Lang::En, None).await;
    let big = format!("{{\"html\":\"{}\"}}", "x".repeat(64 * 1024));
    let mut seq = 10;
    // As much as two sockets hold depends on the kernel; enough changes fill any.
    while hub.counts().dropped_slow.load(Relaxed) == 0 {
        seq += 1;
        assert!(seq < 200, "the slow listener was never dropped");
        hub.change(Lang::En, at(seq), &big);
        brisk.until(&format!("id: 1-{seq}\n")).await;
        brisk.until("\n\n").await;
    }
    assert_eq!(hub.counts().dropped_slow.load(Relaxed), 1);
    eventually("one is left", || hub.counts().listeners.load(Relaxed) == 1).await;
    drop(slow);
}

#[tokio::test]
async fn when_the_server_stops_listeners_are_told_to_come_back_and_closed() {
    let (hub, _) = hub(10);
    let mut page = Page::open(&hub, Lang::En, None).await;
    page.until("event: beat").await;
    page.until("\n\n").await;
    hub.close();
    let farewell = page.rest().await;
    assert!(farewell.starts_with("retry: "), "{farewell}");
    eventually("all seats are free", || hub.counts().listeners.load(Relaxed) == 0).await;
}

#[tokio::test]
async fn a_listener_behind_hyper_gets_the_same_frames() {
    let (hub, _) = hub(10);
    let mut frames = hub.join_channel(hub.seat().unwrap(), Lang::En, None);
    let opening = timeout(SOON, frames.recv()).await.unwrap().unwrap();
    assert_eq!(&opening[..], b"retry: 3000\n\n");
    assert!(timeout(SOON, frames.recv()).await.unwrap().unwrap().starts_with(b"event: beat"));
    hub.change(Lang::En, at(11), "{}");
    assert_eq!(
        &timeout(SOON, frames.recv()).await.unwrap().unwrap()[..],
        b"event: change\nid: 1-11\ndata: {}\n\n"
    );
    hub.close();
    while timeout(SOON, frames.recv()).await.expect("ends soon").is_some() {}
}

#[test]
fn positions_are_written_and_read_alike() {
    for p in [at(0), Position { epoch: 2, seq: u64::MAX, nth: 7 }] {
        assert_eq!(Since::parse(p.to_string().as_bytes()), Since(Some(p)));
    }
    for bad in ["", "1", "1-", "-1", "1-2-", "1-+2", "1-2-3-4", "1.2", "１-２"] {
        assert_eq!(Since::parse(bad.as_bytes()), Since(None), "{bad}");
    }
}
