//! What the demo's two pages have in common: self-contained documents with a policy that lets nothing else in.

use super::words;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, header};
use hyper::{Response, StatusCode};
use std::{fmt::Write as _, net::SocketAddr};
use stillhere_model::Lang;
use stillhere_net::entropy;
use stillhere_tell::{client, words::Value};

const CSS: &str = include_str!("../../../../web/demo/shop.css");
/// The client, as the edge serves it. Without its worker: that would stay in the browser when the demo has ended, and meet
/// whatever listens on this port next.
const CLIENT: &str = "client.js";
pub const LANTERN: &str = include_str!("../../../../web/demo/lantern.svg");

/// One page in one language, being written.
pub struct Page {
    pub lang: Lang,
    html: String,
    client: Option<SocketAddr>,
    path: &'static str,
}

// === impl Page ===

impl Page {
    pub fn new(lang: Lang) -> Page {
        Page { lang, html: String::new(), client: None, path: "/" }
    }

    /// Where it stands, for the link to itself in the other language.
    pub fn at(&mut self, path: &'static str) {
        self.path = path;
    }

    /// Has Stillhere's browser client on the page, which may ask the status page there how things are. False: this build has
    /// none, and the page must do without.
    pub fn with_client(&mut self, status: SocketAddr) -> bool {
        let there = client::file(CLIENT, false).is_some();
        self.client = there.then_some(status);
        there
    }

    /// A message without arguments, ready for HTML.
    pub fn say(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// A message, ready for HTML.
    pub fn with(&self, key: &str, args: &[(&str, Value<'_>)]) -> String {
        escape(&words::get(self.lang, key, args))
    }

    pub fn add(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    /// Name, links, and the same page in the other language. `links`: address and key of the words.
    pub fn top(&mut self, name: &str, links: &[(&str, &str)]) {
        let other = if self.lang == Lang::En { Lang::ZhCn } else { Lang::En }.tag();
        let mut nav = String::new();
        for (to, key) in links {
            let _infallible = write!(nav, "<a href=\"{}\">{}</a> ", escape(to), self.say(key));
        }
        self.add(&format!(
            "<header><a class=brand href=\"/?lang={}\">{LANTERN}<span>{}</span></a><nav>{nav}\
             <a href=\"{}?lang={other}\" lang={other} hreflang={other}>{}</a></nav></header>",
            self.lang.tag(),
            self.say(name),
            self.path,
            self.say("language")
        ));
    }

    /// The whole document. `script` runs, and may ask the place the page came from.
    pub fn document(self, status: StatusCode, title: &str, script: Option<&str>) -> Response<Bytes> {
        let nonce = STANDARD.encode(entropy::bytes::<16>());
        let mut script_tag = String::new();
        if let Some(status) = self.client {
            let _infallible = write!(
                script_tag,
                "<script nonce=\"{nonce}\" src=\"/.well-known/stillhere/{CLIENT}\" data-service=checkout data-site=\"{}\" \
                 data-lang={} data-mirrors=\"http://{status}/.well-known/stillhere/notice\" \
                 data-worker data-worker-posts=/order></script>",
                self.say("title"),
                self.lang.tag()
            );
        }
        if let Some(script) = script {
            let _infallible = write!(script_tag, "<script nonce=\"{nonce}\">{script}</script>");
        }
        let mut html = String::with_capacity(self.html.len() + CSS.len() + script_tag.len() + 400);
        let _infallible = write!(
            html,
            "<!doctype html><html lang={}><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
             <link rel=icon href=\"data:,\"><title>{}</title><style nonce=\"{nonce}\">{CSS}</style>{}{script_tag}</html>",
            self.lang.tag(),
            self.say(title),
            self.html
        );
        let scripts = match (self.client, script) {
            // The client loads further files of its own, and asks the status page, too.
            (Some(status), _) => {
                format!(" script-src 'nonce-{nonce}' 'self'; connect-src 'self' http://{status};")
            }
            (None, Some(_)) => format!(" script-src 'nonce-{nonce}'; connect-src 'self';"),
            (None, None) => String::new(),
        };
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}';{scripts} img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        let mut response = Response::new(Bytes::from(html));
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

pub fn escape(text: &str) -> String {
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

/// `?lang=`, when it names a language there is.
pub fn chosen(query: Option<&str>) -> Option<Lang> {
    query?.split('&').find_map(|pair| pair.strip_prefix("lang=")?.parse().ok())
}

/// The language that the browser asks for.
pub fn spoken(headers: &http::HeaderMap) -> Lang {
    let header = headers.get(header::ACCEPT_LANGUAGE).map(HeaderValue::as_bytes).unwrap_or_default();
    stillhere_web::lang::accepted(header, &Lang::ALL).unwrap_or(Lang::En)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_visitors() {
        let mut headers = http::HeaderMap::new();
        assert_eq!(chosen(Some("a=b&lang=zh-CN")), Some(Lang::ZhCn));
        assert_eq!(chosen(Some("lang=tlh")), None);
        assert_eq!(spoken(&headers), Lang::En);
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("zh-CN,zh;q=0.9"));
        assert_eq!(spoken(&headers), Lang::ZhCn);
    }

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(escape("<b a=\"x\">&</b>"), "&lt;b a=&quot;x&quot;&gt;&amp;&lt;/b&gt;");
    }
}
