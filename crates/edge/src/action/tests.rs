//! The journal as its callers see it, on a disk that works and on one that does not.

use super::*;
use http::{HeaderValue, StatusCode};
use redb::{StorageBackend, backends::FileBackend};
use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};
use tempfile::TempDir;

const T0: Time = Time(1_800_000_000_000);

/// A disk that fails when it is told to.
#[derive(Debug, Clone, Default)]
pub(super) struct Switch {
    failing: Arc<AtomicBool>,
    syncs: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) struct FailingDisk {
    file: FileBackend,
    failing: Switch,
}

impl Switch {
    pub(super) fn disk(&self, path: &Path) -> FailingDisk {
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        FailingDisk { file: FileBackend::new(file).unwrap(), failing: self.clone() }
    }
    fn set(&self, failing: bool) {
        self.failing.store(failing, SeqCst);
    }
    fn check(&self) -> io::Result<()> {
        if self.failing.load(SeqCst) { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) } // ENOSPC
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.failing.check()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.failing.check()?;
        self.failing.syncs.fetch_add(1, SeqCst);
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.failing.check()?;
        self.file.write(offset, data)
    }
}

fn at(seconds: u64) -> Time {
    T0.plus(Duration::from_secs(seconds))
}

fn honouring() -> KeyedSpec {
    KeyedSpec { origin_honours: true, ..KeyedSpec::default() }
}

fn request(body: &str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Request {
        method: Method::POST,
        uri: "/orders".to_owned(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn key(n: u32) -> Key {
    Key::parse(format!("\"order-000000000000000000-{n}\"").as_bytes()).unwrap()
}

fn who(actions: &Actions, spec: &KeyedSpec, session: &str) -> Principal {
    let mut headers = HeaderMap::new();
    if !session.is_empty() {
        headers.insert("cookie", HeaderValue::from_str(&format!("session={session}")).unwrap());
    }
    actions.principal(spec, "shop.example", &headers)
}

struct Asked<'a> {
    actions: &'a Actions,
    spec: KeyedSpec,
    session: &'a str,
    body: &'a str,
    sending: bool,
    now: Time,
}

fn ask<'a>(actions: &'a Actions, spec: &KeyedSpec) -> Asked<'a> {
    Asked { actions, spec: spec.clone(), session: "ann", body: "{}", sending: false, now: T0 }
}

impl<'a> Asked<'a> {
    fn session(self, session: &'a str) -> Self {
        Asked { session, ..self }
    }
    fn body(self, body: &'a str) -> Self {
        Asked { body, ..self }
    }
    fn sending(self) -> Self {
        Asked { sending: true, ..self }
    }
    fn now(self, now: Time) -> Self {
        Asked { now, ..self }
    }
    async fn under(self, key: Key) -> Result<Begin, NotKept> {
        let action = NewAction {
            route: "shop",
            spec: &self.spec,
            principal: who(self.actions, &self.spec, self.session),
            key,
            request: request(self.body),
        };
        self.actions.begin(action, self.sending, self.now).await
    }
    async fn go(self, key: Key) -> Running {
        match self.under(key).await.unwrap() {
            Begin::Go(running) => running,
            other => panic!("{other:?}"),
        }
    }
}

fn answer(status: u16, body: &'static str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("location", HeaderValue::from_static("/orders/17"));
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Some(Bytes::from_static(body.as_bytes())),
        trailers: HeaderMap::new(),
    }
}

fn open(dir: &TempDir, now: Time) -> Arc<Actions> {
    Actions::open(dir.path(), Limits::default(), now).unwrap()
}

fn said(actions: &Actions, n: u32, now: Time) -> Option<Said> {
    let who = who(actions, &KeyedSpec::default(), "ann");
    actions.look_up(&who, &key(n), now).map(|v| v.state)
}

#[tokio::test]
async fn an_action_is_done_once_and_answered_again() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    for round in 0..2 {
        let actions = open(&dir, at(round));
        if round == 0 {
            let mut running = ask(&actions, &spec).go(key(1)).await;
            assert_eq!(said(&actions, 1, T0), Some(Said::Sending));
            let Begin::InFlight { retry_after } =
                ask(&actions, &spec).now(at(8)).under(key(1)).await.unwrap()
            else {
                panic!("a second sender")
            };
            assert_eq!(retry_after, Duration::from_secs(4));
            running.sending(T0).await.unwrap();
            running.done(&answer(201, "order 17"), at(1)).await.unwrap();
        }
        // also after a restart
        let Begin::Done(again) = ask(&actions, &spec).under(key(1)).await.unwrap() else {
            panic!("not done")
        };
        assert_eq!(again, answer(201, "order 17"));
        assert_eq!(said(&actions, 1, T0), Some(Said::Done));
        let other = ask(&actions, &spec).body("{\"n\":2}").under(key(1)).await.unwrap();
        assert!(matches!(other, Begin::OtherBody), "{other:?}");
        assert_eq!(actions.due(at(100), 10).await.unwrap().len(), 0);
        actions.close().await;
    }
}

