//! For programs: RFC 9457 problem details, and the same in one paragraph of text.

use super::{Why, said::Said};
use serde::Serialize;
use std::time::Duration;
use stillhere_model::{ServiceId, Time};

/// The body of a JSON answer.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: String,
    /// The operation id as a URI.
    instance: String,
    /// `unknown` or `not-forwarded`; left out where the question does not arise.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// When to ask again; `null`: do not, by yourself.
    retry_after_ms: Option<u64>,
    service: Option<&'a ServiceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
    incident: Option<Incident<'a>>,
    next_update_by: Option<Time>,
    /// When the notice was made that this rests on, and whether it is still of the present.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_made_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_is_old: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<Kept<'a>>,
}

#[derive(Serialize)]
struct Incident<'a> {
    id: &'a str,
    title: &'a str,
    status: &'a str,
    said: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Kept<'a> {
    receipt: &'a str,
    state: &'static str,
}

pub(super) fn problem<'a>(s: &'a Said<'a>, retry: Option<Duration>) -> Problem<'a> {
    let t = s.trouble;
    let held = s.known.notice.as_ref().filter(|_| t.why.is_outage());
    let (ahead, eta, ticket) = match &t.why {
        Why::WaitingRoom { ahead, eta, ticket } => (Some(*ahead), *eta, Some(ticket.as_str())),
        _ => (None, None, None),
    };
    Problem {
        kind: format!("urn:stillhere:problem:{}", t.why.key()),
        title: &s.title,
        status: t.why.status().as_u16(),
        detail: sentences(s),
        instance: format!("urn:stillhere:request:{:016x}", t.request),
        outcome: t.why.outcome(s.asked.safe).map(super::Outcome::as_str),
        retry_after_ms: retry.map(millis),
        service: t.service.as_ref(),
        since: s.since(),
        incident: s.incidents().next().map(|i| Incident {
            id: &i.id,
            title: i.title.get(s.lang),
            status: &i.status,
            said: i.said.get(s.lang),
            url: &i.url,
        }),
        next_update_by: s.next_update_by(),
        notice_made_at: held.map(|h| h.notice.made_at),
        notice_is_old: held.map(|h| h.is_old(s.now)),
        ahead,
        eta_ms: eta.map(millis),
        ticket: ticket.filter(|t| !t.is_empty()),
        kept: t.kept.as_ref().map(|k| Kept { receipt: &k.receipt, state: k.state.as_str() }),
    }
}

/// For terminals and everything without a better kind.
pub(super) fn text(s: &Said<'_>) -> String {
    let mut lines = vec![s.title.clone(), sentences(s)];
    for i in s.incidents() {
        lines.push(format!("{}: {}", i.title.get(s.lang), i.said.get(s.lang)));
    }
    if let Some(due) = s.next_update_by().filter(|t| *t >= s.now) {
        lines.push(format!("{}: {}", s.word("fact-next"), s.with("by-time", "time", s.times.full(due))));
    }
    lines.push(s.with("reference", "id", format!("{:016x}", s.trouble.request)));
    lines.join("\n") + "\n"
}

/// Detail, sighting, what became of the request, and how far to believe the notice.
fn sentences(s: &Said<'_>) -> String {
    let mut all = vec![s.detail.clone()];
    all.extend(s.own_sighting());
    all.extend(s.about_what_is_kept());
    all.extend(s.about_the_request());
    all.extend(s.about_the_notice());
    s.joined(&all)
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
