//! What is said, before it is a page or JSON: put together once from why we answer, what the notice says and what we
//! have seen ourselves, so that no two kinds of answer can disagree.

use super::{Asked, Kind, Outcome, Trouble, Why, words};
use crate::known::{Known, Seen, Sighting};
use stillhere_model::{Lang, Status, Time};
use stillhere_tell::{
    clean,
    notice::{Notice, NoticeIncident},
    words::{Value, Words},
};

/// Incidents shown beside the trouble.
const INCIDENTS_MAX: usize = 2;
/// Services named of those that work.
const WORKS_MAX: usize = 4;
/// Characters of a service's name.
const NAME_CHARS: usize = 80;

/// Everything that is said about one trouble to one visitor.
pub(super) struct Said<'a> {
    pub(super) asked: &'a Asked,
    pub(super) trouble: &'a Trouble,
    pub(super) known: &'a Known,
    pub(super) now: Time,
    pub(super) lang: Lang,
    /// Times, durations and dates as the status page tells them.
    pub(super) times: Words,
    /// The service, or what stands for it when its name is not known.
    pub(super) service: String,
    named: bool,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) seen: Option<&'a Sighting>,
}

/// When it is expected to be back.
pub(super) enum Eta {
    None,
    Plan(Time),
    PlanMissed(Time),
    /// Computed from the record, or given by somebody on staff; passed without an end.
    Computed(Time),
    Team(Time),
    Passed(Time),
}

// === impl Said ===

impl<'a> Said<'a> {
    pub(super) fn new(asked: &'a Asked, trouble: &'a Trouble, known: &'a Known, now: Time) -> Said<'a> {
        let notice = known.notice.as_ref().map(|h| &h.notice);
        let lang = known.lang(asked.lang);
        let zone = notice.map_or("UTC", |n| n.site.time_zone.as_str());
        let for_person = asked.kind == Kind::Page;
        let name = name(trouble, notice, lang);
        let named = name.is_some();
        let nameless = if for_person { "this-page" } else { "this-service" };
        let service = name.unwrap_or_else(|| words::say(lang, nameless, &[]));
        let key = trouble.why.key();
        let title = words::say(lang, &format!("{key}-title"), &[("service", service.as_str().into())]);
        let detail = match trouble.why {
            Why::BadRequest(violation) if !for_person => {
                words::say(lang, "bad-request-detail-api", &[("violation", violation.into())])
            }
            Why::WaitingRoom { .. } if !for_person => words::say(lang, "waiting-room-detail-api", &[]),
            _ => words::say(lang, &format!("{key}-detail"), &[("service", service.as_str().into())]),
        };
        let seen = known.trouble(trouble.service.as_ref(), trouble.pool.as_deref());
        let seen = seen.filter(|_| trouble.why.is_outage());
        Said {
            asked,
            trouble,
            known,
            now,
            lang,
            times: Words::new(lang, zone),
            service,
            named,
            title,
            detail,
            seen,
        }
    }

    pub(super) fn word(&self, key: &str) -> String {
        words::say(self.lang, key, &[])
    }

    pub(super) fn with(&self, key: &str, name: &str, value: impl Into<String>) -> String {
        words::say(self.lang, key, &[(name, Value::from(value.into()))])
    }

    pub(super) fn clock(&self, t: Time) -> String {
        self.times.clock(t, self.now)
    }

    pub(super) fn notice(&self) -> Option<&'a Notice> {
        self.known.notice.as_ref().map(|h| &h.notice)
    }

    /// What we saw ourselves and when: `At 10:02 we could not reach Checkout, and it has not answered since.`
    pub(super) fn own_sighting(&self) -> Option<String> {
        let seen = self.seen?;
        let key = match seen.what {
            Seen::AllOut if self.named => "seen-all-out",
            Seen::AllOut => "seen-all-out-bare",
            Seen::Paused => "seen-paused",
            Seen::Overloaded if self.named => "seen-overloaded",
            Seen::Overloaded => "seen-overloaded-bare",
            Seen::Answering => return None,
        };
        let time = self.clock(seen.since);
        Some(words::say(self.lang, key, &[("time", time.into()), ("service", self.service.as_str().into())]))
    }

    /// The notice says that all is well with what we cannot reach.
    pub(super) fn is_contradicted(&self) -> bool {
        let Some(n) = self.notice().filter(|_| self.trouble.why.is_outage()) else { return false };
        match &self.trouble.service {
            Some(id) => n.service(id.as_str()).is_none() && n.services_left_out == 0,
            None => n.state == "operational",
        }
    }

    /// What a reader must know before believing the notice: that it is old, or that it says otherwise.
    pub(super) fn about_the_notice(&self) -> Option<String> {
        if !self.trouble.why.is_outage() {
            return None;
        }
        let Some(held) = &self.known.notice else { return Some(self.word("notice-none")) };
        let mut lines = Vec::new();
        let time = self.clock(held.notice.made_at);
        if held.is_old(self.now) {
            let age = u64::try_from(held.age(self.now).as_millis()).unwrap_or(u64::MAX);
            let age = self.times.duration(age / 1_000 * 1_000);
            let args = [("time", Value::from(time.as_str())), ("age", age.into())];
            lines.push(words::say(self.lang, "notice-old", &args));
        }
        if self.is_contradicted() {
            lines.push(self.with("notice-said-well", "time", time));
        }
        (!lines.is_empty()).then(|| self.joined(&lines))
    }

