//! Statuses, reasons, findings and updates in words.

use super::{Value, Words};
use crate::{
    clean,
    snapshot::{OwnTrouble, Snapshot},
};
use stillhere_model::{
    Affected, Finding, Incident, Lang, Reason, Said, ServiceId, Status, Text, Time, UpdateId, Verdict,
};

/// Names in a list before "and n more".
const LIST_MAX: usize = 3;

impl Words {
    #[must_use]
    pub fn status(&self, status: Status) -> String {
        self.plain(&format!("status-{}", status.as_str()))
    }

    /// A name or title from outside in this language, in one bounded line.
    #[must_use]
    pub fn name(&self, text: &Text) -> String {
        clean::line(text.get(self.lang), clean::TITLE_CHARS)
    }

    /// `A`, `A and B`, `A, B and C`, `A, B, C and 4 more`.
    #[must_use]
    pub fn list(&self, names: &[String]) -> String {
        let pair = |key, first: String, second: &String| {
            self.say(key, &[("first", first.into()), ("second", second.as_str().into())])
        };
        match names {
            [] => String::new(),
            [one] => one.clone(),
            [start @ .., last] if names.len() <= LIST_MAX => {
                let joined = start[1..].iter().fold(start[0].clone(), |a, b| pair("list-comma", a, b));
                pair("list-two", joined, last)
            }
            _ => {
                let joined =
                    names[1..LIST_MAX].iter().fold(names[0].clone(), |a, b| pair("list-comma", a, b));
                self.say(
                    "list-more",
                    &[
                        ("first", joined.into()),
                        ("n", (names.len() - LIST_MAX).into()),
                        ("total", names.len().into()),
                    ],
                )
            }
        }
    }

    /// All of them, with commas: `A, B, C`.
    #[must_use]
    pub fn commas(&self, parts: &[String]) -> String {
        let comma = |a: String, b: &String| {
            self.say("list-comma", &[("first", a.into()), ("second", b.as_str().into())])
        };
        let (first, rest) = parts.split_first().map_or((String::new(), parts), |(f, rest)| (f.clone(), rest));
        rest.iter().fold(first, comma)
    }

    /// Sentences after each other, with a space where the language has one.
    #[must_use]
    pub fn sentences(&self, all: &[String]) -> String {
        all.join(match self.lang {
            Lang::En => " ",
            Lang::ZhCn => "",
        })
    }

    /// The public name of a service; `None` for one that the public does not know.
    #[must_use]
    pub fn service(&self, id: &ServiceId, snapshot: &Snapshot) -> Option<String> {
        snapshot.service(id).map(|s| self.name(&s.name))
    }

