use super::*;
use proptest::prelude::*;

fn cron(expression: &str, zone: &str) -> Schedule {
    match Cron::parse(expression, zone) {
        Ok(c) => Schedule::Cron(Box::new(c)),
        Err((part, e)) => panic!("{expression} {zone}: {part:?} {e}"),
    }
}

fn at(s: &str) -> Time {
    Time::parse(s).expect("a time stamp")
}

fn local(t: Time, zone: &str) -> String {
    let zoned = t.to_jiff().expect("in range").to_zoned(TimeZone::get(zone).expect("a zone"));
    zoned.strftime("%m-%d %H:%M %:z").to_string()
}

/// The slots from `from` on, as local times; a slot wider than a point shows both ends.
fn slots(expression: &str, zone: &str, from: &str, n: usize) -> Vec<String> {
    let s = cron(expression, zone);
    let mut t = at(from);
    let mut out = Vec::new();
    for _ in 0..n {
        let slot = s.after(t).expect("a slot");
        assert!(slot.due > t && slot.opens <= slot.due);
        t = slot.due;
        out.push(if slot.opens == slot.due {
            local(slot.due, zone)
        } else {
            format!("{} to {}", local(slot.opens, zone), local(slot.due, zone))
        });
    }
    out
}

#[test]
fn case_r_a_daily_time_that_the_clock_leaves_out_is_still_expected_that_day() {
    assert_eq!(
        slots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
        ["03-28 02:30 +01:00", "03-29 01:30 +01:00 to 03-29 03:30 +02:00", "03-30 02:30 +02:00"]
    );
    assert_eq!(
        slots("30 2 * * *", "America/St_Johns", "2026-03-07T00:00:00Z", 3),
        ["03-07 02:30 -03:30", "03-08 01:30 -03:30 to 03-08 03:30 -02:30", "03-09 02:30 -02:30"]
    );
}

