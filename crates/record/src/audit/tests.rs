use super::*;
use crate::{note::Signer, scribe::Draft};
use serde_json::{Value, json};
use stillhere_model::{Impact, IncidentId, IncidentStatus, Mint, ServiceId, Time, UpdateId};

const T0: Time = Time(1_795_341_600_000);
const ORIGIN: &str = "status.example.com/log";

fn signer() -> Signer {
    Signer::new(ORIGIN, &[7; 32]).unwrap()
}

fn incident() -> IncidentId {
    IncidentId(Mint::new(1).uuid(T0))
}

fn update(n: u64, text: &str) -> Draft {
    let kept = Kept::new([u8::try_from(n).unwrap(); 16], text);
    let fact = Fact::Update {
        incident: incident(),
        update: UpdateId(Mint::new(n).uuid(T0)),
        status: IncidentStatus::Identified,
        impact: Impact::Major,
        started_at: T0,
        resolved_at: None,
        by: crate::Voice::Person,
        said: json!({ "kind": "text", "text": { "*": kept.hash } }),
        next_update_by: None,
    };
    Draft { entry: Entry { at: Time(T0.0 + 1), fact }, texts: vec![kept] }
}

/// A log with one incident and three updates, the texts beside it, and the page that goes with it.
fn honest() -> (Vec<Draft>, Vec<Value>) {
    let plain = |fact| Draft { entry: Entry { at: T0, fact }, texts: Vec::new() };
    let mut log = vec![
        plain(Fact::LogOpened { origin: ORIGIN.into(), continues: None }),
        plain(Fact::IncidentOpened {
            incident: incident(),
            services: [ServiceId::new("shop")].into_iter().collect(),
            impact: Impact::Major,
            status: IncidentStatus::Investigating,
            started_at: T0,
            opened_at: T0,
            seen_since: None,
            by: crate::Voice::Automatic,
            title: Default::default(),
        }),
    ];
    let texts = ["One.", "Two.", "Three."];
    log.extend((1..).zip(texts).map(|(n, t)| update(n, t)));
    let updates: Vec<Value> = (1..)
        .zip(texts)
        .map(|(n, t)| json!({ "id": UpdateId(Mint::new(n).uuid(T0)), "said": { "kind": "text", "text": t } }))
        .collect();
    let page = json!({
        "id": incident(), "title": null, "status": "identified", "impact": "major", "started_at": T0, "resolved_at": null,
        "opened_at": T0, "updates": updates,
    });
    (log, vec![page])
}

fn copy(log: &[Draft]) -> Copy {
    let mut copy = Copy::default();
    log.iter().for_each(|d| copy.push(&d.entry.bytes()));
    copy
}

fn beside(log: &[Draft]) -> Beside {
    let all =
        (0..).zip(log).flat_map(|(n, d)| d.texts.iter().map(move |k| ((n, k.hash.clone()), Some(k.clone()))));
    all.collect()
}

fn checkpoint(log: &[Draft]) -> Checkpoint {
    let copy = copy(log);
    Checkpoint {
        origin: ORIGIN.into(),
        size: copy.tree.size(),
        root: copy.tree.root_at(copy.tree.size()).unwrap(),
    }
}

fn key() -> String {
    signer().verifier().vkey()
}

fn memory(log: &[Draft], now: &[Draft]) -> Vec<Problem> {
    copy(now).check_memory(&Seen::of(&checkpoint(log), &key()), &checkpoint(now), &key())
}

fn page(log: &[Draft], shown: &[Value]) -> Vec<Problem> {
    check_page(&copy(log), &beside(log), shown, 100)
}

#[test]
fn an_honest_log_that_grows_and_its_page_are_found_in_order() {
    let (log, shown) = honest();
    assert_eq!(copy(&log).check(&checkpoint(&log)), None);
    assert_eq!(memory(&log[..2], &log), []);
    assert_eq!(memory(&log, &log), []);
    assert_eq!(page(&log, &shown), []);
    assert_eq!(copy(&log).check_other(&checkpoint(&log[..3])), Some(Ok(())));
    assert_eq!(copy(&log[..3]).check_other(&checkpoint(&log)), None);
}

#[test]
fn a_changed_a_dropped_and_a_moved_entry_are_found_by_who_saw_the_log_before() {
    let (log, _) = honest();
    let mut changed = log.clone();
    changed[3] = update(2, "Two, as if it had always been so.");
    let mut moved = log.clone();
    moved.swap(2, 3);
    let mut dropped = log.clone();
    dropped.remove(3);
    dropped.push(update(9, "So that the size fits."));
    for (what, forged) in [("changed", changed), ("moved", moved), ("dropped", dropped)] {
        assert_eq!(memory(&log, &forged), [Problem::Rewritten { size: 5 }], "{what}");
        // Who asks for the signed one and gets these entries sees it even without a memory.
        assert_eq!(copy(&forged).check(&checkpoint(&log)), Some(Problem::WrongRoot), "{what}");
    }
}