    /// Since when, by whoever knows best: who answers, our own eyes, the notice.
    pub(super) fn since(&self) -> Option<Time> {
        let by_notice = || {
            let id = self.trouble.service.as_ref()?;
            self.notice()?.service(id.as_str()).map(|s| s.since)
        };
        let outage = self.trouble.why.is_outage();
        self.trouble.since.or(self.seen.map(|s| s.since)).or_else(by_notice).filter(|_| outage)
    }

    /// Only what somebody has said; nothing is guessed.
    pub(super) fn eta(&self) -> Eta {
        let until = match &self.trouble.why {
            Why::Paused { until } => *until,
            _ => None,
        };
        let planned = || {
            let n = self.notice()?;
            let service = n.service(self.trouble.service.as_ref()?.as_str())?;
            // The notice does not say which work concerns which service; with only one there is no doubt.
            let only = n.maintenances.first().filter(|_| n.maintenances.len() == 1)?;
            (service.status == Status::UnderMaintenance).then_some(only.ends_at)
        };
        match until.or_else(planned) {
            Some(t) if t < self.now => Eta::PlanMissed(t),
            Some(t) => Eta::Plan(t),
            None => self.likely(),
        }
    }

    /// What the notice says of the incident of this very service; never what is said of another.
    fn likely(&self) -> Eta {
        let named = self.trouble.service.is_some();
        let given = self.incidents().filter(|_| named).find_map(|i| i.over_by.map(|t| (i, t)));
        match given {
            None => Eta::None,
            Some((i, t)) if i.over_by_passed || t < self.now => Eta::Passed(t),
            Some((i, t)) if i.over_by_said == "team" => Eta::Team(t),
            Some((_, t)) => Eta::Computed(t),
        }
    }

    /// The newest incidents that concern the service; without one, those of the whole site.
    pub(super) fn incidents(&self) -> impl Iterator<Item = &'a NoticeIncident> {
        let all = self.notice().filter(|_| self.trouble.why.is_outage()).map_or(&[][..], |n| &n.incidents);
        let service = self.trouble.service.as_ref();
        all.iter()
            .filter(move |i| service.is_none_or(|s| i.services.iter().any(|id| id == s.as_str())))
            .take(INCIDENTS_MAX)
    }

    pub(super) fn next_update_by(&self) -> Option<Time> {
        let of_incident = self.incidents().find_map(|i| i.next_update_by);
        let of_all = || self.notice().filter(|_| self.trouble.why.is_outage()).and_then(|n| n.next_update_by);
        // A promise about something else is none about this.
        of_incident.or_else(|| self.trouble.service.is_none().then(of_all).flatten())
    }

    /// What is not affected, as of the notice: of the services that it calls operational those that we see nothing else of.
    pub(super) fn what_works(&self) -> Option<String> {
        let held = self.known.notice.as_ref().filter(|held| !held.is_old(self.now))?;
        let (notice, own) = (&held.notice, self.trouble.service.as_ref()?);
        let sees_otherwise = |id: &str| {
            let other = |s: &Sighting| {
                s.what != Seen::Answering && s.service.as_ref().is_some_and(|s| s.as_str() == id)
            };
            own.as_str() == id || self.known.sightings.iter().any(other)
        };
        let (doubted, works): (Vec<_>, Vec<_>) =
            notice.operational.iter().partition(|s| sees_otherwise(&s.id));
        let all =
            notice.services_total.saturating_sub(notice.services.len() as u64 + notice.services_left_out);
        let shown = works.len().min(WORKS_MAX);
        let more = all.saturating_sub((doubted.len() + shown) as u64);
        let names: Vec<String> =
            works[..shown].iter().map(|s| clean::line(s.name.get(self.lang), NAME_CHARS)).collect();
        let names = names.join(if self.lang == Lang::ZhCn { "、" } else { ", " });
        let (key, time) = (if more > 0 { "works-more" } else { "works" }, self.clock(notice.made_at));
        let args = [("names", Value::from(names)), ("count", more.into()), ("time", time.into())];
        (shown > 0 && self.trouble.why.is_outage()).then(|| words::say(self.lang, key, &args))
    }

    /// What became of what was sent: of a GET there is nothing to say.
    pub(super) fn about_the_request(&self) -> Option<String> {
        if self.asked.safe || self.trouble.kept.is_some() || !self.trouble.why.passes() {
            return None;
        }
        match self.trouble.why.outcome(false)? {
            Outcome::Unknown => Some(self.word("sent-unknown")),
            Outcome::NotForwarded => Some(self.word("sent-not")),
        }
    }

    pub(super) fn about_what_is_kept(&self) -> Option<String> {
        let kept = self.trouble.kept.as_ref()?;
        Some(self.word(&format!("kept-{}", kept.state.as_str())))
    }

    /// A title as a sentence.
    pub(super) fn ended(&self, title: &str) -> String {
        format!("{title}{}", if self.lang == Lang::ZhCn { "。" } else { "." })
    }

    pub(super) fn joined(&self, sentences: &[String]) -> String {
        sentences.join(if self.lang == Lang::ZhCn { "" } else { " " })
    }
}

fn name(trouble: &Trouble, notice: Option<&Notice>, lang: Lang) -> Option<String> {
    let of_notice = || {
        let name = notice?.name_of(trouble.service.as_ref()?.as_str())?;
        Some(name.get(lang).to_owned())
    };
    let given = trouble.name.as_ref().map(|n| n.get(lang).to_owned());
    given.or_else(of_notice).map(|n| clean::line(&n, NAME_CHARS)).filter(|n| !n.is_empty())
}
