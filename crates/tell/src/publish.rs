//! The static copy for `stillhere publish`: pages, feeds, JSON and the notice as files that any web server can serve
//! when we are gone. Every page says when the copy was made.

use crate::{
    feed, notice,
    page::{self, View, links},
    snapshot::Snapshot,
    statuspage,
};
use stillhere_model::{Lang, Time};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// `(path, content type, bytes)` of every file. What others lead to comes first and `index.html` last, so that a
/// reader who comes while they are being written never finds a link to nothing.
#[must_use]
pub fn files(s: &Snapshot, key: &notice::Key, now: Time) -> Vec<(String, &'static str, Vec<u8>)> {
    let view = View { stale: s.is_stale(now), published_at: Some(now), live: false };
    let langs: &[Lang] = if s.site.languages.is_empty() { &[Lang::En] } else { &s.site.languages };
    let mut files: Vec<(String, &'static str, Vec<u8>)> = Vec::new();
    for picture in s.site.logo.iter().flat_map(|l| l.pictures()) {
        let path = format!("logo/{}", picture.name);
        // Light and dark may be one.
        if files.iter().all(|f| f.0 != path) {
            files.push((path, picture.content_type(), picture.bytes.to_vec()));
        }
    }
    let mut put =
        |path: String, kind: &'static str, body: String| files.push((path, kind, body.into_bytes()));
    for (name, value) in [
        ("summary", statuspage::summary(s)),
        ("status", statuspage::status(s)),
        ("components", statuspage::components(s)),
        ("incidents", statuspage::incidents(s)),
        ("incidents/unresolved", statuspage::unresolved(s)),
        ("scheduled-maintenances", statuspage::scheduled_maintenances(s)),
        ("scheduled-maintenances/upcoming", statuspage::upcoming(s)),
        ("scheduled-maintenances/active", statuspage::active(s)),
    ] {
        put(format!("api/v2/{name}.json"), JSON, value.to_string());
    }
    put(".well-known/stillhere/notice".to_owned(), JSON, notice::sign(s, key));
    let first = s.lang(None);
    put("history.rss".to_owned(), "application/rss+xml; charset=utf-8", feed::rss(s, first));
    put("history.atom".to_owned(), "application/atom+xml; charset=utf-8", feed::atom(s, first));
    for lang in langs {
        for i in s.incidents.iter().chain(&s.history) {
            let path = links::file(s, *lang, &format!("incidents/{}", i.id));
            put(path, HTML, page::incident_page(s, *lang, &view, i));
        }
        for m in &s.maintenances {
            let path = links::file(s, *lang, &format!("maintenance/{}", m.id));
            put(path, HTML, page::maintenance_page(s, *lang, &view, m));
        }
        put(links::file(s, *lang, "history"), HTML, page::history(s, *lang, &view));
    }
    put("404.html".to_owned(), HTML, page::not_found(s, first, &view));
    for lang in langs.iter().rev() {
        put(links::file(s, *lang, "index"), HTML, page::status(s, *lang, &view));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use std::collections::HashSet;

    #[test]
    fn every_link_of_the_copy_leads_to_a_file_of_the_copy_and_the_index_comes_last() {
        let mut s = sample::busy();
        s.site.logo = Some(sample::logo());
        let files = files(&s, &notice::Key::from_seed(&[7; 32]), s.made_at);
        let names: HashSet<&str> = files.iter().map(|f| f.0.as_str()).collect();
        assert_eq!(names.len(), files.len(), "no file is written twice");
        assert_eq!(files.last().unwrap().0, "index.html");
        for (path, _, body) in files.iter().filter(|f| f.0.ends_with(".html")) {
            let html = std::str::from_utf8(body).unwrap();
            assert!(
                html.contains("22 Nov 2026, 10:34") || html.contains("2026年11月22日 10:34"),
                "{path} has its age"
            );
            for link in
                html.split("href=\"").skip(1).map(|l| l.split('"').next().unwrap().replace("&#x2f;", "/"))
            {
                let outside = ["#", "https:", "tel:", "mailto:", "data:"].iter().any(|p| link.starts_with(p));
                let target = link.strip_prefix("../").unwrap_or(&link);
                assert_eq!(link.starts_with("../"), path.contains('/') && !outside, "{path}: {link}");
                assert!(outside || names.contains(target), "{path}: {link}");
            }
            for src in ["src=\"", "srcset=\""] {
                let src = html.split(src).nth(1).unwrap().split('"').next().unwrap().replace("&#x2f;", "/");
                assert_eq!(src.starts_with("../"), path.contains('/'), "{path}: {src}");
                assert!(names.contains(src.trim_start_matches("../")), "{path}: {src}");
            }
        }
    }
}
