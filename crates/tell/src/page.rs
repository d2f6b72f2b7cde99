//! The public pages as HTML: complete without script, nothing loaded from anywhere, small.
//!
//! What can change while a page is open is rendered first, element by element ([`fragments`]), and the page is put
//! together from that, so that page and live stream cannot disagree.

use crate::snapshot::Snapshot;
use minijinja::{Value, context};
use serde::Serialize;
use stillhere_model::{Incident, IncidentId, Lang, Maintenance, MaintenanceId, Status, Time};

pub(crate) mod assets;
pub(crate) mod bars;
pub(crate) mod class;
pub(crate) mod cut;
pub(crate) mod eta;
pub(crate) mod links;
pub(crate) mod part;
pub(crate) mod service;
pub(crate) mod template;
pub(crate) mod trust;

pub use assets::{csp, csp_hashes, push_worker, subscribe_csp};
use cut::{Cut, serde};
use links::Here;
use part::Extent;
pub use trust::{trust, trust_csp};

/// What a page depends on besides snapshot and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// The snapshot is older than its `fresh_until`: the page says that it has no fresh news.
    pub stale: bool,
    /// A static copy, written at this time: the page says how old it is, and its links are relative files.
    pub published_at: Option<Time>,
    /// The page keeps itself current through `/live`. False for static copies.
    pub live: bool,
}

/// The front page.
#[must_use]
pub fn status(snapshot: &Snapshot, lang: Lang, view: &View) -> String {
    let cut = Cut::new(snapshot, lang, view, Here::Status);
    let headline = cut.headline();
    let fragments = cut.fragments();
    let html = |id: &str| {
        let found = fragments.iter().find(|(i, _)| i == id).map(|(_, html)| html.clone());
        Value::from_safe_string(found.unwrap_or_default())
    };
    let (groups, fold) = cut.groups();
    let groups: Vec<Value> = groups
        .iter()
        .map(|g| {
            let items: Vec<Value> = g
                .services
                .iter()
                .map(|s| {
                    let id = format!("s-{}", s.id);
                    context! { html => html(&id), id }
                })
                .collect();
            context! {
                fold,
                open => g.worst() != Status::Operational,
                name => g.name.map(|n| cut.words.name(n)),
                key => g.key.as_str(),
                summary => html(&format!("{}-n", g.key)),
                services => items,
            }
        })
        .collect();
    let legend = Status::ALL.map(|s| context! { class => class::status(s), word => cut.words.status(s) });
    let checked = snapshot.last_look.filter(|_| !view.stale).map(|t| {
        let words = cut.words.zoned(t).strftime("%H:%M:%S").to_string();
        cut.words.say("checked", &[("time", words.into())])
    });
    cut.page(
        "status.html",
        "status",
        &headline.text,
        class::headline(headline.kind),
        context! {
            f => context! {
                now => html("now"), own => html("own"), inc => html("inc"), mnt => html("mnt"), past => html("past"),
            },
            groups, legend, checked,
            ask => cut.ask(), mail => snapshot.site.subscribe.mail, push => snapshot.site.subscribe.push,
        },
    )
}

/// One incident with everything that was said. `None`: the snapshot has no such incident.
#[must_use]
pub fn incident(snapshot: &Snapshot, lang: Lang, view: &View, id: &IncidentId) -> Option<String> {
    snapshot.incident(id).map(|i| incident_page(snapshot, lang, view, i))
}

/// The same for an incident that is too old for the snapshot.
#[must_use]
pub fn incident_page(snapshot: &Snapshot, lang: Lang, view: &View, incident: &Incident) -> String {
    let cut = Cut::new(snapshot, lang, view, Here::Incident(incident.id));
    let i = part::incident(incident, snapshot, &cut.words, &cut.links, Extent::Whole);
    let promises: Vec<_> =
        incident.promises.iter().rev().map(|p| part::promise(p, &cut.words, snapshot.made_at)).collect();
    let title = i.title.clone();
    let class = if incident.status.is_open() { class::impact(incident.impact) } else { "o" };
    let i = serde(&i);
    let body = Value::from_safe_string(cut.part("part/incident.html", context! { i => &i }));
    let promises = serde(&promises);
    let public = incident.preventions.iter().filter(|p| p.public);
    let preventions: Vec<_> = public.map(|p| part::prevention(p, &cut.words, snapshot.made_at)).collect();
    let preventions = serde(&preventions);
    let etas = serde(eta::given(incident, snapshot, &cut.words));
    cut.page(
        "incident.html",
        "incident",
        &title,
        class,
        context! { i, body, promises, etas, preventions, stale => cut.stale_line() },
    )
}

