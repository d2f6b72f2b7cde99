use crate::kit::{T0, at, incident, incident_id, store};
use std::{collections::BTreeSet, time::Duration};
use stillhere_model::{
    DeliveryId, Entry, Impact, Incident, IncidentStatus, Lang, Mint, News, NewsId, Occasion, Pace, ServiceId,
    SubscriberId, SubscriberState, Telling, Time, UpdateId, Way, What, Wish, subscriber::BrowserKeys,
};
use stillhere_store::{
    ASKED_KEPT, ASKS_A_DAY, Asking, Awaited, Bounce, Bounced, ClaimedParcel, Confirmed, HandedOut, ONCE_KEPT,
    Outcome, PARCELS_WAITING, Store, Write,
};

const LEASE: Duration = Duration::from_secs(60);

fn asking(n: u64) -> Asking {
    Asking {
        id: SubscriberId(Mint::new(n ^ 0x5b).uuid(T0)),
        way: Way::Mail,
        address: format!("reader{n}@example.com"),
        keys: None,
        who: format!("who{n}"),
        mailbox: format!("mailbox{n}"),
        wish: Wish::everything(Lang::En),
        letter: DeliveryId(Mint::new(n ^ 0x1e).uuid(T0)),
        at_most: 1_000_000,
        at: T0,
    }
}

async fn some(store: &Store, n: u64) {
    let all: Vec<Asking> = (0..n).map(asking).collect();
    for part in all.chunks(500) {
        assert_eq!(store.subscriber_import(part).await.unwrap(), part.len() as u64);
    }
}

fn news(n: u64, at: Time) -> News {
    let occasion =
        Occasion::IncidentUpdated { incident: incident_id(n), update: UpdateId(Mint::new(n).uuid(T0)) };
    let services = vec![ServiceId::new("shop")];
    let (letters, hooks) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    let what = What::Occasion { occasion, services, impact: Some(Impact::Major), letters, hooks };
    News { id: NewsId(Mint::new(n ^ 0xe5).uuid(T0)), at, what }
}

async fn decide(store: &Store, news: News) {
    store.commit(&Write { news: vec![news], ..Write::default() }).await.unwrap();
}

async fn claim(store: &Store, now: Time, limit: u32) -> Vec<ClaimedParcel> {
    store.claim_parcels(Way::Mail, now, limit, LEASE).await.unwrap()
}

async fn settle(store: &Store, claimed: Vec<ClaimedParcel>, outcome: &Outcome, now: Time) {
    let all: Vec<_> = claimed.into_iter().map(|c| (c, outcome.clone())).collect();
    store.settle_parcels(&all, now, 7).await.unwrap();
}

/// Hands out and delivers until there is nothing more; gives the ids in the order they were sent.
async fn deliver_all(store: &Store, now: Time) -> Vec<DeliveryId> {
    let mut ids = Vec::new();
    loop {
        let handed = store.hand_out(Way::Mail, now).await.unwrap();
        let claimed = claim(store, now, 300).await;
        if claimed.is_empty() && handed == HandedOut::Nothing {
            return ids;
        }
        ids.extend(claimed.iter().map(|c| c.parcel.id));
        settle(store, claimed, &Outcome::Delivered, now).await;
    }
}

