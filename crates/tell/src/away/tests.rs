use super::*;
use crate::notice::NoticeContact;
use std::io::Write as _;

/// One flight of a new TCP connection (RFC 6928): ten segments.
const FLIGHT: usize = 14_000;

fn full(text: &str) -> Away {
    let t = || text.to_owned();
    Away {
        lang: Lang::En,
        class: "x",
        title: t(),
        lead: vec![t(), t()],
        site: Some(t()),
        home: Some("https://status.example".to_owned()),
        home_text: t(),
        live: true,
        data: vec![("live", "get".to_owned()), ("slot", t())],
        refresh: Some(12),
        no_script: Some(t()),
        go_back: t(),
        sent: vec![Sent { id: Some("kept"), class: "o", title: t(), text: t() }],
        facts: vec![Fact { id: Some("next"), name: t(), text: t(), strong: true, big: false }],
        incidents: vec![News { title: t(), said: t(), at: Some(t()), href: Some(t()) }],
        old: Some(t()),
        contact: Some(NoticeContact {
            phone: Some(t()),
            chat_url: Some(t()),
            email: Some(t()),
            hours: Some(t().into()),
        }),
        zone: t(),
        reference: t(),
    }
}

#[test]
fn case_t_whatever_the_texts_are_they_stay_text() {
    let evil = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload=x javascript:x {{ 7*7 }}";
    let html = page(&full(evil));
    assert!(html.contains("&lt;script&gt;alert(1)"));
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(!html.contains("<img") && !html.contains("href=\"javascript") && !html.contains("\"' onload"));
    assert!(html.contains("{{ 7*7 }}") && !html.contains("href=\"</"));
}

#[test]
fn the_page_loads_nothing_and_its_policy_allows_exactly_its_style_and_script() {
    let html = page(&full("word"));
    let between =
        |from: &str, to: &str| html.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    for inlined in [between("<style>", "</style>"), between("<script>", "</script>")] {
        assert!(csp().contains(&assets::hash(&inlined)));
    }
    for loading in [" src=", "@import", "url(", "rel=stylesheet", "rel=preload", "rel=alternate"] {
        assert!(!html.contains(loading), "{loading}");
    }
    assert!(csp().starts_with("default-src 'none'; "));
}

#[test]
fn a_full_page_fits_into_the_first_flight_of_a_connection() {
    let html = page(&full(&"Long words. ".repeat(20)));
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(html.as_bytes()).unwrap();
    let zipped = zip.finish().unwrap().len();
    assert!(zipped < FLIGHT / 2, "{zipped}");
    let usual = page(&full("Some words."));
    assert!(usual.len() < FLIGHT, "{}", usual.len());
}

#[test]
fn a_page_that_is_not_live_has_no_script_and_no_refresh_unless_told() {
    let html = page(&Away { live: false, refresh: None, ..full("word") });
    assert!(!html.contains("<script") && !html.contains("http-equiv") && !html.contains("noscript"));
}
