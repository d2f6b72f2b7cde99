use super::*;
use crate::sample;
use stillhere_model::Said;

/// Walks the document: every element that opens closes, in order, and nothing is left unescaped.
fn check_xml(text: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0;
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    while let Some(at) = rest.find('<') {
        let between = &rest[..at];
        for entity in between.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "{name}");
        }
        assert!(!between.contains('>'));
        let end = at + rest[at..].find('>').unwrap();
        let tag = &rest[at + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            elements += 1;
            let name = tag.split([' ', '/']).next().unwrap();
            assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ':'), "{tag}");
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
    elements
}

#[test]
fn both_feeds_are_well_formed_and_hold_every_incident_and_maintenance() {
    for (name, s) in sample::all() {
        for lang in Lang::ALL {
            let (rss, atom) = (rss(&s, lang), atom(&s, lang));
            assert!(check_xml(&rss) > 5 && check_xml(&atom) > 5, "{name}");
            assert_eq!(crate::words::tests::gap(&rss), None, "{name}");
            let want = s.incidents.len() + s.history.len() + s.maintenances.len();
            assert_eq!(
                (rss.matches("<item>").count(), atom.matches("<entry>").count()),
                (want, want),
                "{name}"
            );
        }
    }
}

#[test]
fn an_entry_keeps_its_id_and_moves_up_when_something_was_said() {
    let before = sample::busy();
    let mut after = before.clone();
    let mut update = after.incidents[1].updates[0].clone();
    update.at = after.made_at;
    update.said = Said::Text { text: "Something new.".into() };
    after.incidents[1].updates.push(update);
    let ids = |feed: &str| -> Vec<String> {
        feed.split("<id>").skip(1).map(|p| p.split('<').next().unwrap().to_owned()).collect()
    };
    let (a, b) = (ids(&atom(&before, Lang::En)), ids(&atom(&after, Lang::En)));
    let (mut x, mut y) = (a.clone(), b.clone());
    x.sort();
    y.sort();
    assert_eq!(x, y);
    assert_eq!(b[1], format!("urn:uuid:{}", after.incidents[1].id.0));
    assert_ne!(a[1], b[1]);
    assert!(atom(&after, Lang::En).contains("Something new."));
}

#[test]
fn case_t_markup_in_an_update_is_text_in_the_feed() {
    let mut s = sample::busy();
    let bad = "]]></description><script>alert(1)</script>\r\n\u{0}\u{FFFE}\u{202E}&amp;";
    s.incidents[0].title = Some(bad.into());
    s.incidents[0].updates[0].said = Said::Text { text: bad.repeat(200_000).into() };
    for feed in [rss(&s, Lang::En), atom(&s, Lang::ZhCn)] {
        check_xml(&feed);
        assert!(!feed.contains("<script"));
        let html = feed.split("<description>").chain(feed.split("<content ")).skip(1);
        let html = html.map(|part| part.split("</").next().unwrap());
        assert!(!html.into_iter().any(|h| h.contains("&lt;script")), "twice escaped inside of HTML");
        assert!(feed.contains("&amp;lt;script&amp;gt;"));
        assert!(!feed.contains('\0') && !feed.contains('\u{202E}') && !feed.contains('\u{FFFE}'));
        assert!(feed.len() < 100_000);
    }
}

#[test]
fn dates_are_those_of_the_standards() {
    assert_eq!(rfc2822(sample::at("2026-11-22T02:34:12Z")), "Sun, 22 Nov 2026 02:34:12 +0000");
    assert!(atom(&sample::all_fine(), Lang::En).contains("<updated>2026-11-19T06:31:00.000Z</updated>"));
}