#[tokio::test]
async fn case_g_each_subscriber_has_one_parcel_whatever_is_cut_off_in_between() {
    let (dir, first) = store().await;
    some(&first, 1_200).await;
    decide(&first, news(1, at(10))).await;
    // Written again after an answer that was lost: nothing changes.
    decide(&first, news(1, at(10))).await;
    // Who comes after the news is not told of it.
    let late = Asking { at: at(20), ..asking(5_000) };
    first.subscriber_import(&[late]).await.unwrap();
    assert!(matches!(first.hand_out(Way::Mail, at(30)).await.unwrap(), HandedOut::Some(500)));
    let sent = claim(&first, at(30), 100).await;
    let mut ids: Vec<DeliveryId> = sent.iter().map(|c| c.parcel.id).collect();
    settle(&first, sent[..60].to_vec(), &Outcome::Delivered, at(31)).await;
    drop(first); // as `kill -9` does: 40 were claimed and have no receipt

    let again = Store::open(dir.path(), at(40)).await.unwrap();
    again.release_leases().await.unwrap();
    let repeated = claim(&again, at(40), 40).await;
    assert!(repeated.iter().all(|c| c.sent_before && ids.contains(&c.parcel.id)), "under the same ids");
    settle(&again, repeated, &Outcome::Delivered, at(41)).await;
    ids.extend(deliver_all(&again, at(50)).await);
    assert_eq!(ids.len(), 1_200);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1_200, "one delivery id each");
    let over = &again.subscriber_progress(5).await.unwrap().news[0];
    assert_eq!((over.made, over.delivered, over.failed, over.ended_at.is_some()), (1_200, 1_200, 0, true));
    let journal = again.journal(0, 10_000).await.unwrap();
    let told = journal.iter().filter(|r| matches!(r.entry, Entry::NewsTold { delivered: 1_200, .. }));
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn what_waits_is_bounded_and_the_rest_is_made_when_there_is_room() {
    let (_dir, store) = store().await;
    let n = PARCELS_WAITING.cast_unsigned() + 700;
    some(&store, n).await;
    decide(&store, news(1, at(10))).await;
    while let HandedOut::Some(_) = store.hand_out(Way::Mail, at(20)).await.unwrap() {}
    let waiting = store.subscriber_progress(1).await.unwrap().waiting[0].1;
    assert_eq!(waiting, PARCELS_WAITING.cast_unsigned());
    assert_eq!(store.hand_out(Way::Mail, at(20)).await.unwrap(), HandedOut::Full);
    assert_eq!(deliver_all(&store, at(30)).await.len() as u64, n);
}

#[tokio::test]
async fn a_subscriber_hears_things_in_their_order_and_letters_about_subscriptions_go_first() {
    let (_dir, store) = store().await;
    some(&store, 2).await;
    for n in 1..=3 {
        decide(&store, news(n, at(10))).await;
    }
    while let HandedOut::Some(_) = store.hand_out(Way::Mail, at(20)).await.unwrap() {}
    assert!(store.subscriber_ask(&asking(9)).await.unwrap());
    let first = claim(&store, at(30), 10).await;
    assert_eq!(first.len(), 3, "the question, and the oldest news for each of both");
    assert!(first.iter().any(|c| c.parcel.telling == Telling::Confirm));
    assert!(claim(&store, at(30), 10).await.is_empty(), "the next waits for the one before");
    let later = Outcome::Later { reason: "busy".to_owned(), retry_after_ms: Some(60_000) };
    settle(&store, first, &later, at(30)).await;
    assert!(claim(&store, at(31), 10).await.is_empty(), "and for its next try");
    let said = |c: &ClaimedParcel| match &c.parcel.telling {
        Telling::News(Some(n)) => n.id,
        other => panic!("{other:?}"),
    };
    let mut told = Vec::new();
    for i in 0..3 {
        let round = claim(&store, at(200_000 + i), 10).await;
        told.extend(round.iter().filter(|c| c.parcel.telling != Telling::Confirm).map(said));
        settle(&store, round, &Outcome::Delivered, at(200_000 + i)).await;
    }
    assert_eq!(told, [1, 1, 2, 2, 3, 3].map(|n| news(n, T0).id));
}

