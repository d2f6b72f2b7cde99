//! The outbox: nobody is told twice at once, nobody is forgotten, nobody waits for a stranger.

use crate::kit::{T0, at, delivery_id, incident_id, message, shared, store};
use std::time::Duration;
use stillhere_model::{Audience, Entry, OutboxMessage, Receipt};
use stillhere_store::{QUEUE_MAX, Settled, Store, Write};

const LEASE: Duration = Duration::from_secs(60);

async fn put(store: &Store, outbox: Vec<OutboxMessage>) {
    store.commit(&Write { outbox, ..Write::default() }).await.unwrap();
}

fn deferred() -> Receipt {
    Receipt::Deferred { reason: "451 later".to_owned(), retry_after_ms: None }
}

fn accepted() -> Receipt {
    Receipt::Accepted { proof: "250 ok".to_owned() }
}

async fn entries(store: &Store) -> Vec<Entry> {
    store.journal(0, 100_000).await.unwrap().into_iter().map(|r| r.entry).collect()
}

#[tokio::test]
async fn a_message_is_claimed_once_and_settled_once() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1)]).await;
    assert_eq!(store.next_due("ops").await.unwrap(), Some(T0));
    let claimed = store.claim("ops", at(0), 10, LEASE).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].attempt, claimed[0].sent_before), (1, 1, false));
    assert_eq!(claimed[0].message, message(1, "ops", Audience::Public, 1));
    assert!(store.claim("ops", at(1), 10, LEASE).await.unwrap().is_empty(), "the lease holds");
    let settled = store.settle(&claimed[0], &accepted(), at(2), 0).await.unwrap();
    assert_eq!(settled, Settled::Delivered { attempts: 1 });
    assert_eq!(store.settle(&claimed[0], &accepted(), at(3), 0).await.unwrap(), Settled::NotOurs);
    assert_eq!(store.next_due("ops").await.unwrap(), None);
    assert!(store.claim("ops", at(999_999_999), 10, LEASE).await.unwrap().is_empty());
    assert_eq!(
        entries(&store).await,
        [
            Entry::Queued { delivery: delivery_id(1), channel: "ops".to_owned() },
            Entry::Delivered { delivery: delivery_id(1), channel: "ops".to_owned(), attempts: 1 },
        ]
    );
}

#[tokio::test]
async fn the_same_message_written_again_is_one_message() {
    let (_dir, store) = store().await;
    for _ in 0..2 {
        put(&store, vec![message(1, "ops", Audience::Public, 1)]).await;
    }
    assert_eq!(store.outbox_stats().await.unwrap()[0].queued, 1);
    assert_eq!(entries(&store).await.len(), 1);
}

#[tokio::test]
async fn two_writers_racing_never_claim_the_same_message() {
    let (dir, first) = store().await;
    let second = shared(&dir).await;
    for n in 0..40 {
        put(&first, vec![message(n, "ops", Audience::Public, n)]).await;
    }
    let take = |store: Store| {
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim("ops", at(0), 3, LEASE).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|c| c.message.id));
            }
        })
    };
    let (a, b) = (take(first), take(second));
    let (mut all, b) = (a.await.unwrap(), b.await.unwrap());
    all.extend(b);
    assert_eq!(all.len(), 40);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 40, "a message was claimed twice");
}

#[tokio::test]
async fn messages_of_one_incident_leave_in_order_and_those_of_another_do_not_wait() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1), message(2, "ops", Audience::Public, 1)]).await;
    put(&store, vec![message(3, "ops", Audience::Public, 2)]).await;
    let ids = |c: &[stillhere_store::Claimed]| c.iter().map(|c| c.message.id).collect::<Vec<_>>();
    let claimed = store.claim("ops", at(0), 10, LEASE).await.unwrap();
    assert_eq!(ids(&claimed), [delivery_id(1), delivery_id(3)]);
    // the first is put off: the second still waits for it
    store.settle(&claimed[0], &deferred(), at(10), 0).await.unwrap();
    store.settle(&claimed[1], &accepted(), at(10), 0).await.unwrap();
    assert!(store.claim("ops", at(20), 10, LEASE).await.unwrap().is_empty());
    let due = store.next_due("ops").await.unwrap().unwrap();
    let claimed = store.claim("ops", due, 10, LEASE).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].attempt), (vec![delivery_id(1)], 2));
    store.settle(&claimed[0], &accepted(), due, 0).await.unwrap();
    assert_eq!(ids(&store.claim("ops", due, 10, LEASE).await.unwrap()), [delivery_id(2)]);
}

