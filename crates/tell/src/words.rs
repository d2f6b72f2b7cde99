//! Every sentence a reader sees, from `locales/<language>/*.ftl`, in the reader's language and the site's time zone.
//!
//! Adding a language is adding a folder and the lines below. What is said must be true: a message is chosen by
//! what is known, and a clause that is not known has its own message without it (`…-bare`).

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use jiff::tz::TimeZone;
use std::sync::OnceLock;
use stillhere_model::Lang;

pub use fluent_bundle::FluentValue as Value;

mod say;
pub(crate) use say::corrected;
mod time;

/// The catalogue of one language, in one time zone.
#[derive(Debug, Clone)]
pub struct Words {
    pub lang: Lang,
    tz: TimeZone,
}

/// The source files of a language.
const fn sources(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::En => &[
            include_str!("../../../locales/en/status.ftl"),
            include_str!("../../../locales/en/time.ftl"),
            include_str!("../../../locales/en/why.ftl"),
            include_str!("../../../locales/en/said.ftl"),
            include_str!("../../../locales/en/page.ftl"),
            include_str!("../../../locales/en/message.ftl"),
        ],
        Lang::ZhCn => &[
            include_str!("../../../locales/zh-CN/status.ftl"),
            include_str!("../../../locales/zh-CN/time.ftl"),
            include_str!("../../../locales/zh-CN/why.ftl"),
            include_str!("../../../locales/zh-CN/said.ftl"),
            include_str!("../../../locales/zh-CN/page.ftl"),
            include_str!("../../../locales/zh-CN/message.ftl"),
        ],
    }
}

type Bundle = FluentBundle<FluentResource>;

fn bundle(lang: Lang) -> &'static Bundle {
    static BUNDLES: OnceLock<Vec<(Lang, Bundle)>> = OnceLock::new();
    let bundles = BUNDLES.get_or_init(|| Lang::ALL.into_iter().map(|l| (l, load(l))).collect());
    bundles.iter().find(|(l, _)| *l == lang).map(|(_, b)| b).expect("every language of Lang::ALL is loaded")
}

fn load(lang: Lang) -> Bundle {
    let tag = lang.tag().parse().expect("the tags of Lang are BCP 47");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // The isolating marks would be noise in mails and JSON; names from outside lost theirs in `clean`.
    bundle.set_use_isolating(false);
    for source in sources(lang) {
        let resource = FluentResource::try_new((*source).to_owned()).map_err(|(_, e)| e);
        bundle
            .add_resource(resource.expect("a test parses every locale file"))
            .expect("a test finds doubled keys");
    }
    bundle
}

// === impl Words ===

impl Words {
    /// `time_zone` is an IANA name; an unknown one is read as UTC.
    #[must_use]
    pub fn new(lang: Lang, time_zone: &str) -> Words {
        Words { lang, tz: crate::timeline::zone(time_zone) }
    }

    /// The message `key` in `lang`. A key that does not exist is shown as itself; a test holds all of them.
    #[must_use]
    pub fn get(lang: Lang, key: &str, args: &[(&str, Value<'_>)]) -> String {
        let bundle = bundle(lang);
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else {
            debug_assert!(false, "no message {key:?} in {}", lang.tag());
            return key.to_owned();
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, value.clone())).collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        debug_assert!(errors.is_empty(), "message {key:?} in {}: {errors:?}", lang.tag());
        text.into_owned()
    }

    #[must_use]
    pub fn has(lang: Lang, key: &str) -> bool {
        bundle(lang).has_message(key)
    }

    /// [`Words::get`] in this language.
    #[must_use]
    pub fn say(&self, key: &str, args: &[(&str, Value<'_>)]) -> String {
        Words::get(self.lang, key, args)
    }

    /// [`Words::get`] of a message without arguments.
    #[must_use]
    pub fn plain(&self, key: &str) -> String {
        Words::get(self.lang, key, &[])
    }

    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.tz
    }
}

#[cfg(test)]
mod tests;
