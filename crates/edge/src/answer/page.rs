//! The page: what is known, whose fault it is, what is kept, when the next word comes, and what to do (usually nothing).

use super::{
    KeptState, Outcome, Why, pace,
    said::{Eta, Said},
};
use std::time::Duration;
use stillhere_tell::away::{self, Away, Fact, News, Sent};

/// What the script may do by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Live {
    /// Look whether it is back, and load the address again in its slot.
    Get,
    /// Look whether it is back, and say so: a form is sent again by a person or not at all.
    Post,
    /// A limit, which ends by waiting.
    Wait,
    Not,
}

pub(super) fn page(s: &Said<'_>, slot: Duration, retry: Duration) -> String {
    let live = live(s);
    let notice = s.notice();
    let mut lead = vec![s.detail.clone()];
    lead.extend(s.own_sighting());
    let home = notice.map(|n| n.site.url.clone()).filter(|u| !u.is_empty());
    let seconds = pace_seconds(if live == Live::Wait { retry } else { slot.max(retry) });
    let returns = matches!(live, Live::Get | Live::Wait);
    away::page(&Away {
        lang: s.lang,
        class: class(&s.trouble.why),
        title: s.title.clone(),
        lead,
        site: notice.map(|n| n.site.name.get(s.lang).to_owned()).filter(|n| !n.is_empty()),
        home,
        home_text: s.word("status-page"),
        live: live != Live::Not,
        data: data(s, live, slot, retry),
        refresh: returns.then_some(seconds),
        no_script: returns.then(|| s.with("no-script", "seconds", seconds.to_string())),
        go_back: s.word("go-back"),
        sent: sent(s),
        facts: facts(s),
        incidents: s
            .incidents()
            .map(|i| News {
                title: i.title.get(s.lang).to_owned(),
                said: i.said.get(s.lang).to_owned(),
                at: i.said_at.map(|t| s.with("news-at", "time", s.clock(t))),
                href: Some(i.url.clone()),
            })
            .collect(),
        old: s.about_the_notice(),
        contact: notice.map(|n| n.contact.clone()),
        zone: away::zone_line(&s.times, s.now),
        reference: s.with("reference", "id", format!("{:016x}", s.trouble.request)),
    })
}

fn live(s: &Said<'_>) -> Live {
    let why = &s.trouble.why;
    match () {
        () if !why.passes() => Live::Not,
        () if *why == Why::TooManyRequests => {
            if s.asked.safe {
                Live::Wait
            } else {
                Live::Not
            }
        }
        () if s.asked.safe => Live::Get,
        () => Live::Post,
    }
}

fn class(why: &Why) -> &'static str {
    match why {
        Why::Paused { .. } | Why::WaitingRoom { .. } => "m",
        Why::AllOut | Why::NotForwarded => "x",
        Why::OutcomeUnknown | Why::Broken | Why::TooSlow | Why::Overloaded | Why::QueueFull => "p",
        Why::Kept => "o",
        Why::TooManyRequests | Why::KeyInFlight | Why::RequestTimeout => "d",
        _ => "u",
    }
}

