//! The shop's pages as HTML. Ordering works without JavaScript, and says what is different then.

mod checkout;
mod meeting;

use super::{Storefront, View, Visit};
use crate::demo::html::{self, LANTERN, Page};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use stillhere_model::Lang;

const TICKER: &str = include_str!("../../../../../web/demo/shop.js");

/// One of the pages.
pub(super) fn of(node: &Storefront, view: View, visit: &Visit) -> Response<Bytes> {
    let mut page = Page::new(visit.lang);
    let lang = visit.lang.tag();
    page.at(view.path());
    page.top(
        "title",
        &[
            (&format!("{}?lang={lang}", View::Meeting.path()), "to-meeting"),
            (&format!("http://{}/?lang={lang}", node.status), "to-status"),
            (&format!("http://{}/?lang={lang}", node.control), "to-control"),
        ],
    );
    let client = page.with_client(node.status);
    let script = match view {
        View::Shop => shop(&mut page, visit),
        View::Checkout => checkout::form(&mut page, visit),
        View::Thanks => thanks(&mut page, visit),
        View::Meeting => meeting::room(&mut page),
    };
    let from = page.say("shop-from").replace('@', &format!("<b id=node>{}</b>", node.node));
    let without = if client { String::new() } else { format!("<p>{}</p>", page.say("no-client")) };
    page.add(&format!("<footer><p>{from}</p>{without}</footer>"));
    page.document(StatusCode::OK, "title", Some(script))
}

fn shop(page: &mut Page, visit: &Visit) -> &'static str {
    page.add(&format!(
        "<main><section class=goods>{LANTERN}<div><h1>{}</h1><p>{}</p>\
         <p><a class=\"button main\" href=\"{}?lang={}\">{}</a></p></div></section>",
        page.say("shop-lantern"),
        page.say("shop-lantern-text"),
        View::Checkout.path(),
        visit.lang.tag(),
        page.say("shop-buy"),
    ));
    let sold = format!("<b id=sold>{}</b>", visit.sold);
    page.add(&format!(
        "<p class=ticker><span class=dot></span> {}</p>",
        page.say("shop-sold").replace('%', &sold)
    ));
    orders(page, visit);
    page.add("</main>");
    TICKER
}

/// Where an order leads when it was taken.
fn thanks(page: &mut Page, visit: &Visit) -> &'static str {
    let (title, text) =
        if visit.orders.is_empty() { ("thanks-none", "thanks-none-text") } else { ("thanks", "thanks-text") };
    page.add(&format!("<main><h1>{}</h1><p class=tag>{}</p>", page.say(title), page.say(text)));
    orders(page, visit);
    let back = page.say("back");
    page.add(&format!("<p class=further><a href=\"/?lang={}\">{back}</a></p></main>", visit.lang.tag()));
    ""
}

fn orders(page: &mut Page, visit: &Visit) {
    page.add(&format!("<section id=orders><h2>{}</h2>", page.say("shop-orders")));
    if visit.orders.is_empty() {
        page.add(&format!("<p class=dim>{}</p>", page.say("shop-orders-none")));
    }
    page.add("<ol id=list>");
    for order in &visit.orders {
        let row = page.say("order-row").replace('%', &order.number.to_string());
        page.add(&format!("<li>{}</li>", row.replace('@', &order.node.to_string())));
    }
    page.add("</ol></section>");
}

/// A page of the shop that says what went wrong.
pub(super) fn problem(lang: Lang, status: StatusCode, key: &str) -> Response<Bytes> {
    let mut page = html::Page::new(lang);
    page.top("title", &[]);
    let (said, back) = (page.say(key), page.say("back"));
    page.add(&format!("<main><h1>{said}</h1><p><a href=\"/?lang={}\">{back}</a></p></main>", lang.tag()));
    page.document(status, "title", None)
}
