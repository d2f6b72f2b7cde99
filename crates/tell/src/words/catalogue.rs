//! The messages of one surface in every language. The status page has one; a surface of its own, such as the
//! demo's shop, brings another, so that its words are no part of what every installation says.

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use stillhere_model::Lang;

type Bundle = FluentBundle<FluentResource>;

pub struct Catalogue(Vec<(Lang, Bundle)>);

// === impl Catalogue ===

impl Catalogue {
    /// `sources` gives the texts of the `.ftl` files of a language. They are part of the program.
    ///
    /// # Panics
    /// When a file cannot be parsed or holds a key twice: a test of each surface builds its catalogue.
    #[must_use]
    pub fn new(sources: impl Fn(Lang) -> &'static [&'static str]) -> Catalogue {
        Catalogue(Lang::ALL.into_iter().map(|lang| (lang, load(lang, sources(lang)))).collect())
    }

    /// The message `key` in `lang`. A key that does not exist is shown as itself; a test holds all of them.
    #[must_use]
    pub fn get(&self, lang: Lang, key: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let bundle = self.bundle(lang);
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else {
            debug_assert!(false, "no message {key:?} in {}", lang.tag());
            return key.to_owned();
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, value.clone())).collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
        debug_assert!(errors.is_empty(), "message {key:?} in {}: {errors:?}", lang.tag());
        if is_spaced_by_neighbours(lang) { closed_up(&text) } else { text.into_owned() }
    }

    #[must_use]
    pub fn has(&self, lang: Lang, key: &str) -> bool {
        self.bundle(lang).has_message(key)
    }

    fn bundle(&self, lang: Lang) -> &Bundle {
        self.0
            .iter()
            .find(|(l, _)| *l == lang)
            .map(|(_, b)| b)
            .expect("every language of Lang::ALL is loaded")
    }
}

/// Chinese has a space before and after Latin letters and digits, and none between its own characters. Which of both an
/// argument begins and ends with is known only when it is put in: `自 10:00 起`, but `自上午起`.
fn is_spaced_by_neighbours(lang: Lang) -> bool {
    lang == Lang::ZhCn
}

/// The marks that stand around each argument.
const ARGUMENT: [char; 2] = ['\u{2068}', '\u{2069}'];

/// Without the marks, and without a space beside one of them that has Chinese on both sides. What stands within an
/// argument is its author's.
fn closed_up(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    // What came last, but for marks: the character, and whether a mark came after it.
    let (mut before, mut marked) = (' ', false);
    while let Some(c) = chars.next() {
        if ARGUMENT.contains(&c) {
            marked = true;
            continue;
        }
        if c == ' ' && is_chinese(before) {
            let mut beside = marked;
            let mut ahead = chars.clone();
            let mut after = ahead.next();
            while after.is_some_and(|c| ARGUMENT.contains(&c)) {
                beside = true;
                after = ahead.next();
            }
            if beside && after.is_some_and(is_chinese) {
                continue;
            }
        }
        (before, marked) = (c, false);
        out.push(c);
    }
    out
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}'
        | '\u{20000}'..='\u{3134f}')
}

fn load(lang: Lang, sources: &[&str]) -> Bundle {
    let tag = lang.tag().parse().expect("the tags of Lang are BCP 47");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // The isolating marks would be noise in mails and JSON; names from outside lost theirs in `clean`. Where they say
    // what an argument is, they are taken out again.
    bundle.set_use_isolating(is_spaced_by_neighbours(lang));
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned()).map_err(|(_, e)| e);
        bundle
            .add_resource(resource.expect("a test parses every locale file"))
            .expect("a test finds doubled keys");
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_space_stands_only_where_one_side_is_not_chinese() {
        const TEXT: &[&str] = &["key = 在 { $a } 内、{ $b } 服务\npair = { $a } { $b }\nnone = 共 { $a }个"];
        let catalogue = Catalogue::new(|_| TEXT);
        let say = |key, a: &'static str, b: &'static str| {
            catalogue.get(Lang::ZhCn, key, &[("a", a.into()), ("b", b.into())])
        };
        assert_eq!(say("key", "10 分钟", "灯笼 商店"), "在 10 分钟内、灯笼 商店服务");
        assert_eq!(say("key", "十分钟", "Shop"), "在十分钟内、Shop 服务");
        assert_eq!(say("key", "10:00（UTC）", ""), "在 10:00（UTC）内、服务");
        assert_eq!(say("pair", "1 小时", "3 分钟"), "1 小时 3 分钟");
        assert_eq!(say("pair", "上午", "十点"), "上午十点");
        assert_eq!(say("none", "3", ""), "共 3个");
        let english = catalogue.get(Lang::En, "pair", &[("a", "上午".into()), ("b", "十点".into())]);
        assert_eq!(english, "上午 十点");
    }
}
