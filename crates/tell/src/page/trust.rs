//! The trust report as a page: the same on the screen and on paper. Nothing is computed here.

use super::{
    View, assets,
    cut::{Cut, serde},
    links::Here,
    part::{When, when, whole_seconds},
};
use crate::{
    snapshot::{Site, Snapshot},
    words::Words,
};
use minijinja::{Value, context};
use serde::Serialize;
use stillhere_model::{Lang, Time};
use stillhere_record::trust::{EtaFigures, Figures, Honesty, LeftOut, Line, Month, Quantiles, Report, Share};

/// Months that the page leads to; older ones stay at their addresses.
const MONTHS_MAX: usize = 13;
/// Incidents on one page; the JSON has all.
const INCIDENTS_MAX: usize = 200;

/// What the page leads to.
#[derive(Serialize)]
struct MonthLink {
    href: String,
    name: String,
    current: bool,
}

#[derive(Serialize)]
struct Group {
    name: String,
    figures: Vec<Figure>,
}

/// One figure. Without a value: too few to say.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: Option<String>,
    more: Option<String>,
    what: Option<String>,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Incident {
    title: String,
    href: Option<String>,
    began: When,
    lasted: String,
    facts: Vec<String>,
}

/// The policy of the page: it has a style of its own.
#[must_use]
pub fn trust_csp(site: &Site) -> String {
    let own = format!("style-src {} ", assets::hash(assets::trust_css()));
    super::csp(site).replacen("style-src ", &own, 1)
}

/// `months`: those that the record has, oldest first.
#[must_use]
pub fn trust(snapshot: &Snapshot, lang: Lang, view: &View, report: &Report, months: &[Month]) -> String {
    let cut = Cut::new(snapshot, lang, view, Here::Trust(report.month));
    let w = &cut.words;
    let month_name = |m: Month| w.month_name(m.first_day());
    let link = |month: Option<Month>| MonthLink {
        href: cut.links.trust(month),
        name: month.map_or_else(|| w.plain("trust-all"), month_name),
        current: month == report.month,
    };
    let links: Vec<MonthLink> =
        months.iter().rev().take(MONTHS_MAX).map(|m| link(Some(*m))).chain([link(None)]).collect();
    let period = w.say(
        "trust-period",
        &[("from", dated(report.from, w).into()), ("until", dated(report.until, w).into())],
    );
    let shown = report.incidents.iter().rev().take(INCIDENTS_MAX);
    let incidents: Vec<Incident> = shown.map(|l| incident(l, snapshot, &cut)).collect();
    let month = report.month.map(|m| format!(" --month {m}")).unwrap_or_default();
    let title = match report.month {
        Some(m) => format!("{} · {}", w.plain("trust"), month_name(m)),
        None => w.plain("trust"),
    };
    let own = context! {
        months => serde(&links), period, groups => serde(groups(&report.figures, w)), incidents => serde(&incidents),
        more => report.incidents.len().saturating_sub(INCIDENTS_MAX),
        log => w.say("trust-how-log", &[("size", report.log.size.into()), ("origin", report.log.origin.as_str().into())]),
        root => report.log.root.as_str(),
        command => format!("stillhere trust --from-log {}{month}", super::links::base(snapshot)),
        json => report.month.map_or_else(|| "/api/v1/trust".to_owned(), |m| format!("/api/v1/trust?month={m}")),
        stale => cut.stale_line(),
        style => Value::from_safe_string(assets::trust_css().to_owned()),
    };
    cut.page("trust.html", "trust", &title, "u", own)
}

fn groups(f: &Figures, w: &Words) -> Vec<Group> {
    let soon = [
        f.detect.map(|q| Figure {
            parts: f.found_by_person.map(|s| part("trust-found-by-person", s, w)).into_iter().collect(),
            ..times("trust-detect", "trust-detect-what", q, w)
        }),
        // Where a person found everything, there is no time of ours.
        f.found_by_person.filter(|_| f.detect.is_none()).map(|s| shared("trust-found-by-person", s, w)),
        f.acknowledge.map(|q| Figure {
            parts: f.acknowledged.map(|s| part("trust-acknowledged", s, w)).into_iter().collect(),
            ..times("trust-acknowledge", "trust-acknowledge-what", q, w)
        }),
        f.tell.map(|q| Figure {
            parts: [("trust-told-quickly", f.told_within_5m), ("trust-told-after", f.told_after_end)]
                .into_iter()
                .filter_map(|(key, s)| s.map(|s| part(key, s, w)))
                .collect(),
            ..times("trust-tell", "trust-tell-what", q, w)
        }),
    ];
    let word = [
        f.promises_kept
            .map(|s| Figure { what: Some(w.plain("trust-promises-what")), ..shared("trust-promises", s, w) }),
        f.prevented.map(|s| Figure {
            what: Some(w.plain("trust-prevented-what")),
            ..shared("trust-prevented", s, w)
        }),
        f.longest_silence.map(|q| times("trust-silence", "trust-silence-what", q, w)),
        f.eta_computed.as_ref().map(|e| eta("trust-eta-computed", "trust-eta-meant", e, w)),
        f.eta_person.as_ref().map(|e| eta("trust-eta-person", "trust-eta-not-over", e, w)),
    ];
    let right = f.honesty.as_ref().map(|h| honesty(h, w)).unwrap_or_default();
    let group = |key: &str, figures: Vec<Figure>| Group { name: w.plain(key), figures };
    let all = [
        group("trust-soon", soon.into_iter().flatten().collect()),
        group("trust-word", word.into_iter().flatten().collect()),
        group("trust-right", right),
    ];
    all.into_iter().filter(|g| !g.figures.is_empty()).collect()
}

