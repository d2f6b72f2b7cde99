//! The shop's page as HTML. Ordering works without JavaScript, and says what is different then.

use super::{Storefront, Visit};
use crate::demo::html::{self, LANTERN, Page, escape};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use std::fmt::Write as _;
use stillhere_model::Lang;

const SCRIPT: &str = include_str!("../../../../../web/demo/shop.js");
/// What the script says; `%` stands for a number, `@` for a node.
const WORDS: [&str; 10] = [
    "order-sending",
    "order-waiting",
    "order-done",
    "order-late",
    "order-kept",
    "order-checking",
    "order-refused",
    "order-no-way",
    "order-row",
    "order-waits",
];

/// The shop.
pub(super) fn shop(node: &Storefront, visit: &Visit) -> Response<Bytes> {
    let mut page = Page::new(visit.lang);
    let lang = visit.lang.tag();
    page.top(
        "title",
        &[
            (&format!("http://{}/?lang={lang}", node.status), "to-status"),
            (&format!("http://{}/?lang={lang}", node.control), "to-control"),
        ],
    );
    page.add(&format!(
        "<main><p id=banner class=banner role=status data-back=\"{}\"></p>",
        page.say("banner-back")
    ));
    let words: String = WORDS.iter().fold(String::new(), |mut all, key| {
        let _infallible = write!(all, " data-{key}=\"{}\"", page.say(key));
        all
    });
    page.add(&format!(
        "<section class=goods>{LANTERN}<div><h1>{}</h1><p>{}</p>\
         <form method=post action=\"/order?lang={lang}\" id=order{words}><input type=hidden name=lantern value=red>\
         <input type=hidden name=key value=\"{}\"><button class=main>{}</button></form>\
         <p class=said id=said role=status></p><noscript><p class=dim>{}</p></noscript></div></section>",
        page.say("shop-lantern"),
        page.say("shop-lantern-text"),
        escape(&visit.key),
        page.say("shop-order"),
        page.say("shop-no-script"),
    ));
    let sold = format!("<b id=sold>{}</b>", visit.sold);
    page.add(&format!(
        "<p class=ticker><span class=dot></span> {}</p>",
        page.say("shop-sold").replace('%', &sold)
    ));
    let none = format!(
        "<p class=dim id=none{}>{}</p>",
        if visit.orders.is_empty() { "" } else { " hidden" },
        page.say("shop-orders-none")
    );
    page.add(&format!(
        "<section id=orders><h2>{}</h2>{none}<p class=dim id=waiting hidden></p><ol id=list>",
        page.say("shop-orders")
    ));
    for order in &visit.orders {
        let row = page.say("order-row").replace('%', &order.number.to_string());
        page.add(&format!("<li>{}</li>", row.replace('@', &order.node.to_string())));
    }
    page.add("</ol></section></main>");
    let from = page.say("shop-from").replace('@', &format!("<b id=node>{}</b>", node.node));
    page.add(&format!("<footer><p>{from}</p></footer>"));
    page.document(StatusCode::OK, "title", Some(SCRIPT))
}

/// A page of the shop that says what went wrong.
pub(super) fn problem(lang: Lang, status: StatusCode, key: &str) -> Response<Bytes> {
    let mut page = html::Page::new(lang);
    page.top("title", &[]);
    let (said, back) = (page.say(key), page.say("back"));
    page.add(&format!("<main><h1>{said}</h1><p><a href=\"/?lang={}\">{back}</a></p></main>", lang.tag()));
    page.document(status, "title", None)
}
