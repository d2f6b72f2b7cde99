//! Subscribing in words: its pages, and the letters about it.

use crate::{
    clean,
    page::{
        assets,
        cut::{Cut, serde},
        links, template,
    },
    snapshot::{Site, Snapshot},
    words::Words,
};
use minijinja::{Value, context};
use stillhere_model::{Impact, Lang, Letter, News, Pace, Time, What, Wish};

/// Services that the form lists. Where there are more, one subscribes to all of them.
const SERVICES_MAX: usize = 300;

/// What a page is about.
#[derive(Debug)]
pub enum Page<'a> {
    /// The form, once more if something was wrong.
    Ask {
        problem: Option<Problem>,
        given: &'a str,
        wish: &'a Wish,
        /// What a browser's subscription is bound to. `None`: browsers are not notified.
        push: Option<&'a str>,
    },
    /// The same whether or not the address is known.
    Sent {
        hook: bool,
    },
    Confirm {
        token: &'a str,
        /// `None`: a browser.
        address: Option<&'a str>,
    },
    /// `fresh`: it was confirmed just now.
    Manage {
        token: &'a str,
        leave: &'a str,
        /// `None`: a browser.
        address: Option<&'a str>,
        wish: &'a Wish,
        daily: bool,
        saved: bool,
        fresh: bool,
    },
    Leave {
        token: &'a str,
        /// `None`: a browser.
        address: Option<&'a str>,
    },
    /// `of`: whose link it was, as [`whose`] says.
    Left {
        of: &'a str,
    },
    Gone,
    Full,
}

/// Why nothing came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    BadAddress,
    TooMany,
    Unavailable,
}

/// A letter to one reader, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
    pub thread: Option<String>,
}

/// Characters at the beginning of a link's token that say whose it is.
const WHOSE_CHARS: usize = 21;

/// Whose link it is: a browser knows by it whether it was its own that ended.
#[must_use]
pub fn whose(token: &str) -> &str {
    token.get(..WHOSE_CHARS).unwrap_or_default()
}

/// The title, and what `subscribe.html` is made of.
pub(crate) fn context(cut: &Cut<'_>, page: &Page<'_>) -> (String, Value) {
    let (w, s) = (&cut.words, cut.snapshot);
    let site = w.name(&s.site.name);
    let plain = |key: &str| w.plain(key);
    // What is said of an address is said of a browser in other words.
    let about = |address_key: &str, browser_key: &str, address: &Option<&str>| {
        let key = if address.is_some() { address_key } else { browser_key };
        let address = clean::line(address.unwrap_or_default(), 300);
        w.say(key, &[("address", address.into()), ("site", site.as_str().into())])
    };
    let base = context! {
        problem => (), lead => (), given => "", wish => "", hooks => false, token => "", leave => "", again => (),
        mail => false, push => (), left => (),
    };
    let (kind, heading, own) = match page {
        Page::Ask { problem, given, wish, push } => {
            let problem = problem.map(|p| match p {
                Problem::BadAddress => plain("sub-bad-address"),
                Problem::TooMany => plain("sub-too-many"),
                Problem::Unavailable => plain("sub-unavailable"),
            });
            let mail = s.site.subscribe.mail;
            let own = context! {
                problem, given => *given, lead => plain(if mail { "sub-lead" } else { "sub-lead-other" }),
                wish => wishes(cut, wish, mail), hooks => s.site.subscribe.webhook, mail, push => *push,
                script => Value::from_safe_string(assets::push_script().to_owned()),
            };
            ("ask", plain("sub-title"), own)
        }
        Page::Sent { hook: false } => {
            ("said", plain("sub-sent"), context! { lead => plain("sub-sent-more") })
        }
        Page::Sent { hook: true } => {
            ("said", plain("sub-sent-hook"), context! { lead => plain("sub-sent-hook-more") })
        }
        Page::Confirm { token, address } => (
            "confirm",
            plain("sub-confirm"),
            context! { token => *token, lead => about("sub-confirm-more", "sub-confirm-browser", address) },
        ),
        Page::Manage { token, leave, address, wish, daily, saved, fresh } => {
            let said = saved.then(|| plain("sub-saved")).into_iter().chain([about(
                "sub-manage-more",
                "sub-manage-browser",
                address,
            )]);
            let own = context! {
                token => *token, leave => *leave, lead => w.sentences(&said.collect::<Vec<_>>()), wish => wishes(cut, wish, *daily),
            };
            ("manage", plain(if *fresh { "sub-confirmed" } else { "sub-manage" }), own)
        }
        Page::Leave { token, address } => (
            "leave",
            plain("sub-leave-title"),
            context! { token => *token, lead => about("sub-leave-more", "sub-leave-browser", address) },
        ),
        Page::Left { of } => {
            let own = context! {
                lead => plain("sub-left-more"), again => cut.links.subscribe(), left => *of,
                script => Value::from_safe_string(assets::push_script().to_owned()),
            };
            ("said", plain("sub-left"), own)
        }
        Page::Gone => {
            let own = context! { lead => plain("sub-gone-more"), again => cut.links.subscribe() };
            ("said", plain("sub-gone"), own)
        }
        Page::Full => ("said", plain("sub-title"), context! { lead => plain("sub-full") }),
    };
    let own = context! { kind, heading => heading.as_str(), ..own };
    (heading, context! { ..own, ..base })
}

