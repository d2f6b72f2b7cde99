//! `docs/verdicts.md` against the judge: every row of its tables is played and its verdict compared.

use crate::scene::{INTERVAL_MS, Scene, check};
use stillhere_model::{Outcome, Quorum, Reason, Severity, Status};

const DOC: &str = include_str!("../../../../docs/verdicts.md");

/// The rows under `<!-- table: name -->`, without the head.
fn rows(name: &str) -> Vec<Vec<&'static str>> {
    let mark = format!("<!-- table: {name} -->");
    let (_, rest) = DOC.split_once(&mark).unwrap_or_else(|| panic!("the page has no table {name:?}"));
    let table = rest.trim_start().lines().take_while(|l| l.starts_with('|'));
    let cells = |l: &'static str| l.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    let rows: Vec<_> = table.skip(2).map(cells).collect();
    assert!(rows.len() >= 6, "table {name:?} was not read");
    rows
}

fn outcome(word: &str) -> Option<Outcome> {
    Some(match word {
        "up" => Outcome::Up,
        "slow" => Outcome::Slow,
        "down" => Outcome::Down,
        "unknown" => Outcome::Unknown,
        "unlooked" => return None,
        other => panic!("no outcome {other:?}"),
    })
}

fn status(word: &str) -> Option<Status> {
    (!word.is_empty()).then(|| word.parse().unwrap_or_else(|()| panic!("no status {word:?}")))
}

fn quorum(words: &str) -> Quorum {
    match words {
        "majority" => Quorum::Majority,
        "any" => Quorum::Any,
        "all" => Quorum::All,
        _ => Quorum::AtLeast(words.strip_prefix("at least ").expect("at least n").parse().expect("a number")),
    }
}

fn kind(reason: &Reason) -> String {
    serde_json::to_value(reason).unwrap()["kind"].as_str().unwrap().to_owned()
}

/// `major up, minor down` as the severities for a topology line and the outcomes.
fn checks(cell: &str) -> (String, Vec<Option<Outcome>>) {
    if cell == "none" {
        return (String::new(), vec![]);
    }
    let pairs = cell.split(", ").map(|c| c.split_once(' ').expect("severity and outcome"));
    let (severities, outcomes): (Vec<_>, Vec<_>) = pairs.map(|(s, o)| (s, outcome(o))).unzip();
    (severities.join(","), outcomes)
}

fn settle(s: &mut Scene, vantage: &str, check: &str, outcome: Outcome) {
    for _ in 0..2 {
        s.after(100).look_from(vantage, check, outcome);
    }
}

#[test]
fn votes_make_a_check_as_the_page_says() {
    for row in rows("votes") {
        let [rule, votes, expected, count] = row[..] else { panic!("four cells: {row:?}") };
        let mut t = crate::scene::topology("x: major");
        t.checks.get_mut("x/0").unwrap().quorum = quorum(rule);
        let mut s = Scene::of(t);
        for (n, vote) in votes.split(", ").enumerate() {
            settle(&mut s, &format!("v{n}"), "x/0", outcome(vote).unwrap());
        }
        let view = s.view("x/0");
        assert_eq!(Some(view.outcome), outcome(expected), "{row:?}");
        assert_eq!(format!("{} of {}", view.votes_down, view.votes_live), count, "{row:?}");
    }
}

#[test]
fn checks_make_a_service_as_the_page_says_in_whatever_order_they_come() {
    for row in rows("checks") {
        let [cell, expected, reason] = row[..] else { panic!("three cells: {row:?}") };
        let (severities, outcomes) = checks(cell);
        for backwards in [false, true] {
            let mut s = Scene::new(&format!("x: {severities}"));
            let mut order: Vec<usize> = (0..outcomes.len()).collect();
            if backwards {
                order.reverse();
            }
            for n in order {
                settle(&mut s, "core", &format!("x/{n}"), outcomes[n].unwrap());
            }
            assert_eq!(Some(s.status("x")), status(expected), "{row:?}");
            assert_eq!(kind(s.reason("x")), reason, "{row:?}");
        }
    }
}

