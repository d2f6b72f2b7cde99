//! The public log: entries with what they record, once each, and never back.

use crate::kit::{T0, at, incident, store};
use stillhere_model::{IncidentStatus, ServiceId, Status};
use stillhere_record::{
    Draft, Entry, Fact, Hash, Kept,
    tree::{self, Place, Tree},
};
use stillhere_store::{Recorded, Store, Write, restore};

const ORIGIN: &str = "status.example.com/log";

fn draft(n: u64) -> Draft {
    let kept = Kept::new([u8::try_from(n % 251).unwrap(); 16], &format!("text {n}"));
    let title = [("*".to_owned(), kept.hash.clone())].into();
    let id = incident(n, IncidentStatus::Investigating).id;
    Draft { entry: Entry { at: T0, fact: Fact::IncidentRenamed { incident: id, title } }, texts: vec![kept] }
}

pub(crate) fn recorded(first: u64, count: u64) -> Recorded {
    Recorded { first, drafts: (first..first + count).map(draft).collect() }
}

/// A log without entries, unless there is one.
pub(crate) async fn begin(store: &Store) {
    if store.record_found().await.unwrap().log.is_none() {
        store.record_open(ORIGIN, "key", T0, &Recorded { first: 0, drafts: Vec::new() }).await.unwrap();
    }
}

/// The tree made anew from the entries.
pub(crate) async fn tree(store: &Store) -> Tree {
    let mut tree = Tree::default();
    store.record_entries(0, u32::MAX).await.unwrap().iter().for_each(|e| tree.push(Hash::leaf(e)));
    tree
}

fn write(first: u64, count: u64) -> Write {
    Write { record: Some(recorded(first, count)), seq: Some(first), ..Write::default() }
}

#[tokio::test]
async fn the_tree_on_disk_is_the_one_that_the_entries_make_at_every_size() {
    let (_dir, store) = store().await;
    begin(&store).await;
    let mut size = 0;
    for count in [1, 2, 1, 3, 250, 1, 7, 300] {
        store.commit(&write(size, count)).await.unwrap();
        size += count;
        let whole = tree(&store).await;
        let head = store.record_head().await.unwrap().unwrap();
        assert_eq!((head.size, head.origin.as_str()), (size, ORIGIN));
        assert_eq!(Some(head.root), whole.root_at(size));
    }
    let whole = tree(&store).await;
    for level in [0, 8] {
        let hashes = store.record_hashes(Place { level, n: 0 }, 256).await.unwrap();
        assert_eq!(hashes.len(), if level == 0 { 256 } else { 2 });
        assert!((0..).zip(&hashes).all(|(n, h)| whole.get(Place { level, n }) == Some(*h)));
    }
    let proof = store.record_prove(&tree::consistency(300, size)).await.unwrap();
    let (old, new) = (whole.root_at(300).unwrap(), whole.root_at(size).unwrap());
    assert_eq!(tree::check_consistency(&proof, 300, size, old, new), Ok(()));
    let texts = store.record_texts(256, 256).await.unwrap();
    assert_eq!(texts.len(), 256);
    assert_eq!(texts[0].kept.as_ref().unwrap().1, "text 256");
}

#[tokio::test]
async fn what_was_committed_and_not_acknowledged_is_not_written_twice() {
    let (_dir, store) = store().await;
    begin(&store).await;
    store.commit(&write(0, 2)).await.unwrap();
    // The same again, as after a lost answer; dated later, as a second attempt is.
    let mut again = write(0, 2);
    again.record.as_mut().unwrap().drafts.iter_mut().for_each(|d| d.entry.at = at(5));
    again.journal.push((T0, stillhere_model::Entry::Stopped));
    store.commit(&again).await.unwrap();
    assert_eq!(tree(&store).await.size(), 2);
    assert_eq!(store.journal(0, 10).await.unwrap().len(), 0, "nor is anything else of it");
    store.commit(&write(2, 1)).await.unwrap();
    assert_eq!(tree(&store).await.size(), 3);
}