/// The part of a form with what can be chosen.
fn wishes(cut: &Cut<'_>, wish: &Wish, daily: bool) -> Value {
    let (w, s) = (&cut.words, cut.snapshot);
    let languages: Vec<Value> = match s.site.languages.as_slice() {
        [] | [_] => Vec::new(),
        all => all
            .iter()
            .map(|l| context! { tag => l.tag(), name => links::own_name(*l), on => *l == wish.lang })
            .collect(),
    };
    let least: Vec<Value> = [Impact::None, Impact::Minor, Impact::Major, Impact::Critical]
        .into_iter()
        .map(|i| {
            let words = w.plain(&format!("sub-least-{}", i.as_str()));
            context! { value => i.as_str(), on => i == wish.least, words }
        })
        .collect();
    let paces = [
        ("instant", Pace::Instant, w.plain("sub-pace-instant")),
        ("daily", Pace::Daily, w.plain("sub-pace-daily")),
    ];
    let paces: Vec<Value> = paces
        .into_iter()
        .filter(|_| daily)
        .map(|(value, pace, words)| context! { value, on => pace == wish.pace, words })
        .collect();
    let services: Vec<Value> = if s.services.len() > SERVICES_MAX {
        Vec::new()
    } else {
        let one = |v: &std::sync::Arc<crate::ServiceView>| {
            context! { id => v.id.as_str(), name => w.name(&v.name), on => wish.services.contains(&v.id) }
        };
        s.services.iter().map(one).collect()
    };
    let own = context! {
        languages => serde(&languages), least => serde(&least), paces => serde(&paces), services => serde(&services),
        maintenance => wish.maintenance,
    };
    Value::from_safe_string(cut.part("part/wish.html", own))
}

/// The question whether updates are wanted; `link` leads to the page where it is answered.
#[must_use]
pub fn confirm(site: &Site, lang: Lang, link: &str) -> Written {
    let words = Words::new(lang, &site.time_zone);
    let more = words.plain("letter-confirm-not");
    short(&words, site, "letter-confirm-subject", "letter-confirm-lead", link, Some(more))
}

/// To whoever was asked for anew, although updates come already.
#[must_use]
pub fn known(site: &Site, lang: Lang, link: &str) -> Written {
    let words = Words::new(lang, &site.time_zone);
    short(&words, site, "letter-known-subject", "letter-known-lead", link, None)
}

fn short(w: &Words, site: &Site, subject: &str, lead: &str, link: &str, more: Option<String>) -> Written {
    let name = w.name(&site.name);
    let subject = clean::line(&w.say(subject, &[("site", name.as_str().into())]), 150);
    let lead = w.say(lead, &[("site", name.into())]);
    let mut text = format!("{lead}\n\n{link}\n");
    if let Some(more) = &more {
        text += &format!("\n{more}\n");
    }
    let none: [Value; 0] = [];
    let html = letter_html(context! {
        lang => w.lang.tag(), title => subject.as_str(), lead, items => none, action => link, more, why => (), manage => "",
    });
    Written { subject, text, html, thread: None }
}

/// One piece of news with the reader's own link.
#[must_use]
pub fn news(letter: &Letter, manage: &str) -> Written {
    let put = |halves: &(String, String), link: &str| format!("{}{link}{}", halves.0, halves.1);
    Written {
        subject: letter.subject.clone(),
        text: put(&letter.text, manage),
        html: put(&letter.html, &clean::xml(manage)),
        thread: letter.thread.clone(),
    }
}

/// The letter of one occasion in the reader's language, or in one that there is.
#[must_use]
pub fn letter_of(news: &News, lang: Lang) -> Option<&Letter> {
    match &news.what {
        What::Occasion { letters, .. } => letters.get(&lang).or_else(|| letters.values().next()),
        What::Digest { .. } => None,
    }
}

/// All news of a day in one letter.
#[must_use]
pub fn digest(site: &Site, lang: Lang, all: &[News], manage: &str) -> Written {
    let w = Words::new(lang, &site.time_zone);
    let name = w.name(&site.name);
    let said: Vec<(&Letter, Time)> = all.iter().filter_map(|n| Some((letter_of(n, lang)?, n.at))).collect();
    let n = said.len();
    let subject = w.say("letter-digest-subject", &[("n", n.into()), ("site", name.as_str().into())]);
    let subject = clean::line(&subject, 150);
    let lead = w.say("letter-digest-lead", &[("site", name.as_str().into())]);
    let why = w.say("letter-why", &[("site", name.into())]);
    let mut text = format!("{lead}\n\n");
    for (l, at) in &said {
        text += &format!("* {}\n{}\n{}\n{}\n\n", l.subject, w.full(*at), l.gist, l.url);
    }
    text += &format!("-- \n{why}\n{} {manage}\n", w.plain("letter-manage"));
    let items: Vec<Value> = said
        .iter()
        .map(|(l, at)| {
            context! { subject => l.subject.as_str(), time => w.full(*at), gist => l.gist.as_str(), url => l.url.as_str() }
        })
        .collect();
    let items = serde(&items);
    let html = letter_html(context! {
        lang => lang.tag(), title => subject.as_str(), lead, items, action => (), more => (), why, manage,
    });
    Written { subject, text, html, thread: None }
}

fn letter_html(context: Value) -> String {
    template::render("letter.html", context).unwrap_or_else(|error| {
        debug_assert!(false, "letter.html: {error:#}");
        // The text part says the same.
        String::new()
    })
}

/// The address that all links of `snapshot` begin with.
#[must_use]
pub fn base(snapshot: &Snapshot) -> String {
    links::base(snapshot)
}
