use crate::kit::{at, store};
use std::time::Duration;
use stillhere_model::{
    Act, By, Entry, Lang, Person, PersonId, Role, Time, subscriber::BrowserKeys, time::millis,
};
use stillhere_store::{
    BROWSERS_MAX, Browser, Code, NewSession, PeopleError, Question, Refused, SESSION_IDLE, SESSION_MAX,
    SESSIONS_MAX, Store, Subject, Ticket,
};

fn person(n: u8, name: &str, role: Role) -> Person {
    Person {
        id: PersonId::from_bytes([n; 16]),
        name: name.to_owned(),
        role,
        teams: Vec::new(),
        created_at: at(0),
    }
}

fn session(n: u64) -> NewSession {
    NewSession {
        id: format!("id{n}"),
        sha256: format!("hash{n}"),
        agent: None,
        replaces: None,
        id_token: None,
    }
}

fn ticket(sha256: &str, expires_at: Time) -> Ticket {
    Ticket { sha256: sha256.to_owned(), expires_at }
}

/// Somebody with a password, at the time 0, in session `hash0`.
async fn kim(store: &Store) -> Person {
    let kim = person(1, "kim", Role::Admin);
    store.setup_offer(&ticket("link", at(1_000))).await.unwrap();
    store.set_up("link", kim.clone(), "phc", &session(0), None, at(0)).await.unwrap();
    kim
}

async fn log_in(store: &Store, kim: &Person, n: u64, now: Time) {
    let by = By::from("kim");
    store.log_in(kim, "phc", &Code::None, &session(n), &by, now).await.unwrap();
}

