//! One page in the making: its fragments, its headline, and the frame around it.

use super::{
    View, assets, class, csp,
    links::{Here, Links},
    part::{self, Extent},
    service, template,
};
use crate::{
    headline::{Headline, headline},
    snapshot::{ServiceView, Snapshot},
    words::Words,
};
use minijinja::{Value, context, value::Serde};
use serde::Serialize;
use std::time::Duration;
use stillhere_model::{Incident, Lang, Maintenance, MaintenanceStatus, Reason, Status, Text, Time};

/// More services than this, and groups fold.
const FOLD_OVER: usize = 20;
/// Open incidents and coming maintenances on the front page.
const INCIDENTS_MAX: usize = 10;
const MAINTENANCES_MAX: usize = 5;
/// Lately resolved incidents on the front page, and how long ago they may have ended.
const PAST_MAX: usize = 3;
const PAST_FOR: Duration = Duration::from_secs(7 * 86_400);

/// One page in the making.
pub(crate) struct Cut<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(super) view: &'a View,
    pub(crate) words: Words,
    pub(crate) links: Links<'a>,
}

/// Services that follow each other in one group.
pub(super) struct Group<'a> {
    pub(super) key: String,
    pub(super) name: Option<&'a Text>,
    pub(super) services: Vec<&'a ServiceView>,
}

#[derive(Serialize)]
pub(super) struct HeadlineWords {
    #[serde(skip)]
    pub(super) kind: Headline,
    #[serde(rename = "headline")]
    pub(super) text: String,
    pub(super) class: &'static str,
    pub(super) more: String,
}

// === impl Cut ===

