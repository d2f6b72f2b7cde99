use super::*;
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn spec(text: &str) -> PushSpec {
    let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    value["key"] = serde_json::json!({"env": "PING_KEY"});
    serde_json::from_value(value).expect("a spec")
}

fn push_with(text: &str, conditions: &[&str]) -> Push {
    let check = CheckSpec {
        id: CheckId::new("backup/nightly"),
        spec: Spec::Push(spec(text)),
        timeout: Duration::from_secs(10),
        slow_over: None,
        conditions: conditions.iter().map(|c| (*c).to_owned()).collect(),
        vantage: VantageId::new("core"),
    };
    Push::new(&check).expect("a check")
}

fn push(text: &str) -> Push {
    push_with(text, &[])
}

fn signal(rest: &str) -> Signal {
    let (path, query) = rest.split_once('?').map_or((rest, None), |(p, q)| (p, Some(q)));
    Signal::parse(path, query).expect("a signal")
}

/// The wall clock is right: both clocks agree.
fn m(ms: i64) -> Moment {
    Moment::new(Time(ms), ms - 1_000_000_000_000)
}

fn t(s: &str) -> i64 {
    Time::parse(s).expect("a time").0
}

fn kinds(o: Option<Observation>) -> Option<(Outcome, Option<Finding>)> {
    o.map(|o| (o.outcome, o.finding))
}