/// The words and numbers that the script needs.
fn data(s: &Said<'_>, live: Live, slot: Duration, retry: Duration) -> Vec<(&'static str, String)> {
    let (kind, wait) = match (live, &s.trouble.why) {
        (Live::Not, _) => return Vec::new(),
        (Live::Get, Why::WaitingRoom { .. }) => ("get", "live-queue"),
        (Live::Get, _) => ("get", "live-wait"),
        (Live::Post, _) => ("post", "live-wait-post"),
        (Live::Wait, _) => ("wait", "live-limit"),
    };
    let zone = s.times.zone().iana_name().unwrap_or("UTC").to_owned();
    let order = s.known.notice.as_ref().map_or((0, 0), |h| h.order());
    let slot = pace_seconds(if live == Live::Wait { retry } else { slot });
    let mut data = vec![
        ("live", kind.to_owned()),
        ("slot", slot.to_string()),
        ("every", pace::every(s.trouble.waiting).as_millis().to_string()),
        ("seq", format!("{}.{}", order.0, order.1)),
        ("tz", zone),
        ("wait", s.word(wait)),
        ("looked", s.word("live-looked")),
        ("back", if live == Live::Wait { s.word(wait) } else { s.word("live-back") }),
        ("in", s.word("live-back-in")),
        ("lost", s.word("live-lost")),
        ("by", s.with("by-time", "time", "%")),
        ("at", s.with("news-at", "time", "%")),
    ];
    if s.trouble.why.is_outage() {
        data.push(("news", "1".to_owned()));
    }
    data.extend(s.trouble.service.as_ref().map(|id| ("service", id.to_string())));
    if let Some(kept) = &s.trouble.kept {
        data.push(("action", kept.receipt.clone()));
        let names = [
            "keptsaved",
            "keptsending",
            "keptunknown",
            "keptdone",
            "keptrefused",
            "keptneedsyou",
            "keptexpired",
        ];
        let words = KeptState::ALL.map(|state| s.word(&format!("kept-{}", state.as_str())));
        data.extend(names.into_iter().zip(words));
    }
    data
}

fn sent(s: &Said<'_>) -> Vec<Sent> {
    let title = || s.word("sent-title");
    let kept = s.about_what_is_kept().map(|text| Sent { id: Some("kept"), class: "o", title: title(), text });
    let class = match s.trouble.why.outcome(s.asked.safe) {
        Some(Outcome::Unknown) => "p",
        _ => "d",
    };
    let sent = s.about_the_request().map(|text| Sent { id: None, class, title: title(), text });
    kept.into_iter().chain(sent).collect()
}

fn facts(s: &Said<'_>) -> Vec<Fact> {
    let fact = |name: &str, text: String| Fact { name: s.word(name), text, ..Fact::default() };
    let mut facts = Vec::new();
    if let Why::WaitingRoom { ahead, eta, .. } = &s.trouble.why {
        facts.push(Fact { id: Some("ahead"), big: true, ..fact("fact-ahead", grouped(*ahead)) });
        if let Some(eta) = eta {
            // Nobody knows it to the second.
            let seconds =
                if eta.as_secs() < 60 { eta.as_secs().max(1) } else { eta.as_secs().div_ceil(60) * 60 };
            let time = s.times.duration(seconds * 1_000);
            facts.push(Fact { strong: true, ..fact("fact-turn", s.with("turn-about", "time", time)) });
        }
        return facts;
    }
    if !s.trouble.why.is_outage() {
        return facts;
    }
    // The sighting above has said it.
    let since = s.since().filter(|_| s.seen.is_none());
    facts.extend(since.map(|t| fact("fact-since", s.clock(t))));
    if let Some(held) = s.trouble.held.filter(|h| h.as_millis() >= 1_000) {
        facts.push(fact("fact-waited", s.times.duration(held.as_secs() * 1_000)));
    }
    let eta = match s.eta() {
        Eta::None => s.word("eta-none"),
        Eta::Plan(t) => s.with("eta-plan", "time", s.clock(t)),
        Eta::Computed(t) => s.with("eta-computed", "time", s.clock(t)),
        Eta::Team(t) => s.with("eta-team", "time", s.clock(t)),
        Eta::Passed(t) => s.with("eta-passed", "time", s.clock(t)),
        Eta::PlanMissed(t) => s.with("eta-plan-late", "time", s.clock(t)),
    };
    facts.push(fact("fact-back", eta));
    if let Some(due) = s.next_update_by() {
        let missed = due < s.now || s.incidents().any(|i| i.next_update_by == Some(due) && i.promise_missed);
        let text = match missed {
            true => s.times.say("next-missed", &[("due", s.clock(due).into())]),
            false => s.with("by-time", "time", s.clock(due)),
        };
        facts.push(Fact { id: Some("next"), strong: true, ..fact("fact-next", text) });
    }
    facts.extend(s.what_works().map(|names| fact("fact-works", names)));
    facts
}

/// Whole seconds, never none: nobody reloads at once.
pub(super) fn pace_seconds(d: Duration) -> u64 {
    d.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX).max(1)
}

/// `12,345`: both languages group by thousands with a comma.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}