#[tokio::test]
async fn a_key_of_another_person_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let spec = KeyedSpec::default();
    ask(&actions, &spec).sending().go(key(1)).await.done(&answer(200, "secret"), T0).await.unwrap();
    let bob = who(&actions, &spec, "bob");
    assert_eq!(actions.look_up(&bob, &key(1), T0), None);
    assert_eq!(actions.look_up(&bob, &key(2), T0), None);
    // The very same request under other credentials: perhaps the same person with a new cookie. Never sent twice,
    // and nothing is told.
    let same = ask(&actions, &spec).session("bob").under(key(1)).await.unwrap();
    assert!(matches!(same, Begin::OtherPrincipal), "{same:?}");
    assert_eq!(actions.look_up(&bob, &key(1), T0), None);
    // Another request of another person is an action of its own.
    let other = ask(&actions, &spec).session("bob").body("{\"n\":2}").go(key(1)).await;
    assert_eq!(actions.look_up(&bob, &key(1), T0).unwrap().state, Said::Sending);
    drop(other);
    // Short keys are chosen by chance by two people; they never meet.
    let short = || Key::parse(b"\"order-17\"").unwrap();
    let _ann = ask(&actions, &spec).go(short()).await;
    let _bob = ask(&actions, &spec).session("bob").go(short()).await;
    // Who does not say who they are needs a key that nobody guesses.
    let nobody = ask(&actions, &spec).session("").under(short()).await.unwrap();
    assert!(matches!(nobody, Begin::KeyTooShort), "{nobody:?}");
    let _nobody = ask(&actions, &spec).session("").go(key(9)).await;
}

#[tokio::test]
async fn case_o_what_was_sent_and_not_answered_is_unknown_and_never_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let actions = open(&dir, T0);
    ask(&actions, &spec).sending().go(key(1)).await.unknown(at(1)).await.unwrap();
    drop(ask(&actions, &spec).sending().go(key(2)).await); // its sender died in the middle
    std::mem::forget(ask(&actions, &spec).sending().go(key(3)).await); // the process dies with it
    assert_eq!(said(&actions, 2, T0), Some(Said::Unknown));
    for n in [1, 2] {
        let begin = ask(&actions, &spec).now(at(2)).under(key(n)).await.unwrap();
        let Begin::OutcomeUnknown(view) = begin else { panic!("{n}: {begin:?}") };
        assert!(!view.checking, "nobody claims to know");
    }
    assert_eq!(actions.due(at(60), 10).await.unwrap().len(), 0);
    actions.close().await;
    let actions = open(&dir, at(60));
    for n in [1, 2, 3] {
        let begin = ask(&actions, &spec).now(at(61)).under(key(n)).await.unwrap();
        assert!(matches!(begin, Begin::OutcomeUnknown(_)), "{n}: {begin:?}");
    }
    assert_eq!(actions.due(at(120), 10).await.unwrap().len(), 0);
    assert_eq!(actions.vitals().waiting, 0);
}