    /// The public ones of `ids`, as a list.
    #[must_use]
    pub fn services<'a>(&self, ids: impl IntoIterator<Item = &'a ServiceId>, snapshot: &Snapshot) -> String {
        let names: Vec<String> = ids.into_iter().filter_map(|id| self.service(id, snapshot)).collect();
        if names.is_empty() { self.plain("some-service") } else { self.list(&names) }
    }

    #[must_use]
    pub fn title(&self, incident: &Incident, snapshot: &Snapshot) -> String {
        if let Some(title) = &incident.title {
            return self.name(title);
        }
        // What has recovered is not what is down now. When all of it has, or it is over, all of it is the title.
        let still = |a: &&Affected| a.until.is_none() && snapshot.service(&a.service).is_some();
        let some = incident.status.is_open() && incident.affected.iter().any(|a| still(&a));
        let named = || incident.affected.iter().filter(|a| !some || still(a));
        let worst = named().map(|a| a.worst).fold(Status::Operational, Status::worst);
        // The origin first: it is what the incident is about.
        let ids = named().map(|a| &a.service);
        let (first, rest): (Vec<_>, Vec<_>) = ids.partition(|id| Some(*id) == incident.origin.as_ref());
        if first.is_empty() && rest.is_empty() {
            return self.plain("title-bare");
        }
        let names = self.services(first.into_iter().chain(rest), snapshot);
        self.say(&format!("title-{}", worst.as_str()), &[("services", names.into())])
    }

    /// Why a service has its status; whole sentences.
    #[must_use]
    pub fn reason(&self, verdict: &Verdict, snapshot: &Snapshot) -> String {
        let n = |n: &u32| Value::from(*n);
        match &verdict.reason {
            Reason::AllUp => self.plain("reason-all-up"),
            Reason::PartlySeen { unseen, of } => {
                self.say("reason-partly-seen", &[("unseen", n(unseen)), ("of", n(of))])
            }
            Reason::ChecksDown { down, of, finding } => self.with_finding(
                "reason-checks-down",
                "reason-checks-down-bare",
                finding.as_ref(),
                snapshot.made_at,
                &[("down", n(down)), ("of", n(of))],
            ),
            Reason::ChecksSlow { slow, of, finding } => self.with_finding(
                "reason-checks-slow",
                "reason-checks-slow-bare",
                finding.as_ref(),
                snapshot.made_at,
                &[("slow", n(slow)), ("of", n(of))],
            ),
            Reason::Dependency { on } => match self.service(on, snapshot) {
                Some(name) => self.say("reason-dependency", &[("on", name.into())]),
                None => self.plain("reason-dependency-bare"),
            },
            Reason::Maintenance { .. } => self.plain("reason-maintenance"),
            Reason::BeyondMaintenance { finding, .. } => self.with_finding(
                "reason-beyond-maintenance",
                "reason-beyond-maintenance-bare",
                finding.as_ref(),
                snapshot.made_at,
                &[],
            ),
            Reason::Declared { .. } => self.plain("reason-declared"),
            Reason::CannotSee { finding } => self.with_finding(
                "reason-cannot-see",
                "reason-cannot-see-bare",
                finding.as_ref(),
                snapshot.made_at,
                &[],
            ),
            Reason::OwnUplinkDown => self.plain("reason-own-uplink-down"),
            Reason::NoFreshNews => self.plain("reason-no-fresh-news"),
            Reason::NotYetLooked => self.plain("reason-not-yet-looked"),
            Reason::NoChecks => self.plain("reason-no-checks"),
            Reason::Gap => self.plain("reason-gap"),
        }
    }

    /// What a look found, as a sentence. `near` is the reader's now, for times of day.
    #[must_use]
    pub fn finding(&self, finding: &Finding, near: Time) -> String {
        let ms = |ms: u64| Value::from(self.duration(ms));
        let short = |s: &str| Value::from(clean::line(s, clean::EVIDENCE_CHARS));
        let say = |key: &str, args: &[(&str, Value<'_>)]| self.say(key, args);
        match finding {
            Finding::DnsNoSuchName => self.plain("finding-dns-no-such-name"),
            Finding::DnsNoAnswer => self.plain("finding-dns-no-answer"),
            Finding::DnsTimeout { timeout_ms } => {
                say("finding-dns-timeout", &[("limit", ms(u64::from(*timeout_ms)))])
            }
            Finding::DnsRefused { code } => say("finding-dns-refused", &[("code", short(code))]),
            Finding::DnsUnexpected { expected, got } => {
                say("finding-dns-unexpected", &[("expected", short(expected)), ("got", short(got))])
            }
            Finding::ConnectRefused => self.plain("finding-connect-refused"),
            Finding::ConnectReset => self.plain("finding-connect-reset"),
            Finding::ConnectTimeout { timeout_ms } => {
                say("finding-connect-timeout", &[("limit", ms(u64::from(*timeout_ms)))])
            }
            Finding::Unreachable => self.plain("finding-unreachable"),
            Finding::ProxyFailed { status: Some(status) } => {
                say("finding-proxy-failed-status", &[("status", status.to_string().into())])
            }
            Finding::ProxyFailed { status: None } => self.plain("finding-proxy-failed"),
            Finding::TlsHandshake => self.plain("finding-tls-handshake"),
            Finding::TlsTimeout { timeout_ms } => {
                say("finding-tls-timeout", &[("limit", ms(u64::from(*timeout_ms)))])
            }
            Finding::TlsUntrusted => self.plain("finding-tls-untrusted"),
            Finding::TlsWrongName => self.plain("finding-tls-wrong-name"),
            Finding::TlsExpired { days } => say("finding-tls-expired", &[("days", (*days).into())]),
            Finding::TlsNotYetValid => self.plain("finding-tls-not-yet-valid"),
            Finding::TlsRevoked => self.plain("finding-tls-revoked"),
            Finding::TlsExpiresSoon { days } => say("finding-tls-expires-soon", &[("days", (*days).into())]),
            Finding::HttpStatus { status } => {
                say("finding-http-status", &[("status", status.to_string().into())])
            }
            Finding::FirstByteTimeout { timeout_ms } => {
                say("finding-first-byte-timeout", &[("limit", ms(u64::from(*timeout_ms)))])
            }
            Finding::BodyTimeout { timeout_ms } => {
                say("finding-body-timeout", &[("limit", ms(u64::from(*timeout_ms)))])
            }
            Finding::ClosedEarly => self.plain("finding-closed-early"),
            Finding::MalformedAnswer => self.plain("finding-malformed-answer"),
            Finding::TooManyRedirects { limit } => {
                say("finding-too-many-redirects", &[("limit", (*limit).into())])
            }
            Finding::RedirectRefused => self.plain("finding-redirect-refused"),
            Finding::BodyTooLarge { limit_bytes } => {
                say("finding-body-too-large", &[("limit", limit_bytes.to_string().into())])
            }
            Finding::ConditionFailed { condition, actual } => {
                say("finding-condition-failed", &[("condition", short(condition)), ("actual", short(actual))])
            }
            Finding::Slow { took_ms, limit_ms } => {
                say("finding-slow", &[("took", ms((*took_ms).into())), ("limit", ms((*limit_ms).into()))])
            }
            Finding::PingNoReply { sent } => say("finding-ping-no-reply", &[("sent", (*sent).into())]),
            Finding::PingLoss { lost, sent } => {
                say("finding-ping-loss", &[("lost", (*lost).into()), ("sent", (*sent).into())])
            }
            Finding::HeartbeatMissed { due } => {
                say("finding-heartbeat-missed", &[("due", self.clock(*due, near).into())])
            }
            Finding::HeartbeatFailed { exit_code: Some(code) } => {
                say("finding-heartbeat-failed-code", &[("code", (*code).into())])
            }
            Finding::HeartbeatFailed { exit_code: None } => self.plain("finding-heartbeat-failed"),
            Finding::HeartbeatTooLong { limit_ms } => {
                say("finding-heartbeat-too-long", &[("limit", ms(*limit_ms))])
            }
            Finding::EdgeAllOut { nodes } => say("finding-edge-all-out", &[("nodes", (*nodes).into())]),
            Finding::EdgeOverloaded => self.plain("finding-edge-overloaded"),
            Finding::EdgeErrors { percent, answers } => {
                say("finding-edge-errors", &[("percent", (*percent).into()), ("answers", (*answers).into())])
            }
            Finding::EdgePaused => self.plain("finding-edge-paused"),
            Finding::NotAllowed { what } => say("finding-not-allowed", &[("what", short(what))]),
            Finding::OwnUplinkDown => self.plain("finding-own-uplink-down"),
            Finding::OwnFault { what } => say("finding-own-fault", &[("what", short(what))]),
            Finding::FellBehind => self.plain("finding-fell-behind"),
            Finding::NotYetLooked => self.plain("finding-not-yet-looked"),
            Finding::NoFreshNews => self.plain("finding-no-fresh-news"),
        }
    }

    /// The words of an update, at most `max_chars` long where a person wrote them. May hold line ends.
    #[must_use]
    pub fn said(&self, said: &Said, snapshot: &Snapshot, max_chars: usize) -> String {
        let near = snapshot.made_at;
        let services = |ids: &[ServiceId]| Value::from(self.services(ids, snapshot));
        let service = |id: &ServiceId| Value::from(self.services([id], snapshot));
        let time = |t: &Time| Value::from(self.clock(*t, near));
        let quote = |t: &Text| Value::from(clean::line(t.get(self.lang), max_chars));
        match said {
            Said::Text { text } => clean::block(text.get(self.lang), max_chars),
            Said::Opened { services: ids, finding } => self.with_finding_of_first(
                ["said-opened", "said-opened-several", "said-opened-bare"],
                ids,
                finding.as_ref(),
                snapshot,
            ),
            Said::Joined { services: ids } => self.say("said-joined", &[("services", services(ids))]),
            Said::Worse { service: id, status, finding } => self.with_finding(
                "said-worse",
                "said-worse-bare",
                // What was found at a service that the reader does not know says nothing to them.
                finding.as_ref().filter(|_| snapshot.service(id).is_some()),
                near,
                &[("service", service(id)), ("status", self.status(*status).into())],
            ),
            Said::Better { service: id, status } => {
                self.say("said-better", &[("service", service(id)), ("status", self.status(*status).into())])
            }
            Said::OriginFound { origin } => match self.service(origin, snapshot) {
                Some(name) => self.say("said-origin-found", &[("origin", name.into())]),
                None => self.plain("said-origin-found-bare"),
            },
            Said::Recovering { verify_ms } => {
                self.say("said-recovering", &[("time", self.duration(*verify_ms).into())])
            }
            Said::Resolved { lasted_ms } => {
                self.say("said-resolved", &[("time", self.duration(*lasted_ms).into())])
            }
            Said::Reopened { services: ids, finding } => self.with_finding_of_first(
                ["said-reopened", "said-reopened-several", "said-reopened-bare"],
                ids,
                finding.as_ref(),
                snapshot,
            ),
            Said::Unstable { changes, window_ms } => self.say(
                "said-unstable",
                &[("changes", (*changes).into()), ("time", self.duration(*window_ms).into())],
            ),
            Said::PromiseMissed { due } => self.say("said-promise-missed", &[("due", time(due))]),
            Said::LostSight => self.plain("said-lost-sight"),
            Said::StartCorrected { from, to, note } => {
                let times = [("from", time(from)), ("to", time(to))];
                self.with_note(
                    "said-start-corrected",
                    "said-start-corrected-note",
                    note.as_ref(),
                    max_chars,
                    times,
                )
            }
            Said::EndCorrected { from, to, note } => {
                let times = [("from", time(from)), ("to", time(to))];
                self.with_note(
                    "said-end-corrected",
                    "said-end-corrected-note",
                    note.as_ref(),
                    max_chars,
                    times,
                )
            }
            Said::TextCorrected { from, to, .. } => {
                self.say("said-text-corrected", &[("from", quote(from)), ("to", quote(to))])
            }
            Said::MergedInto { incident } => match snapshot.incident(incident) {
                Some(into) => self.say("said-merged-into", &[("title", self.title(into, snapshot).into())]),
                None => self.plain("said-merged-into-bare"),
            },
            Said::Rescheduled { starts_at, ends_at } => {
                self.say("said-rescheduled", &[("from", time(starts_at)), ("until", time(ends_at))])
            }
        }
    }

    /// A text from outside for a list of many; a long one ends by saying where the rest is.
    #[must_use]
    pub fn body(&self, text: &Text, url: &str) -> String {
        let (text, cut) = clean::block_or_part(text.get(self.lang), clean::BODY_CHARS);
        if cut { format!("{text}\n\n{}", self.say("rest-is-at", &[("url", url.into())])) } else { text }
    }

    /// [`Words::said`], with [`Words::body`] for what a person wrote.
    #[must_use]
    pub fn said_in_list(&self, said: &Said, snapshot: &Snapshot, url: &str) -> String {
        match said {
            Said::Text { text } => self.body(text, url),
            said => self.said(said, snapshot, clean::BODY_CHARS),
        }
    }

    #[must_use]
    pub fn own(&self, trouble: &OwnTrouble, near: Time) -> String {
        let (key, since) = match trouble {
            OwnTrouble::UplinkDown { since } => ("own-uplink-down", since),
            OwnTrouble::FallingBehind { since } => ("own-falling-behind", since),
            OwnTrouble::StoreFailing { since } => ("own-store-failing", since),
        };
        self.say(key, &[("time", self.clock(*since, near).into())])
    }

    fn with_finding(
        &self,
        key: &str,
        bare: &str,
        finding: Option<&Finding>,
        near: Time,
        args: &[(&str, Value<'_>)],
    ) -> String {
        let Some(finding) = finding else { return self.say(bare, args) };
        let mut args = args.to_vec();
        args.push(("finding", self.finding(finding, near).into()));
        self.say(key, &args)
    }

    /// Where several services are named, "it" would be anybody's guess: the finding is then said with its service.
    /// Without it where the reader does not know that service.
    fn with_finding_of_first(
        &self,
        [one, several, bare]: [&str; 3],
        ids: &[ServiceId],
        finding: Option<&Finding>,
        snapshot: &Snapshot,
    ) -> String {
        let services = ("services", Value::from(self.services(ids, snapshot)));
        let owner = ids.first().and_then(|id| self.service(id, snapshot));
        let (Some(finding), Some(owner)) = (finding, owner) else { return self.say(bare, &[services]) };
        let finding = ("finding", self.finding(finding, snapshot.made_at).into());
        match ids.iter().filter(|id| snapshot.service(id).is_some()).count() {
            1 => self.say(one, &[services, finding]),
            _ => self.say(several, &[services, ("service", owner.into()), finding]),
        }
    }

    fn with_note(
        &self,
        key: &str,
        with_note: &str,
        note: Option<&Text>,
        max_chars: usize,
        [from, to]: [(&str, Value<'_>); 2],
    ) -> String {
        match note {
            None => self.say(key, &[from, to]),
            Some(note) => {
                let note = clean::line(note.get(self.lang), max_chars);
                self.say(with_note, &[from, to, ("note", note.into())])
            }
        }
    }
}

/// The words in force of an update: what the newest correction put in their place, if there is one.
#[must_use]
pub fn corrected<'a>(incident: &'a Incident, update: &UpdateId) -> Option<&'a Text> {
    incident.updates.iter().rev().find_map(|u| match &u.said {
        Said::TextCorrected { update: of, to, .. } if of == update => Some(to),
        _ => None,
    })
}
