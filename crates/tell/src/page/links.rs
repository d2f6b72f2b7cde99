//! Where a page's links lead: addresses of the server, or files beside it in a published copy.

use crate::{clean, snapshot::Snapshot};
use serde::Serialize;
use stillhere_model::{IncidentId, Lang, MaintenanceId};
use stillhere_record::trust::Month;

/// Which page the links are on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links<'a> {
    snapshot: &'a Snapshot,
    lang: Lang,
    published: bool,
    here: Here,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    Status,
    History,
    Incident(IncidentId),
    Maintenance(MaintenanceId),
    Trust(Option<Month>),
    Subscribe,
    Nowhere,
}

#[derive(Serialize)]
pub(super) struct Fixed {
    home: String,
    history: String,
    /// A copy has none: it is computed when it is asked for.
    trust: Option<String>,
    rss: String,
    atom: String,
    json: String,
    languages: Vec<Language>,
}

#[derive(Serialize)]
struct Language {
    href: String,
    tag: &'static str,
    name: &'static str,
    current: bool,
}

/// The name of a language in itself.
pub(crate) fn own_name(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "English",
        Lang::ZhCn => "简体中文",
    }
}

/// The path of a page's file in a published copy. The site's first language has the plain names.
pub(crate) fn file(snapshot: &Snapshot, lang: Lang, stem: &str) -> String {
    if snapshot.site.languages.first().is_none_or(|first| *first == lang) {
        format!("{stem}.html")
    } else {
        format!("{stem}.{}.html", lang.tag())
    }
}

// === impl Links ===

impl<'a> Links<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, lang: Lang, published: bool, here: Here) -> Links<'a> {
        Links { snapshot, lang, published, here }
    }

    pub(super) fn incident(&self, id: &IncidentId) -> String {
        self.to(&format!("incidents/{id}"), self.lang)
    }

    pub(super) fn maintenance(&self, id: &MaintenanceId) -> String {
        self.to(&format!("maintenance/{id}"), self.lang)
    }

    pub(super) fn logo(&self, name: &str) -> String {
        self.data(&format!("logo/{name}"), false)
    }

    pub(super) fn history(&self) -> String {
        self.to("history", self.lang)
    }

    pub(super) fn trust(&self, month: Option<Month>) -> String {
        self.to(&trust_stem(month), self.lang)
    }

    pub(crate) fn subscribe(&self) -> String {
        self.to("subscribe", self.lang)
    }

    pub(super) fn fixed(&self) -> Fixed {
        let languages = &self.snapshot.site.languages;
        let here = match self.here {
            Here::Status | Here::Nowhere => "index".to_owned(),
            Here::History => "history".to_owned(),
            Here::Subscribe => "subscribe".to_owned(),
            Here::Incident(id) => format!("incidents/{id}"),
            Here::Maintenance(id) => format!("maintenance/{id}"),
            Here::Trust(month) => trust_stem(month),
        };
        let language = |l: &Lang| Language {
            href: self.to(&here, *l),
            tag: l.tag(),
            name: own_name(*l),
            current: *l == self.lang,
        };
        Fixed {
            home: self.to("index", self.lang),
            history: self.history(),
            trust: (!self.published).then(|| self.trust(None)),
            rss: self.data("history.rss", true),
            atom: self.data("history.atom", true),
            json: self.data("api/v2/summary.json", false),
            languages: if languages.len() > 1 {
                languages.iter().map(language).collect()
            } else {
                Vec::new()
            },
        }
    }

    fn to(&self, stem: &str, lang: Lang) -> String {
        if self.published {
            return format!("{}{}", self.up(), file(self.snapshot, lang, stem));
        }
        let path = if stem == "index" { "" } else { stem };
        if self.snapshot.site.languages.len() > 1 {
            format!("/{path}?lang={}", lang.tag())
        } else {
            format!("/{path}")
        }
    }

    fn data(&self, path: &str, speaks: bool) -> String {
        match (self.published, speaks && self.snapshot.site.languages.len() > 1) {
            (true, _) => format!("{}{path}", self.up()),
            (false, true) => format!("/{path}?lang={}", self.lang.tag()),
            (false, false) => format!("/{path}"),
        }
    }

    /// A copy may lie in any folder, so its links are relative.
    fn up(&self) -> &'static str {
        match self.here {
            Here::Incident(_) | Here::Maintenance(_) => "../",
            Here::Status | Here::History | Here::Subscribe | Here::Trust(_) | Here::Nowhere => "",
        }
    }
}

fn trust_stem(month: Option<Month>) -> String {
    month.map_or_else(|| "trust".to_owned(), |m| format!("trust/{m}"))
}

/// The absolute address of an incident, for mails, feeds and the API.
pub(crate) fn incident_url(snapshot: &Snapshot, id: &IncidentId) -> String {
    format!("{}/incidents/{id}", base(snapshot))
}

/// Where a browser asks to be told once that an incident is over.
pub(crate) fn once(snapshot: &Snapshot) -> String {
    format!("{}/subscribe/once", base(snapshot))
}

/// The absolute address of a maintenance.
pub(crate) fn maintenance_url(snapshot: &Snapshot, id: &MaintenanceId) -> String {
    format!("{}/maintenance/{id}", base(snapshot))
}

/// The site's address without a trailing slash.
pub(crate) fn base(snapshot: &Snapshot) -> String {
    clean::line(&snapshot.site.url, 500).trim_end_matches('/').to_owned()
}
