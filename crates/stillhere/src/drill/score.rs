//! How the responder did, from the record alone: anybody can count again.

use serde::Serialize;
use std::{fmt::Write as _, time::Duration};
use stillhere_model::{Author, Incident, IncidentStatus, Lang, Said, Text, Time, Update};

/// What was done in an exercise.
#[derive(Debug, Clone)]
pub struct Taken {
    pub incident: Incident,
    pub repaired_at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Score {
    pub points: u32,
    pub of: u32,
    pub lines: Vec<Line>,
}

/// One thing that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub what: &'static str,
    pub points: u32,
    pub of: u32,
    pub why: String,
}

// === impl Score ===

impl Score {
    /// `first_word`: how soon somebody is expected to have it. Points for being quick are whole within the time, half within twice
    /// the time, and none later.
    pub fn of(t: &Taken, languages: &[Lang], first_word: Duration) -> Score {
        let i = &t.incident;
        let lines = vec![
            quick("somebody has it", 20, i.acknowledgements.first().map(|a| a.at), i.opened_at, first_word),
            quick(
                "first words of a person",
                20,
                by_people(i).next().map(|u| u.at),
                i.opened_at,
                first_word * 2,
            ),
            in_every_language(i, languages),
            promises(i),
            the_end(i, t.repaired_at),
            post_mortem(i, languages),
        ];
        let sum = |f: fn(&Line) -> u32| lines.iter().map(f).sum();
        Score { points: sum(|l| l.points), of: sum(|l| l.of), lines }
    }

    pub fn text(&self) -> String {
        let mut out = format!("\nEXERCISE over: {} of {} points\n\n", self.points, self.of);
        for l in &self.lines {
            let _infallible = writeln!(out, "  {:>3} / {:<3} {:<26} {}", l.points, l.of, l.what, l.why);
        }
        out
    }
}

fn line(what: &'static str, points: u32, of: u32, why: impl Into<String>) -> Line {
    Line { what, points, of, why: why.into() }
}

fn said(d: Duration) -> String {
    stillhere_config::duration::said(Duration::from_secs(d.as_secs()))
}

fn quick(what: &'static str, of: u32, at: Option<Time>, from: Time, within: Duration) -> Line {
    let Some(at) = at else { return line(what, 0, of, "nobody did") };
    let took = at.since(from);
    let points = match took {
        t if t <= within => of,
        t if t <= within * 2 => of / 2,
        _ => 0,
    };
    line(what, points, of, format!("after {}; {} is quick", said(took), said(within)))
}

/// Words of people while it was open, and about its end.
fn by_people(i: &Incident) -> impl Iterator<Item = &Update> {
    let of_person = |u: &&Update| matches!((&u.by, &u.said), (Author::Person(_), Said::Text { .. }));
    i.updates.iter().filter(of_person).filter(|u| u.status != IncidentStatus::Postmortem)
}

fn speaks(text: &Text, languages: &[Lang]) -> bool {
    match text {
        // One text for all: only where there is one language.
        Text::Same(_) => languages.len() == 1,
        Text::Each(m) => languages.iter().all(|l| m.get(l).is_some_and(|t| !t.trim().is_empty())),
    }
}

fn in_every_language(i: &Incident, languages: &[Lang]) -> Line {
    const OF: u32 = 15;
    let all = by_people(i).count();
    let good =
        by_people(i).filter(|u| matches!(&u.said, Said::Text { text } if speaks(text, languages))).count();
    let points = if all == 0 { 0 } else { share(good, all, OF) };
    line("every word in each language", points, OF, format!("{good} of {all} updates"))
}

fn promises(i: &Incident) -> Line {
    const OF: u32 = 20;
    let kept = i.promises.iter().filter(|p| p.kept_at.is_some()).count();
    let missed = i.promises.iter().filter(|p| p.missed_at.is_some()).count();
    let all = kept + missed;
    // Promises that the checks' own words kept are no merit of somebody who never spoke.
    let points = if all == 0 || by_people(i).next().is_none() { 0 } else { share(kept, all, OF) };
    line("promises kept", points, OF, format!("{kept} kept, {missed} missed"))
}

