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
        text.into_owned()
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

fn load(lang: Lang, sources: &[&str]) -> Bundle {
    let tag = lang.tag().parse().expect("the tags of Lang are BCP 47");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // The isolating marks would be noise in mails and JSON; names from outside lost theirs in `clean`.
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = FluentResource::try_new((*source).to_owned()).map_err(|(_, e)| e);
        bundle
            .add_resource(resource.expect("a test parses every locale file"))
            .expect("a test finds doubled keys");
    }
    bundle
}