#[test]
fn a_rolled_back_log_and_a_split_view_and_another_key_are_found() {
    let (log, _) = honest();
    assert_eq!(memory(&log, &log[..4]), [Problem::RolledBack { before: 5, now: 4 }]);
    let mut theirs = log.clone();
    theirs[4] = update(3, "What others are shown.");
    assert_eq!(copy(&log).check_other(&checkpoint(&theirs)), Some(Err(Problem::Rewritten { size: 5 })));
    let other = Signer::new(ORIGIN, &[8; 32]).unwrap().verifier().vkey();
    let found = copy(&log).check_memory(&Seen::of(&checkpoint(&log), &other), &checkpoint(&log), &key());
    assert!(matches!(found[..], [Problem::OtherKey { .. }]), "{found:?}");
}

#[test]
fn a_new_log_must_name_the_old_one_and_what_is_lost_is_named() {
    let (log, _) = honest();
    let old = checkpoint(&log[..3]);
    let goes_on = |continues| {
        let fact = Fact::LogOpened { origin: "status.example.com/log/2".into(), continues };
        let mut new = log[..3].to_vec();
        new.push(Draft { entry: Entry { at: T0, fact }, texts: Vec::new() });
        let at = Checkpoint { origin: "status.example.com/log/2".into(), ..checkpoint(&new) };
        (copy(&new), at)
    };
    let named = Continued { origin: ORIGIN.into(), size: 3, root: old.root.to_string() };
    let (new, at) = goes_on(Some(named));
    let seen = |n: usize| Seen::of(&checkpoint(&log[..n]), &key());
    assert_eq!(new.check_memory(&seen(3), &at, "another key"), []);
    assert_eq!(new.check_memory(&seen(2), &at, "another key"), []);
    assert_eq!(new.check_memory(&seen(5), &at, "another key"), [Problem::Lost { from: 3, to: 4 }]);
    let forged = Seen { root: Hash::of(b"x").to_string(), ..seen(2) };
    assert_eq!(new.check_memory(&forged, &at, "another key"), [Problem::Rewritten { size: 2 }]);
    let (new, at) = goes_on(None);
    assert!(matches!(new.check_memory(&seen(3), &at, "k")[..], [Problem::OtherLog { .. }]));
}

#[test]
fn a_page_that_says_something_else_than_the_log_is_found() {
    let (log, shown) = honest();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut other = shown.clone();
        change(&mut other[0]);
        page(&log, &other).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(with(&|i| i["started_at"] = json!(Time(T0.0 + 1))).contains("the page says started_at"));
    assert!(
        with(&|i| i["status"] = json!("resolved"))
            .contains("the page says status resolved, the log identified")
    );
    assert!(with(&|i| i["resolved_at"] = json!(T0)).contains("resolved_at"));
    assert!(with(&|i| i["impact"] = json!("minor")).contains("impact"));
    assert!(with(&|i| i["title"] = json!("Other")).contains("title"));
    assert!(
        with(&|i| i["updates"][1]["said"]["text"] = json!("Zwei.")).contains("is not what was published")
    );
    assert!(
        with(&|i| i["updates"][1]["id"] = json!("x")).contains("update x is on the page and not in the log")
    );
    assert!(
        with(&|i| drop(i["updates"].as_array_mut().unwrap().remove(1)))
            .contains("in the log and not on the page")
    );
    assert!(with(&|i| i["updates"].as_array_mut().unwrap().swap(0, 1)).contains("order of updates"));
    assert!(with(&|i| i["id"] = json!("y")).contains("incident y is on the page and not in the log"));
    assert!(matches!(page(&log, &[])[..], [Problem::NotOnPage { .. }]));
    let mut texts = beside(&log);
    texts.values_mut().flatten().next().unwrap().text = "Other.".into();
    assert!(check_page(&copy(&log), &texts, &shown, 100).contains(&Problem::WrongText { entry: 2 }));
}