#[tokio::test]
async fn case_f_a_channel_that_is_a_black_hole_holds_up_no_other() {
    let (_dir, store) = store().await;
    for n in 0..50 {
        put(
            &store,
            vec![message(n, "mail", Audience::Public, 1), message(1000 + n, "hook", Audience::Public, 1)],
        )
        .await;
    }
    // somebody has claimed from the black hole and hangs
    assert_eq!(store.claim("mail", at(0), 5, LEASE).await.unwrap().len(), 1);
    for n in 0..50 {
        let claimed = store.claim("hook", at(0), 5, LEASE).await.unwrap();
        assert_eq!(claimed[0].message.id, delivery_id(1000 + n));
        store.settle(&claimed[0], &accepted(), at(1), 0).await.unwrap();
    }
    let stats = store.outbox_stats().await.unwrap();
    assert_eq!((stats[0].channel.as_str(), stats[0].delivered), ("hook", 50));
    assert_eq!((stats[1].channel.as_str(), stats[1].queued, stats[1].in_flight), ("mail", 50, 1));
    assert_eq!(stats[1].oldest, Some(T0));
}

#[tokio::test]
async fn case_h_what_was_claimed_and_never_settled_is_sent_again_under_its_id_and_said_so() {
    let (dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Staff, 1)]).await;
    assert_eq!(store.claim("ops", at(0), 1, LEASE).await.unwrap().len(), 1);
    drop(store); // as if killed
    let store = Store::open(dir.path(), at(100)).await.unwrap();
    assert!(
        store.claim("ops", at(100), 1, LEASE).await.unwrap().is_empty(),
        "the lease outlives the process"
    );
    assert_eq!(store.release_leases().await.unwrap(), 1);
    let claimed = store.claim("ops", at(200), 1, LEASE).await.unwrap();
    assert_eq!(
        (claimed[0].message.id, claimed[0].attempt, claimed[0].sent_before),
        (delivery_id(1), 2, true)
    );
    let again = Entry::SentAgain { delivery: delivery_id(1), channel: "ops".to_owned() };
    assert_eq!(entries(&store).await.iter().filter(|e| **e == again).count(), 1);
    // a deferral is a receipt: the try after it is not "sent before"
    store.settle(&claimed[0], &deferred(), at(300), 0).await.unwrap();
    let due = store.next_due("ops").await.unwrap().unwrap();
    assert!(!store.claim("ops", due, 1, LEASE).await.unwrap()[0].sent_before);
}

#[tokio::test]
async fn a_late_receipt_of_a_lost_lease_counts_only_when_the_far_side_took_it() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1), message(2, "ops", Audience::Public, 2)]).await;
    let old = store.claim("ops", at(0), 2, LEASE).await.unwrap();
    let new = store.claim("ops", at(61_000), 2, LEASE).await.unwrap();
    assert_eq!(new.len(), 2);
    let refused = Receipt::Refused { reason: "no".to_owned() };
    assert_eq!(store.settle(&old[0], &refused, at(62_000), 0).await.unwrap(), Settled::NotOurs);
    assert_eq!(
        store.settle(&old[1], &accepted(), at(62_000), 0).await.unwrap(),
        Settled::Delivered { attempts: 1 }
    );
    assert_eq!(store.settle(&new[1], &deferred(), at(63_000), 0).await.unwrap(), Settled::NotOurs);
    assert_eq!(
        store.settle(&new[0], &accepted(), at(63_000), 0).await.unwrap(),
        Settled::Delivered { attempts: 2 }
    );
}

#[tokio::test]
async fn a_refused_message_is_a_dead_letter_with_its_reason_and_can_be_revived() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1)]).await;
    let claimed = store.claim("ops", at(0), 1, LEASE).await.unwrap();
    let refused = Receipt::Refused { reason: "550 no such user".to_owned() };
    let settled = store.settle(&claimed[0], &refused, at(5), 0).await.unwrap();
    assert_eq!(settled, Settled::Dead { reason: "550 no such user".to_owned() });
    let dead = store.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].at, dead[0].reason.as_str()), (1, at(5), "550 no such user"));
    assert!(store.revive(delivery_id(1), at(10)).await.unwrap());
    assert!(!store.revive(delivery_id(1), at(10)).await.unwrap());
    assert_eq!(store.claim("ops", at(10), 1, LEASE).await.unwrap()[0].message.id, delivery_id(1));
}

#[tokio::test]
async fn tries_are_spaced_out_and_given_up_after_a_day_but_not_before_ten_tries() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1)]).await;
    let mut now = T0;
    let mut waits = Vec::new();
    let reason = loop {
        let claimed = store.claim("ops", now, 1, LEASE).await.unwrap();
        let settled = store.settle(&claimed[0], &deferred(), now, u64::MAX / 3).await.unwrap();
        match settled {
            Settled::Again { at } => {
                waits.push(at.since(now).as_secs_f64());
                now = at;
            }
            Settled::Dead { reason } => break reason,
            other => panic!("{other:?}"),
        }
    };
    assert!(waits[0] < 1.3 && waits[1] > waits[0] && waits[9] > 400.0, "{waits:?}");
    assert!(waits.iter().all(|w| *w <= 720.0));
    assert!(now.since(T0) >= Duration::from_secs(86_400) && now.since(T0) < Duration::from_secs(87_400));
    assert!(reason.starts_with("given up after 1") && reason.ends_with("451 later"), "{reason}");

    // off for two days after the first try: that was not trying
    put(&store, vec![message(2, "ops", Audience::Public, 2)]).await;
    let claimed = store.claim("ops", now, 1, LEASE).await.unwrap();
    store.settle(&claimed[0], &deferred(), now, 0).await.unwrap();
    let later = now.plus(Duration::from_secs(2 * 86_400));
    let claimed = store.claim("ops", later, 1, LEASE).await.unwrap();
    let settled = store.settle(&claimed[0], &deferred(), later, 0).await.unwrap();
    assert!(matches!(settled, Settled::Again { .. }), "{settled:?}");
}

