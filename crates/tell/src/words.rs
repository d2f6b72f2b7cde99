//! Every sentence a reader sees, from `locales/<language>/*.ftl`, in the reader's language and the site's time zone.
//!
//! Adding a language is adding a folder and the lines below. What is said must be true: a message is chosen by
//! what is known, and a clause that is not known has its own message without it (`…-bare`).

use jiff::tz::TimeZone;
use std::sync::OnceLock;
use stillhere_model::Lang;

pub use fluent_bundle::FluentValue as Value;

mod catalogue;
mod say;
pub use catalogue::Catalogue;
pub use say::corrected;
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
            include_str!("../../../locales/en/trust.ftl"),
            include_str!("../../../locales/en/message.ftl"),
            include_str!("../../../locales/en/act.ftl"),
            include_str!("../../../locales/en/postmortem.ftl"),
            include_str!("../../../locales/en/subscribe.ftl"),
            include_str!("../../../locales/en/push.ftl"),
        ],
        Lang::ZhCn => &[
            include_str!("../../../locales/zh-CN/status.ftl"),
            include_str!("../../../locales/zh-CN/time.ftl"),
            include_str!("../../../locales/zh-CN/why.ftl"),
            include_str!("../../../locales/zh-CN/said.ftl"),
            include_str!("../../../locales/zh-CN/page.ftl"),
            include_str!("../../../locales/zh-CN/trust.ftl"),
            include_str!("../../../locales/zh-CN/message.ftl"),
            include_str!("../../../locales/zh-CN/act.ftl"),
            include_str!("../../../locales/zh-CN/postmortem.ftl"),
            include_str!("../../../locales/zh-CN/subscribe.ftl"),
            include_str!("../../../locales/zh-CN/push.ftl"),
        ],
    }
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::new(sources))
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
        catalogue().get(lang, key, args)
    }

    #[must_use]
    pub fn has(lang: Lang, key: &str) -> bool {
        catalogue().has(lang, key)
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
pub(crate) mod tests;