#[tokio::test]
async fn a_mailbox_gets_few_letters_and_what_nobody_confirms_is_forgotten() {
    let (_dir, store) = store().await;
    for n in 0..10 {
        // Many names of one mailbox.
        let a = Asking { mailbox: "one".to_owned(), ..asking(n) };
        assert_eq!(store.subscriber_ask(&a).await.unwrap(), i64::try_from(n).unwrap() < ASKS_A_DAY);
    }
    let states = store.subscriber_progress(1).await.unwrap().states;
    assert_eq!(states, [(Way::Mail, SubscriberState::Asked, ASKS_A_DAY.cast_unsigned())]);
    let a = asking(0);
    assert_eq!(
        store.subscriber_confirm(a.id, 2, 10, at(1)).await.unwrap(),
        Confirmed::NotThere,
        "another link"
    );
    assert_eq!(store.subscriber_confirm(a.id, 1, 0, at(1)).await.unwrap(), Confirmed::Full);
    assert_eq!(store.subscriber_confirm(a.id, 1, 10, at(1)).await.unwrap(), Confirmed::Now);
    assert_eq!(store.subscriber_confirm(a.id, 1, 10, at(2)).await.unwrap(), Confirmed::Already);
    let day = T0.plus(ASKED_KEPT + Duration::from_secs(1));
    assert_eq!(store.subscriber_confirm(asking(1).id, 1, 10, day).await.unwrap(), Confirmed::NotThere);
    store.sweep(day).await.unwrap();
    let states = store.subscriber_progress(1).await.unwrap().states;
    assert_eq!(states, [(Way::Mail, SubscriberState::Active, 1)]);
    assert!(claim(&store, day, 100).await.len() <= 1, "no question to whoever is forgotten");
    let again = Asking { mailbox: "one".to_owned(), at: day, ..asking(3) };
    assert!(store.subscriber_ask(&again).await.unwrap(), "a day later");
}

#[tokio::test]
async fn only_what_is_said_of_the_address_silences_it_and_leaving_forgets_everything() {
    let (dir, store) = store().await;
    some(&store, 2).await;
    let nobody = |n| Outcome::NobodyThere { reason: format!("550 {n}"), silence_after: 2 };
    let dead = Outcome::Dead { reason: "554 we do not like the text".to_owned() };
    for (n, outcome) in [(1, dead.clone()), (2, dead.clone()), (3, dead), (4, nobody(1)), (5, nobody(2))] {
        decide(&store, news(n, at(10))).await;
        while let HandedOut::Some(_) = store.hand_out(Way::Mail, at(20)).await.unwrap() {}
        let mut claimed = claim(&store, at(30), 10).await;
        claimed.retain(|c| c.parcel.to.id == asking(0).id);
        assert_eq!(claimed.len(), 1, "{outcome:?}");
        settle(&store, claimed, &outcome, at(30)).await;
    }
    let silenced = store.subscriber(asking(0).id).await.unwrap().unwrap();
    assert_eq!((silenced.state, silenced.bounces), (SubscriberState::Silenced, 2));

    let left = asking(1);
    assert!(store.subscriber_leave(left.id, "asked", at(40)).await.unwrap());
    assert!(!store.subscriber_leave(left.id, "asked", at(40)).await.unwrap());
    assert!(store.subscriber_export(left.id).await.unwrap().is_none());
    let progress = store.subscriber_progress(10).await.unwrap();
    assert!(progress.waiting.is_empty() && progress.news.iter().all(|n| n.gone == 1), "{progress:?}");
    assert!(
        progress.news.iter().all(|n| n.ended_at.is_some()),
        "nobody is waited for who left: {progress:?}"
    );
    let journal = format!("{:?}", store.journal(0, 1_000).await.unwrap());
    assert!(journal.contains("SubscriberLeft") && !journal.contains("reader1@"));
    // Not only out of reach: the file is written over.
    store.close().await.unwrap();
    let bytes = std::fs::read(dir.path().join(stillhere_store::FILE)).unwrap();
    assert!(!bytes.windows(9).any(|w| w == b"reader1@e"), "the address is still in the file");
}

