//! A message in a chat room, in the form that each app's incoming webhooks take.
//!
//! The threat: names of services, and what people and far servers wrote, call everybody in the room, or look like a link that leads
//! elsewhere. So each app's own signs are written in a way that it shows them as they are; a link in a text stays one, and
//! shows where it leads.
//!
//! Formats: api.slack.com/reference/surfaces/formatting, developers.mattermost.com/integrate/webhooks/incoming,
//! discord.com/developers/docs/resources/webhook, adaptivecards.io (version 1.4) in Teams' workflows.

use serde_json::json;
use std::borrow::Cow;
use stillhere_model::ChatApp;

/// Stands where the rest is left out.
const MORE: &str = " …";

/// Longest message of an app, in UTF-16 units with its signs: what it takes, or where it folds the rest away.
const fn longest(app: ChatApp) -> usize {
    match app {
        ChatApp::Slack | ChatApp::Mattermost | ChatApp::Teams => 4_000,
        ChatApp::Discord => 2_000,
    }
}

/// The JSON that is posted. `open`: what the link says.
pub(super) fn body(app: ChatApp, title: &str, text: &str, url: &str, open: &str) -> String {
    let (title, literal) = (literal(app, title), literal(app, text));
    let room = longest(app).saturating_sub(units(&title) + units(url) + units(open) + 16);
    let text = cut(&literal, room);
    let said = match app {
        ChatApp::Slack => json!({
            "text": format!("*{title}*\n{text}\n<{url}|{}>", self::literal(app, open)),
            "unfurl_links": false,
        }),
        ChatApp::Mattermost => json!({ "text": format!("**{title}**\n\n{text}\n\n{url}") }),
        ChatApp::Discord => json!({
            "content": format!("**{title}**\n{text}\n<{url}>"),
            "allowed_mentions": { "parse": [] },
        }),
        ChatApp::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": std::iter::once(json!({
                        "type": "TextBlock", "text": title, "weight": "bolder", "size": "medium", "wrap": true,
                    }))
                    .chain(text.lines().filter(|l| !l.is_empty()).map(|l| json!({ "type": "TextBlock", "text": l, "wrap": true })))
                    .collect::<Vec<_>>(),
                    "actions": [{ "type": "Action.OpenUrl", "title": open, "url": url }],
                },
            }],
        }),
    };
    said.to_string()
}

/// `text` so that the app shows it as it is. Lines stay lines.
fn literal(app: ChatApp, text: &str) -> String {
    match app {
        ChatApp::Slack => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        ChatApp::Mattermost | ChatApp::Discord | ChatApp::Teams => {
            let mut out = String::with_capacity(text.len());
            for (n, line) in text.split('\n').enumerate() {
                if n > 0 {
                    out.push('\n');
                }
                let mut begins = true;
                for (n, word) in line.split(' ').enumerate() {
                    if n > 0 {
                        out.push(' ');
                    }
                    plain_word(&mut out, word, begins);
                    begins &= word.is_empty();
                }
            }
            out
        }
    }
}

