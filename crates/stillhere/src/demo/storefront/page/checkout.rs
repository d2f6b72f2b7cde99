//! The checkout: an ordinary form with one attribute of Stillhere's browser client.
//!
//! With the client, what is typed is kept, and the order goes under a key in its head. Without it, or without JavaScript, the
//! browser sends the form as it is.

use crate::demo::{
    html::{LANTERN, Page, escape},
    storefront::{View, Visit},
};

const SCRIPT: &str = concat!(
    include_str!("../../../../../../web/demo/shop.js"),
    include_str!("../../../../../../web/demo/checkout.js")
);
/// Papers there are, and the keys of their words.
const PAPERS: [(&str, &str); 3] = [("red", "paper-red"), ("jade", "paper-jade"), ("indigo", "paper-indigo")];

pub(super) fn form(page: &mut Page, visit: &Visit) -> &'static str {
    let lang = visit.lang.tag();
    let papers: String = PAPERS
        .iter()
        .enumerate()
        .map(|(n, (value, key))| {
            let checked = if n == 0 { " checked" } else { "" };
            format!(
                "<label class=\"paper {value}\"><input type=radio name=lantern value={value}{checked}><span>{}</span></label>",
                page.say(key)
            )
        })
        .collect();
    let field = |name: &str, input: &str| {
        format!("<label for={name}>{}</label>{input}", page.say(&format!("checkout-{name}")))
    };
    let name = field("name", "<input id=name name=name autocomplete=name required maxlength=80>");
    let address = field(
        "address",
        "<textarea id=address name=address autocomplete=street-address required maxlength=300 rows=3></textarea>",
    );
    let card = field("card", "<input id=card name=card maxlength=120>");
    page.add(&format!(
        "<main><h1>{}</h1><p class=tag>{}</p>\
         <form class=panel method=post action=\"/order?lang={lang}\" id=order data-stillhere=\"{}\" data-stillhere-next=\"{}?lang={lang}\">\
         <fieldset class=papers><legend>{}</legend>{papers}</fieldset>{name}{address}{card}\
         <input type=hidden name=key value=\"{}\"><input type=hidden name=stillhere value=\"{}\">\
         <div class=pay><button class=main>{}</button><p class=dim id=kept hidden>{}</p></div>\
         <p class=said data-stillhere-status role=status></p>\
         <noscript><p class=dim>{}</p></noscript></form>{LANTERN}</main>",
        page.say("checkout-title"),
        page.say("checkout-text"),
        page.say("checkout-label"),
        View::Thanks.path(),
        page.say("checkout-paper"),
        escape(&visit.key),
        page.say("checkout-label"),
        page.say("checkout-place"),
        page.say("checkout-kept"),
        page.say("shop-no-script"),
    ));
    SCRIPT
}