#[tokio::test]
async fn a_browser_is_kept_with_its_keys_and_forgotten_when_its_push_service_says_it_is_gone() {
    let (_dir, store) = store().await;
    let keys = |n: u8| {
        let mut p256dh = [n; 65];
        p256dh[0] = 4;
        Some(BrowserKeys { p256dh, auth: [n; 16] })
    };
    let browser = |n: u8| {
        let letter = DeliveryId(Mint::new(u64::from(n) ^ 0xb0).uuid(T0));
        Asking { way: Way::Push, keys: keys(n), letter, ..asking(1) }
    };
    store.subscriber_ask(&browser(1)).await.unwrap();
    let id = asking(1).id;
    // As long as it has not answered, whoever asks last is believed; from then on nobody.
    store.subscriber_ask(&browser(2)).await.unwrap();
    store.subscriber_confirm(id, 1, 10, at(1)).await.unwrap();
    store.subscriber_ask(&browser(3)).await.unwrap();
    assert_eq!(store.subscriber(id).await.unwrap().unwrap().keys, keys(2));
    let all = async |now| store.claim_parcels(Way::Push, now, 10, LEASE).await.unwrap();
    for n in 0..3 {
        settle(&store, all(at(2 + n)).await, &Outcome::Delivered, at(2 + n)).await;
    }
    for n in 1..=2 {
        decide(&store, news(n, at(10))).await;
    }
    while let HandedOut::Some(_) = store.hand_out(Way::Push, at(11)).await.unwrap() {}
    let claimed = all(at(12)).await;
    assert_eq!(claimed.len(), 1, "one after the other");
    settle(&store, claimed, &Outcome::Gone { reason: "HTTP 410: gone".to_owned() }, at(13)).await;
    assert!(store.subscriber(id).await.unwrap().is_none());
    assert!(all(at(14)).await.is_empty(), "what waited is gone with it");
    let news = store.subscriber_progress(9).await.unwrap().news;
    let sums: Vec<_> = news.iter().map(|f| (f.made, f.failed, f.gone, f.ended_at.is_some())).collect();
    assert_eq!(sums, [(1, 0, 1, true), (1, 1, 0, true)], "newest first");
    let journal = format!("{:?}", store.journal(0, 1_000).await.unwrap());
    assert!(journal.contains("HTTP 410: gone") && !journal.contains("reader1@"), "{journal}");
}

#[tokio::test]
async fn who_waits_for_the_end_of_an_incident_hears_that_one_thing_and_is_forgotten() {
    let (_dir, store) = store().await;
    let browser = |n: u64, of: u64| {
        let mut p256dh = [7; 65];
        p256dh[0] = 4;
        let keys = Some(BrowserKeys { p256dh, auth: [7; 16] });
        let wish = Wish::end_of(Lang::En, incident_id(of));
        (Asking { way: Way::Push, keys, wish, ..asking(n) }, incident_id(of))
    };
    let ask = async |n, of| {
        let (asking, of) = browser(n, of);
        store.subscriber_await(&asking, of).await.unwrap()
    };
    let write = async |incident: Incident, occasion: Occasion, n: u64| {
        let what = match news(n, at(10)).what {
            What::Occasion { services, impact, letters, hooks, .. } => {
                What::Occasion { occasion, services, impact, letters, hooks }
            }
            What::Digest { .. } => unreachable!(),
        };
        let news = News { what, ..news(n, at(10)) };
        let w = Write { incidents: vec![incident], news: vec![news], ..Write::default() };
        store.commit(&w).await.unwrap();
        while let HandedOut::Some(_) = store.hand_out(Way::Push, at(11)).await.unwrap() {}
        let claimed = store.claim_parcels(Way::Push, at(12), 10, LEASE).await.unwrap();
        let mut to: Vec<_> = claimed.iter().map(|c| c.parcel.to.address.clone()).collect();
        to.sort();
        settle(&store, claimed, &Outcome::Delivered, at(13)).await;
        to
    };
    let update = |n: u64| UpdateId(Mint::new(n).uuid(T0));
    let resolved = |n: u64| Occasion::IncidentResolved { incident: incident_id(n), update: update(n) };
    assert_eq!(ask(1, 1).await, Awaited::Over, "there is none");
    let open = [1, 2, 3].map(|n| incident(n, IncidentStatus::Investigating));
    store.commit(&Write { incidents: open.to_vec(), ..Write::default() }).await.unwrap();
    for (n, of) in [(1, 1), (1, 2), (2, 1), (3, 3)] {
        assert_eq!(ask(n, of).await, Awaited::Yes, "the last wish of a browser counts");
    }
    let who = store.subscriber(asking(1).id).await.unwrap().unwrap();
    assert_eq!((who.state, who.wish.end_of), (SubscriberState::Once, Some(incident_id(2))));
    assert_eq!(store.subscriber_confirm(who.id, 1, 9, at(5)).await.unwrap(), Confirmed::NotThere);

    let updated = Occasion::IncidentUpdated { incident: incident_id(1), update: update(9) };
    assert!(write(open[0].clone(), updated, 1).await.is_empty(), "not of what happens meanwhile");
    let mut merged = incident(2, IncidentStatus::Resolved);
    merged.updates.push(stillhere_model::Update {
        id: update(2),
        at: at(9),
        status: IncidentStatus::Resolved,
        by: stillhere_model::Author::Automatic,
        said: stillhere_model::Said::MergedInto { incident: incident_id(1) },
        changed: Vec::new(),
        next_update_by: None,
    });
    assert!(write(merged, resolved(2), 2).await.is_empty(), "it goes on in another one");
    assert_eq!(
        write(incident(1, IncidentStatus::Resolved), resolved(1), 3).await,
        ["reader1@example.com", "reader2@example.com"]
    );
    for n in [1, 2] {
        assert!(store.subscriber(asking(n).id).await.unwrap().is_none(), "told, and forgotten");
    }
    assert_eq!(ask(4, 1).await, Awaited::Over);
    let journal = format!("{:?}", store.journal(0, 1_000).await.unwrap());
    assert!(!journal.contains("Subscriber") && !journal.contains("who1"), "they leave no trace: {journal}");
    store.sweep(T0.plus(ONCE_KEPT)).await.unwrap();
    assert!(store.subscriber(asking(3).id).await.unwrap().is_some());
    store.sweep(T0.plus(ONCE_KEPT + Duration::from_secs(1))).await.unwrap();
    assert!(store.subscriber(asking(3).id).await.unwrap().is_none(), "nobody waits for ever");
}