#[tokio::test]
async fn case_o_it_is_asked_for_again_where_the_origin_honours_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let spec = honouring();
    let actions = open(&dir, T0);
    ask(&actions, &spec).sending().go(key(1)).await.unknown(T0).await.unwrap();
    let view = actions.look_up(&who(&actions, &spec, "ann"), &key(1), T0).unwrap();
    assert!(view.state == Said::Unknown && view.checking);
    assert_eq!(actions.due(T0, 10).await.unwrap().len(), 0, "not at once");
    let mut due = actions.due(at(1), 10).await.unwrap();
    let mut again = due.pop().unwrap();
    assert!(again.running.is_repeat() && again.running.is_late());
    assert_eq!((again.route.as_str(), &again.request.body[..]), ("shop", b"{}".as_slice()));
    let busy = ask(&actions, &spec).now(at(1)).under(key(1)).await.unwrap();
    assert!(matches!(busy, Begin::InFlight { .. }), "{busy:?}");
    again.running.sending(at(1)).await.unwrap();
    // Nothing of this attempt was written, but the first one is still in doubt.
    again.running.not_sent(at(2)).await.unwrap();
    drop(again);
    assert_eq!(said(&actions, 1, at(2)), Some(Said::Unknown));
    // The person comes: the repeat is theirs.
    let running = ask(&actions, &spec).sending().now(at(3)).go(key(1)).await;
    assert!(running.is_repeat());
    running.done(&answer(200, "order 17"), at(4)).await.unwrap();
    assert_eq!(said(&actions, 1, at(4)), Some(Said::Done));
    assert_eq!(actions.due(at(500), 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_was_never_sent_is_sent_once_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let actions = open(&dir, T0);
    let mut parked = ask(&actions, &spec).sending().go(key(1)).await;
    parked.not_sent(at(1)).await.unwrap();
    drop(parked);
    let view = actions.look_up(&who(&actions, &spec, "ann"), &key(1), at(1)).unwrap();
    assert_eq!((view.state, view.sends_until), (Said::Saved, Some(at(600))));
    std::mem::forget(ask(&actions, &spec).go(key(2)).await);
    actions.close().await;

    let actions = open(&dir, at(5));
    let due = actions.due(at(5), 1).await.unwrap();
    assert_eq!(due.len(), 1, "as many as wanted");
    let more = actions.due(at(5), 10).await.unwrap();
    assert_eq!(more.len(), 1, "each only once");
    assert_eq!(actions.due(at(5), 10).await.unwrap().len(), 0);
    for due in due.into_iter().chain(more) {
        let mut running = due.running;
        assert!(!running.is_repeat());
        running.sending(at(6)).await.unwrap();
        running.done(&answer(200, "ok"), at(7)).await.unwrap();
    }
    assert_eq!((said(&actions, 1, at(7)), said(&actions, 2, at(7))), (Some(Said::Done), Some(Said::Done)));
}

#[tokio::test]
async fn attempts_get_rarer_and_a_node_that_is_back_is_not_kept_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    drop(ask(&actions, &KeyedSpec::default()).go(key(1)).await);
    let mut tried = vec![];
    for second in 0..200 {
        for due in actions.due(at(second), 10).await.unwrap() {
            tried.push(second);
            drop(due); // no node
        }
    }
    assert_eq!(tried, [1, 3, 7, 15, 31, 61, 91, 121, 151, 181]);
    actions.hurry(at(200));
    assert_eq!(actions.next_due(), Some(at(200)));
    drop(actions.due(at(200), 10).await.unwrap().pop().unwrap());
    // The clock is set back an hour: that does not put it off for an hour.
    assert_eq!(actions.due(Time(T0.0 - 3_600_000), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_could_not_be_sent_in_time_never_is() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let actions = open(&dir, T0);
    drop(ask(&actions, &spec).go(key(1)).await);
    assert_eq!(actions.due(at(601), 10).await.unwrap().len(), 0);
    assert_eq!(said(&actions, 1, at(601)), Some(Said::Expired));
    assert_eq!(actions.vitals().bytes, record::RECORD_COST, "the request is not kept any longer");
    actions.close().await;
    let actions = open(&dir, at(602));
    let begin = ask(&actions, &spec).now(at(602)).under(key(1)).await.unwrap();
    assert!(matches!(begin, Begin::Expired(_)), "{begin:?}");
    assert_eq!(actions.sweep(at(86_400)).await.unwrap(), 0);
    assert_eq!(actions.sweep(at(602 + 86_401)).await.unwrap(), 1);
    assert_eq!(said(&actions, 1, at(90_000)), None);
    let _a_new_one = ask(&actions, &spec).now(at(90_000)).go(key(1)).await;
}

#[tokio::test]
async fn what_wants_a_person_is_never_done_and_goes_when_the_person_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let actions = open(&dir, T0);
    for (n, sure) in [(1, true), (2, false)] {
        ask(&actions, &spec).sending().go(key(n)).await.needs_you(sure, at(1)).await.unwrap();
        assert_eq!(said(&actions, n, at(1)), Some(Said::NeedsYou));
    }
    assert_eq!(actions.due(at(300), 10).await.unwrap().len(), 0, "not without the person");
    // 401: nothing was done. After the log-in the cookie is another one.
    let running = ask(&actions, &spec).session("ann2").sending().now(at(2)).go(key(1)).await;
    running.done(&answer(200, "ok"), at(3)).await.unwrap();
    // A redirection that was taken for a log-in: nobody knows for certain.
    let begin = ask(&actions, &spec).now(at(2)).under(key(2)).await.unwrap();
    assert!(matches!(begin, Begin::NeedsYou(_)), "{begin:?}");
    let begin = ask(&actions, &spec).session("ann2").now(at(2)).under(key(2)).await.unwrap();
    assert!(matches!(begin, Begin::OtherPrincipal), "{begin:?}");
    // The same credentials again, after a 401: the request is brought anew, and kept anew.
    let key3 = key(3);
    ask(&actions, &spec).sending().go(key3.clone()).await.needs_you(true, at(1)).await.unwrap();
    drop(ask(&actions, &spec).now(at(4)).go(key3).await);
    assert_eq!(actions.due(at(10), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slip_of_the_caller_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let actions = open(&dir, T0);
    let running = ask(&actions, &spec).go(key(1)).await;
    let refused = running.done(&answer(200, "never sent"), T0).await;
    assert_eq!(refused, Err(NotSettled::Refused(Refusal::OutOfOrder)));
    assert_eq!(said(&actions, 1, T0), Some(Said::Saved));
    // In doubt, and not honoured: no second attempt, and it is not called unsent.
    let mut running = ask(&actions, &spec).sending().go(key(2)).await;
    assert!(!running.in_doubt());
    assert_eq!(running.sending(T0).await, Err(NotSettled::Refused(Refusal::MayDouble)));
    running.not_sent(T0).await.unwrap();
    drop(running);
    assert_eq!(said(&actions, 2, T0), Some(Said::Unknown));
    // But when its answer comes after all, it is done.
    let mut running = ask(&actions, &spec).sending().go(key(3)).await;
    assert!(!running.in_doubt());
    running.done(&answer(200, "late"), T0).await.unwrap();
    assert_eq!(said(&actions, 3, T0), Some(Said::Done));
    // Told to come again: the key is free.
    ask(&actions, &spec).sending().go(key(4)).await.forget(T0).await.unwrap();
    assert_eq!(said(&actions, 4, T0), None);
    let _free = ask(&actions, &spec).body("{\"n\":2}").go(key(4)).await;
}

#[tokio::test]
async fn a_sender_whose_claim_is_not_the_one_on_disk_settles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let mut first = ask(&actions, &honouring()).sending().go(key(1)).await;
    // Its right in memory is taken away, as if it had been lost; the next one claims it on disk.
    actions.inner.shared.lock().release(&first.id(), first.owner(), T0);
    let second = actions.due(at(1), 1).await.unwrap().pop().unwrap().running;
    assert_eq!(first.not_sent(at(2)).await, Err(NotSettled::Fenced));
    assert_eq!(first.done(&answer(200, "first"), at(2)).await, Err(NotSettled::Fenced));
    let mut second = second;
    second.sending(at(2)).await.unwrap();
    second.done(&answer(200, "second"), at(3)).await.unwrap();
    let Begin::Done(kept) = ask(&actions, &honouring()).under(key(1)).await.unwrap() else { panic!() };
    assert_eq!(kept, answer(200, "second"));
}

#[tokio::test]
async fn who_goes_away_before_hearing_that_it_may_send_has_sent_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let spec = KeyedSpec::default();
    {
        let mut begin = std::pin::pin!(ask(&actions, &spec).sending().under(key(1)));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(begin.as_mut().poll(&mut cx).is_pending(), "the disk was faster than one poll");
    }
    // What comes after it in the queue has to wait for it.
    ask(&actions, &spec).sending().go(key(2)).await.done(&answer(200, ""), T0).await.unwrap();
    let mut running = ask(&actions, &spec).now(at(1)).go(key(1)).await;
    assert!(!running.is_repeat());
    running.sending(at(1)).await.unwrap();
}

#[tokio::test]
async fn at_the_limit_nothing_is_promised_and_what_was_promised_stays() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec { body_max: 2_000, ..KeyedSpec::default() };
    let limits = Limits { actions: 3, bytes: 1 << 20, waiting: 10 };
    let actions = Actions::open(dir.path(), limits, T0).unwrap();
    let mut running = vec![];
    for n in 0..3 {
        running.push(ask(&actions, &spec).sending().go(key(n)).await);
    }
    assert_eq!(ask(&actions, &spec).under(key(3)).await.unwrap_err(), NotKept::Full);
    running.pop().unwrap().done(&answer(200, "ok"), T0).await.unwrap();
    let again = ask(&actions, &spec).under(key(2)).await.unwrap();
    assert!(matches!(again, Begin::Done(_)), "{again:?}");
    let large = "x".repeat(2_001);
    assert_eq!(ask(&actions, &spec).body(&large).under(key(4)).await.unwrap_err(), NotKept::TooLarge(2_000));
    drop(running);
    actions.close().await;
    assert!(matches!(ask(&actions, &spec).under(key(5)).await, Err(NotKept::Disk(_))));

    let limits = Limits { actions: 100, bytes: 5_000, waiting: 10 };
    let actions = Actions::open(dir.path(), limits, T0).unwrap();
    let large = "x".repeat(1_900);
    let mut kept = 0;
    let refused = loop {
        match ask(&actions, &spec).body(&large).under(key(100 + kept)).await {
            Ok(Begin::Go(r)) => r.forget_lease(),
            Ok(other) => panic!("{other:?}"),
            Err(e) => break e,
        }
        kept += 1;
    };
    assert_eq!((refused, kept), (NotKept::Full, 1));
    assert!(actions.vitals().bytes <= 5_000);
}

