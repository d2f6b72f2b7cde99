use super::*;
use proptest::prelude::*;
use stillhere_model::{IncidentId, Mint};

fn at(s: &str) -> Time {
    Time::parse(s).unwrap()
}
fn seg(from: &str, until: Option<&str>, status: Status) -> Segment {
    Segment { from: at(from), until: until.map(at), status }
}
fn amendment(from: &str, until: &str, status: Status) -> Amendment {
    Amendment {
        service: "shop".into(),
        from: at(from),
        until: at(until),
        status,
        incident: IncidentId(Mint::new(1).uuid(at(from))),
        made_at: at(until),
    }
}
const HOUR: u64 = 3_600_000;

#[test]
fn there_are_ninety_days_and_today_is_the_last() {
    let (days, uptime) = days(&[], &[], &[], at("2026-11-22T10:00:00Z"), &TimeZone::UTC);
    assert_eq!(days.len(), DAYS);
    assert_eq!(days[89].date.to_string(), "2026-11-22");
    assert_eq!(days[0].date.to_string(), "2026-08-25");
    assert_eq!(uptime, None, "nothing is known, so nothing is claimed");
}

#[test]
fn today_ends_now_and_the_time_before_the_first_look_is_not_recorded() {
    let record = [seg("2026-11-21T18:00:00Z", None, Status::Operational)];
    let (days, uptime) = days(&record, &[], &[], at("2026-11-22T10:00:00Z"), &TimeZone::UTC);
    assert_eq!(days[88].ms, [6 * 3_600_000, 0, 0, 0, 0, 0]);
    assert_eq!(days[89].ms, [10 * 3_600_000, 0, 0, 0, 0, 0]);
    assert_eq!(days[87].worst(), None);
    assert_eq!(uptime, Some(1.0));
}

#[test]
fn case_b_a_gap_counts_neither_as_up_nor_as_down() {
    let now = at("2026-11-22T10:00:00Z");
    let record = [
        seg("2026-11-22T00:00:00Z", Some("2026-11-22T06:00:00Z"), Status::Operational),
        seg("2026-11-22T06:00:00Z", Some("2026-11-22T08:00:00Z"), Status::MajorOutage),
        seg("2026-11-22T08:00:00Z", None, Status::Operational),
    ];
    let (whole, before) = days(&record, &[], &[], now, &TimeZone::UTC);
    assert_eq!(before, Some(0.8));
    // off for half an hour of the good time: 2 h of 9.5 h known
    let gap = [(at("2026-11-22T03:00:00Z"), at("2026-11-22T03:30:00Z"))];
    let (gapped, with_gap) = days(&record, &gap, &[], now, &TimeZone::UTC);
    assert_eq!(gapped[89].of(Status::Unknown), HOUR / 2);
    assert_eq!(gapped[89].of(Status::Operational), whole[89].of(Status::Operational) - HOUR / 2);
    assert!((with_gap.unwrap() - (1.0 - 2.0 / 9.5)).abs() < 1e-12);
    // off for half an hour of the bad time: 1.5 h of 9.5 h known
    let gap = [(at("2026-11-22T07:00:00Z"), at("2026-11-22T07:30:00Z"))];
    let (gapped, with_gap) = days(&record, &gap, &[], now, &TimeZone::UTC);
    assert_eq!(gapped[89].of(Status::MajorOutage), 3 * HOUR / 2);
    assert!((with_gap.unwrap() - (1.0 - 1.5 / 9.5)).abs() < 1e-12);
}

#[test]
fn weights_are_one_for_major_and_three_tenths_for_partial() {
    let now = at("2026-11-22T10:00:00Z");
    let record = |status| {
        [
            seg("2026-11-22T00:00:00Z", Some("2026-11-22T01:00:00Z"), status),
            seg("2026-11-22T01:00:00Z", None, Status::Operational),
        ]
    };
    for (status, want) in [
        (Status::MajorOutage, 0.9),
        (Status::PartialOutage, 0.97),
        (Status::DegradedPerformance, 1.0),
        (Status::UnderMaintenance, 1.0),
        (Status::Unknown, 1.0),
    ] {
        let (_, uptime) = days(&record(status), &[], &[], now, &TimeZone::UTC);
        assert!((uptime.unwrap() - want).abs() < 1e-12, "{status:?}");
    }
}