#[tokio::test]
async fn what_is_on_record_is_known_after_a_start() {
    let (_dir, store) = store().await;
    begin(&store).await;
    let verdict = |service: &str, now| Fact::Verdict {
        service: ServiceId::new(service),
        before: None,
        now,
        since: T0,
        why: String::new(),
    };
    let facts = [
        verdict("shop", Status::Operational),
        verdict("mail", Status::Operational),
        verdict("shop", Status::MajorOutage),
        Fact::ServiceGone { service: ServiceId::new("mail") },
    ];
    let drafts = facts.map(|fact| Draft { entry: Entry { at: T0, fact }, texts: Vec::new() }).into();
    let record = Some(Recorded { first: 0, drafts });
    store.commit(&Write { record, ..Write::default() }).await.unwrap();
    let found = store.record_found().await.unwrap();
    assert_eq!(found.log.unwrap().size, 4);
    assert_eq!(found.scribe.services, [(ServiceId::new("shop"), Status::MajorOutage)].into());
}

#[tokio::test]
async fn a_restore_goes_on_after_the_newest_published_entry() {
    let (dir, store) = store().await;
    begin(&store).await;
    store.commit(&write(0, 5)).await.unwrap();
    let copy = dir.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    store.commit(&write(5, 8)).await.unwrap();
    let before = store.record_head().await.unwrap().unwrap();
    store.close().await.unwrap();
    drop(store);

    restore(&copy, dir.path(), at(1000)).await.unwrap();
    let store = Store::open(dir.path(), at(2000)).await.unwrap();
    let whole = tree(&store).await;
    let head = store.record_head().await.unwrap().unwrap();
    assert_eq!((head.size, &head.origin), (14, &before.origin));
    assert_eq!(whole.root_at(13), Some(before.root), "all that was published is still there");
    assert_eq!(whole.root_at(14), Some(head.root));
    let last = Entry::parse(&store.record_entries(13, 1).await.unwrap()[0]).unwrap();
    assert!(matches!(last.fact, Fact::Restored { back_to: 5, .. }), "{last:?}");
    assert!(!store.record_found().await.unwrap().torn);
    assert_eq!(store.record_texts(12, 1).await.unwrap().len(), 1, "with the texts beside it");
}

#[tokio::test]
async fn a_restore_elsewhere_cannot_go_on_under_the_same_name() {
    let (dir, store) = store().await;
    begin(&store).await;
    store.commit(&write(0, 5)).await.unwrap();
    let copy = dir.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    let empty = tempfile::tempdir().unwrap();
    restore(&copy, empty.path(), at(1000)).await.unwrap();
    let elsewhere = Store::open(empty.path(), at(2000)).await.unwrap();
    let found = elsewhere.record_found().await.unwrap();
    assert!(found.torn);
    assert_eq!((found.log.unwrap().size, found.root), (5, tree(&elsewhere).await.root_at(5)));

    // Nor where another log is in its place.
    let other = tempfile::tempdir().unwrap();
    let stranger = Store::open(other.path(), T0).await.unwrap();
    begin(&stranger).await;
    let shifted = Recorded { first: 0, drafts: (100..120).map(draft).collect() };
    stranger.commit(&Write { record: Some(shifted), ..Write::default() }).await.unwrap();
    stranger.close().await.unwrap();
    drop(stranger);
    restore(&copy, other.path(), at(1000)).await.unwrap();
    let there = Store::open(other.path(), at(2000)).await.unwrap();
    assert!(there.record_found().await.unwrap().torn);
    assert_eq!(tree(&there).await.size(), 5);
    there.record_open("status.example.com/log/2", "key", at(2000), &recorded(5, 1)).await.unwrap();
    let found = there.record_found().await.unwrap();
    assert!(!found.torn);
    assert_eq!(found.log.unwrap().origin, "status.example.com/log/2");
}

#[tokio::test]
async fn witnesses_are_heard_on_their_newest_size_and_there_are_not_endlessly_many() {
    let (_dir, store) = store().await;
    assert!(store.record_cosigned("w", 7, "new").await.unwrap());
    assert!(store.record_cosigned("w", 5, "old").await.unwrap());
    assert_eq!(store.record_cosignatures(7).await.unwrap(), ["new"]);
    assert_eq!(store.record_cosignatures(5).await.unwrap(), Vec::<String>::new());
    for n in 1..stillhere_store::WITNESSES_MAX {
        assert!(store.record_cosigned(&format!("w{n}"), 7, "x").await.unwrap());
    }
    assert!(!store.record_cosigned("one more", 7, "x").await.unwrap());
    assert!(store.record_cosigned("w", 8, "newer").await.unwrap());
}
