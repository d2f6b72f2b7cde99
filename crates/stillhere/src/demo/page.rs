//! The control page as HTML: what visitors get, what can be broken, and what the database has on its books.

mod crowd;

use super::{
    control::{Control, Now},
    html::{self, Page},
    job::JobMode,
    part::{Mode, Part},
    words,
};
use bytes::Bytes;
use hyper::{Response, StatusCode};
use std::fmt::Write as _;
use stillhere_model::Lang;

const SCRIPT: &str = include_str!("../../../../web/demo/control.js");
/// Orders of the ledger that are shown.
const ORDERS: usize = 8;
/// So much of a key is shown.
const KEY_CHARS: usize = 14;

/// The control page.
pub fn control(control: &Control, now: &Now, lang: Lang) -> Response<Bytes> {
    let mut page = Page::new(lang);
    let tag = lang.tag();
    let shop = format!("http://{}/?lang={tag}", control.places.shop);
    let status = format!("http://{}/?lang={tag}", control.places.status);
    page.top("control-title", &[(&shop, "to-shop"), (&status, "to-status")]);
    page.add(&format!(
        "<main><p id=gone role=status hidden>{}</p><p class=tag>{}</p>",
        page.say("gone"),
        page.say("control-tag")
    ));
    crowd::section(&mut page, control, now.said.as_deref());
    parts(&mut page, control, now);
    ledger(&mut page, control);
    job(&mut page, control.job.mode());
    foot(&mut page);
    page.document(StatusCode::OK, "control-title", Some(SCRIPT))
}

/// A page that says what went wrong.
pub fn problem(status: StatusCode, lang: Lang, key: &str, why: Option<&str>) -> Response<Bytes> {
    let mut page = Page::new(lang);
    page.top("control-title", &[]);
    let said = match why {
        Some(why) => html::escape(&words::get(lang, key, &[("why", why.into())])),
        None => page.say(key),
    };
    let back = page.say("back-to-control");
    page.add(&format!(
        "<main><p class=problem>{said}</p><p><a href=\"/?lang={}\">{back}</a></p></main>",
        lang.tag()
    ));
    page.document(status, "control-title", None)
}

fn parts(page: &mut Page, control: &Control, now: &Now) {
    let restart = if control.is_restarting() {
        format!("<p class=now>{}</p>", page.say("restarting"))
    } else {
        button(page, "/restart", "restart", "")
    };
    let pause = if now.paused { ("/resume", "resume") } else { ("/pause", "pause") };
    let pause = button(page, pause.0, pause.1, "");
    let mend = button(page, "/mend", "mend-all", "main");
    page.add(&format!(
        "<section id=break><h2>{}</h2><p>{}</p><div class=do id=do data-live>{restart}{pause}{mend}</div><div class=parts>",
        page.say("break-title"),
        page.say("break-text")
    ));
    for part in control.parts.iter() {
        one(page, part);
    }
    page.add("</div></section>");
}

fn one(page: &mut Page, part: &Part) {
    let (id, mode) = (part.id, part.mode());
    let name = page.say(&format!("part-{id}"));
    let buttons: String = Mode::ALL
        .into_iter()
        .filter(|m| *m != mode && part.role.can(*m))
        .map(|m| {
            let class = if m == Mode::Well { "main" } else { "" };
            button_of(page, &format!("/part/{id}/{}", m.word()), &format!("do-{}", m.word()), &name, class)
        })
        .collect();
    page.add(&format!(
        "<article id={id} class={} data-live><h3>{name}</h3><p class=now>{}</p><p>{}</p><div class=do>{buttons}</div></article>",
        mode.word(),
        page.say(&format!("now-{}", mode.word())),
        page.say(&format!("role-{id}"))
    ));
}

/// Every order with its key, how often it was asked for, and how often it was carried out.
fn ledger(page: &mut Page, control: &Control) {
    let mut rows = String::new();
    for (order, times) in control.parts.ledger.newest(ORDERS) {
        let key = match &order.key {
            Some(key) if key.chars().count() > KEY_CHARS => {
                format!("<code>{}…</code>", html::escape(&key.chars().take(KEY_CHARS).collect::<String>()))
            }
            Some(key) => format!("<code>{}</code>", html::escape(key)),
            None => page.say("ledger-no-key"),
        };
        let (asked, done) = times.map_or((1, 1), |t| (t.asked, t.done));
        let class = if done > 1 { " class=bad" } else { "" };
        let _infallible =
            write!(rows, "<tr><td>{}<td>{key}<td>{}<td>{asked}<td{class}>{done}", order.number, order.node);
    }
    let head: String = ["number", "key", "node", "asked", "done"].iter().fold(String::new(), |mut all, k| {
        let _infallible = write!(all, "<th scope=col>{}", page.say(&format!("ledger-{k}")));
        all
    });
    page.add(&format!(
        "<section><h2>{}</h2><p>{}</p><div class=wide tabindex=0 role=region aria-label=\"{}\"><table id=ledger data-live><thead><tr>{head}</thead><tbody>{rows}</tbody></table></div></section>",
        page.say("ledger-title"),
        page.say("ledger-text"),
        page.say("ledger-title"),
    ));
}

fn job(page: &mut Page, mode: JobMode) {
    let name = page.say("job-title");
    let buttons: String = JobMode::ALL
        .into_iter()
        .filter(|m| *m != mode)
        .map(|m| {
            let class = if m == JobMode::Running { "main" } else { "" };
            button_of(page, &format!("/job/{}", m.word()), &format!("job_do-{}", m.word()), &name, class)
        })
        .collect();
    page.add(&format!(
        "<section><article id=job class={} data-live><h3>{name}</h3><p class=now>{}</p><p>{}</p><div class=do>{buttons}</div></article></section>",
        mode.word(),
        page.say(&format!("job-{}", mode.word())),
        page.say("job-text")
    ));
}

fn foot(page: &mut Page) {
    let list: String = [
        "try-one",
        "try-both",
        "try-checkout",
        "try-meeting",
        "try-restart",
        "try-freeze",
        "try-pause",
        "try-database",
    ]
    .iter()
    .fold(String::new(), |all, key| all + "<li>" + &page.say(key));
    page.add(&format!(
        "<section><h2>{}</h2><ol class=try>{list}</ol></section><section id=help><h2>{}</h2><p>{}</p></section></main><footer>{}</footer>",
        page.say("try-title"),
        page.say("help-title"),
        page.say("help-text"),
        page.say("local")
    ));
}

/// `label` is the key of its words.
fn button(page: &Page, to: &str, label: &str, class: &str) -> String {
    format!(
        "<form method=post action=\"{to}?lang={}\"><button class=\"{class}\">{}</button></form>",
        page.lang.tag(),
        page.say(label)
    )
}

/// A button whose label is said together with what it is for, where it cannot be seen beside it.
fn button_of(page: &Page, to: &str, label: &str, what: &str, class: &str) -> String {
    let label = page.say(label);
    format!(
        "<form method=post action=\"{to}?lang={}\"><button class=\"{class}\" aria-label=\"{label}: {what}\">{label}</button></form>",
        page.lang.tag()
    )
}