#[tokio::test]
async fn a_digest_holds_what_was_wanted_since_the_last_one_and_comes_once_a_day() {
    let (_dir, store) = store().await;
    some(&store, 3).await;
    let daily = |services: Vec<ServiceId>| Wish { pace: Pace::Daily, services, ..Wish::everything(Lang::En) };
    store.subscriber_change(asking(0).id, &daily(vec![]), at(1)).await.unwrap();
    store.subscriber_change(asking(1).id, &daily(vec!["pay".into()]), at(1)).await.unwrap();
    let id = |n: u64| NewsId(Mint::new(n ^ 0xd1).uuid(T0));
    assert!(!store.write_digest(id(1), 100, at(5)).await.unwrap(), "no news, no digest");
    decide(&store, news(1, at(10))).await;
    decide(&store, news(2, at(11))).await;
    assert_eq!(deliver_all(&store, at(20)).await.len(), 2, "at once only to the third");
    assert!(!store.write_digest(id(2), 100, at(30)).await.unwrap(), "there was one today");
    assert!(store.write_digest(id(3), 101, at(40)).await.unwrap());
    while let HandedOut::Some(_) = store.hand_out(Way::Mail, at(50)).await.unwrap() {}
    let claimed = claim(&store, at(50), 10).await;
    assert_eq!(claimed.len(), 1, "one wants payments alone");
    assert_eq!(claimed[0].parcel.to.id, asking(0).id);
    let Telling::Digest(all) = &claimed[0].parcel.telling else { panic!("{claimed:?}") };
    assert_eq!(all.iter().map(|n| n.id).collect::<Vec<_>>(), [1, 2].map(|n| news(n, T0).id));
    settle(&store, claimed, &Outcome::Delivered, at(60)).await;
    assert!(!store.write_digest(id(4), 102, at(70)).await.unwrap(), "all was in the last one");
}

