//! What the worker in a subscriber's browser is told, as JSON: the notification that it shows, and what it needs to act for its
//! subscription. `web/status/push-worker.js` reads it.
//!
//! Addresses in it are paths: the worker belongs to the host of the page, by whichever name it is reached.

use crate::{clean, snapshot::Site, words::Words};
use serde_json::{Value, json};
use stillhere_model::{Lang, Letter};

/// Longest title, in characters.
const TITLE_CHARS: usize = 120;
/// Longest text, in characters: no browser shows more.
const TEXT_CHARS: usize = 400;

/// The reader's own links.
#[derive(Debug, Clone, Copy)]
pub struct Mine<'a> {
    pub manage: &'a str,
    pub leave: &'a str,
    /// What a new subscription of the browser is bound to, when its push service ends this one.
    pub key: &'a str,
}

/// The message that shows that it works. `confirm`: where the worker says that it arrived, unless it did before. At most `most` bytes.
#[must_use]
pub fn test(site: &Site, lang: Lang, mine: &Mine<'_>, confirm: Option<&str>, most: usize) -> String {
    let w = Words::new(lang, &site.time_zone);
    let name = w.name(&site.name);
    let title = w.say("note-test-title", &[("site", name.into())]);
    let mut note = note(&w, mine, &title, mine.manage, "test");
    note["confirm"] = confirm.into();
    note["failed"] = w.plain("note-test-failed").into();
    with_text(note, &w.plain("note-test-body"), most)
}

/// One piece of news. At most `most` bytes.
#[must_use]
pub fn news(site: &Site, lang: Lang, letter: &Letter, mine: &Mine<'_>, most: usize) -> String {
    let w = Words::new(lang, &site.time_zone);
    let tag = letter.thread.as_deref().unwrap_or("news");
    with_text(note(&w, mine, &letter.subject, path(&letter.url), tag), &letter.gist, most)
}

/// That an incident is over, to a browser that asked for nothing else: the worker of the service shows it (`web/client/src/sw.ts`),
/// which knows no path of ours. At most `most` bytes.
#[must_use]
pub fn over(lang: Lang, letter: &Letter, most: usize) -> String {
    let title = clean::line(&letter.subject, TITLE_CHARS);
    let tag = letter.thread.as_deref().unwrap_or("news");
    with_text(
        json!({ "stillhere": "over", "title": title, "lang": lang.tag(), "tag": tag }),
        &letter.gist,
        most,
    )
}

/// An alert for somebody of staff; `url` is a path. At most `most` bytes. The console's worker reads it.
#[must_use]
pub fn alert(lang: Lang, title: &str, text: &str, url: &str, tag: &str, most: usize) -> String {
    let title = clean::line(title, TITLE_CHARS);
    with_text(json!({ "title": title, "lang": lang.tag(), "url": url, "tag": tag }), text, most)
}

/// The alert that shows that it works.
#[must_use]
pub fn alert_test(site: &Site, lang: Lang, most: usize) -> String {
    let w = Words::new(lang, &site.time_zone);
    let title = w.say("note-alert-title", &[("site", w.name(&site.name).into())]);
    alert(lang, &title, &w.plain("note-alert-body"), "/console/me", "test", most)
}

fn note(w: &Words, mine: &Mine<'_>, title: &str, url: &str, tag: &str) -> Value {
    json!({
        "title": clean::line(title, TITLE_CHARS), "lang": w.lang.tag(), "url": url, "tag": tag,
        "change": w.plain("note-change"),
        "mine": { "manage": mine.manage, "leave": mine.leave, "key": mine.key },
    })
}

/// As much of the text as there is room for.
fn with_text(mut note: Value, text: &str, most: usize) -> String {
    let mut chars = TEXT_CHARS;
    loop {
        note["body"] = clean::block_or_part(text, chars).0.into();
        let written = note.to_string();
        if written.len() <= most || chars == 0 {
            return written;
        }
        chars = chars * 3 / 4;
    }
}

/// What follows the host.
pub(crate) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const MOST: usize = 2_048;

    fn mine() -> Mine<'static> {
        Mine { manage: "/subscribe/manage/m", leave: "/subscribe/leave/l", key: "k" }
    }

    #[test]
    fn news_fits_whatever_stands_in_it_and_keeps_what_the_worker_needs() {
        let site = sample::site();
        for text in ["Orders fail.", &"\"\\\n".repeat(2_000), &"灯".repeat(4_000), &"😀".repeat(4_000)] {
            let letter = Letter {
                subject: format!("Orders fail {text}"),
                text: Default::default(),
                html: Default::default(),
                thread: Some("0199".to_owned()),
                gist: text.to_owned(),
                url: "https://status.example/incidents/0199".to_owned(),
            };
            for lang in Lang::ALL {
                let written = news(&site, lang, &letter, &mine(), MOST);
                assert!(written.len() <= MOST, "{}", written.len());
                let note: Value = serde_json::from_str(&written).unwrap();
                assert_eq!((&note["url"], &note["tag"]), (&"/incidents/0199".into(), &"0199".into()));
                assert_eq!(note["mine"]["leave"], "/subscribe/leave/l");
                assert!(!note["body"].as_str().unwrap().is_empty(), "{note}");
            }
        }
    }

    #[test]
    fn that_it_is_over_is_told_without_any_link_of_ours() {
        let letter = Letter {
            subject: "Over: orders fail".to_owned(),
            text: Default::default(),
            html: Default::default(),
            thread: Some("0199".to_owned()),
            gist: "灯".repeat(4_000),
            url: "https://status.example/incidents/0199".to_owned(),
        };
        let written = over(Lang::ZhCn, &letter, MOST);
        assert!(written.len() <= MOST && !written.contains("http"), "{written}");
        let note: Value = serde_json::from_str(&written).unwrap();
        assert_eq!((&note["stillhere"], &note["title"]), (&"over".into(), &"Over: orders fail".into()));
        assert_eq!((&note["lang"], &note["tag"]), (&"zh-CN".into(), &"0199".into()));
    }

    #[test]
    fn the_test_message_says_where_it_is_confirmed_only_if_it_is_to_be() {
        let site = sample::site();
        let read = |confirm| -> Value {
            serde_json::from_str(&test(&site, Lang::En, &mine(), confirm, MOST)).unwrap()
        };
        assert_eq!(read(Some("/subscribe/confirm/c"))["confirm"], "/subscribe/confirm/c");
        assert_eq!(read(None)["confirm"], Value::Null);
    }
}