#[test]
fn the_same_words_in_two_languages_are_what_was_published_and_one_of_them_changed_is_not() {
    // Whichever hash sorts first: both ways round.
    for salts in [[11, 12], [12, 11]] {
        let (mut log, mut shown) = honest();
        let kept = salts.map(|n| Kept::new([n; 16], "Same."));
        let Fact::Update { said, .. } = &mut log[4].entry.fact else { panic!() };
        *said = json!({ "kind": "text", "text": { "en": kept[0].hash, "zh-CN": kept[1].hash } });
        log[4].texts = kept.to_vec();
        shown[0]["updates"][2]["said"]["text"] = json!({ "en": "Same.", "zh-CN": "Same." });
        assert_eq!(page(&log, &shown), []);
        for words in [
            json!({ "en": "Same.", "zh-CN": "Other." }),
            json!({ "en": "One.", "zh-CN": "Same." }),
            json!({ "en": "Same." }),
        ] {
            shown[0]["updates"][2]["said"]["text"] = words.clone();
            let found = page(&log, &shown);
            assert!(matches!(found[..], [Problem::SaidDiffers { .. }]), "{words}: {found:?}");
        }
    }
}

#[test]
fn a_text_that_was_taken_out_in_public_may_be_missing_and_no_other() {
    let (mut log, mut shown) = honest();
    let hash = log[3].texts[0].hash.clone();
    shown[0]["updates"][1]["said"]["text"] = json!("(taken out)");
    let mut texts = beside(&log);
    texts.insert((3, hash.clone()), None);
    let found = |log: &[Draft]| check_page(&copy(log), &texts, &shown, 100);
    assert_eq!(found(&log).len(), 1, "nobody said that it was taken out");
    let fact = Fact::Redacted { entry: 3, texts: vec![hash], why: Default::default() };
    log.push(Draft { entry: Entry { at: T0, fact }, texts: Vec::new() });
    assert_eq!(found(&log), []);
    shown[0]["updates"][2]["said"]["text"] = json!("(taken out)");
    assert_eq!(check_page(&copy(&log), &texts, &shown, 100).len(), 1);
}

#[test]
fn what_ended_before_all_that_the_page_shows_may_be_left_out_however_old_what_is_open_is() {
    let minute = |n: i64| Time(T0.0 + n * 60_000);
    let named = |n: u64| IncidentId(Mint::new(n).uuid(T0));
    let log: Vec<Draft> = (0..5)
        .flat_map(|n| {
            let opened = Fact::IncidentOpened {
                incident: named(n),
                services: [ServiceId::new("shop")].into_iter().collect(),
                impact: Impact::Major,
                status: IncidentStatus::Investigating,
                started_at: minute(n as i64),
                opened_at: minute(n as i64),
                seen_since: None,
                by: crate::Voice::Automatic,
                title: Default::default(),
            };
            // The first is open still; the others ended ten minutes after they began.
            let ended = Fact::Update {
                incident: named(n),
                update: UpdateId(Mint::new(100 + n).uuid(T0)),
                status: IncidentStatus::Resolved,
                impact: Impact::Major,
                started_at: minute(n as i64),
                resolved_at: Some(minute(n as i64 + 10)),
                by: crate::Voice::Automatic,
                said: json!({ "kind": "resolved" }),
                next_update_by: None,
            };
            [opened].into_iter().chain((n > 0).then_some(ended))
        })
        .map(|fact| Draft { entry: Entry { at: T0, fact }, texts: Vec::new() })
        .collect();
    let left_out = |shown: &[u64], limit| {
        let shown: Vec<Value> = shown
            .iter()
            .map(|n| {
                let over = *n > 0;
                json!({
                    "id": named(*n), "title": null, "impact": "major", "opened_at": minute(*n as i64),
                    "status": if over { "resolved" } else { "investigating" },
                    "started_at": minute(*n as i64), "resolved_at": over.then(|| minute(*n as i64 + 10)),
                    "updates": if over {
                        json!([{ "id": UpdateId(Mint::new(100 + n).uuid(T0)), "said": { "kind": "resolved" } }])
                    } else {
                        json!([])
                    },
                })
            })
            .collect();
        let found = check_page(&copy(&log), &beside(&log), &shown, limit);
        assert!(found.iter().all(|p| matches!(p, Problem::NotOnPage { .. })), "{found:?}");
        found.len()
    };
    assert_eq!(left_out(&[0, 1, 2, 3, 4], 2), 0);
    // It shows the two that ended last, and what is open since before them.
    assert_eq!(left_out(&[0, 3, 4], 2), 0);
    // Not the last two; not what is open; fewer than it could show.
    assert_eq!(left_out(&[0, 2, 3], 2), 1);
    assert_eq!(left_out(&[3, 4], 2), 1);
    assert_eq!(left_out(&[0, 3, 4], 3), 2);
}
