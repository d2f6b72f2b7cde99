//! One node of the shop: its page, its orders, its ticker. It knows nothing of an edge.
//!
//! It keeps nothing itself. What must be true of both nodes is in the database, which carries an order out once for
//! each key: that is what `origin_honours = true` in the file stands for.

mod meeting;
mod page;

pub use meeting::meet;

use super::{
    ask::{self, NOT_UNDERSTOOD},
    html,
    ledger::{Ask, Order, Taken},
    part::text,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    upgrade::OnUpgrade,
};
use std::{net::SocketAddr, time::Duration};
use stillhere_edge::Body;
use stillhere_model::Lang;
use stillhere_net::entropy;
use tokio::sync::mpsc;

/// A node gives up on the database after this: before the checks give up on the node.
const DATABASE_WITHIN: Duration = Duration::from_millis(800);
/// How often the ticker looks, and how long it may say nothing.
const TICK: Duration = Duration::from_millis(500);
const BEAT_TICKS: u32 = 20;
/// An order is a few words.
const ORDER_MAX: usize = 4 * 1024;
/// Longest key that is taken from a form.
const KEY_MAX: usize = 255;
const VISITOR: &str = "visitor";
const VISITOR_MAX: usize = 64;
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Which node answered, for those who want to see it.
pub const NODE: HeaderName = HeaderName::from_static("shop-node");

pub struct Storefront {
    pub node: char,
    pub database: SocketAddr,
    /// The pages it links to.
    pub status: SocketAddr,
    pub control: SocketAddr,
}

/// The pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Shop,
    Checkout,
    Thanks,
    Meeting,
}

/// What the page shows of one visitor.
struct Visit {
    lang: Lang,
    sold: u64,
    orders: Vec<Order>,
    /// For the form: what makes the next order one order.
    key: String,
}

// === impl View ===

impl View {
    const ALL: [View; 4] = [View::Shop, View::Checkout, View::Thanks, View::Meeting];

    fn path(self) -> &'static str {
        match self {
            View::Shop => "/",
            View::Checkout => "/checkout",
            View::Thanks => "/thanks",
            View::Meeting => "/meeting",
        }
    }

    fn of(path: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.path() == path)
    }
}

// === impl Storefront ===

impl Storefront {
    /// `room`: where a connection goes that becomes a WebSocket.
    pub async fn answer(&self, request: Request<Incoming>, room: &mpsc::Sender<OnUpgrade>) -> Response<Body> {
        let (method, path) = (request.method(), request.uri().path());
        let mut response = match (method, path) {
            (&Method::GET | &Method::HEAD, path) if View::of(path).is_some() => self.page(&request).await,
            (&Method::GET, "/meeting/socket") => meeting::enter(request, room),
            (&Method::GET | &Method::HEAD, "/healthz") => self.health().await,
            (&Method::GET, "/ticker") => self.ticker(),
            (&Method::POST, "/order") => self.order(request).await,
            _ => self.problem(&request, StatusCode::NOT_FOUND, "shop-not-found"),
        };
        let mut node = [0; 4];
        if let Ok(node) = HeaderValue::from_str(self.node.encode_utf8(&mut node)) {
            response.headers_mut().insert(NODE, node);
        }
        response
    }

    async fn ask(&self, line: &str) -> Result<String, String> {
        ask::database(self.database, line, DATABASE_WITHIN).await
    }

    /// A question whose answer may take a moment, owned by whoever waits for it.
    async fn ask_long(&self, line: String) -> Result<String, String> {
        self.ask(&line).await
    }

    async fn health(&self) -> Response<Body> {
        match self.ask("PING").await {
            Ok(_) => text(StatusCode::OK, format!("node {} takes orders\n", self.node)),
            Err(e) => {
                text(StatusCode::SERVICE_UNAVAILABLE, format!("node {} has no database: {e}\n", self.node))
            }
        }
    }