#[tokio::test]
async fn a_disk_that_fails_promises_nothing_forgets_nothing_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let spec = KeyedSpec::default();
    let switch = Switch::default();
    let disk = || journal::Disk::Failing(switch.clone());
    let actions = Actions::open_on(dir.path(), Limits::default(), T0, disk()).unwrap();
    ask(&actions, &spec).sending().go(key(1)).await.done(&answer(200, "ok"), T0).await.unwrap();
    drop(ask(&actions, &spec).go(key(2)).await);
    let mut held = ask(&actions, &spec).sending().go(key(3)).await;

    switch.set(true);
    let full = ask(&actions, &spec).under(key(4)).await.unwrap_err();
    assert!(matches!(full, NotKept::Disk(_)), "{full:?}");
    assert!(matches!(held.not_sent(T0).await, Err(NotSettled::Disk(_))));
    // What is known is never sent past the journal, though its answer cannot be read now.
    let done = ask(&actions, &spec).under(key(1)).await.unwrap();
    assert!(matches!(done, Begin::Done(Answer { body: None, .. })), "{done:?}");
    let saved = ask(&actions, &spec).under(key(2)).await.unwrap();
    assert!(matches!(saved, Begin::InFlight { .. }), "{saved:?}");
    assert!(actions.due(at(60), 10).await.is_err(), "nothing is sent that cannot be written down");
    assert_eq!(said(&actions, 1, T0), Some(Said::Done));

    switch.set(false);
    let deadline = stillhere_net::clock::mono() + Duration::from_secs(20);
    let mut due = loop {
        match actions.due(at(60), 10).await {
            Ok(due) => break due,
            Err(e) => assert!(stillhere_net::clock::mono() < deadline, "{e}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(due.len(), 1, "the one that was saved, and none that was not promised");
    due.pop().unwrap().running.forget(at(61)).await.unwrap();
    held.done(&answer(200, "held"), at(61)).await.unwrap();
    let Begin::Done(again) = ask(&actions, &spec).under(key(1)).await.unwrap() else { panic!() };
    assert_eq!(again, answer(200, "ok"));
    assert!(actions.vitals().failures >= 1);
}

#[tokio::test]
async fn an_action_costs_two_syncs_and_asking_again_none() {
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::default();
    let disk = journal::Disk::Failing(switch.clone());
    let actions = Actions::open_on(dir.path(), Limits::default(), T0, disk).unwrap();
    let spec = KeyedSpec::default();
    let before = switch.syncs.load(SeqCst);
    for n in 0..50 {
        ask(&actions, &spec).sending().go(key(n)).await.done(&answer(200, "ok"), T0).await.unwrap();
    }
    let all = switch.syncs.load(SeqCst);
    assert_eq!(actions.vitals().commits, 100);
    // now and then one more, when the file grows
    assert!((100..=104).contains(&(all - before)), "{}", all - before);
    for n in 0..50 {
        let again = ask(&actions, &spec).under(key(n)).await.unwrap();
        assert!(matches!(again, Begin::Done(_)), "{again:?}");
    }
    assert_eq!(switch.syncs.load(SeqCst), all);
}

#[tokio::test]
async fn what_is_on_disk_is_ours_alone_and_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let running = ask(&actions, &KeyedSpec::default()).body("card 4111 1111").sending().go(key(1)).await;
    running.done(&answer(200, "thanks, Ann Smith"), T0).await.unwrap();
    drop(ask(&actions, &KeyedSpec::default()).body("card 4222 2222").go(key(2)).await);
    actions.close().await;
    let bytes = std::fs::read(dir.path().join(FILE)).unwrap();
    for secret in ["4111", "4222", "Ann Smith", "order-0000", "session=", "/orders", "shop"] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
    }
    for file in [FILE, KEY_FILE] {
        let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_said() {
    type Damage = fn(&Path);
    let table: [(&str, Damage); 5] = [
        ("rubbish", |dir| std::fs::write(dir.join(FILE), b"not a database").unwrap()),
        ("cut in half", |dir| {
            let bytes = std::fs::read(dir.join(FILE)).unwrap();
            std::fs::write(dir.join(FILE), &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("a byte of every page flipped", |dir| {
            let mut bytes = std::fs::read(dir.join(FILE)).unwrap();
            for page in bytes.chunks_mut(4096).skip(1) {
                page[100.min(page.len() - 1)] ^= 0xff;
            }
            std::fs::write(dir.join(FILE), bytes).unwrap();
        }),
        ("another key file", |dir| std::fs::write(dir.join(KEY_FILE), [7; 32]).unwrap()),
        ("no key in the key file", |dir| std::fs::write(dir.join(KEY_FILE), b"short").unwrap()),
    ];
    for (what, damage) in table {
        let dir = tempfile::tempdir().unwrap();
        let actions = open(&dir, T0);
        for n in 0..20 {
            drop(ask(&actions, &KeyedSpec::default()).go(key(n)).await);
        }
        actions.close().await;
        let right_key = std::fs::read(dir.path().join(KEY_FILE)).unwrap();
        damage(dir.path());

        let actions = open(&dir, at(1));
        let vitals = actions.vitals();
        assert!(vitals.moved_aside.is_some_and(|p| p.exists()), "{what}: not said");
        assert_eq!(vitals.actions, 0, "{what}");
        let aside = |name: &str| {
            let found = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
            found.into_iter().find(|p| p.file_name().unwrap().to_str().unwrap().starts_with(name))
        };
        let moved = aside("actions.redb.damaged-").unwrap_or_else(|| panic!("{what}: deleted"));
        if what.contains("key") {
            // With the right key it would all be there.
            let back = tempfile::tempdir().unwrap();
            std::fs::copy(moved, back.path().join(FILE)).unwrap();
            std::fs::write(back.path().join(KEY_FILE), &right_key).unwrap();
            assert_eq!(open(&back, at(1)).vitals().actions, 20, "{what}");
        }
        ask(&actions, &KeyedSpec::default()).sending().go(key(1)).await.unknown(T0).await.unwrap();
        actions.close().await;
        let actions = open(&dir, at(2));
        assert_eq!((actions.vitals().actions, actions.vitals().moved_aside), (1, None), "{what}: not usable");
    }
}

#[tokio::test]
async fn a_journal_in_use_is_an_error_and_not_damage() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let second = Actions::open(dir.path(), Limits::default(), T0);
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    actions.close().await;
    let _third = open(&dir, T0);
}

#[tokio::test]
async fn of_many_at_once_with_one_key_one_goes() {
    let dir = tempfile::tempdir().unwrap();
    let actions = open(&dir, T0);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64u32 {
        let actions = actions.clone();
        tasks.spawn(async move {
            ask(&actions, &KeyedSpec::default()).sending().under(key(n % 4)).await.unwrap()
        });
    }
    let begun = tasks.join_all().await;
    assert_eq!(begun.iter().filter(|b| matches!(b, Begin::Go(_))).count(), 4);
    assert_eq!(begun.iter().filter(|b| matches!(b, Begin::InFlight { .. })).count(), 60);
    assert!(actions.vitals().commits < 10, "{:?}", actions.vitals());
}

#[test]
fn the_look_up_says_the_state_and_no_more() {
    let view = View { state: Said::NeedsYou, saved_at: T0, since: at(1), checking: false, sends_until: None };
    let json =
        r#"{"state":"needs_you","saved_at":"2027-01-15T08:00:00.000Z","since":"2027-01-15T08:00:01.000Z"}"#;
    assert_eq!(view.json(), json);
}

impl Running {
    fn id(&self) -> principal::Hash {
        self.lease_of().0
    }
    fn owner(&self) -> record::Owner {
        self.lease_of().1
    }
    /// As if the process had died while it was held.
    fn forget_lease(self) {
        std::mem::forget(self);
    }
}