#[tokio::test]
async fn a_letter_that_came_back_counts_once_and_for_the_subscription_that_it_was_written_to() {
    const DAY: i64 = 86_400_000;
    let (_dir, store) = store().await;
    some(&store, 2).await;
    let today = T0.0.div_euclid(DAY);
    let on = |day: i64| Time((today + day) * DAY + 1_000);
    let bounce = |n: u64, letter: i64, day: i64, gone: bool| Bounce {
        subscriber: asking(n).id,
        letter,
        day: today + day,
        gone,
        stop_after_days: 3,
        status: "5.2.2".to_owned(),
        said: format!("552 <reader{n}@example.com> is full"),
    };
    let count = async |b: Bounce, at: i64| store.subscriber_bounced(&b, on(at)).await.unwrap();
    assert_eq!(count(bounce(0, 1, 0, false), 0).await, Bounced::Counted(1));
    assert_eq!(count(bounce(0, 1, 0, true), 0).await, Bounced::Again);
    assert_eq!(count(bounce(0, 2, 0, false), 1).await, Bounced::Counted(1), "the same day");
    assert_eq!(count(bounce(0, 3, -1, true), 1).await, Bounced::Nothing, "older than the confirmation");
    assert_eq!(count(bounce(0, 4, 1, true), 16).await, Bounced::Nothing, "too old");
    assert_eq!(count(bounce(0, 5, 9, true), 1).await, Bounced::Nothing, "of a day that is to come");
    assert_eq!(count(bounce(0, 6, 1, false), 2).await, Bounced::Counted(2));
    // The first day has passed out of the two weeks.
    assert_eq!(count(bounce(0, 7, 14, false), 15).await, Bounced::Counted(2));
    store.sweep(on(16)).await.unwrap();
    assert_eq!(
        count(bounce(0, 8, 15, false), 16).await,
        Bounced::Counted(2),
        "what still counts is not swept"
    );
    assert_eq!(count(bounce(0, 9, 16, false), 17).await, Bounced::Stopped);
    assert_eq!(count(bounce(0, 10, 17, true), 17).await, Bounced::Nothing);
    assert_eq!(count(bounce(1, 1, 17, true), 17).await, Bounced::Stopped, "one is enough");
    assert_eq!(count(bounce(7, 1, 17, true), 17).await, Bounced::Nothing, "nobody");

    let stopped = store.subscribers_stopped(1).await.unwrap();
    assert_eq!((stopped.len(), stopped[0].who.as_str()), (1, "who1"));
    assert_eq!(
        store.subscribers_stopped(9).await.unwrap()[1].why,
        "letters of 3 days came back, the last with 5.2.2"
    );
    let said = store.subscriber_export(asking(0).id).await.unwrap().unwrap().stopped.unwrap().2;
    assert_eq!(said, "552 <reader0@example.com> is full");
    // Asked anew and confirmed, it begins from nothing.
    let again = Asking { at: on(18), ..asking(0) };
    assert!(store.subscriber_ask(&again).await.unwrap());
    assert_eq!(store.subscriber_confirm(again.id, 1, 9, on(18)).await.unwrap(), Confirmed::Now);
    assert!(store.subscriber_export(again.id).await.unwrap().unwrap().stopped.is_none());
    assert_eq!(count(bounce(0, 11, 18, false), 18).await, Bounced::Counted(1));
}

#[tokio::test]
async fn who_wants_to_hear_of_a_service_is_counted_by_the_rule_by_which_they_are_told() {
    let (_dir, store) = store().await;
    let of = |n: u64, services: &[&str], least: Impact, pace: Pace| Asking {
        wish: Wish {
            services: services.iter().map(ServiceId::new).collect(),
            least,
            pace,
            ..Wish::everything(Lang::En)
        },
        ..asking(n)
    };
    let all = [
        of(0, &[], Impact::None, Pace::Instant),
        of(1, &["shop", "pay"], Impact::None, Pace::Instant),
        of(2, &["pay"], Impact::None, Pace::Instant),
        of(3, &[], Impact::Critical, Pace::Instant),
        of(4, &["shop"], Impact::Minor, Pace::Daily),
        Asking { way: Way::Webhook, ..of(5, &[], Impact::None, Pace::Instant) },
    ];
    assert_eq!(store.subscriber_import(&all).await.unwrap(), 6);
    assert!(store.subscriber_ask(&asking(6)).await.unwrap(), "one who has not confirmed is told nothing");
    let shop = [ServiceId::new("shop")];
    let told = store.subscribers_who(|w| w.wants(&shop, Some(Impact::Major))).await.unwrap();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(Way::Mail, (2, 1)), (Way::Webhook, (1, 0))]);
}