    async fn page(&self, request: &Request<Incoming>) -> Response<Body> {
        let (uri, headers) = (request.uri(), request.headers());
        let lang = html::chosen(uri.query()).unwrap_or_else(|| html::spoken(headers));
        let known = visitor(headers);
        let (who, new) = match known {
            Some(who) => (who.to_owned(), false),
            None => (URL_SAFE_NO_PAD.encode(entropy::bytes::<12>()), true),
        };
        let view = View::of(uri.path()).unwrap_or(View::Shop);
        let Ok(visit) = self.visit(lang, &who).await else {
            return page::problem(lang, StatusCode::SERVICE_UNAVAILABLE, "shop-no-database").map(Body::whole);
        };
        let mut response = page::of(self, view, &visit).map(Body::whole);
        if new && let Ok(cookie) = format!("{VISITOR}={who}; Path=/; HttpOnly; SameSite=Lax").try_into() {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }

    async fn visit(&self, lang: Lang, who: &str) -> Result<Visit, String> {
        let sold = self.ask("COUNT").await?.parse().map_err(|_| "no number")?;
        let orders =
            serde_json::from_str(&self.ask(&format!("ORDERS {who}")).await?).map_err(|e| e.to_string())?;
        Ok(Visit { lang, sold, orders, key: URL_SAFE_NO_PAD.encode(entropy::bytes::<18>()) })
    }

    /// An order, by the key in its head or else in its form.
    async fn order(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let query = head.uri.query();
        let lang = html::chosen(query).unwrap_or_else(|| html::spoken(&head.headers));
        let Ok(body) = Limited::new(body, ORDER_MAX).collect().await else {
            return text(StatusCode::BAD_REQUEST, "the order is too long, or did not come\n");
        };
        let key = key(&head.headers, &body.to_bytes());
        let visitor = visitor(&head.headers).unwrap_or("nobody").to_owned();
        let ask = Ask { key, visitor, node: self.node };
        let written = serde_json::to_string(&ask).map_err(|e| e.to_string());
        let taken = match written {
            Ok(ask) => self.ask(&format!("ORDER {ask}")).await,
            Err(e) => Err(e),
        };
        let Ok(taken) = taken.and_then(|t| serde_json::from_str::<Taken>(&t).map_err(|e| e.to_string()))
        else {
            return page::problem(lang, StatusCode::SERVICE_UNAVAILABLE, "shop-no-database").map(Body::whole);
        };
        let wants_json =
            head.headers.get(header::ACCEPT).is_some_and(|a| a.as_bytes().starts_with(b"application/json"));
        if wants_json {
            let json = serde_json::to_string(&taken).unwrap_or_default();
            let mut response = Response::new(Body::whole(json));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            return response;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let query = html::chosen(query).map(|l| format!("?lang={}", l.tag())).unwrap_or_default();
        let to = HeaderValue::try_from(format!("{}{query}", View::Thanks.path()))
            .expect("language tags are plain ASCII");
        response.headers_mut().insert(header::LOCATION, to);
        response
    }

    /// How many lanterns were sold, as it changes.
    fn ticker(&self) -> Response<Body> {
        let (pieces, body) = Body::task(4);
        let (database, node) = (self.database, self.node);
        tokio::spawn(async move {
            let mut told = None;
            let mut silent = 0;
            let mut piece = Bytes::from_static(b"retry: 500\n\n");
            loop {
                if !piece.is_empty() && pieces.send(Ok(piece)).await.is_err() {
                    return;
                }
                let sold = ask::database(database, "COUNT", DATABASE_WITHIN).await;
                let sold = sold.ok().and_then(|s| s.parse::<u64>().ok());
                silent += 1;
                piece = match sold {
                    Some(sold) if told != Some(sold) => {
                        (told, silent) = (Some(sold), 0);
                        format!("data: {{\"sold\":{sold},\"node\":\"{node}\"}}\n\n").into()
                    }
                    _ if silent >= BEAT_TICKS => {
                        silent = 0;
                        Bytes::from_static(b": still here\n\n")
                    }
                    _ => Bytes::new(),
                };
                tokio::select! {
                    () = tokio::time::sleep(TICK) => {}
                    () = pieces.closed() => return,
                }
            }
        });
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn problem(&self, request: &Request<Incoming>, status: StatusCode, key: &str) -> Response<Body> {
        let lang = html::chosen(request.uri().query()).unwrap_or_else(|| html::spoken(request.headers()));
        page::problem(lang, status, key).map(Body::whole)
    }
}

/// Who orders, by our own cookie.
fn visitor(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|c| c.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let who = pairs.find(|(name, _)| *name == VISITOR).map(|(_, who)| who)?;
    let fine = (1..=VISITOR_MAX).contains(&who.len())
        && who.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    fine.then_some(who)
}

/// The key of an order: from the header, without its quotes, or from the form's hidden field.
fn key(headers: &HeaderMap, form: &[u8]) -> Option<String> {
    let text = match headers.get(KEY) {
        Some(value) => value.to_str().ok()?.trim().strip_prefix('"')?.strip_suffix('"')?,
        None => {
            let form = std::str::from_utf8(form).ok()?;
            form.split('&').find_map(|pair| pair.strip_prefix("key="))?
        }
    };
    let fine = (8..=KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'%');
    fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_key_comes_in_the_head_or_else_in_the_form() {
        let none = HeaderMap::new();
        assert_eq!(key(&none, b"lantern=red&key=0123456789").as_deref(), Some("0123456789"));
        assert_eq!(key(&none, b"lantern=red"), None);
        assert_eq!(key(&none, b"key=short"), None);
        let quoted = headers(KEY, "\"from-the-head\"");
        assert_eq!(key(&quoted, b"key=0123456789").as_deref(), Some("from-the-head"));
        assert_eq!(key(&headers(KEY, "bare-words"), b""), None);
    }

    #[test]
    fn a_visitor_is_a_plain_word() {
        assert_eq!(visitor(&headers(header::COOKIE, "a=b; visitor=x-1; c=d")), Some("x-1"));
        assert_eq!(visitor(&headers(header::COOKIE, "visitor=a b")), None);
        assert_eq!(visitor(&headers(header::COOKIE, "visitors=1")), None);
    }
}