fn the_end(i: &Incident, repaired_at: Time) -> Line {
    const OF: u32 = 10;
    let spoke = by_people(i).any(|u| u.at >= repaired_at || u.status == IncidentStatus::Resolved);
    match (i.status.is_open(), spoke) {
        (true, _) => line("the end", 0, OF, "it is still open"),
        (false, true) => line("the end", OF, OF, "a person said what became of it"),
        (false, false) => line("the end", OF / 2, OF, "the checks called it over; nobody added a word"),
    }
}

fn post_mortem(i: &Incident, languages: &[Lang]) -> Line {
    const OF: u32 = 15;
    let found = i.updates.iter().rev().find(|u| u.status == IncidentStatus::Postmortem);
    match found.map(|u| &u.said) {
        Some(Said::Text { text }) if speaks(text, languages) => {
            line("post-mortem", OF, OF, "published in each language, without blanks")
        }
        Some(_) => line("post-mortem", OF / 2, OF, "published, not in each language"),
        None => line("post-mortem", 0, OF, "not published"),
    }
}

fn share(part: usize, all: usize, of: u32) -> u32 {
    u32::try_from(part * of as usize / all.max(1)).unwrap_or(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_model::{Acknowledgement, Impact, IncidentId, Mint, Promise, UpdateId};

    const T0: Time = Time(1_800_000_000_000);

    fn after(s: u64) -> Time {
        T0.plus(Duration::from_secs(s))
    }

    fn taken() -> Taken {
        let incident = Incident {
            id: IncidentId(Mint::new(1).uuid(T0)),
            title: None,
            impact: Impact::Critical,
            status: IncidentStatus::Resolved,
            started_at: T0,
            opened_at: T0,
            monitoring_at: None,
            resolved_at: Some(after(300)),
            affected: Vec::new(),
            origin: None,
            updates: Vec::new(),
            promises: vec![Promise { kept_at: Some(after(50)), ..Promise::new(T0, after(60)) }],
            etas: Vec::new(),
            unstable: false,
            by_hand: false,
            reopened: 0,
            acknowledgements: Vec::new(),
            called_again: 0,
            preventions: Vec::new(),
        };
        Taken { incident, repaired_at: after(240) }
    }

    fn speak(t: &mut Taken, at: u64, status: IncidentStatus, en: &str, zh: &str) {
        let id = UpdateId(Mint::new(at).uuid(after(at)));
        let text = Text::Each([(Lang::En, en.to_owned()), (Lang::ZhCn, zh.to_owned())].into());
        let by = Author::Person("mail you@exercise.invalid".to_owned());
        let said = Said::Text { text };
        t.incident.updates.push(Update {
            id,
            at: after(at),
            status,
            said,
            by,
            changed: Vec::new(),
            next_update_by: None,
        });
    }

    fn points(t: &Taken) -> Vec<u32> {
        Score::of(t, &Lang::ALL, Duration::from_secs(60)).lines.iter().map(|l| l.points).collect()
    }

    #[test]
    fn who_does_everything_in_time_and_in_both_languages_gets_all() {
        let mut t = taken();
        let by = Author::Person("kim".to_owned());
        t.incident.acknowledgements.push(Acknowledgement { at: after(40), by, reopened: 0 });
        speak(&mut t, 50, IncidentStatus::Identified, "a disk", "磁盘");
        speak(&mut t, 250, IncidentStatus::Resolved, "over", "结束");
        speak(&mut t, 400, IncidentStatus::Postmortem, "why", "原因");
        assert_eq!(points(&t), [20, 20, 15, 20, 10, 15]);
        let score = Score::of(&t, &Lang::ALL, Duration::from_secs(60));
        assert_eq!((score.points, score.of), (100, 100));
        assert!(score.text().contains("100 of 100"));
    }

    #[test]
    fn who_sleeps_through_it_gets_next_to_nothing_though_the_checks_kept_the_promise() {
        assert_eq!(points(&taken()), [0, 0, 0, 0, 5, 0]);
    }

    #[test]
    fn late_is_half_and_one_language_is_not_two() {
        let mut t = taken();
        let by = Author::Person("kim".to_owned());
        t.incident.acknowledgements.push(Acknowledgement { at: after(90), by, reopened: 0 });
        speak(&mut t, 130, IncidentStatus::Identified, "a disk", "");
        t.incident
            .promises
            .push(Promise { missed_at: Some(after(120)), ..Promise::new(after(50), after(110)) });
        assert_eq!(points(&t), [10, 10, 0, 10, 5, 0]);
    }
}
