//! RSS 2.0 and Atom 1.0: one entry for each incident and maintenance, newest first, every update in its content.
//!
//! An entry's id never changes; its date does, so that readers show it again when something new was said.

use crate::{
    clean::xml,
    page::{eta, links, part::incident_status},
    snapshot::Snapshot,
    words::{Words, corrected},
};
use std::fmt::Write as _;
use stillhere_model::{Incident, Lang, Maintenance, MaintenanceStatus, Time};

/// Entries of a feed.
const ENTRIES_MAX: usize = 50;
/// Updates of one entry, the newest ones.
const UPDATES_MAX: usize = 50;

struct Entry {
    id: String,
    url: String,
    title: String,
    begun: Time,
    updated: Time,
    /// HTML.
    content: String,
}

#[must_use]
pub fn rss(s: &Snapshot, lang: Lang) -> String {
    let w = Words::new(lang, &s.site.time_zone);
    let base = links::base(s);
    let title = w.say("feed-title", &[("site", w.name(&s.site.name).into())]);
    let entries = entries(s, &w);
    let updated = entries.iter().map(|e| e.updated).max().unwrap_or(s.made_at);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = write!(
        out,
        "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel>\n<title>{}</title>\n<link>{}</link>\n\
         <atom:link href=\"{}\" rel=\"self\" type=\"application/rss+xml\"/>\n<description>{}</description>\n\
         <language>{}</language>\n<lastBuildDate>{}</lastBuildDate>\n",
        xml(&title),
        xml(&base),
        xml(&format!("{base}/history.rss?lang={}", lang.tag())),
        xml(&title),
        lang.tag(),
        rfc2822(updated),
    );
    for e in &entries {
        let _ = write!(
            out,
            "<item>\n<title>{}</title>\n<link>{}</link>\n<guid isPermaLink=\"false\">{}</guid>\n<pubDate>{}</pubDate>\n\
             <description>{}</description>\n</item>\n",
            xml(&e.title),
            xml(&e.url),
            xml(&e.id),
            rfc2822(e.updated),
            xml(&e.content),
        );
    }
    out.push_str("</channel></rss>\n");
    out
}

#[must_use]
pub fn atom(s: &Snapshot, lang: Lang) -> String {
    let w = Words::new(lang, &s.site.time_zone);
    let base = links::base(s);
    let title = w.say("feed-title", &[("site", w.name(&s.site.name).into())]);
    let entries = entries(s, &w);
    let updated = entries.iter().map(|e| e.updated).max().unwrap_or(s.made_at);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = write!(
        out,
        "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n<id>{}</id>\n<title>{}</title>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n\
         <author><name>{}</name></author>\n<updated>{}</updated>\n",
        lang.tag(),
        xml(&format!("{base}/")),
        xml(&title),
        xml(&base),
        xml(&format!("{base}/history.atom?lang={}", lang.tag())),
        xml(&w.name(&s.site.name)),
        updated,
    );
    for e in &entries {
        let _ = write!(
            out,
            "<entry>\n<id>{}</id>\n<title>{}</title>\n<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n\
             <published>{}</published>\n<updated>{}</updated>\n<content type=\"html\">{}</content>\n</entry>\n",
            xml(&e.id),
            xml(&e.title),
            xml(&e.url),
            e.begun,
            e.updated,
            xml(&e.content),
        );
    }
    out.push_str("</feed>\n");
    out
}

fn entries(s: &Snapshot, w: &Words) -> Vec<Entry> {
    let incidents = s.incidents.iter().chain(&s.history).map(|i| incident(i, s, w));
    let mut all: Vec<Entry> = incidents.chain(s.maintenances.iter().map(|m| maintenance(m, s, w))).collect();
    all.sort_by(|a, b| (b.updated, &b.id).cmp(&(a.updated, &a.id)));
    all.truncate(ENTRIES_MAX);
    all
}

fn incident(i: &Incident, s: &Snapshot, w: &Words) -> Entry {
    let url = links::incident_url(s, &i.id);
    let mut content = String::new();
    for u in i.updates.iter().rev().take(UPDATES_MAX) {
        let text = match corrected(i, &u.id) {
            Some(now) => w.body(now, &url),
            None => w.said_in_list(&u.said, s, &url),
        };
        say(&mut content, w, u.at, &incident_status(w, u.status), &text);
    }
    if let Some(eta) = eta::line(i, w) {
        let _ = write!(content, "<p>{}</p>", xml(&eta));
    }
    if let Some(promise) = i.open_promise().filter(|_| i.status.is_open()) {
        let due = w.say("feed-next", &[("due", w.full(promise.due).into())]);
        let _ = write!(content, "<p>{}</p>", xml(&due));
    }
    Entry {
        id: format!("urn:uuid:{}", i.id.0),
        url,
        title: w.title(i, s),
        begun: i.opened_at,
        updated: i.updates.last().map_or(i.opened_at, |u| u.at),
        content,
    }
}

fn maintenance(m: &Maintenance, s: &Snapshot, w: &Words) -> Entry {
    let url = links::maintenance_url(s, &m.id);
    let mut content = String::new();
    let span =
        w.say("feed-span", &[("from", w.full(m.starts_at).into()), ("until", w.full(m.ends_at).into())]);
    let _ = write!(content, "<p>{}</p>", xml(&span));
    if let Some(body) = &m.body {
        let _ = write!(content, "<p>{}</p>", paragraphs(&w.body(body, &url)));
    }
    let status = w.plain(&format!("maintenance-status-{}", m.status.as_str()));
    for u in m.updates.iter().rev().take(UPDATES_MAX) {
        say(&mut content, w, u.at, &status, &w.said_in_list(&u.said, s, &url));
    }
    let begun = (m.status != MaintenanceStatus::Scheduled && m.starts_at <= s.made_at).then_some(m.starts_at);
    let said = m.updates.last().map(|u| u.at);
    Entry {
        id: format!("urn:uuid:{}", m.id.0),
        url,
        title: w.say("feed-maintenance", &[("title", w.name(&m.title).into()), ("status", status.into())]),
        begun: m.created_at,
        updated: [Some(m.created_at), begun, said, m.completed_at]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(m.created_at),
        content,
    }
}

fn say(content: &mut String, w: &Words, at: Time, status: &str, text: &str) {
    let _ = write!(
        content,
        "<p><small>{}</small><br><strong>{}</strong> {}</p>",
        xml(&w.full(at)),
        xml(status),
        paragraphs(text)
    );
}

/// Escaped, with line ends as `<br>`.
fn paragraphs(text: &str) -> String {
    xml(text).replace('\n', "<br>")
}

fn rfc2822(t: Time) -> String {
    t.to_jiff().unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests;