#[test]
fn a_check_nobody_ever_called_is_unknown_not_down() {
    let p = push(r#"{"period": "1 day", "grace": "1h"}"#);
    let mut s = PushState::new();
    let start = t("2026-01-01T00:00:00Z");
    s.listening_since(Time(start - DAY), m(start));
    for day in 0..30 {
        assert_eq!(s.tick(&p, m(start + day * DAY)), None);
    }
    assert_eq!((s.outcome(), s.expected(), s.next_due(&p, m(start))), (Outcome::Unknown, None, None));
    assert_eq!(s.signal(&p, &signal("/log"), m(start)), None);
    assert_eq!(s.tick(&p, m(start + 9 * DAY)), None);
}

#[test]
fn a_heartbeat_that_does_not_come_is_missed_after_its_grace_time_and_said_once() {
    let p = push(r#"{"period": "1 day", "grace": "1h"}"#);
    let mut s = PushState::new();
    let t0 = t("2026-01-01T03:00:00Z");
    assert_eq!(kinds(s.signal(&p, &signal(""), m(t0))), Some((Outcome::Up, None)));
    let deadline = t0 + DAY + HOUR;
    assert_eq!(s.next_due(&p, m(t0)), Some(Time(deadline)));
    assert_eq!(s.tick(&p, m(deadline - 1)), None);
    let missed = Finding::HeartbeatMissed { due: Time(t0 + DAY) };
    let o = s.tick(&p, m(deadline)).expect("said");
    assert_eq!((o.outcome, o.side, o.finding), (Outcome::Down, Some(Side::Target), Some(missed)));
    assert_eq!(s.tick(&p, m(deadline + 1)), None);
    assert_eq!(s.tick(&p, m(deadline + HOUR)), None);
    let missed = Finding::HeartbeatMissed { due: Time(t0 + 2 * DAY) };
    assert_eq!(kinds(s.tick(&p, m(deadline + DAY))), Some((Outcome::Down, Some(missed))));
    assert_eq!(kinds(s.signal(&p, &signal(""), m(deadline + DAY + HOUR))), Some((Outcome::Up, None)));
}

#[test]
fn a_failed_run_is_down_with_its_exit_code_until_a_good_one() {
    let p = push(r#"{"cron": "0 3 * * *", "time_zone": "Asia/Shanghai", "grace": "30m"}"#);
    let mut s = PushState::new();
    let t0 = t("2026-01-01T19:00:10Z");
    for (rest, code) in [("/fail", None), ("/7", Some(7)), ("/255", Some(255))] {
        let failed = Finding::HeartbeatFailed { exit_code: code };
        assert_eq!(kinds(s.signal(&p, &signal(rest), m(t0))), Some((Outcome::Down, Some(failed))));
    }
    assert_eq!(s.tick(&p, m(t0 + HOUR)), None, "a failed run is not missed as well");
    assert_eq!(kinds(s.signal(&p, &signal("/0"), m(t0 + 2 * HOUR))), Some((Outcome::Up, None)));
    assert_eq!(s.expected(), Some(Time(t("2026-01-02T19:00:00Z"))));
}

#[test]
fn a_run_that_takes_too_long_is_down_and_one_under_way_is_not_missed() {
    let p = push(r#"{"cron": "0 3 * * *", "grace": "10m", "max_run": "2h"}"#);
    let mut s = PushState::new();
    let day = t("2026-01-01T00:00:00Z");
    assert_eq!(kinds(s.signal(&p, &signal(""), m(day))), Some((Outcome::Up, None)));
    let start = day + 3 * HOUR + 5_000;
    assert_eq!(s.signal(&p, &signal("/start?rid=a"), m(start)), None);
    assert_eq!(s.tick(&p, m(start + HOUR)), None, "it is running");
    assert_eq!(s.next_due(&p, m(start)), Some(Time(start + 2 * HOUR)));
    let o = kinds(s.tick(&p, m(start + 2 * HOUR)));
    assert_eq!(o, Some((Outcome::Down, Some(Finding::HeartbeatTooLong { limit_ms: 7_200_000 }))));
    assert_eq!(s.tick(&p, m(start + 3 * HOUR)), None, "said once, and not missed as well");
    let o = s.signal(&p, &signal("?rid=a"), m(start + 3 * HOUR)).expect("said");
    assert_eq!((o.outcome, o.total_us), (Outcome::Up, u32::MAX));
    assert_eq!(s.expected(), Some(Time(day + DAY + 3 * HOUR)));
}

#[test]
fn runs_are_told_apart_by_their_id() {
    let p = push_with(r#"{"period": "1h", "max_run": "10m"}"#, &["run_ms < 60000"]);
    let mut s = PushState::new();
    let t0 = t("2026-01-01T00:00:00Z");
    s.signal(&p, &signal("/start?rid=slow"), m(t0));
    s.signal(&p, &signal("/start?rid=quick"), m(t0 + 5 * MINUTE));
    let o = s.signal(&p, &signal("?rid=quick"), m(t0 + 5 * MINUTE + 30_000)).expect("said");
    assert_eq!((o.outcome, o.total_us), (Outcome::Up, 30_000_000));
    let o = s.signal(&p, &signal("?rid=slow"), m(t0 + 6 * MINUTE)).expect("said");
    let failed =
        Finding::ConditionFailed { condition: "run_ms < 60000".into(), actual: "run_ms = 360000".into() };
    assert_eq!((o.outcome, o.finding), (Outcome::Down, Some(failed)));
    for i in 0..1000 {
        s.signal(&p, &signal(&format!("/start?rid={i}")), m(t0 + 7 * MINUTE));
    }
    assert_eq!(s.runs.len(), MAX_RUNS);
    s.signal(&p, &signal(""), m(t0 + 8 * MINUTE));
    assert!(s.runs.is_empty(), "an end without an id ends them all");
}

#[test]
fn conditions_look_at_what_the_job_sent() {
    let p = push_with(r#"{"period": "1h"}"#, &["json.rows > 0"]);
    let mut s = PushState::new();
    let t0 = t("2026-01-01T00:00:00Z");
    let o = s.signal(&p, &signal("").with_body(br#"{"rows": 12}"#), m(t0)).expect("said");
    assert_eq!((o.outcome, o.detail.as_deref()), (Outcome::Up, Some(r#"{"rows": 12}"#)));
    let o = s.signal(&p, &signal("").with_body(br#"{"rows": 0}"#), m(t0)).expect("said");
    assert_eq!(o.outcome, Outcome::Down);
}

#[test]
fn a_message_is_kept_up_to_its_limit_and_a_detail_is_shorter() {
    let p = push(r#"{"period": "1h"}"#);
    let mut s = PushState::new();
    let body = "é\u{1b}\n".repeat(20_000);
    let o = s.signal(&p, &signal("").with_body(body.as_bytes()), m(t("2026-01-01T00:00:00Z"))).expect("said");
    assert!((MAX_BODY_BYTES - 4..=MAX_BODY_BYTES).contains(&s.body().len()));
    let detail = o.detail.expect("the message");
    assert!(detail.len() <= 512 && !detail.contains(char::is_control));
    let garbage = signal("").with_body(&[0xff; 20_000]);
    assert!(garbage.body.len() <= MAX_BODY_BYTES);
}

#[test]
fn case_b_a_heartbeat_missed_while_we_were_off_is_unknown_until_the_next_one_is_due() {
    let p = push(r#"{"cron": "0 3 * * *", "grace": "1h"}"#);
    let mut s = PushState::new();
    let day = t("2026-01-01T00:00:00Z");
    s.signal(&p, &signal(""), m(day + 3 * HOUR));
    let mut s = PushState::from_json(&s.to_json()).expect("kept");
    // Off from 02:30 to 03:10, when it was due.
    s.listening_since(Time(day + DAY + 2 * HOUR + 30 * MINUTE), m(day + DAY + 3 * HOUR + 10 * MINUTE));
    assert_eq!(s.tick(&p, m(day + DAY + 3 * HOUR + 10 * MINUTE)), None, "it may still come");
    let o = s.tick(&p, m(day + DAY + 4 * HOUR)).expect("said");
    assert_eq!((o.outcome, o.side), (Outcome::Unknown, Some(Side::Us)));
    assert_eq!(s.expected(), Some(Time(day + 2 * DAY + 3 * HOUR)));
    let missed = Finding::HeartbeatMissed { due: Time(day + 2 * DAY + 3 * HOUR) };
    assert_eq!(kinds(s.tick(&p, m(day + 2 * DAY + 4 * HOUR))), Some((Outcome::Down, Some(missed))));
}

#[test]
fn a_heartbeat_missed_long_after_we_were_off_is_missed() {
    let p = push(r#"{"cron": "0 3 * * *", "grace": "1h"}"#);
    let mut s = PushState::new();
    let day = t("2026-01-01T00:00:00Z");
    s.signal(&p, &signal(""), m(day + 3 * HOUR));
    s.listening_since(Time(day + 10 * HOUR), m(day + 11 * HOUR));
    assert_eq!(kinds(s.tick(&p, m(day + DAY + 4 * HOUR))).map(|o| o.0), Some(Outcome::Down));
}

#[test]
fn case_b_after_a_week_off_one_unknown_is_said_and_the_wait_begins_anew() {
    for text in [r#"{"cron": "*/5 * * * *", "grace": "1m"}"#, r#"{"period": "5m", "grace": "1m"}"#] {
        let p = push(text);
        let mut s = PushState::new();
        let t0 = t("2026-01-01T00:00:00Z");
        s.signal(&p, &signal(""), m(t0));
        let back = t0 + 7 * DAY + 17_000;
        s.listening_since(Time(t0 + 1_000), m(back));
        assert_eq!(kinds(s.tick(&p, m(back))).map(|o| o.0), Some(Outcome::Unknown), "{text}");
        assert_eq!(s.tick(&p, m(back + 1_000)), None);
        assert!(s.expected().is_some_and(|d| d.0 > back && d.0 <= back + 5 * MINUTE), "{text}");
        assert_eq!(kinds(s.tick(&p, m(back + 6 * MINUTE))).map(|o| o.0), Some(Outcome::Down), "{text}");
    }
}

#[test]
fn a_run_whose_end_may_have_come_while_we_were_off_is_unknown() {
    let p = push(r#"{"cron": "0 3 * * *", "grace": "1h", "max_run": "2h"}"#);
    let mut s = PushState::new();
    let start = t("2026-01-02T03:00:05Z");
    s.signal(&p, &signal(""), m(start - DAY));
    s.signal(&p, &signal("/start"), m(start));
    s.listening_since(Time(start + HOUR), m(start + HOUR + MINUTE));
    assert_eq!(kinds(s.tick(&p, m(start + 2 * HOUR))).map(|o| o.0), Some(Outcome::Unknown));
    assert_eq!(s.tick(&p, m(start + 3 * HOUR)), None);
}

#[test]
fn an_early_heartbeat_counts_and_an_extra_one_does_not_replace_the_due_one() {
    let p = push(r#"{"cron": "0 3 * * *", "grace": "10m"}"#);
    let day = t("2026-01-01T00:00:00Z");
    let mut s = PushState::new();
    s.signal(&p, &signal(""), m(day + 3 * HOUR - 20_000));
    assert_eq!(s.expected(), Some(Time(day + DAY + 3 * HOUR)), "20 s early is the clock of another machine");
    s.signal(&p, &signal(""), m(day + 12 * HOUR));
    assert_eq!(s.expected(), Some(Time(day + DAY + 3 * HOUR)));
    assert_eq!(kinds(s.tick(&p, m(day + DAY + 3 * HOUR + 10 * MINUTE))).map(|o| o.0), Some(Outcome::Down));
    // Late by a day but five minutes: it is yesterday's, today's is still to come.
    s.signal(&p, &signal(""), m(day + 2 * DAY + 3 * HOUR - 5 * MINUTE));
    assert_eq!(s.expected(), Some(Time(day + 2 * DAY + 3 * HOUR)));
}

#[test]
fn a_new_schedule_begins_from_now() {
    let t0 = t("2026-01-01T00:00:00Z");
    let mut s = PushState::new();
    s.signal(&push(r#"{"period": "10m", "grace": "1m"}"#), &signal(""), m(t0));
    let p = push(r#"{"period": "1 day", "grace": "1m"}"#);
    assert_eq!(s.tick(&p, m(t0 + HOUR)), None);
    assert_eq!(s.expected(), Some(Time(t0 + HOUR + DAY)));
}

/// Runs a job by its true times against our clock, which `offset` sets wrong, ticking once a minute. Returns what
/// was said other than `Up`.
fn live(
    p: &Push,
    pings: &[i64],
    from: i64,
    until: i64,
    offset: impl Fn(i64) -> i64,
) -> Vec<(i64, Outcome, Option<Finding>)> {
    let mut s = PushState::new();
    let mut said = Vec::new();
    let mut pings = pings.iter().copied().filter(|p| *p >= from).peekable();
    let mut now = from;
    while now < until {
        let at = |true_ms: i64| Moment::new(Time(true_ms + offset(true_ms)), true_ms - from);
        while let Some(ping) = pings.next_if(|p| *p <= now) {
            said.extend(s.signal(p, &signal(""), at(ping)).map(|o| (ping, o.outcome, o.finding)));
        }
        said.extend(s.tick(p, at(now)).map(|o| (now, o.outcome, o.finding)));
        now += MINUTE;
    }
    said.retain(|(_, o, _)| *o != Outcome::Up);
    said
}

/// When a job with this schedule runs, in true time, two seconds after each time; a time that the clock shows twice
/// runs at the first or the second showing, one that is left out runs at once or that much later.
fn runs_of(p: &Push, from: i64, until: i64, late: bool) -> Vec<i64> {
    let mut out = Vec::new();
    let mut slot = p.schedule.after(Time(from));
    while let Some(s) = slot.filter(|s| s.due.0 < until) {
        out.push(if late { s.due.0 } else { s.opens.0 } + 2_000);
        slot = p.schedule.after(s.due);
    }
    out
}

#[test]
fn case_r_the_days_of_change_bring_no_false_alert_and_a_dead_job_is_noticed_on_them() {
    for (zone, days) in [
        ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
        ("America/St_Johns", ["2026-03-08", "2026-11-01"]),
        ("Asia/Shanghai", ["2026-03-29", "2026-11-01"]),
    ] {
        for cron in ["30 1 * * *", "0 2 * * *", "30 2 * * *", "0 3 * * *", "*/20 * * * *", "15 */2 * * *"] {
            let p = push(&format!(r#"{{"cron": "{cron}", "time_zone": "{zone}", "grace": "5m"}}"#));
            for day in days {
                let change = t(&format!("{day}T00:00:00Z"));
                let (from, until) = (change - 2 * DAY, change + 2 * DAY);
                for late in [false, true] {
                    let pings = runs_of(&p, from, until, late);
                    let said = live(&p, &pings, from, until, |_| 0);
                    assert_eq!(said, [], "{cron} {zone} {day}");
                    // It dies before the day of change: known within a day and a bit.
                    let alive: Vec<i64> = pings.into_iter().filter(|t| *t < change - 4 * HOUR).collect();
                    let said = live(&p, &alive, from, until, |_| 0);
                    let first = said.first().expect("noticed");
                    assert!(
                        first.0 < change + 26 * HOUR && first.1 == Outcome::Down,
                        "{cron} {zone} {day}: {said:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn case_r_a_clock_that_is_set_by_an_hour_raises_no_false_alert() {
    let day = t("2026-06-10T00:00:00Z");
    let (from, until) = (day - 2 * DAY, day + 2 * DAY);
    for (text, every) in [
        (r#"{"cron": "0 3 * * *", "grace": "5m"}"#, HOUR),
        (r#"{"period": "1 day", "grace": "5m"}"#, HOUR),
        (r#"{"cron": "*/30 * * * *", "grace": "2m"}"#, 7 * HOUR + 13 * MINUTE),
        (r#"{"period": "5m", "grace": "1m"}"#, 7 * HOUR + 13 * MINUTE),
    ] {
        let p = push(text);
        let mut pings = runs_of(&p, from, until, true);
        if let Schedule::Every(period) = p.schedule {
            pings = (0..).map(|i| from + 3 * HOUR + i * millis(period)).take_while(|t| *t < until).collect();
        }
        let mut jump = day;
        while jump < day + DAY {
            for by in [HOUR, -HOUR] {
                let stays = live(&p, &pings, from, until, |t| if t >= jump { by } else { 0 });
                assert_eq!(stays, [], "{text}: set by {by} at {}", Time(jump));
                let back =
                    live(&p, &pings, from, until, |t| if t >= jump && t < jump + 2 * HOUR { by } else { 0 });
                assert_eq!(back, [], "{text}: set by {by} at {} and back", Time(jump));
            }
            jump += every;
        }
    }
}

#[test]
fn case_r_a_dead_job_is_noticed_in_spite_of_a_clock_that_was_set() {
    let day = t("2026-06-10T00:00:00Z");
    let p = push(r#"{"cron": "0 3 * * *", "grace": "5m"}"#);
    let pings = [day - DAY + 3 * HOUR, day + 3 * HOUR];
    for by in [HOUR, -HOUR] {
        let said =
            live(&p, &pings, day - 2 * DAY, day + 3 * DAY, |t| if t >= day + 12 * HOUR { by } else { 0 });
        let first = said.first().expect("noticed");
        assert!(first.0 <= day + DAY + 3 * HOUR + 5 * MINUTE + 2 * HOUR, "by {by}: {}", Time(first.0));
    }
}

#[test]
fn what_follows_the_key_is_an_action() {
    let kind = |s: &str| Signal::parse(s, None).map(|s| s.action);
    assert_eq!(kind(""), Ok(Action::Success));
    assert_eq!(kind("/"), Ok(Action::Success));
    assert_eq!(kind("/start"), Ok(Action::Start));
    assert_eq!(kind("start/"), Ok(Action::Start));
    assert_eq!(kind("/fail"), Ok(Action::Fail { exit_code: None }));
    assert_eq!(kind("/log"), Ok(Action::Log));
    assert_eq!(kind("/0"), Ok(Action::Success));
    assert_eq!(kind("/3"), Ok(Action::Fail { exit_code: Some(3) }));
    for wrong in ["/256", "/-1", "/1000", "/+1", "/Start", "/start/x", "//", "/ ", "/٣", "/log\0"] {
        assert_eq!(kind(wrong), Err(SignalError::UnknownAction), "{wrong:?}");
    }
    let run = |q: &str| Signal::parse("", Some(q)).map(|s| s.run);
    assert_eq!(run("rid=0c0c7f6a-1b2c"), Ok(Some("0c0c7f6a-1b2c".to_owned())));
    assert_eq!(run("create=1&rid=a&rid=b"), Ok(Some("a".to_owned())));
    assert_eq!(run("xrid=a"), Ok(None));
    for wrong in ["rid=", "rid=a%20b", "rid=<b>", "rid=é", &format!("rid={}", "a".repeat(65))] {
        assert_eq!(run(wrong), Err(SignalError::BadRunId), "{wrong}");
    }
    assert_eq!(run(&"x".repeat(3000)), Err(SignalError::QueryTooLong));
}

#[test]
fn a_wrong_schedule_is_refused_with_its_key() {
    for (text, path) in [
        (r#"{}"#, "period"),
        (r#"{"period": "1h", "cron": "* * * * *"}"#, "cron"),
        (r#"{"cron": "* * *"}"#, "cron"),
        (r#"{"cron": "* * * * *", "time_zone": "Nowhere"}"#, "time_zone"),
        (r#"{"period": "1h", "time_zone": "UTC"}"#, "time_zone"),
        (r#"{"period": "10ms"}"#, "period"),
        (r#"{"period": "1h", "max_run": "0s"}"#, "max_run"),
    ] {
        let problems = spec(text).validate();
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [path], "{text}");
    }
}

#[test]
fn the_doc_page_names_every_name_and_key() {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/probes/push.md"))
        .expect("page");
    let keys = ["key", "period", "cron", "time_zone", "grace", "max_run"];
    for name in NAMES.iter().map(|n| n.name).chain(keys) {
        assert!(doc.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_path_and_query_is_a_signal_or_an_error(path in "\\PC{0,40}", query in "\\PC{0,80}") {
        if let Ok(s) = Signal::parse(&path, Some(&query)) {
            prop_assert!(s.run.is_none_or(|r| r.len() <= MAX_RUN_ID_BYTES && r.is_ascii()));
        }
    }

    #[test]
    fn whatever_comes_in_whatever_order_the_state_stays_sound(
        steps in proptest::collection::vec((0u8..9, 0i64..200 * MINUTE), 1..60),
        which in 0usize..4,
    ) {
        let texts = [
            r#"{"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "grace": "5m"}"#,
            r#"{"cron": "*/10 * * * *", "grace": "30s", "max_run": "1h"}"#,
            r#"{"period": "1h", "grace": "10m"}"#,
            r#"{"period": "1 day", "grace": "0s"}"#,
        ];
        let p = push(texts[which]);
        let mut s = PushState::new();
        let mut now = t("2026-03-28T20:00:00Z");
        let mut heard = false;
        for (what, wait) in steps {
            let before = now;
            now += wait;
            let due = s.next_due(&p, m(now));
            let said = match what {
                0..=1 => { heard = true; s.signal(&p, &signal(""), m(now)) }
                2 => { heard = true; s.signal(&p, &signal("/start?rid=a"), m(now)) }
                3 => { heard = true; s.signal(&p, &signal("/9"), m(now)) }
                4 => { heard = true; s.signal(&p, &signal("/start"), m(now)) }
                5 => { s.listening_since(Time(before), m(now)); s.tick(&p, m(now)) }
                6 => { s = PushState::from_json(&s.to_json()).expect("ours"); s.tick(&p, m(now)) }
                _ => s.tick(&p, m(now)),
            };
            if let Some(Observation { finding: Some(Finding::HeartbeatMissed { due: missed }), outcome, .. }) = said {
                prop_assert!(heard && outcome == Outcome::Down);
                prop_assert!(missed.plus(p.grace) <= Time(now));
                prop_assert!(due.is_some_and(|d| d <= Time(now)), "tick spoke before next_due");
            }
            prop_assert_eq!(s.tick(&p, m(now)).filter(|_| s.runs.is_empty()), None, "said twice at one instant");
            prop_assert!(s.runs.len() <= MAX_RUNS);
            let kept = PushState::from_json(&s.to_json()).expect("ours");
            prop_assert_eq!(kept.to_json(), s.to_json());
        }
    }
}
