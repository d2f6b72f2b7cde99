use super::*;
use stillhere_config::Config;
use stillhere_model::{
    Audience, DeliveryId, Entry, IncidentId, Mint, Occasion, OutboxMessage, Payload, Time, UpdateId,
};
use stillhere_store::Write;

const SOON: Duration = Duration::from_secs(20);

fn channel(name: &str, url: &str) -> (ChannelConfig, Arc<Channel>) {
    let file = format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n");
    let config = Config::parse("test", &file).unwrap_or_else(|report| panic!("{report}"));
    let config = config.channels[0].clone();
    let built = Channel::new(&config.name, &config.spec).expect("a channel");
    (config, Arc::new(built))
}

fn message(channel: &str, n: u64, now: Time) -> OutboxMessage {
    let mut mint = Mint::new(n);
    OutboxMessage {
        id: DeliveryId(mint.uuid(now)),
        channel: channel.to_owned(),
        audience: Audience::Staff,
        occasion: Occasion::IncidentOpened {
            incident: IncidentId(mint.uuid(now)),
            update: UpdateId(mint.uuid(now)),
        },
        created_at: now,
        not_before: now,
        payload: Payload::Webhook { body: "{}".to_owned() },
        personal: None,
    }
}

async fn dead(store: &Store, channel: &str) -> u64 {
    let queues = store.outbox_stats().await.expect("the outbox");
    queues.iter().filter(|q| q.channel == channel && q.queued == 0).map(|q| q.dead).sum()
}

async fn reasons(store: &Store) -> Vec<String> {
    let rows = store.journal(0, 1_000).await.expect("the journal");
    rows.into_iter()
        .filter_map(|row| match row.entry {
            Entry::DeadLettered { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn what_waits_for_a_channel_that_left_the_file_becomes_dead_letters_at_the_reload() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::start();
    let now = clock.now().wall;
    let store = Store::open(dir.path(), now).await.expect("a store");
    // A port where nobody listens: the message goes on waiting.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("it").port();
    let gone = channel("ops", &format!("http://127.0.0.1:{port}/"));
    let stays = channel("night", &format!("http://127.0.0.1:{port}/"));
    let (_stop, stopping) = watch::channel(false);
    let vitals = Arc::new(Vitals::default());
    let signer = crate::link::Signer::new(&[1; 32]);
    let mut post = Post::new(store.clone(), clock, vitals.clone(), Arc::default(), stopping, signer);
    let outbox = vec![message("ops", 1, now), message("ops", 2, now), message("night", 3, now)];
    store.commit(&Write { outbox, ..Write::default() }).await.expect("a commit");
    post.replace(&[gone, stays.clone()]);
    wait_for("a first try", || async { vitals.deferred.load(Relaxed) > 0 }).await;

    post.replace(&[stays]);
    wait_for("dead letters", || async { dead(&store, "ops").await == 2 }).await;
    assert_eq!(dead(&store, "night").await, 0, "a channel that stays keeps its queue");
    assert_eq!(reasons(&store).await, [NO_CHANNEL; 2]);
}

#[tokio::test]
async fn what_waits_for_a_channel_that_left_the_file_while_we_were_off_becomes_dead_letters_at_the_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::start();
    let now = clock.now().wall;
    let store = Store::open(dir.path(), now).await.expect("a store");
    let outbox = vec![message("gone", 1, now), message("ops", 2, now)];
    store.commit(&Write { outbox, ..Write::default() }).await.expect("a commit");
    abandon_strangers(&store, &[channel("ops", "http://127.0.0.1:9/")], clock).await;
    assert_eq!(dead(&store, "gone").await, 1);
    assert_eq!(reasons(&store).await, [NO_CHANNEL]);
}

async fn wait_for<F: Future<Output = bool>>(what: &str, mut f: impl FnMut() -> F) {
    let waited = tokio::time::timeout(SOON, async {
        while !f().await {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited for: {what}"));
}
