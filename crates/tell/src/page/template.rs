//! The templates of `web/status`: escaped by default, strict about names, bounded in work.

use crate::words::{Value as Word, Words};
use minijinja::{
    Environment, Error, ErrorKind, State, UndefinedBehavior, Value,
    value::{Kwargs, ValueKind},
};
use std::sync::OnceLock;
use stillhere_model::Lang;

/// Steps (and 64-byte pieces of output) one rendering may take; a page of 3,000 services takes about 200,000.
const FUEL: u64 = 10_000_000;

const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("../../../../web/status/base.html")),
    ("status.html", include_str!("../../../../web/status/status.html")),
    ("incident.html", include_str!("../../../../web/status/incident.html")),
    ("maintenance.html", include_str!("../../../../web/status/maintenance.html")),
    ("history.html", include_str!("../../../../web/status/history.html")),
    ("trust.html", include_str!("../../../../web/status/trust.html")),
    ("not_found.html", include_str!("../../../../web/status/not_found.html")),
    ("away.html", include_str!("../../../../web/status/away.html")),
    ("act.html", include_str!("../../../../web/status/act.html")),
    ("mail.html", include_str!("../../../../web/status/mail.html")),
    ("letter.html", include_str!("../../../../web/status/letter.html")),
    ("subscribe.html", include_str!("../../../../web/status/subscribe.html")),
    ("part/wish.html", include_str!("../../../../web/status/part/wish.html")),
    ("part/now.html", include_str!("../../../../web/status/part/now.html")),
    ("part/own.html", include_str!("../../../../web/status/part/own.html")),
    ("part/incidents.html", include_str!("../../../../web/status/part/incidents.html")),
    ("part/incident.html", include_str!("../../../../web/status/part/incident.html")),
    ("part/service.html", include_str!("../../../../web/status/part/service.html")),
    ("part/group.html", include_str!("../../../../web/status/part/group.html")),
    ("part/maintenances.html", include_str!("../../../../web/status/part/maintenances.html")),
    ("part/maintenance.html", include_str!("../../../../web/status/part/maintenance.html")),
    ("part/past.html", include_str!("../../../../web/status/part/past.html")),
    ("part/contact.html", include_str!("../../../../web/status/part/contact.html")),
];

/// Renders `name`. The context must hold `lang`.
pub(crate) fn render(name: &str, context: Value) -> Result<String, Error> {
    let html = environment().get_template(name)?.render(context)?;
    Ok(html.trim().to_owned())
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        let syntax = minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        env.set_syntax(syntax.expect("the default delimiters are valid"));
        env.add_function("t", translate);
        for (name, source) in TEMPLATES {
            env.add_template(name, source).expect("a test renders every template");
        }
        env
    })
}

/// `t("key", name=value)`: a message in the page's language.
fn translate(state: &State<'_, '_>, key: &str, args: Kwargs) -> Result<String, Error> {
    let lang = state.lookup("lang").and_then(|l| l.as_str().and_then(|s| s.parse::<Lang>().ok()));
    let lang = lang.ok_or_else(|| Error::new(ErrorKind::UndefinedError, "the context has no `lang`"))?;
    if !Words::has(lang, key) {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("no message {key:?} in {}", lang.tag())));
    }
    let mut words: Vec<(&str, Word<'_>)> = Vec::new();
    for name in args.args() {
        let value: Value = args.peek(name)?;
        let word = match value.kind() {
            ValueKind::Number => Word::from(i64::try_from(value)?),
            _ => Word::from(value.to_string()),
        };
        words.push((name, word));
    }
    Ok(Words::get(lang, key, &words))
}
