//! The words of the demo's pages, from `locales/<language>/demo.ftl`.

use std::sync::OnceLock;
use stillhere_model::Lang;
use stillhere_tell::words::{Catalogue, Value};

const fn sources(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::En => &[include_str!("../../../../locales/en/demo.ftl")],
        Lang::ZhCn => &[include_str!("../../../../locales/zh-CN/demo.ftl")],
    }
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::new(sources))
}

pub fn get(lang: Lang, key: &str, args: &[(&str, Value<'_>)]) -> String {
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
            .filter_map(|l| l.split_once(" =").map(|(key, _)| key))
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_messages_and_they_differ() {
        assert_eq!(keys(Lang::En), keys(Lang::ZhCn));
        for key in keys(Lang::En) {
            assert!(Lang::ALL.into_iter().all(|lang| catalogue().has(lang, key)), "{key}");
        }
    }

    #[test]
    fn every_message_is_used() {
        let code = concat!(
            include_str!("page.rs"),
            include_str!("page/crowd.rs"),
            include_str!("control.rs"),
            include_str!("html.rs"),
            include_str!("storefront.rs"),
            include_str!("storefront/page.rs"),
            include_str!("storefront/page/checkout.rs"),
            include_str!("storefront/page/meeting.rs"),
        );
        let made = [
            "part-",
            "role-",
            "do-",
            "job-",
            "job_do-",
            "now-",
            "says-",
            "crowd-",
            "strip-",
            "ledger-",
            "hue-",
            "checkout-",
        ];
        for key in keys(Lang::En) {
            let put_together = made.iter().any(|head| key.starts_with(head));
            assert!(put_together || code.contains(&format!("\"{key}\"")), "{key} is never said");
        }
    }
}
