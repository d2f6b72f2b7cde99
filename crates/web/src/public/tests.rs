use super::*;
use crate::live::LiveLimits;
use stillhere_model::{ServiceId, Text, Time, Verdict};
use stillhere_tell::{Contact, ServiceView, Site};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn snapshot(seq: u64, status: Status, fresh_for: Duration) -> Arc<Snapshot> {
    let now = clock::wall();
    let id = ServiceId::new("shop");
    let service = ServiceView {
        id: id.clone(),
        name: Text::from("Shop"),
        description: None,
        group: None,
        verdict: Verdict {
            service: id,
            status,
            since: now,
            reason: Reason::AllUp,
            checks: Vec::new(),
            unstable: false,
            maintenance: None,
        },
        days: Vec::new().into(),
        uptime: None,
        latency: Vec::new(),
        depends_on: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    Arc::new(Snapshot {
        epoch: 1,
        seq,
        made_at: now,
        fresh_until: now.plus(fresh_for),
        last_look: Some(now),
        site: Site {
            name: Text::from("Lantern"),
            url: "http://127.0.0.1".into(),
            time_zone: "UTC".into(),
            languages: Lang::ALL.to_vec(),
            contact: Contact::default(),
            accent: None,
            logo: None,
            subscribe: stillhere_tell::Offer::default(),
        },
        services: vec![Arc::new(service)],
        incidents: Vec::new(),
        history: Vec::new(),
        maintenances: Vec::new(),
        own: Vec::new(),
        eta_record: stillhere_model::EtaRecord::default(),
        recorded: 0,
    })
}

struct Following {
    public: Arc<Public>,
    shelves: Arc<Shelves>,
    hub: Hub,
    news: watch::Sender<Arc<Snapshot>>,
    _stop: watch::Sender<bool>,
}

fn following(first: Arc<Snapshot>) -> Following {
    let (news, snapshots) = watch::channel(first);
    let public = Arc::new(Public::new(snapshots, || Arc::from("{\"signed\":1}")));
    let shelves = Arc::new(Shelves::new(public.shelf()));
    let hub =
        Hub::start(LiveLimits { listeners: 10, shards: 1, writers: 1 }, public.position(), public.clone());
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(public.clone().follow(Some((shelves.clone(), hub.clone())), stopping));
    Following { public, shelves, hub, news, _stop: stop }
}

impl Following {
    fn body(&self, route: Route) -> String {
        let shelf = self.shelves.now();
        String::from_utf8(shelf.get(route, Lang::En, false).body.to_vec()).unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Following) -> bool) {
        let waited = timeout(SOON, async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited for: {what}"));
    }
}

async fn next(frames: &mut tokio::sync::mpsc::Receiver<bytes::Bytes>, event: &str) -> String {
    loop {
        let frame = timeout(SOON, frames.recv()).await.expect("a frame comes").expect("the stream goes on");
        if frame.starts_with(format!("event: {event}\n").as_bytes()) {
            return String::from_utf8(frame.to_vec()).unwrap();
        }
    }
}

/// Nothing tells us that the scheduler froze; no news does.
#[tokio::test]
async fn case_c_when_no_fresh_news_comes_page_api_and_open_pages_say_so() {
    let f = following(snapshot(1, Status::Operational, Duration::from_millis(300)));
    let mut open_page = f.hub.join_channel(f.hub.seat().unwrap(), Lang::En, None);
    next(&mut open_page, "beat").await;
    assert!(f.body(Route::V2Components).contains("\"status\":\"operational\""));
    let fresh_page = f.body(Route::Status);
    f.until("the page is stale", |f| f.body(Route::Status) != fresh_page).await;
    assert!(f.public.shown().stale);
    assert!(
        !f.body(Route::V2Components).contains("\"status\":\"operational\""),
        "{}",
        f.body(Route::V2Components)
    );
    assert!(!f.body(Route::V2Status).contains("\"indicator\":\"none\""), "{}", f.body(Route::V2Status));
    let told = next(&mut open_page, "change").await;
    assert!(told.contains("id: 1-1-1\n"), "{told}");
    let beat = next(&mut open_page, "beat").await;
    for event in [&told, &beat] {
        let data = event.lines().find_map(|l| l.strip_prefix("data: ")).unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        // The page's own rule: it is old when the event was sent after its news were over.
        assert!(data["now"].as_i64() > data["fresh"].as_i64(), "{event}");
    }
    // And back again, with the first news.
    f.news.send_replace(snapshot(2, Status::Operational, Duration::from_secs(60)));
    f.until("fresh again", |f| f.body(Route::V2Components).contains("\"status\":\"operational\"")).await;
    assert!(!f.public.shown().stale);
    assert!(next(&mut open_page, "change").await.contains("id: 1-2\n"));
}

#[tokio::test]
async fn a_change_goes_to_open_pages_and_to_the_shelf() {
    let long = Duration::from_secs(60);
    let f = following(snapshot(1, Status::Operational, long));
    let mut open_page = f.hub.join_channel(f.hub.seat().unwrap(), Lang::En, None);
    next(&mut open_page, "beat").await;
    f.body(Route::Status);
    f.news.send_replace(snapshot(2, Status::MajorOutage, long));
    let told = next(&mut open_page, "change").await;
    assert!(told.contains("id: 1-2\n") && told.contains("\"s-shop\""), "{told}");
    f.until("the shelf follows", |f| f.body(Route::V2Components).contains("major_outage")).await;
    // Who has the page of before gets the same change; who has this one gets nothing.
    let seen = crate::live::Since::parse(b"1-1");
    let mut before = f.hub.join_channel(f.hub.seat().unwrap(), Lang::En, Some(seen));
    let opening = timeout(SOON, before.recv()).await.unwrap().unwrap();
    assert!(std::str::from_utf8(&opening).unwrap().contains("id: 1-2\n"));
}

#[tokio::test]
async fn the_same_facts_seen_later_tell_open_pages_nothing() {
    let long = Duration::from_secs(60);
    let f = following(snapshot(1, Status::Operational, long));
    let mut open_page = f.hub.join_channel(f.hub.seat().unwrap(), Lang::En, None);
    next(&mut open_page, "beat").await;
    let mut later = snapshot(1, Status::Operational, long).as_ref().clone();
    later.services.clone_from(&f.public.shown().snapshot.services);
    later.made_at = Time(later.made_at.0 + 1);
    f.news.send_replace(Arc::new(later));
    f.news.send_replace(snapshot(2, Status::PartialOutage, long));
    assert!(next(&mut open_page, "change").await.contains("id: 1-2\n"), "the first change is the real one");
}