impl<'a> Cut<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, lang: Lang, view: &'a View, here: Here) -> Cut<'a> {
        let words = Words::new(lang, &snapshot.site.time_zone);
        Cut { snapshot, view, words, links: Links::new(snapshot, lang, view.published_at.is_some(), here) }
    }

    pub(super) fn fragments(&self) -> Vec<(String, String)> {
        let (s, w) = (self.snapshot, &self.words);
        let mut all = vec![("now".to_owned(), self.part("part/now.html", serde(self.headline())))];

        let own: Vec<String> = s.own.iter().map(|o| w.own(o, s.made_at)).collect();
        all.push(("own".to_owned(), self.part("part/own.html", context! { own })));

        let open: Vec<_> = s
            .incidents
            .iter()
            .take(INCIDENTS_MAX)
            .map(|i| part::incident(i, s, w, &self.links, Extent::Brief))
            .collect();
        let more = s.incidents.len().saturating_sub(INCIDENTS_MAX);
        let incidents = serde(&open);
        let context = context! { incidents, more, history => self.links.history() };
        all.push(("inc".to_owned(), self.part("part/incidents.html", context)));

        let (groups, fold) = self.groups();
        for g in &groups {
            if fold {
                all.push((format!("{}-n", g.key), self.group_summary(g)));
            }
            for view in &g.services {
                let context = context! { s => serde(service::service(view, s, w, &self.links)) };
                all.push((format!("s-{}", view.id), self.part("part/service.html", context)));
            }
        }

        let mut coming: Vec<&Maintenance> = s
            .maintenances
            .iter()
            .filter(|m| m.status.is_active() || m.status == MaintenanceStatus::Scheduled)
            .collect();
        coming.sort_by_key(|m| (m.starts_at, m.id));
        let more = coming.len().saturating_sub(MAINTENANCES_MAX);
        coming.truncate(MAINTENANCES_MAX);
        let parts: Vec<_> =
            coming.iter().map(|m| part::maintenance(m, s, w, &self.links, Extent::Brief)).collect();
        let context = context! { maintenances => serde(&parts), more };
        all.push(("mnt".to_owned(), self.part("part/maintenances.html", context)));

        let recent = |i: &&Incident| i.resolved_at.is_some_and(|t| t > s.made_at.minus(PAST_FOR));
        let past: Vec<_> = s
            .history
            .iter()
            .filter(recent)
            .take(PAST_MAX)
            .map(|i| part::past(i, s, w, &self.links))
            .collect();
        let context = context! { past => serde(&past) };
        all.push(("past".to_owned(), self.part("part/past.html", context)));
        all
    }

    pub(super) fn headline(&self) -> HeadlineWords {
        let (s, w) = (self.snapshot, &self.words);
        let kind = if self.view.stale { Headline::NoFreshNews } else { headline(s) };
        let statuses = || s.services.iter().map(|v| v.verdict.status);
        let key = match kind {
            Headline::Unknown if s.services.is_empty() => "headline-unknown-none".to_owned(),
            Headline::Unknown if statuses().all(|x| x == Status::Unknown) => {
                "headline-unknown-all".to_owned()
            }
            _ => format!("headline-{}", kind.key()),
        };
        let text = match kind {
            Headline::NoFreshNews => {
                let then = s.last_look.unwrap_or(s.made_at);
                w.say(&key, &[("time", w.clock(then, self.now()).into())])
            }
            _ => w.plain(&key),
        };
        let more = match kind {
            Headline::Unknown if s.services.is_empty() => Some(w.plain("headline-unknown-none-more")),
            Headline::Operational | Headline::Unknown | Headline::NoFreshNews => {
                Some(w.plain(&format!("headline-{}-more", kind.key())))
            }
            _ => None,
        };
        let counts = (!matches!(kind, Headline::Operational | Headline::NoFreshNews)
            && !s.services.is_empty())
        .then(|| self.counts());
        // Said only when our own checks failed at something a visitor feels.
        let seen = s.services.iter().any(|v| {
            v.verdict.status.is_problem()
                && matches!(v.verdict.reason, Reason::ChecksDown { .. } | Reason::ChecksSlow { .. })
        });
        let not_you = (seen && matches!(kind, Headline::Degraded | Headline::Partial | Headline::Major))
            .then(|| w.plain("headline-not-you"));
        let lines: Vec<String> = [more, counts, not_you].into_iter().flatten().collect();
        let more = w.sentences(&lines);
        HeadlineWords { kind, text, class: class::headline(kind), more }
    }

    /// `Of 20 services: 1 is down, 19 are working.`
    fn counts(&self) -> String {
        let (w, of) = (&self.words, self.snapshot.services.len());
        let mut by = Status::ALL.map(|status| {
            (status, self.snapshot.services.iter().filter(|v| v.verdict.status == status).count())
        });
        by.sort_by_key(|(status, _)| std::cmp::Reverse(status.gravity()));
        if let Some((status, _)) = by.iter().find(|(_, n)| *n == of) {
            return w.say(&format!("count-all-{}", status.as_str()), &[("n", of.into())]);
        }
        let some = by.iter().filter(|(_, n)| *n > 0);
        let parts: Vec<String> = some
            .map(|(status, n)| w.say(&format!("count-{}", status.as_str()), &[("n", (*n).into())]))
            .collect();
        w.say("count-of", &[("of", of.into()), ("counts", w.commas(&parts).into())])
    }

    pub(super) fn stale_line(&self) -> Option<String> {
        self.view.stale.then(|| self.headline().text)
    }

    /// The moment from which times of day are told.
    fn now(&self) -> Time {
        self.view.published_at.unwrap_or(self.snapshot.made_at)
    }

    pub(super) fn groups(&self) -> (Vec<Group<'a>>, bool) {
        let fold = self.snapshot.services.len() > FOLD_OVER;
        let mut groups: Vec<Group<'a>> = Vec::new();
        for s in &self.snapshot.services {
            match groups.last_mut().filter(|g| g.name == s.group.as_ref()) {
                Some(g) => g.services.push(s),
                None => groups.push(Group {
                    key: format!("g{}", groups.len()),
                    name: s.group.as_ref(),
                    services: vec![s],
                }),
            }
        }
        (groups, fold)
    }

    fn group_summary(&self, g: &Group<'_>) -> String {
        let w = &self.words;
        let (n, worst) = (g.services.len(), g.worst());
        let bad = g.services.iter().filter(|s| s.verdict.status != Status::Operational).count();
        let text = if bad == 0 {
            w.say("group-fine", &[("n", n.into())])
        } else {
            w.say(
                "group-trouble",
                &[("n", n.into()), ("bad", bad.into()), ("status", w.status(worst).into())],
            )
        };
        let name = g.name.map_or_else(|| w.plain("services-other"), |n| w.name(n));
        self.part("part/group.html", context! { name, text, class => class::status(worst) })
    }

    fn contact(&self) -> Option<Value> {
        let c = &self.snapshot.site.contact;
        let hours = c.hours.as_ref().map(|h| self.words.name(h));
        contact_part(&c.phone, &c.chat_url, &c.email, hours)
            .map(|own| Value::from_safe_string(self.part("part/contact.html", own)))
    }

    /// Where one can subscribe; a copy of the page has nobody who would answer.
    pub(super) fn ask(&self) -> Option<String> {
        (self.snapshot.site.subscribe.is_any() && self.view.published_at.is_none())
            .then(|| self.links.subscribe())
    }

    pub(super) fn page(&self, template: &str, here: &str, title: &str, class: &str, own: Value) -> String {
        let (s, w) = (self.snapshot, &self.words);
        let site = w.name(&s.site.name);
        let published = self.view.published_at;
        let live = self.view.live && here == "status";
        let named = |headline: &str| {
            w.say("page-title", &[("headline", headline.into()), ("site", site.as_str().into())])
        };
        let mut data: Vec<(&str, String)> = Vec::new();
        if live {
            let zone = w.zone().iana_name().unwrap_or("UTC").to_owned();
            data.extend([
                ("live", format!("/live?lang={}", w.lang.tag())),
                ("seen", crate::live::id(s)),
                ("looked", s.last_look.unwrap_or(s.made_at).0.to_string()),
                ("fresh", s.fresh_until.0.to_string()),
                ("made", s.made_at.0.to_string()),
                ("tz", zone),
                ("title", named("%")),
            ]);
        }
        let safe = |text: &str| Value::from_safe_string(text.to_owned());
        let copy = published.map(|t| {
            let text = w.say("copy", &[("time", w.full(t).into())]);
            context! { text, ms => t.0 }
        });
        let zone = match w.zone().iana_name() {
            Some(name) => w.say("time-zone", &[("time", name.into()), ("zone", w.offset(s.made_at).into())]),
            None => w.offset(s.made_at),
        };
        let base = context! {
            lang => w.lang.tag(),
            stale => self.stale_line(),
            title => named(title),
            icon => safe(&assets::icon(class)),
            csp => published.map(|_| csp(&s.site)),
            css => safe(assets::css()),
            accent => assets::accent(&s.site).map(Value::from_safe_string),
            script => (live || published.is_some()).then(|| safe(assets::script())),
            glyphs => safe(assets::GLYPHS.trim()),
            logo => s.site.logo.as_ref().map(|l| {
                let src = |p: &crate::Picture| self.links.logo(&p.name);
                context! { light => src(&l.light), dark => l.dark.as_ref().map(src) }
            }),
            // A page may bring one.
            style => Value::from(()),
            links => serde(self.links.fixed()),
            contact => self.contact(),
            data => serde(&data),
            site, here, copy, zone,
        };
        let context = context! { ..own, ..base };
        template::render(template, context).unwrap_or_else(|error| {
            debug_assert!(false, "{template}: {error:#}");
            // Never silent: the one line that matters, whatever else failed.
            let line = crate::clean::xml(&self.headline().text);
            format!("<!doctype html><meta charset=utf-8><title>{line}</title><h1>{line}</h1>")
        })
    }

    pub(crate) fn part(&self, template: &str, own: Value) -> String {
        let context = context! { lang => self.words.lang.tag(), ..own };
        template::render(template, context).unwrap_or_else(|error| {
            debug_assert!(false, "{template}: {error:#}");
            String::new()
        })
    }
}