fn refused<T: std::fmt::Debug>(answer: Result<T, PeopleError>) -> Refused {
    match answer {
        Err(PeopleError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn browsers_that_are_alerted_are_bounded_replace_themselves_and_go_with_their_owner() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    let by = By::from("kim");
    let browser = |n: i64, endpoint: i64| {
        let mut p256dh = [7; 65];
        p256dh[0] = 4;
        Browser {
            id: format!("browser{n}"),
            person: kim.id,
            name: format!("phone {n}"),
            lang: Lang::ZhCn,
            endpoint: format!("https://push.example/{endpoint}"),
            keys: BrowserKeys { p256dh, auth: [1; 16] },
            created_at: at(n),
            told_at: None,
        }
    };
    for n in 0..BROWSERS_MAX {
        store.browser_keep(&browser(n, n), &by, at(n)).await.unwrap();
    }
    assert_eq!(refused(store.browser_keep(&browser(99, 99), &by, at(99)).await), Refused::TooManyBrowsers);
    store.browser_keep(&browser(100, 0), &by, at(100)).await.unwrap();
    store.browser_told("browser100", at(101)).await.unwrap();
    let all = store.staff_browsers().await.unwrap();
    assert_eq!(all.len(), usize::try_from(BROWSERS_MAX).unwrap());
    let (whose, last) = all.last().unwrap();
    assert_eq!(whose.name, "kim");
    assert_eq!(*last, Browser { told_at: Some(at(101)), ..browser(100, 0) });
    assert!(store.staff_browser("browser0").await.unwrap().is_none(), "its place was taken");
    let other = person(2, "ana", Role::Viewer);
    assert!(!store.browser_forget(&other, "browser1", &by, at(102)).await.unwrap(), "one's own alone");
    assert!(store.browser_forget(&kim, "browser1", &by, at(103)).await.unwrap());
    store.person_reset(kim.id, &ticket("again", at(9_000)), &by, at(104)).await.unwrap();
    assert!(store.staff_browsers().await.unwrap().is_empty());
    let journal = format!("{:?}", store.journal(0, 1_000).await.unwrap());
    assert!(journal.contains("BrowserAdded") && journal.contains("BrowserRemoved"));
    assert!(!journal.contains("push.example"), "an address in the journal");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_last_anyway() {
    let (_dir, store) = store().await;
    kim(&store).await;
    let is_in = async |now: Time| store.session("hash0", now).await.unwrap().is_some();
    let idle = millis(SESSION_IDLE);
    assert!(is_in(at(idle - 1)).await, "used just in time");
    assert!(is_in(at(2 * idle - 2)).await, "and counted from then");
    assert!(!is_in(at(3 * idle)).await, "not used for too long");
    // Used every hour, it ends all the same.
    log_in(&store, &person(1, "kim", Role::Admin), 1, at(0)).await;
    let (hour, max) = (3_600_000, millis(SESSION_MAX));
    let mut now = 0;
    while now + hour < max {
        now += hour;
        assert!(store.session("hash1", at(now)).await.unwrap().is_some(), "{now}");
    }
    assert!(store.session("hash1", at(max)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_sessions_and_the_least_used_goes() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    let most = u64::try_from(SESSIONS_MAX).unwrap();
    for n in 1..most {
        log_in(&store, &kim, n, at(i64::try_from(n).unwrap())).await;
    }
    let minute = 60_000;
    assert!(store.session("hash0", at(minute + 1)).await.unwrap().is_some(), "the oldest is used again");
    log_in(&store, &kim, most, at(minute + 2)).await;
    let left = store.sessions(Some(kim.id), at(minute + 3)).await.unwrap();
    assert_eq!(left.len(), usize::try_from(most).unwrap());
    assert!(left.iter().any(|s| s.id == "id0") && !left.iter().any(|s| s.id == "id1"), "{left:?}");
}

#[tokio::test]
async fn a_link_is_good_once_for_its_person_and_until_it_expires() {
    let (_dir, store) = store().await;
    assert!(store.setup_offer(&ticket("a", at(10))).await.unwrap());
    assert!(store.setup_offer(&ticket("b", at(10))).await.unwrap());
    assert!(!store.ticket_good("a", at(1)).await.unwrap(), "a later link takes the place of an earlier one");
    let kim = person(1, "kim", Role::Admin);
    let late = store.set_up("b", kim.clone(), "phc", &session(0), None, at(10)).await;
    assert_eq!(refused(late), Refused::LinkGone);
    store.set_up("b", kim.clone(), "phc", &session(0), None, at(9)).await.unwrap();
    let again = store.set_up("b", person(2, "eve", Role::Admin), "phc", &session(1), None, at(9)).await;
    assert_eq!(refused(again), Refused::LinkGone);
    assert!(!store.setup_offer(&ticket("c", at(10))).await.unwrap(), "there is somebody");

    let (ann, by) = (person(2, "Ann", Role::Viewer), By::from("kim"));
    store.person_add(&ann, &ticket("d", at(100)), &by, at(10)).await.unwrap();
    let other = store.set_up("d", person(3, "eve", Role::Admin), "phc", &session(1), None, at(11)).await;
    assert_eq!(refused(other), Refused::OtherName("Ann".to_owned()));
    let set_up =
        store.set_up("d", person(3, "ann", Role::Admin), "phc", &session(1), None, at(11)).await.unwrap();
    assert_eq!(set_up, ann, "as she was added: a link gives nobody another role");
}

#[tokio::test]
async fn a_log_in_that_was_proved_before_a_change_is_refused_after_it() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    let by = By::from("kim");
    store.person_reset(kim.id, &ticket("new", at(100)), &by, at(1)).await.unwrap();
    let late = store.log_in(&kim, "phc", &Code::None, &session(1), &by, at(2)).await;
    assert_eq!(refused(late), Refused::Changed);
    assert!(store.session("hash0", at(2)).await.unwrap().is_none(), "and what was begun is over");
}

#[tokio::test]
async fn a_code_is_taken_once_and_only_forwards() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    let by = By::from("kim");
    store.totp_offer(&kim, &Code::None, b"sealed", &by, at(1)).await.unwrap();
    let recovery = ["r1".to_owned(), "r2".to_owned()];
    store.totp_on(&kim, b"sealed", 100, &recovery, &session(1), &by, at(2)).await.unwrap();
    assert!(store.session("hash0", at(3)).await.unwrap().is_none(), "the others are over");
    let enter = async |code: Code, n| store.log_in(&kim, "phc", &code, &session(n), &by, at(4)).await;
    assert_eq!(refused(enter(Code::None, 2).await), Refused::Changed, "a code is asked for");
    assert_eq!(refused(enter(Code::Totp(100), 2).await), Refused::CodeUsed, "the one that confirmed");
    enter(Code::Totp(101), 2).await.unwrap();
    assert_eq!(refused(enter(Code::Totp(101), 3).await), Refused::CodeUsed);
    assert_eq!(refused(enter(Code::Totp(99), 3).await), Refused::CodeUsed, "one of before");
    enter(Code::Recovery("r1".into()), 3).await.unwrap();
    assert_eq!(refused(enter(Code::Recovery("r1".into()), 4).await), Refused::CodeUsed);
    let journal = store.journal(0, 100).await.unwrap();
    let left = journal.iter().find_map(|e| match &e.entry {
        Entry::Acted { act: Act::RecoveryCodeUsed { left, .. }, .. } => Some(*left),
        _ => None,
    });
    assert_eq!(left, Some(1));
}

/// What was ended since the backup was made must not come back to life with it.
#[tokio::test]
async fn a_restored_backup_opens_no_session_and_no_link() {
    let (dir, store) = store().await;
    let kim = kim(&store).await;
    let (ann, by) = (person(2, "ann", Role::Viewer), By::from("kim"));
    store.person_add(&ann, &ticket("link2", at(1_000_000)), &by, at(1)).await.unwrap();
    let file = dir.path().join("backup.db");
    store.backup(&file).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    stillhere_store::restore(&file, dir.path(), at(10)).await.unwrap();
    let store = Store::open(dir.path(), at(11)).await.unwrap();
    assert!(store.session("hash0", at(12)).await.unwrap().is_none());
    assert!(!store.ticket_good("link2", at(12)).await.unwrap());
    log_in(&store, &kim, 5, at(13)).await;
}

#[tokio::test]
async fn idle_sessions_are_not_listed_and_are_swept_at_the_next_log_in() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    let later = at(0).plus(SESSION_IDLE + Duration::from_secs(1));
    assert!(store.sessions(None, later).await.unwrap().is_empty());
    assert_eq!(store.people(later).await.unwrap()[0].sessions, 0);
    log_in(&store, &kim, 1, later).await;
    assert_eq!(store.sessions(None, later).await.unwrap().len(), 1);
}

/// Somebody with this name at the provider, on the errand `n`, as whom `added` would be added.
async fn come(
    store: &Store,
    subject: &str,
    name: Option<&str>,
    added: Option<&Person>,
    n: u64,
) -> Result<Person, PeopleError> {
    let who = Subject { issuer: "https://id.example.com", subject, name, added };
    let errand = Question { sha256: format!("errand{n}"), expires_at: at(1_000_000) };
    store.provider_log_in(who, &errand, &session(n), Some("192.0.2.1".into()), at(10)).await
}

#[tokio::test]
async fn a_subject_is_bound_at_the_first_log_in_and_a_name_that_changes_hands_opens_nothing() {
    let (_dir, store) = store().await;
    let kim = kim(&store).await;
    assert_eq!(
        refused(come(&store, "s1", None, None, 1).await),
        Refused::NoSuchPerson,
        "no name that counts"
    );
    assert_eq!(refused(come(&store, "s1", Some("ann"), None, 2).await), Refused::NoSuchPerson);
    assert_eq!(come(&store, "s1", Some("KIM"), None, 3).await.unwrap(), kim);
    assert!(store.session("hash3", at(11)).await.unwrap().is_some());
    assert_eq!(
        come(&store, "s1", Some("renamed"), None, 4).await.unwrap(),
        kim,
        "whatever they are called now"
    );
    assert_eq!(come(&store, "s1", None, None, 5).await.unwrap(), kim);
    let taken = come(&store, "s2", Some("kim"), None, 6).await;
    assert_eq!(refused(taken), Refused::NoSuchPerson, "somebody else who is called so now");
    assert!(store.session("hash6", at(11)).await.unwrap().is_none());
    assert_eq!(
        refused(come(&store, "s1", None, None, 5).await),
        Refused::CodeUsed,
        "an errand is taken once"
    );

    let journal = store.journal(0, 100).await.unwrap();
    let acts: Vec<String> = journal
        .iter()
        .filter_map(|e| match &e.entry {
            Entry::Acted { act: Act::ProviderBound { person, issuer, subject }, .. } => {
                Some(format!("{person} is {subject} at {issuer}"))
            }
            Entry::Acted { act: Act::LoggedIn { session, with }, by, .. } => {
                Some(format!("{by} {session} {}", serde_json::to_value(with).unwrap().as_str().unwrap()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        acts,
        [
            "kim id0 link",
            "kim is s1 at https://id.example.com",
            "kim id3 provider",
            "kim id4 provider",
            "kim id5 provider"
        ]
    );

    store.person_reset(kim.id, &ticket("new", at(100)), &By::from("kim"), at(12)).await.unwrap();
    assert!(store.session("hash5", at(13)).await.unwrap().is_none(), "a reset ends them");
    assert_eq!(
        come(&store, "s2", Some("kim"), None, 7).await.unwrap(),
        kim,
        "and a new account may be bound"
    );
    assert_eq!(refused(come(&store, "s1", Some("kim"), None, 8).await), Refused::NoSuchPerson);
}

#[tokio::test]
async fn who_was_removed_stays_out_whatever_the_provider_says() {
    let (_dir, store) = store().await;
    kim(&store).await;
    let ann = person(2, "ann@example.com", Role::Responder);
    assert_eq!(come(&store, "s2", Some("ann@example.com"), Some(&ann), 1).await.unwrap(), ann);
    let journal = store.journal(0, 100).await.unwrap();
    let added = journal.iter().find_map(|e| match &e.entry {
        Entry::Acted { by, from, act: Act::PersonAdded { person, .. } } => {
            Some((by.clone(), from.clone(), person.clone()))
        }
        _ => None,
    });
    let wanted = ("identity provider".to_owned(), Some("192.0.2.1".to_owned()), "ann@example.com".to_owned());
    assert_eq!(added, Some(wanted));
    assert_eq!(come(&store, "s2", None, Some(&ann), 2).await.unwrap(), ann, "added once");
    store.person_remove(ann.id, &By::from("kim"), at(11)).await.unwrap();
    assert!(store.session("hash2", at(12)).await.unwrap().is_none());
    let again = person(3, "ann@example.com", Role::Responder);
    assert_eq!(
        refused(come(&store, "s2", Some("ann@example.com"), Some(&again), 3).await),
        Refused::NoSuchPerson
    );
    let renamed = person(4, "ann.lee@example.com", Role::Responder);
    assert_eq!(
        refused(come(&store, "s2", Some("ann.lee@example.com"), Some(&renamed), 4).await),
        Refused::NoSuchPerson
    );
    let other = come(&store, "s3", Some("ann@example.com"), Some(&again), 5).await;
    assert_eq!(refused(other), Refused::NoSuchPerson, "names are never given out twice");
}