#[tokio::test]
async fn the_far_sides_retry_after_is_honoured_within_an_hour() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "ops", Audience::Public, 1), message(2, "ops", Audience::Public, 2)]).await;
    let claimed = store.claim("ops", at(0), 2, LEASE).await.unwrap();
    let after = |ms| Receipt::Deferred { reason: "429".to_owned(), retry_after_ms: Some(ms) };
    let settled = store.settle(&claimed[0], &after(90_000), at(0), 0).await.unwrap();
    assert_eq!(settled, Settled::Again { at: at(90_000) });
    let settled = store.settle(&claimed[1], &after(u64::MAX), at(0), 0).await.unwrap();
    assert_eq!(settled, Settled::Again { at: at(3_600_000) });
}

#[tokio::test]
async fn case_j_staff_alerts_not_under_way_are_withdrawn_and_public_words_are_not() {
    let (_dir, store) = store().await;
    put(
        &store,
        vec![
            message(1, "ops", Audience::Staff, 1),
            message(2, "ops", Audience::Public, 1),
            message(3, "ops", Audience::Staff, 2),
        ],
    )
    .await;
    store.commit(&Write { withdraw: vec![incident_id(1)], ..Write::default() }).await.unwrap();
    let claimed = store.claim("ops", at(0), 10, LEASE).await.unwrap();
    assert_eq!(claimed.iter().map(|c| c.message.id).collect::<Vec<_>>(), [delivery_id(2), delivery_id(3)]);
    // on its way: it cannot be taken back any more
    store.commit(&Write { withdraw: vec![incident_id(2)], ..Write::default() }).await.unwrap();
    assert_eq!(
        store.settle(&claimed[1], &accepted(), at(1), 0).await.unwrap(),
        Settled::Delivered { attempts: 1 }
    );
}

#[tokio::test]
async fn case_r_a_jump_of_the_clock_moves_what_waits() {
    let (_dir, store) = store().await;
    let mut m = message(1, "ops", Audience::Public, 1);
    m.not_before = at(5_000);
    put(&store, vec![m]).await;
    store.clock_jumped(-3_600_000).await.unwrap();
    assert_eq!(store.next_due("ops").await.unwrap(), Some(at(5_000 - 3_600_000)));
}

#[tokio::test]
async fn messages_of_a_channel_that_is_no_more_become_dead_letters() {
    let (_dir, store) = store().await;
    put(&store, vec![message(1, "old", Audience::Public, 1), message(2, "new", Audience::Public, 1)]).await;
    assert_eq!(store.abandon("old", "the channel is no longer configured", at(9)).await.unwrap(), 1);
    let stats = store.outbox_stats().await.unwrap();
    assert_eq!((stats[0].channel.as_str(), stats[0].queued), ("new", 1));
    assert_eq!((stats[1].channel.as_str(), stats[1].queued, stats[1].dead), ("old", 0, 1));
}

#[tokio::test]
async fn a_full_queue_pushes_out_the_oldest_public_updates_and_never_an_alert() {
    let (_dir, store) = store().await;
    let max = u64::try_from(QUEUE_MAX).unwrap();
    // in one transaction: an alert first, then public updates up to the brim
    let mut outbox = vec![message(0, "ops", Audience::Staff, 7)];
    outbox.extend((1..max).map(|n| message(n, "ops", Audience::Public, n)));
    put(&store, outbox).await;
    assert_eq!(store.outbox_stats().await.unwrap()[0].queued, max);
    put(&store, vec![message(max, "ops", Audience::Staff, 8), message(max + 1, "ops", Audience::Public, 9)])
        .await;
    let stats = store.outbox_stats().await.unwrap();
    assert_eq!((stats[0].queued, stats[0].dead), (max, 2));
    let dead = store.dead_letters(10).await.unwrap();
    let mut ids: Vec<_> = dead.iter().map(|d| d.message.id).collect();
    ids.sort();
    let mut oldest = vec![delivery_id(1), delivery_id(2)];
    oldest.sort();
    assert_eq!(ids, oldest);
    assert!(dead.iter().all(|d| d.reason.contains("queue of this channel was full")));
    let said = entries(&store).await;
    assert_eq!(said.iter().filter(|e| matches!(e, Entry::DeadLettered { .. })).count(), 2);
}