/// A word of Markdown's text. A backslash in an address would lead elsewhere, so an address that needs none stays as it is.
fn plain_word(out: &mut String, word: &str, begins: bool) {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=&%+,;".contains(c);
    if (word.starts_with("https://") || word.starts_with("http://")) && word.chars().all(harmless) {
        return out.push_str(word);
    }
    let mut first = true;
    let list = begins && word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')']);
    for c in word.chars() {
        // No more than Mattermost knows as escapes: before anything else it shows the backslash.
        let sign = "\\`*_~[]|".contains(c)
            || (begins && first && "-+#>".contains(c))
            || (list && matches!(c, '.' | ')'));
        if sign {
            out.push('\\');
        }
        out.push(c);
        // `@channel` and `@everyone` call people, also from the middle of a word; `<!channel>` and `<https://…|words>` are Slack's
        // signs, which Mattermost takes too.
        if matches!(c, '@' | '<') {
            out.push('\u{200b}');
        }
        first = false;
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most `most` units, and no half of a sign. Between words where a space is near: Chinese has none.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    /// In bytes: a word, or what an app writes for one sign (`&amp;`).
    const NEAR: usize = 40;
    if units(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut left = most.saturating_sub(units(MORE));
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if c.len_utf16() > left {
            break;
        }
        left -= c.len_utf16();
        end = at + c.len_utf8();
    }
    let mut whole = &text[..end];
    if let Some(at) = whole.rfind([' ', '\n']).filter(|at| end - at <= NEAR) {
        whole = &whole[..at];
    } else if let Some(at) =
        whole.rfind('&').filter(|at| end - at < "&amp;".len() && !whole[*at..].contains(';'))
    {
        whole = &whole[..at];
    }
    // A backslash that stands alone would take the sign behind it for its own.
    let backslashes = whole.len() - whole.trim_end_matches('\\').len();
    Cow::Owned(format!("{}{MORE}", &whole[..whole.len() - backslashes % 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ChatApp; 4] = ChatApp::ALL;

    fn text_of(app: ChatApp, body: &str) -> String {
        let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
        match app {
            ChatApp::Slack | ChatApp::Mattermost => json["text"].as_str().unwrap().to_owned(),
            ChatApp::Discord => json["content"].as_str().unwrap().to_owned(),
            ChatApp::Teams => json["attachments"][0]["content"]["body"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b["text"].as_str().unwrap())
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn case_t_nobody_is_called_and_no_link_is_made_by_what_others_wrote() {
        let evil = "04:03 (UTC) <!channel> <@U1> @here @everyone a@channel [bank](https://evil.example) **x** <https://e.example|bank> # y\n- a\n1. b";
        for app in ALL {
            let said = text_of(app, &body(app, evil, evil, "https://status.example/i/1", "Open"));
            assert!(
                !said.contains("<!channel>") && !said.contains("<@U1>") && !said.contains("<https://e."),
                "{app:?}: {said}"
            );
            if app == ChatApp::Slack {
                assert!(
                    said.contains("&lt;!channel&gt;") && said.ends_with("<https://status.example/i/1|Open>"),
                    "{said}"
                );
                continue;
            }
            for sign in ["@here", "@everyone", "@channel", "<@", "<!", "\n- a", "\n1. b"] {
                assert!(!said.contains(sign), "{app:?}, {sign}: {said}");
            }
            for (at, _) in said.match_indices(['[', ']']) {
                assert!(said[..at].ends_with('\\'), "{app:?}: {said}");
            }
            assert!(
                !said.contains("\\:") && !said.contains("\\("),
                "{app:?} would show the backslash: {said}"
            );
        }
        let discord: serde_json::Value =
            serde_json::from_str(&body(ChatApp::Discord, "a", "b", "c", "d")).unwrap();
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
    }

    #[test]
    fn an_address_in_a_text_stays_what_it_is() {
        for app in ALL {
            let said =
                text_of(app, &body(app, "t", "See https://example.com/a_b/c-d for more_of it", "u", "o"));
            assert!(said.contains("https://example.com/a_b/c-d "), "{app:?}: {said}");
        }
        let trick = text_of(
            ChatApp::Discord,
            &body(ChatApp::Discord, "t", "https://a.example/](https://evil.example)", "u", "o"),
        );
        assert!(trick.contains("\\]("), "{trick}");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so_and_the_link_is_kept() {
        for app in ALL {
            for word in ["界界 ", "a_b ", "& ", "𝒳𝒳𝒳 ", "\\ ", "界", "&", "_", "\\", "@"] {
                let made = body(app, "title", &word.repeat(5_000), "https://status.example/i/1", "Open");
                let said = text_of(app, &made);
                assert!(units(&said) <= longest(app), "{app:?} {word:?}: {}", units(&said));
                assert!(made.contains("https://status.example/i/1") && said.contains(MORE), "{app:?}");
                let before = &said[..said.find(MORE).expect("it is there")];
                let alone = (before.len() - before.trim_end_matches('\\').len()) % 2 == 1;
                assert!(app == ChatApp::Slack || !alone, "{app:?} {word:?}");
                assert!(
                    app != ChatApp::Slack || !before.contains('&') || before.ends_with(';'),
                    "{word:?}: {before}"
                );
                assert!(units(&said) > longest(app) / 2, "{app:?} {word:?}: {}", units(&said));
            }
        }
    }

    proptest::proptest! {
        /// Whatever is written: JSON, within the bound, and no sign that calls somebody.
        #[test]
        fn any_text_is_bounded_and_calls_nobody(text in "[a-z@<>!&\\\\*_\\[\\]() \n#|]{0,400}", at in 0usize..4) {
            let said = text_of(ALL[at], &body(ALL[at], "t", &text, "u", "o"));
            proptest::prop_assert!(units(&said) <= longest(ALL[at]));
            if ALL[at] == ChatApp::Slack {
                proptest::prop_assert!(!said.contains("<!") && !said.contains("<@"));
            } else {
                let apart = said.match_indices('@').all(|(i, _)| said[i + 1..].starts_with('\u{200b}'));
                proptest::prop_assert!(apart, "{}", said);
            }
        }
    }
}
