//! Words in several languages.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A language Stillhere speaks. Adding one is adding a folder under `locales/` and a line here.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum Lang {
    #[default]
    #[serde(rename = "en")]
    En,
    #[serde(rename = "zh-CN")]
    ZhCn,
}

/// A text somebody wrote: one string for all languages, or one per language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Text {
    Same(String),
    Each(BTreeMap<Lang, String>),
}

/// What stands in a draft where only people know what to write. A text that holds one is not finished.
pub const BLANKS: [&str; 2] = ["[To write]", "【待填写】"];

// === impl Lang ===

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::En, Lang::ZhCn];

    /// BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::ZhCn => "zh-CN",
        }
    }
}

impl std::str::FromStr for Lang {
    type Err = ();
    fn from_str(s: &str) -> Result<Lang, ()> {
        Lang::ALL.into_iter().find(|l| l.tag().eq_ignore_ascii_case(s)).ok_or(())
    }
}

// === impl Text ===

impl Text {
    /// The text in `lang`, else in English, else in any language there is.
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        match self {
            Text::Same(s) => s,
            Text::Each(m) => m
                .get(&lang)
                .or_else(|| m.get(&Lang::En))
                .or_else(|| m.values().next())
                .map_or("", String::as_str),
        }
    }

    /// Every string in it, for limits and checks.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Text::Same(s) => (Some(s.as_str()), None),
            Text::Each(m) => (None, Some(m.values().map(String::as_str))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl From<&str> for Text {
    fn from(s: &str) -> Text {
        Text::Same(s.to_owned())
    }
}
impl From<String> for Text {
    fn from(s: String) -> Text {
        Text::Same(s)
    }
}
