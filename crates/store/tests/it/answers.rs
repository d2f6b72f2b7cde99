//! Answers that are given again.

use crate::kit::{T0, at, incident, store};
use stillhere_model::IncidentStatus;
use stillhere_store::{ANSWERS_KEPT, ANSWERS_MAX, Answered, Store, Write};

fn answered(key: &str, request: &str, ms: i64) -> Answered {
    Answered { key: key.to_owned(), request: request.to_owned(), at: at(ms), answer: format!("to {request}") }
}

#[tokio::test]
async fn an_answer_is_kept_with_what_was_done_over_a_restart_and_for_a_day() {
    let (dir, store) = store().await;
    let w = Write {
        incidents: vec![incident(1, IncidentStatus::Investigating)],
        answers: vec![answered("k", "open", 0)],
        ..Write::default()
    };
    assert!(!w.is_ordinary());
    store.commit(&w).await.unwrap();
    drop(store);
    let store = Store::open(dir.path(), T0).await.unwrap();
    assert_eq!(store.answered("k", at(1)).await.unwrap(), Some(answered("k", "open", 0)));
    assert_eq!(store.answered("other", at(1)).await.unwrap(), None);
    assert_eq!(store.answered("k", at(1).plus(ANSWERS_KEPT)).await.unwrap(), None);

    // Used again after its day, it is a new key.
    let day = i64::try_from(ANSWERS_KEPT.as_millis()).unwrap() + 1;
    let again = answered("k", "another", day);
    store.commit(&Write { answers: vec![again.clone()], ..Write::default() }).await.unwrap();
    assert_eq!(store.answered("k", at(day)).await.unwrap(), Some(again));
}

#[tokio::test]
async fn no_more_answers_are_kept_than_the_bound() {
    let (_dir, store) = store().await;
    let n = ANSWERS_MAX + 5;
    let answers = (0..n).map(|i| answered(&i.to_string(), "open", i)).collect();
    store.commit(&Write { answers, ..Write::default() }).await.unwrap();
    assert_eq!(store.answered("4", at(n)).await.unwrap(), None);
    assert!(store.answered("5", at(n)).await.unwrap().is_some());
    assert!(store.answered(&(n - 1).to_string(), at(n)).await.unwrap().is_some());
}