/// What the page of `incident` shows of it, without the frame and the lists below: for whoever is about to say something.
#[must_use]
pub fn incident_article(snapshot: &Snapshot, lang: Lang, incident: &Incident) -> String {
    let view = View::default();
    let cut = Cut::new(snapshot, lang, &view, Here::Incident(incident.id));
    let i = part::incident(incident, snapshot, &cut.words, &cut.links, Extent::Whole);
    cut.part("part/incident.html", context! { i => serde(&i) })
}

/// `None`: the snapshot has no such maintenance.
#[must_use]
pub fn maintenance(snapshot: &Snapshot, lang: Lang, view: &View, id: &MaintenanceId) -> Option<String> {
    snapshot.maintenance(id).map(|m| maintenance_page(snapshot, lang, view, m))
}

/// The same for a maintenance that is too old for the snapshot.
#[must_use]
pub fn maintenance_page(snapshot: &Snapshot, lang: Lang, view: &View, maintenance: &Maintenance) -> String {
    let cut = Cut::new(snapshot, lang, view, Here::Maintenance(maintenance.id));
    let m = part::maintenance(maintenance, snapshot, &cut.words, &cut.links, Extent::Whole);
    let title = m.title.clone();
    let m = serde(&m);
    let body = Value::from_safe_string(cut.part("part/maintenance.html", context! { m => &m }));
    cut.page("maintenance.html", "maintenance", &title, "m", context! { m, body, stale => cut.stale_line() })
}

/// Open and resolved incidents, by month.
#[must_use]
pub fn history(snapshot: &Snapshot, lang: Lang, view: &View) -> String {
    #[derive(Serialize)]
    struct Month {
        name: String,
        items: Vec<part::PastPart>,
    }
    let cut = Cut::new(snapshot, lang, view, Here::History);
    let mut all: Vec<&Incident> = snapshot.incidents.iter().chain(&snapshot.history).collect();
    all.sort_by_key(|i| std::cmp::Reverse(i.started_at));
    let mut months: Vec<Month> = Vec::new();
    for i in all {
        let name = cut.words.month_of(i.started_at);
        let item = part::past(i, snapshot, &cut.words, &cut.links);
        match months.last_mut().filter(|m| m.name == name) {
            Some(month) => month.items.push(item),
            None => months.push(Month { name, items: vec![item] }),
        }
    }
    let months = serde(&months);
    let title = cut.words.plain("nav-history");
    cut.page("history.html", "history", &title, "u", context! { months, stale => cut.stale_line() })
}

/// A page about subscribing: the form, what came of it, or what the link of a letter leads to.
#[must_use]
pub fn subscribe(snapshot: &Snapshot, lang: Lang, page: &crate::subscribe::Page<'_>) -> String {
    let view = View::default();
    let cut = Cut::new(snapshot, lang, &view, Here::Subscribe);
    let (title, own) = crate::subscribe::context(&cut, page);
    cut.page("subscribe.html", "subscribe", &title, "u", own)
}

#[must_use]
pub fn not_found(snapshot: &Snapshot, lang: Lang, view: &View) -> String {
    let cut = Cut::new(snapshot, lang, view, Here::Nowhere);
    let title = cut.words.plain("not-found");
    cut.page("not_found.html", "none", &title, "u", context! {})
}

/// The inner HTML of every element of the front page that can change, by element id, always in the same order for
/// the same services. [`status`] holds each of them verbatim.
#[must_use]
pub fn fragments(snapshot: &Snapshot, lang: Lang) -> Vec<(String, String)> {
    let view = View { live: true, ..View::default() };
    Cut::new(snapshot, lang, &view, Here::Status).fragments()
}

/// The headline in words: `(what it says, the sentence below it)`.
#[must_use]
pub fn headline_words(snapshot: &Snapshot, lang: Lang) -> (String, String) {
    let h = Cut::new(snapshot, lang, &View::default(), Here::Status).headline();
    (h.text, h.more)
}

#[cfg(test)]
mod tests;
