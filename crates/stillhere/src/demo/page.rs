//! The shop's page as HTML: self-contained, and nothing on it is from outside the program.

use super::{
    job::JobMode,
    part::{Mode, Part},
    shop::{Bought, Shop},
    words,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::Full;
use hyper::{Response, StatusCode};
use std::fmt::Write as _;
use stillhere_model::Lang;
use stillhere_net::entropy;

const CSS: &str = include_str!("../../../../web/demo/shop.css");
const LANTERN: &str = include_str!("../../../../web/demo/lantern.svg");

/// One page in one language, being written.
struct Page {
    lang: Lang,
    html: String,
}

/// The shop.
pub fn shop(shop: &Shop, lang: Lang) -> Response<Full<Bytes>> {
    let mut page = Page { lang, html: String::new() };
    page.top(Some(&format!("http://{}/?lang={}", shop.status, lang.tag())));
    page.goods(shop.bought());
    page.parts(shop);
    page.job(shop.job.mode());
    page.foot();
    page.response(StatusCode::OK)
}

/// A page that says what went wrong.
pub fn problem(status: StatusCode, lang: Lang, key: &str, why: Option<&str>) -> Response<Full<Bytes>> {
    let mut page = Page { lang, html: String::new() };
    page.top(None);
    let said = match why {
        Some(why) => escape(&words::get(lang, key, &[("why", why.into())])),
        None => page.say(key),
    };
    let back = page.say("back");
    page.add(&format!(
        "<main><p class=problem>{said}</p><p><a href=\"/?lang={}\">{back}</a></p></main>",
        lang.tag()
    ));
    page.response(status)
}

// === impl Page ===

impl Page {
    /// A message without arguments, ready for HTML.
    fn say(&self, key: &str) -> String {
        escape(&words::get(self.lang, key, &[]))
    }

    fn add(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    fn top(&mut self, status: Option<&str>) {
        let (title, tag) = (self.say("title"), self.say("tag"));
        let other = if self.lang == Lang::En { Lang::ZhCn } else { Lang::En }.tag();
        let links = match status {
            Some(url) => format!(
                "<nav><a href=\"{}\">{}</a> <a href=\"/?lang={other}\" lang={other} hreflang={other}>{}</a></nav>",
                escape(url),
                self.say("to-status"),
                self.say("language")
            ),
            None => String::new(),
        };
        self.add(&format!(
            "<header><a class=brand href=\"/?lang={}\">{LANTERN}<span>{title}</span></a>{links}</header>",
            self.lang.tag()
        ));
        if status.is_some() {
            self.add(&format!("<main><p class=tag>{tag}</p>"));
        }
    }

    fn goods(&mut self, bought: Option<Bought>) {
        let said = self.bought(bought);
        let (class, buy) =
            (if matches!(bought, Some(Bought::Failed { .. })) { " bad" } else { "" }, self.say("buy"));
        self.add(&format!(
            "<section id=buy class=goods>{LANTERN}<div><h1>{}</h1><p>{}</p>{}<p class=\"said{class}\" role=status>{}</p></div></section>",
            self.say("buy-title"),
            self.say("buy-text"),
            self.button("/buy", &buy, "main"),
            escape(&said)
        ));
    }

    fn bought(&self, bought: Option<Bought>) -> String {
        match bought {
            None => words::get(self.lang, "bought-none", &[]),
            Some(Bought::Order { order, node, second, took }) => {
                let key = if second { "bought-second" } else { "bought-ok" };
                let args = [
                    ("order", order.into()),
                    ("node", node.to_string().into()),
                    ("took_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into()),
                ];
                words::get(self.lang, key, &args)
            }
            Some(Bought::Failed { took }) => {
                let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                words::get(self.lang, "bought-failed", &[("took_ms", ms.into())])
            }
        }
    }

    fn parts(&mut self, shop: &Shop) {
        let mend = self.say("mend-all");
        self.add(&format!(
            "<section id=break><div class=head><h2>{}</h2>{}</div><p>{}</p><div class=parts>",
            self.say("break-title"),
            self.button("/mend", &mend, ""),
            self.say("break-text")
        ));
        for part in shop.parts.iter() {
            self.part(part);
        }
        self.add("</div></section>");
    }

    fn part(&mut self, part: &Part) {
        let (id, mode) = (part.id, part.mode());
        let name = self.say(&format!("part-{id}"));
        let buttons: String = Mode::ALL
            .into_iter()
            .filter(|m| *m != mode && part.role.can(*m))
            .map(|m| {
                let label = self.say(&format!("do-{}", m.word()));
                let class = if m == Mode::Well { "main" } else { "" };
                self.button_of(&format!("/part/{id}/{}", m.word()), &label, &name, class)
            })
            .collect();
        self.add(&format!(
            "<article id={id} class={}><h3>{name}</h3><p class=now>{}</p><p>{}</p><div class=do>{buttons}</div></article>",
            mode.word(),
            self.say(&format!("now-{}", mode.word())),
            self.say(&format!("role-{id}"))
        ));
    }

    fn job(&mut self, mode: JobMode) {
        let name = self.say("job-title");
        let buttons: String = JobMode::ALL
            .into_iter()
            .filter(|m| *m != mode)
            .map(|m| {
                let label = self.say(&format!("job_do-{}", m.word()));
                let class = if m == JobMode::Running { "main" } else { "" };
                self.button_of(&format!("/job/{}", m.word()), &label, &name, class)
            })
            .collect();
        self.add(&format!(
            "<section><article id=job class={}><h3>{name}</h3><p class=now>{}</p><p>{}</p><div class=do>{buttons}</div></article></section>",
            mode.word(),
            self.say(&format!("job-{}", mode.word())),
            self.say("job-text")
        ));
    }

    fn foot(&mut self) {
        self.add(&format!(
            "<section><h2>{}</h2><ul><li>{}<li>{}<li>{}</ul></section><section id=help><h2>{}</h2><p>{}</p></section></main><footer>{}</footer>",
            self.say("try-title"),
            self.say("try-one"),
            self.say("try-two"),
            self.say("try-three"),
            self.say("help-title"),
            self.say("help-text"),
            self.say("local")
        ));
    }

    fn button(&self, to: &str, label: &str, class: &str) -> String {
        format!(
            "<form method=post action=\"{to}?lang={}\"><button class=\"{class}\">{label}</button></form>",
            self.lang.tag()
        )
    }

    /// A button whose label is said together with what it is for, where it cannot be seen beside it.
    fn button_of(&self, to: &str, label: &str, what: &str, class: &str) -> String {
        format!(
            "<form method=post action=\"{to}?lang={}\"><button class=\"{class}\" aria-label=\"{label}: {what}\">{label}</button></form>",
            self.lang.tag()
        )
    }

    fn response(self, status: StatusCode) -> Response<Full<Bytes>> {
        let nonce = STANDARD.encode(entropy::bytes::<16>());
        let mut html = String::with_capacity(self.html.len() + CSS.len() + 400);
        let _ = write!(
            html,
            "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
             <title>{}</title><style nonce=\"{nonce}\">{CSS}</style>{}</html>",
            self.lang.tag(),
            self.say("title"),
            self.html
        );
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        let mut response = Response::new(Full::new(Bytes::from(html)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let policy = HeaderValue::try_from(policy).expect("base64 is plain ASCII");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
