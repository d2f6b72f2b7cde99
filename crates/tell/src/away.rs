//! The page that stands in for the origin while it cannot answer: same design as the status page, nothing loaded from
//! anywhere, and small enough for the first flight of a connection.
//!
//! What is said is decided by the edge, which knows why it answers; here it is only put into the page. All texts are
//! plain text and escaped here.

use crate::{
    clean,
    page::{assets, cut, template},
    words::Words,
};
use minijinja::{Value, context};
use serde::Serialize;
use std::sync::OnceLock;
use stillhere_model::Lang;

/// Everything on the page, ready to be read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Away {
    #[serde(skip)]
    pub lang: Lang,
    /// The letter of the status, as in `web/status/base.css`.
    pub class: &'static str,
    pub title: String,
    pub lead: Vec<String>,
    pub site: Option<String>,
    /// The status page: `https:` only, anything else is left out.
    #[serde(skip)]
    pub home: Option<String>,
    pub home_text: String,
    /// The page keeps itself current, and knows when the origin is back.
    pub live: bool,
    /// For the script: attributes `data-…`. The names are ours.
    pub data: Vec<(&'static str, String)>,
    /// Without script: load again after so many seconds. Never set for what is not a GET.
    pub refresh: Option<u64>,
    pub no_script: Option<String>,
    pub go_back: String,
    pub sent: Vec<Sent>,
    pub facts: Vec<Fact>,
    #[serde(skip)]
    pub incidents: Vec<News>,
    /// The notice is no longer of the present.
    pub old: Option<String>,
    #[serde(skip)]
    pub contact: Option<crate::notice::NoticeContact>,
    pub zone: String,
    pub reference: String,
}

/// What became of what the visitor sent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sent {
    pub id: Option<&'static str>,
    pub class: &'static str,
    pub title: String,
    pub text: String,
}

/// One line of the list of facts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fact {
    pub id: Option<&'static str>,
    pub name: String,
    pub text: String,
    pub strong: bool,
    pub big: bool,
}

/// One incident of the notice.
#[derive(Debug, Clone, Default)]
pub struct News {
    pub title: String,
    pub said: String,
    pub at: Option<String>,
    pub href: Option<String>,
}

/// The whole page.
#[must_use]
pub fn page(away: &Away) -> String {
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let incidents: Vec<Value> = away
        .incidents
        .iter()
        .map(|i| {
            let href = i.href.as_deref().and_then(clean::https);
            context! { title => i.title.as_str(), said => i.said.as_str(), at => i.at.as_deref(), href }
        })
        .collect();
    // `contact.html` finds its names at the top of the context.
    let contact = away.contact.as_ref().and_then(|c| {
        let hours = c.hours.as_ref().map(|h| clean::line(h.get(away.lang), clean::TITLE_CHARS));
        cut::contact_part(&c.phone, &c.chat_url, &c.email, hours)
    });
    let frame = context! {
        lang => away.lang.tag(),
        css => safe(assets::away_css()),
        script => safe(assets::away_script()),
        icon => safe(&assets::icon(away.class)),
        glyph => safe(assets::glyph(away.class)),
        home => away.home.as_deref().and_then(clean::https),
        incidents,
        contact => contact.is_some(),
    };
    let context = context! { ..frame, ..cut::serde(away), ..contact.unwrap_or_default() };
    template::render("away.html", context).unwrap_or_else(|error| {
        debug_assert!(false, "away.html: {error:#}");
        // Never a black screen: what matters most, whatever else failed.
        let (title, lead) = (clean::xml(&away.title), clean::xml(&away.lead.join(" ")));
        format!("<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{lead}</p>")
    })
}

/// The Content-Security-Policy of the page. It says nothing of who may frame it: a frame of another site must show
/// it as it would have shown the origin's page.
#[must_use]
pub fn csp() -> &'static str {
    static CSP: OnceLock<String> = OnceLock::new();
    CSP.get_or_init(|| {
        format!(
            "default-src 'none'; style-src {}; script-src {}; img-src data:; connect-src 'self'; base-uri 'none'; \
             form-action 'none'",
            assets::hash(assets::away_css()),
            assets::hash(assets::away_script()),
        )
    })
}

/// `Times are in Asia/Shanghai (UTC+8).`
#[must_use]
pub fn zone_line(w: &Words, near: stillhere_model::Time) -> String {
    let offset = w.offset(near);
    let zone = match w.zone().iana_name() {
        Some(name) if name != "UTC" => w.say("time-zone", &[("time", name.into()), ("zone", offset.into())]),
        _ => offset,
    };
    w.say("footer-zone", &[("zone", zone.into())])
}

#[cfg(test)]
mod tests;