#[test]
fn case_r_a_daily_time_that_the_clock_shows_twice_is_expected_once() {
    assert_eq!(
        slots("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3),
        ["10-24 02:30 +02:00", "10-25 02:30 +02:00 to 10-25 02:30 +01:00", "10-26 02:30 +01:00"]
    );
    assert_eq!(
        slots("30 1 * * *", "America/St_Johns", "2026-10-31T00:00:00Z", 3),
        ["10-31 01:30 -02:30", "11-01 01:30 -02:30 to 11-01 01:30 -03:30", "11-02 01:30 -03:30"]
    );
    // Newfoundland changed at one minute past midnight until 2011.
    assert_eq!(
        slots("30 0 * * *", "America/St_Johns", "2010-03-13T00:00:00Z", 3),
        ["03-13 00:30 -03:30", "03-13 23:30 -03:30 to 03-14 01:30 -02:30", "03-15 00:30 -02:30"]
    );
}

#[test]
fn case_r_shanghai_has_no_change_today_and_had_one_in_1988() {
    assert_eq!(
        slots("30 2 * * *", "Asia/Shanghai", "2026-03-28T00:00:00Z", 2),
        ["03-29 02:30 +08:00", "03-30 02:30 +08:00"]
    );
    assert_eq!(
        slots("30 2 * * *", "Asia/Shanghai", "1988-04-16T00:00:00Z", 2),
        ["04-17 01:30 +08:00 to 04-17 03:30 +09:00", "04-18 02:30 +09:00"]
    );
}

#[test]
fn case_r_an_hourly_schedule_follows_real_hours() {
    assert_eq!(
        slots("15 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
        ["03-29 01:15 +01:00", "03-29 03:15 +02:00", "03-29 04:15 +02:00"]
    );
    assert_eq!(
        slots("15 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4),
        ["10-25 02:15 +02:00", "10-25 02:15 +01:00", "10-25 03:15 +01:00", "10-25 04:15 +01:00"]
    );
    let every_five = slots("*/5 * * * *", "America/St_Johns", "2026-11-01T03:00:00Z", 60);
    assert_eq!(every_five.len(), 60, "no hole of an hour");
    let s = cron("*/5 * * * *", "America/St_Johns");
    let mut t = at("2026-11-01T03:00:00Z");
    for _ in 0..60 {
        let next = s.after(t).expect("a slot").due;
        assert_eq!(next.since(t), Duration::from_secs(300));
        t = next;
    }
}

#[test]
fn case_r_every_second_hour_is_not_made_up_for_and_not_expected_twice() {
    assert_eq!(
        slots("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30:00Z", 3),
        ["03-29 00:00 +01:00", "03-29 04:00 +02:00", "03-29 06:00 +02:00"]
    );
    assert_eq!(
        slots("0 */2 * * *", "Europe/Berlin", "2026-10-24T22:30:00Z", 2),
        ["10-25 02:00 +02:00 to 10-25 02:00 +01:00", "10-25 04:00 +01:00"]
    );
}

#[test]
fn case_r_a_year_of_days_has_one_slot_each_in_every_zone() {
    for zone in ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"] {
        for expression in ["0 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *", "59 2 * * *", "15 3 * * *"] {
            let s = cron(expression, zone);
            let tz = TimeZone::get(zone).expect("a zone");
            let mut t = at("2026-01-01T12:00:00Z");
            let mut day = tz.to_datetime(t.to_jiff().expect("in range")).date();
            for _ in 0..370 {
                let slot = s.after(t).expect("a slot");
                let next = tz.to_datetime(slot.due.to_jiff().expect("in range")).date();
                assert_eq!(next, day.tomorrow().expect("in range"), "{expression} {zone}");
                (t, day) = (slot.due, next);
            }
        }
    }
}

#[test]
fn times_turned_around_by_a_change_come_in_order() {
    assert_eq!(
        slots("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00:00Z", 3),
        [
            "03-29 01:00 +01:00 to 03-29 03:00 +02:00",
            "03-29 01:30 +01:00 to 03-29 03:30 +02:00",
            "03-30 02:00 +02:00"
        ]
    );
}

#[test]
fn a_wrong_expression_says_what_is_wrong() {
    for (expression, zone, want) in [
        ("0 25 * * *", "UTC", "0..=23"),
        ("0 0 30 2 *", "UTC", "no such day"),
        ("0 0 * *", "UTC", "has 4 fields"),
        ("* * * * * *", "UTC", "has 6 fields"),
        ("@daily", "UTC", "short form"),
        ("a b c d e", "UTC", ""),
        ("0 0 * * *", "Mars/Olympus", "\"Mars/Olympus\" is not a time zone"),
        (&"0,".repeat(200), "UTC", "longer"),
    ] {
        let (_, e) = Cron::parse(expression, zone).expect_err(expression);
        assert!(e.contains(want) && !e.contains('\n'), "{expression}: {e}");
    }
    assert!(Cron::parse("0 0 29 2 *", "UTC").is_ok());
}

#[test]
fn lengths_are_read_and_written() {
    for (text, seconds) in
        [("90s", 90), ("1 day", 86_400), ("1h 30m", 5_400), ("1h30m", 5_400), ("2 weeks", 1_209_600)]
    {
        let l: Length = text.parse().expect(text);
        assert_eq!(l.0.as_secs(), seconds);
        assert_eq!(l.to_string().parse::<Length>().expect("what we write we read"), l);
    }
    for text in ["", "5", "-5m", "1 month", "tomorrow", "99999w"] {
        assert!(text.parse::<Length>().is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn parsing_anything_ends_well(expression in "\\PC{0,40}", zone in "[A-Za-z/_]{0,20}") {
        let _ = Cron::parse(&expression, &zone);
        let _ = expression.parse::<Length>();
    }

    #[test]
    fn what_parses_goes_forward(
        minute in prop::sample::select(vec!["*", "0", "*/7", "30", "0,59"]),
        hour in prop::sample::select(vec!["*", "2", "*/3", "1-3", "0,23", "0-23"]),
        day in prop::sample::select(vec!["*", "1", "29", "L", "15W"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
        start in 0i64..4_000_000_000_000,
    ) {
        let s = cron(&format!("{minute} {hour} {day} * *"), zone);
        let mut t = Time(start);
        for _ in 0..6 {
            let Some(slot) = s.after(t) else { break };
            prop_assert!(slot.due > t && slot.opens <= slot.due);
            t = slot.due;
        }
    }
}
