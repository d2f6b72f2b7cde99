//! What staff write down: once, with its line in the journal, bounded, and taken out for good.

use crate::kit::{T0, at, incident, store};
use stillhere_model::{Act, By, Entry, IncidentId, IncidentStatus, Mint, NoteId};
use stillhere_store::{NOTES_MAX, NewNote, Note, Noted, Store, TakenOut, Write};

fn id(n: u64) -> NoteId {
    NoteId(Mint::new(n).uuid(T0))
}

fn by(name: &str) -> By {
    By { name: name.to_owned(), from: Some("192.0.2.7".to_owned()) }
}

async fn with_an_incident(store: &Store) -> IncidentId {
    let made = incident(1, IncidentStatus::Investigating);
    let known = made.id;
    store.commit(&Write { incidents: vec![made], ..Write::default() }).await.unwrap();
    known
}

fn new<'a>(n: u64, incident: IncidentId, text: &'a str, once: Option<(&'a str, &'a str)>) -> NewNote<'a> {
    NewNote { id: id(n), incident, text, once }
}

async fn acts(store: &Store) -> Vec<Entry> {
    let page = store.journal_back(None, 100, |e| matches!(e, Entry::Acted { .. })).await.unwrap();
    page.rows.into_iter().rev().map(|r| r.entry).collect()
}

#[tokio::test]
async fn a_note_is_there_once_however_often_it_is_sent_and_the_journal_has_who_wrote_it_and_not_what() {
    let (_dir, store) = store().await;
    let incident = with_an_incident(&store).await;
    let (kim, first) = (by("kim"), new(1, incident, "We paged Ada.", Some(("key", "asked"))));
    let Noted::Written(note) = store.note_write(first, &kim, at(1)).await.unwrap() else { panic!() };
    let again = new(2, incident, "We paged Ada.", Some(("key", "asked")));
    assert_eq!(store.note_write(again, &kim, at(2)).await.unwrap(), Noted::Written(note.clone()));
    let other = new(3, incident, "We paged Bob.", Some(("key", "another")));
    assert_eq!(store.note_write(other, &kim, at(3)).await.unwrap(), Noted::OtherRequest);
    let nowhere = new(4, IncidentId(Mint::new(9).uuid(T0)), "Where?", None);
    assert_eq!(store.note_write(nowhere, &kim, at(4)).await.unwrap(), Noted::NoSuchIncident);
    assert_eq!(store.notes(incident).await.unwrap(), [note]);
    let act = Act::NoteWritten { incident, note: id(1) };
    let from = Some("192.0.2.7".to_owned());
    assert_eq!(acts(&store).await, [Entry::Acted { by: "kim".to_owned(), from, act }]);
}

#[tokio::test]
async fn who_wrote_it_takes_it_out_or_an_admin_and_that_it_was_there_stays() {
    let (_dir, store) = store().await;
    let incident = with_an_incident(&store).await;
    let sent = new(1, incident, "We paged Ada.", Some(("key", "asked")));
    store.note_write(sent, &by("kim"), at(1)).await.unwrap();
    let take = async |who: &str, any: bool, n: u64| {
        store.note_take_out(incident, id(n), any, &by(who), at(5)).await.unwrap()
    };
    assert_eq!(take("lee", false, 1).await, TakenOut::NotTheirs);
    assert_eq!(take("lee", true, 2).await, TakenOut::NoSuchNote);
    assert_eq!(store.notes(incident).await.unwrap()[0].text.as_deref(), Some("We paged Ada."));
    assert_eq!(take("lee", true, 1).await, TakenOut::Done);
    assert_eq!(take("kim", false, 1).await, TakenOut::Done, "it is out already");
    let out = Note {
        id: id(1),
        incident,
        at: at(1),
        by: "kim".to_owned(),
        text: None,
        taken_out: Some((at(5), "lee".to_owned())),
    };
    assert_eq!(store.notes(incident).await.unwrap(), std::slice::from_ref(&out));
    assert_eq!(acts(&store).await.len(), 2, "one was written, one taken out");
    // A browser that never heard that it was written sends it again: it does not come back.
    assert_eq!(store.note_write(sent, &by("kim"), at(6)).await.unwrap(), Noted::Written(out));
}

#[tokio::test]
async fn there_are_no_more_notes_about_an_incident_than_one_answer_can_hold() {
    let (_dir, store) = store().await;
    let incident = with_an_incident(&store).await;
    for n in 0..NOTES_MAX.unsigned_abs() {
        let noted = store.note_write(new(n, incident, "x", None), &by("kim"), at(1)).await.unwrap();
        assert!(matches!(noted, Noted::Written(_)), "{n}");
    }
    let more = new(1_000, incident, "x", None);
    assert_eq!(store.note_write(more, &by("kim"), at(1)).await.unwrap(), Noted::TooMany);
}