/// In which order things come to be known must not matter.
#[test]
fn dependencies_plans_and_words_weigh_as_the_page_says_in_whatever_order_they_come() {
    for row in rows("claims") {
        let [cell, dependency, planned, declared, expected, reason] = row[..] else {
            panic!("six cells: {row:?}")
        };
        let (severities, outcomes) = checks(cell);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut s = Scene::new(&format!("x: {severities} < db\n db: major, minor"));
            for (n, o) in outcomes.iter().enumerate() {
                if let Some(o) = o {
                    settle(&mut s, "core", &format!("x/{n}"), *o);
                }
            }
            settle(&mut s, "core", "db/0", Outcome::Up);
            settle(&mut s, "core", "db/1", Outcome::Up);
            s.after(INTERVAL_MS / 10);
            for what in order {
                s.after(10);
                match what {
                    0 => depend(&mut s, dependency),
                    1 => drop(status(planned).map(|p| s.plan(1, &["x"], p, true))),
                    _ => drop(status(declared).map(|d| s.declare(1, "x", Some(d)))),
                }
            }
            assert_eq!(Some(s.status("x")), status(expected), "{row:?} in order {order:?}");
            assert_eq!(kind(s.reason("x")), reason, "{row:?} in order {order:?}");
        }
    }
}

/// Brings `db` into a status: by looks where looks can, else by a person's word.
fn depend(s: &mut Scene, word: &str) {
    match word {
        "" => {}
        "major_outage" => settle(s, "core", "db/0", Outcome::Down),
        "degraded_performance" => settle(s, "core", "db/1", Outcome::Down),
        other => drop(s.declare(9, "db", status(other))),
    }
}

#[test]
fn statuses_weigh_in_uptime_as_the_page_says() {
    let rows = rows("weights");
    assert_eq!(rows.len(), Status::ALL.len());
    for row in rows {
        let weight = status(row[0]).unwrap().weight();
        assert_eq!(weight.map_or("not counted".to_owned(), |w| w.to_string()), row[1], "{row:?}");
    }
}

#[test]
fn the_page_lists_every_reason() {
    let s = Scene::new("x:");
    // Each variant is named once; the match makes a new one fail to compile until it is documented.
    let name = |r: &Reason| match r {
        Reason::AllUp => "all_up",
        Reason::PartlySeen { .. } => "partly_seen",
        Reason::ChecksDown { .. } => "checks_down",
        Reason::ChecksSlow { .. } => "checks_slow",
        Reason::Dependency { .. } => "dependency",
        Reason::Maintenance { .. } => "maintenance",
        Reason::BeyondMaintenance { .. } => "beyond_maintenance",
        Reason::Declared { .. } => "declared",
        Reason::CannotSee { .. } => "cannot_see",
        Reason::OwnUplinkDown => "own_uplink_down",
        Reason::NoFreshNews => "no_fresh_news",
        Reason::NotYetLooked => "not_yet_looked",
        Reason::NoChecks => "no_checks",
        Reason::Gap => "gap",
    };
    assert_eq!(name(s.reason("x")), kind(s.reason("x")));
    for reason in ["all_up", "partly_seen", "checks_down", "checks_slow", "dependency", "maintenance", "gap"]
        .into_iter()
        .chain(["beyond_maintenance", "declared", "cannot_see", "own_uplink_down", "no_fresh_news"])
        .chain(["not_yet_looked", "no_checks"])
    {
        assert!(DOC.contains(&format!("| `{reason}` |")), "{reason} is not on the page");
    }
}

#[test]
fn the_numbers_on_the_page_are_those_of_the_code() {
    let c = check("x/0", &"x".into(), Severity::Major);
    assert_eq!((c.fail_after, c.recover_after), (2, 2));
    for (text, value) in [
        ("after 500 ms", stillhere_judge::RECHECK_AFTER.as_millis() == 500),
        ("at most 512", stillhere_judge::MAX_LOOKS_NOW == 512),
        ("with 6 changes", stillhere_judge::UNSTABLE_CHANGES == 6),
        ("within 10 minutes", stillhere_judge::UNSTABLE_WINDOW.as_secs() == 600),
        ("for 5 minutes", stillhere_judge::UNSTABLE_CALM.as_secs() == 300),
    ] {
        assert!(DOC.contains(text) && value, "{text}");
    }
}