#[test]
fn case_k_a_start_corrected_to_earlier_moves_time_on_every_day_it_touches() {
    let now = at("2026-11-22T10:00:00Z");
    let record = [
        seg("2026-11-20T00:00:00Z", Some("2026-11-22T01:00:00Z"), Status::Operational),
        seg("2026-11-22T01:00:00Z", Some("2026-11-22T02:00:00Z"), Status::MajorOutage),
        seg("2026-11-22T02:00:00Z", None, Status::Operational),
    ];
    let (before, uptime_before) = days(&record, &[], &[], now, &TimeZone::UTC);
    let earlier = [amendment("2026-11-21T23:00:00Z", "2026-11-22T01:00:00Z", Status::MajorOutage)];
    let (after, uptime_after) = days(&record, &[], &earlier, now, &TimeZone::UTC);
    assert_eq!(before[88].of(Status::MajorOutage), 0);
    assert_eq!(after[88].of(Status::MajorOutage), HOUR);
    assert_eq!(after[89].of(Status::MajorOutage), 2 * HOUR);
    assert!(after[88].corrected && after[89].corrected && !after[87].corrected);
    assert!((uptime_before.unwrap() - (1.0 - 1.0 / 58.0)).abs() < 1e-12);
    assert!((uptime_after.unwrap() - (1.0 - 3.0 / 58.0)).abs() < 1e-12);
    // a later correction of the correction wins
    let both =
        [earlier[0].clone(), amendment("2026-11-21T23:00:00Z", "2026-11-22T00:00:00Z", Status::Operational)];
    let (last, _) = days(&record, &[], &both, now, &TimeZone::UTC);
    assert_eq!(last[88].of(Status::MajorOutage), 0);
    assert_eq!(last[89].of(Status::MajorOutage), 2 * HOUR);
}

#[test]
fn case_r_days_of_twenty_three_and_twenty_five_hours_have_their_own_length() {
    for (name, now, date, hours) in [
        ("Europe/Berlin", "2026-04-05T10:00:00Z", "2026-03-29", 23 * HOUR),
        ("Europe/Berlin", "2026-11-01T10:00:00Z", "2026-10-25", 25 * HOUR),
        ("America/St_Johns", "2026-03-20T10:00:00Z", "2026-03-08", 23 * HOUR),
        ("Asia/Shanghai", "2026-03-20T10:00:00Z", "2026-03-08", 24 * HOUR),
    ] {
        let tz = TimeZone::get(name).expect("the machine has a time zone database");
        let record = [seg("2025-01-01T00:00:00Z", None, Status::Operational)];
        let (days, _) = days(&record, &[], &[], at(now), &tz);
        let day = days.iter().find(|d| d.date.to_string() == date).unwrap();
        assert_eq!(day.recorded_ms(), hours, "{name} {date}");
    }
}

#[test]
fn an_incident_marks_every_day_from_start_to_end() {
    let now = at("2026-11-22T10:00:00Z");
    let (mut bars, _) = days(&[], &[], &[], now, &TimeZone::UTC);
    let incident = crate::sample::incident(1, "2026-11-20T23:30:00Z", Some("2026-11-21T00:30:00Z"));
    let service = incident.affected[0].service.clone();
    mark(&mut bars, [&incident, &incident].into_iter(), &service, now, &TimeZone::UTC);
    let touched = bars.iter().filter(|d| d.incidents == [incident.id]);
    let marked: Vec<String> = touched.map(|d| d.date.to_string()).collect();
    assert_eq!(marked, ["2026-11-20", "2026-11-21"]);
}

proptest! {
    #[test]
    fn painting_agrees_with_painting_minute_by_minute(
        strokes in prop::collection::vec((0i64..600, 0i64..600, 0usize..6), 0..20),
    ) {
        let mut line = Line { pieces: Vec::new() };
        let mut slow = [None; 600];
        for (a, b, status) in strokes {
            line.paint(Time(a * 60_000), Time(b * 60_000), Status::ALL[status]);
            for minute in slow.iter_mut().take(usize::try_from(b).unwrap()).skip(usize::try_from(a).unwrap()) {
                *minute = Some(status);
            }
        }
        prop_assert!(line.pieces.windows(2).all(|w| w[0].until <= w[1].from));
        let sums = line.sums(Time(0), Time(600 * 60_000));
        for (status, ms) in sums.iter().enumerate() {
            let minutes = slow.iter().filter(|m| **m == Some(status)).count();
            prop_assert_eq!(*ms as usize, minutes * 60_000);
        }
    }
}
