use super::*;
use crate::answer::sample::{self, NOW, before, key};
use proptest::prelude::*;
use std::sync::Barrier;
use stillhere_tell::notice::Key;

fn public() -> [u8; 32] {
    key().public_key()
}

fn taken(board: &Board, epoch: u64, seq: u64) -> Result<(), NotTaken> {
    let mut s = sample::well(before(5), seq);
    s.epoch = epoch;
    board.take_notice(&sample::signed(&s), &public(), NOW)
}

fn held(board: &Board) -> Option<(u64, u64)> {
    board.current().notice.as_ref().map(|h| h.order())
}

#[test]
fn only_a_newer_notice_with_the_right_signature_replaces_the_one_that_is_held() {
    let board = Board::new();
    assert_eq!(taken(&board, 1, 5), Ok(()));
    assert_eq!(taken(&board, 1, 5), Err(NotTaken::NotNewer { offered: (1, 5), held: (1, 5) }));
    assert_eq!(taken(&board, 1, 4), Err(NotTaken::NotNewer { offered: (1, 4), held: (1, 5) }));
    let again = sample::signed(&sample::well(before(1), 5));
    let same_epoch = board.take_notice(&again, &public(), NOW);
    assert_eq!((same_epoch, held(&board)), (Ok(()), Some((1, 5))), "said again later, it is fresh");
    assert_eq!(board.current().notice.as_ref().map(|h| h.notice.made_at), Some(before(1)));
    assert_eq!(taken(&board, 2, 1), Ok(()), "a restore raises the epoch");
    assert_eq!(taken(&board, 1, 99), Err(NotTaken::NotNewer { offered: (1, 99), held: (2, 1) }));
    let text = sample::signed(&sample::well(before(1), 100));
    let stranger = Key::from_seed(&[1; 32]).public_key();
    assert!(matches!(board.take_notice(&text, &stranger, NOW), Err(NotTaken::NotBelieved(_))));
    assert!(matches!(board.take_notice("{}", &public(), NOW), Err(NotTaken::NotBelieved(_))));
    assert_eq!(held(&board), Some((2, 1)));
}

#[test]
fn a_notice_of_another_time_is_not_taken() {
    let board = Board::new();
    let offer = |made_at| board.take_notice(&sample::signed(&sample::well(made_at, 1)), &public(), NOW);
    let month = NOTICE_AGE_MAX.as_secs();
    assert!(matches!(offer(before(month + 1)), Err(NotTaken::TooOld { .. })));
    assert!(matches!(
        offer(NOW.plus(NOTICE_AHEAD_MAX + Duration::from_secs(1))),
        Err(NotTaken::Ahead { .. })
    ));
    assert_eq!(held(&board), None);
    assert_eq!(offer(before(month)), Ok(()), "last month's notice still has the telephone number");
}

#[test]
fn case_p_the_text_stays_as_it_was_signed_and_grows_old() {
    let board = Board::new();
    let text = sample::signed(&sample::well(before(5), 1));
    board.take_notice(&text, &public(), NOW).unwrap();
    let known = board.current();
    let held = known.notice.as_ref().unwrap();
    assert_eq!(&*held.text, text);
    let later = |s| NOW.plus(Duration::from_secs(s));
    assert!(!held.is_old(NOW) && !held.is_old(later(35)));
    assert!(held.is_old(later(36)) && held.is_old(later(86_400)));
    assert_eq!(held.age(later(100)), Duration::from_secs(105));
}

#[test]
fn a_wrong_clock_does_not_keep_old_news_fresh() {
    let board = Board::new();
    let ahead = sample::well(NOW.plus(Duration::from_secs(1_800)), 1);
    board.take_notice(&sample::signed(&ahead), &public(), NOW).unwrap();
    let known = board.current();
    let held = known.notice.as_ref().unwrap();
    assert!(!held.is_old(NOW.plus(Duration::from_secs(40))));
    assert!(held.is_old(NOW.plus(Duration::from_secs(41))));
}

#[test]
fn a_sighting_keeps_the_time_of_the_first_of_its_kind() {
    let board = Board::new();
    let checkout = ServiceId::new("checkout");
    let see = |what, at| board.sighting("shop", Some(&checkout), what, at);
    assert!(!see(Seen::Answering, before(100)), "that all is as it should be is no news");
    assert!(see(Seen::AllOut, before(90)));
    assert!(!see(Seen::AllOut, before(80)));
    let trouble = |pool| board.current().trouble(Some(&checkout), pool).map(|s| (s.what, s.since));
    assert_eq!(trouble(None), Some((Seen::AllOut, before(90))));
    assert_eq!(trouble(Some("shop")), Some((Seen::AllOut, before(90))));
    assert_eq!(trouble(Some("other")), None);
    assert!(see(Seen::Answering, before(70)));
    assert_eq!(trouble(None), None);
    assert!(see(Seen::Paused, before(60)));
    board.keep_pools(|pool| pool != "shop");
    assert_eq!(trouble(None), None);
}

#[tokio::test]
async fn whoever_waits_for_changes_learns_of_each() {
    let board = Board::new();
    let mut changes = board.changes();
    board.sighting("shop", None, Seen::AllOut, NOW);
    changes.changed().await.unwrap();
    assert_eq!(*changes.borrow_and_update(), board.current().version);
    board.sighting("shop", None, Seen::AllOut, NOW);
    assert!(!changes.has_changed().unwrap(), "what is no news wakes nobody");
    taken(&board, 1, 1).unwrap();
    assert!(changes.has_changed().unwrap());
}

#[test]
fn of_notices_and_sightings_from_many_threads_none_is_lost() {
    let board = Board::new();
    let start = Barrier::new(4);
    std::thread::scope(|threads| {
        for thread in 0..4_u64 {
            let (board, start) = (&board, &start);
            threads.spawn(move || {
                start.wait();
                for n in 0..20 {
                    let _older = taken(board, 1, n * 4 + thread + 1);
                    board.sighting(&format!("{thread}-{n}"), None, Seen::AllOut, NOW);
                }
            });
        }
    });
    assert_eq!(held(&board), Some((1, 80)));
    assert_eq!(board.current().sightings.len(), 80);
}

proptest! {
    // Each offer is signed and verified, which takes its time in a test.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_held_is_the_greatest_that_was_offered_in_any_order(offers in proptest::collection::vec((1..4_u64, 1..6_u64), 1..12)) {
        let board = Board::new();
        let mut greatest = None;
        for (epoch, seq) in offers {
            let news = greatest.is_none_or(|g| (epoch, seq) > g);
            prop_assert_eq!(taken(&board, epoch, seq).is_ok(), news);
            greatest = greatest.max(Some((epoch, seq)));
            prop_assert_eq!(held(&board), greatest);
        }
    }
}

#[test]
fn sightings_are_bounded() {
    let board = Board::new();
    for n in 0..=SIGHTINGS_MAX {
        assert_eq!(board.sighting(&n.to_string(), None, Seen::AllOut, NOW), n < SIGHTINGS_MAX);
    }
    assert!(board.sighting("7", None, Seen::Overloaded, NOW), "who is known may still change");
    assert_eq!(board.current().sightings.len(), SIGHTINGS_MAX);
}
