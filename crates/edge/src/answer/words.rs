//! What the edge says, in every language: `locales/<language>/edge.ftl`.

use std::sync::OnceLock;
use stillhere_model::Lang;
use stillhere_tell::words::{Catalogue, Value};

const fn sources(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::En => &[include_str!("../../../../locales/en/edge.ftl")],
        Lang::ZhCn => &[include_str!("../../../../locales/zh-CN/edge.ftl")],
    }
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::new(sources))
}

pub(super) fn say(lang: Lang, key: &str, args: &[(&str, Value<'_>)]) -> String {
    catalogue().get(lang, key, args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(lang: Lang) -> BTreeSet<&'static str> {
        let lines = sources(lang).iter().flat_map(|s| s.lines());
        lines
            .filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|l| l.split_once(" =").map(|(k, _)| k))
            .collect()
    }

    fn arguments(lang: Lang, key: &str) -> BTreeSet<&'static str> {
        let text = sources(lang)[0];
        let at = text.find(&format!("\n{key} =")).expect(key) + 1;
        text[at..]
            .lines()
            .next()
            .unwrap_or_default()
            .split("{ $")
            .skip(1)
            .filter_map(|a| a.split(' ').next())
            .collect()
    }

    #[test]
    fn every_language_has_the_same_messages_with_the_same_arguments() {
        let english = keys(Lang::En);
        assert_eq!(keys(Lang::ZhCn), english);
        for key in english {
            assert_eq!(arguments(Lang::En, key), arguments(Lang::ZhCn, key), "{key}");
            assert!(Lang::ALL.into_iter().all(|l| catalogue().has(l, key)), "{key}");
        }
    }

    #[test]
    fn every_message_is_said_somewhere_and_every_key_that_is_said_exists() {
        let code = [include_str!("said.rs"), include_str!("page.rs"), include_str!("stream.rs")].concat();
        let all = keys(Lang::En);
        let made = ["-title", "-detail", "-detail-api"];
        for key in &all {
            let put_together =
                made.iter().any(|m| key.ends_with(m)) || key.starts_with("kept-") || key.starts_with("seen-");
            assert!(put_together || code.contains(&format!("\"{key}\"")), "{key} is never said");
        }
        for call in [".word(\"", ".with(\""] {
            for key in code.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(all.contains(key), "{key} has no message");
            }
        }
    }
}