fn times(name: &str, what: &str, q: Quantiles, w: &Words) -> Figure {
    let time = |key: &str, ms: Option<i64>| ms.map(|ms| w.say(key, &[("time", spell(ms, w).into())]));
    let both = [time("trust-half", q.p50_ms), time("trust-nine", q.p90_ms)];
    let both: Vec<String> = both.into_iter().flatten().collect();
    let more = [Some(w.say("trust-of", &[("n", q.n.into())])), time("trust-worst", q.worst_ms)];
    Figure {
        name: w.plain(name),
        value: (!both.is_empty()).then(|| w.commas(&both)),
        more: Some(w.commas(&more.into_iter().flatten().collect::<Vec<_>>())),
        what: Some(w.plain(what)),
        parts: Vec::new(),
    }
}

fn shared(name: &str, s: Share, w: &Words) -> Figure {
    Figure { name: w.plain(name), value: Some(share(s, w)), more: None, what: None, parts: Vec::new() }
}

fn eta(name: &str, what: &str, e: &EtaFigures, w: &Words) -> Figure {
    let off = e.off.p50_ms.map(|ms| {
        let key = if ms < 0 { "trust-eta-off-earlier" } else { "trust-eta-off-later" };
        w.say(key, &[("time", spell(ms.abs(), w).into())])
    });
    Figure {
        name: w.plain(name),
        value: Some(w.say("trust-eta-late", &[("share", share(e.late, w).into())])),
        more: off,
        what: Some(w.plain(what)),
        parts: vec![part("trust-eta-slips", e.slipped_often, w)],
    }
}

fn honesty(h: &Honesty, w: &Words) -> Vec<Figure> {
    let time = |ms: i64| if ms == 0 { w.plain("trust-none-wrong") } else { spell(ms, w) };
    let figure = |name: &str, ms: i64, what: Option<String>| Figure {
        name: w.plain(name),
        value: Some(time(ms)),
        more: None,
        what,
        parts: Vec::new(),
    };
    let longest = [("time", spell(h.said_fine_longest_ms, w).into())];
    let what = (h.said_fine_ms > 0).then(|| w.say("trust-said-fine-what", &longest));
    let mut all = vec![
        figure("trust-said-fine", h.said_fine_ms, what),
        figure("trust-said-broken", h.said_broken_ms, None),
    ];
    if h.unseen_ms > 0 {
        all.push(figure("trust-unseen", h.unseen_ms, Some(w.plain("trust-unseen-what"))));
    }
    all
}

/// With its date, whatever day it is read.
fn dated(t: Time, w: &Words) -> String {
    w.clock(t, Time::MIN)
}

fn part(name: &str, s: Share, w: &Words) -> Part {
    Part { name: w.plain(name), value: share(s, w) }
}

fn share(s: Share, w: &Words) -> String {
    let (n, of) = (("n", s.n.into()), ("of", s.of.into()));
    match s.percent() {
        Some(percent) => w.say("trust-percent", &[n, of, ("percent", percent.into())]),
        None => w.say("trust-share", &[n, of]),
    }
}

/// Whole seconds are exact enough here.
fn spell(ms: i64, w: &Words) -> String {
    w.duration(u64::try_from(ms).unwrap_or(0).div_ceil(1_000) * 1_000)
}

fn incident(l: &Line, s: &Snapshot, cut: &Cut<'_>) -> Incident {
    let w = &cut.words;
    let known = s.incident(&l.incident);
    let time = |key: &str, ms: i64| w.say(key, &[("time", spell(ms, w).into())]);
    let promises = (l.promises.of > 0)
        .then(|| w.say("trust-line-promises", &[("share", share(Share { ..l.promises }, w).into())]));
    let told = if l.told_after_end {
        Some(w.plain("trust-line-told-end"))
    } else {
        l.tell_ms.map(|ms| time("trust-line-told", ms))
    };
    let left_out = l.left_out.map(|why| {
        w.plain(match why {
            LeftOut::BeforeTheLog => "trust-out-before-the-log",
            LeftOut::Lost => "trust-out-lost",
            LeftOut::Merged => "trust-out-merged",
            LeftOut::HurtNobody => "trust-out-hurt-nobody",
        })
    });
    let first = l.started_at_first.map(|t| w.say("trust-line-corrected", &[("time", dated(t, w).into())]));
    let found = l.found_by_person.then(|| w.plain("trust-line-found"));
    let silence = l.longest_silence_ms.filter(|ms| *ms > 0).map(|ms| time("trust-line-silence", ms));
    let lasted = l.over_at.map(|over| {
        let ms = over.since(l.started_at).as_millis();
        w.say(
            "incident-lasted",
            &[("time", w.duration(whole_seconds(u64::try_from(ms).unwrap_or(u64::MAX))).into())],
        )
    });
    Incident {
        title: known.map_or_else(|| w.services(&l.services, s), |i| w.title(i, s)),
        href: known.map(|i| cut.links.incident(&i.id)),
        began: when(w, l.started_at, Time::MIN),
        lasted: lasted.unwrap_or_else(|| w.plain("trust-line-open")),
        facts: match left_out {
            Some(why) => vec![why],
            None => [told, found, promises, silence, first].into_iter().flatten().collect(),
        },
    }
}