// === impl Group ===

impl Group<'_> {
    pub(super) fn worst(&self) -> Status {
        self.services.iter().map(|s| s.verdict.status).fold(Status::Operational, Status::worst)
    }
}

/// What `part/contact.html` shows: only what can be used safely as a link. `None`: there is nobody to ask.
pub(crate) fn contact_part(
    phone: &Option<String>,
    chat: &Option<String>,
    email: &Option<String>,
    hours: Option<String>,
) -> Option<Value> {
    let phone = phone.as_deref().map(|p| crate::clean::line(p, 60)).filter(|p| !p.is_empty());
    let tel: Option<String> =
        phone.as_ref().map(|p| p.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect());
    let chat = chat.as_deref().and_then(crate::clean::https);
    let email = email.as_deref().filter(|e| is_address(e));
    (phone.is_some() || chat.is_some() || email.is_some() || hours.is_some())
        .then(|| context! { phone, tel, chat, email, hours })
}

pub(crate) fn serde(value: impl Serialize) -> Value {
    Value::from(Serde(value))
}

/// Enough to stand in a `mailto:` link: one `@`, and nothing that could add headers or another recipient.
fn is_address(email: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".@_+-".contains(c);
    email.len() <= 254 && email.chars().all(plain) && email.matches('@').count() == 1
}
