//! How handlers read requests: strictly, bounded, and with a problem for an answer when something is not right.

use crate::{
    lang,
    problem::{FieldProblem, Problem},
    serve::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use stillhere_model::Lang;
use stillhere_node::Once;

/// Largest JSON body.
pub(crate) const MAX_JSON_BYTES: usize = 64 * 1024;
/// Longest `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A JSON body: `application/json`, at most [`MAX_JSON_BYTES`], no unknown fields (the types say so).
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body of a request that is carried out once however often it is sent, if it carries an `Idempotency-Key`.
pub(crate) struct Keyed<T>(pub(crate) T, pub(crate) Option<Once>);

/// The query string, with no unknown parameters (the types say so).
pub(crate) struct Asked<T>(pub(crate) T);

/// The language of the answer.
pub(crate) struct In(pub(crate) Lang);

// === impl Json ===

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Json<T>, Problem> {
        parsed(&json_body(request).await?).map(Json)
    }
}

async fn json_body(request: Request) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::wrong_type("Send JSON, and say so: Content-Type: application/json"));
    }
    body(request, MAX_JSON_BYTES).await
}

pub(crate) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let not_json = |e: &serde_json::Error| Problem::bad_request(format!("The body is not JSON: {e}"));
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let field = e.path().to_string();
        let inner = e.into_inner();
        if inner.classify() != serde_json::error::Category::Data {
            return not_json(&inner);
        }
        let field = if field == "." { "body".to_owned() } else { field };
        Problem::invalid(vec![FieldProblem { field, problem: inner.to_string() }])
    })?;
    json.end().map_err(|e| not_json(&e))?;
    Ok(value)
}

// === impl Keyed ===

impl<T: DeserializeOwned> FromRequest<App> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Keyed<T>, Problem> {
        let key = idempotency_key(request.headers())?;
        let mut asked = ring::digest::Context::new(&ring::digest::SHA256);
        asked.update(request.method().as_str().as_bytes());
        asked.update(b" ");
        asked.update(request.uri().path().as_bytes());
        // No path holds a zero byte, so path and body cannot run into each other.
        asked.update(b"\0");
        let body = json_body(request).await?;
        asked.update(&body);
        let request = asked.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Ok(Keyed(parsed(&body)?, key.map(|key| Once { key, request })))
    }
}

/// The header of draft-ietf-httpapi-idempotency-key-header: a string of RFC 8941, in quotes. Without quotes it is
/// taken as well: that is how most clients send it.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => key.to_str().ok().map(str::trim),
        (Some(_), Some(_)) => None,
    };
    let bare = key.map(|k| k.strip_prefix('"').and_then(|k| k.strip_suffix('"')).unwrap_or(k));
    let fits = |k: &&str| {
        (1..=MAX_KEY_BYTES).contains(&k.len())
            && k.bytes().all(|b| (b' '..=b'~').contains(&b) && !matches!(b, b'"' | b'\\'))
    };
    match bare.filter(fits) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::bad_request(format!(
            "Idempotency-Key: one, in quotes, of 1 to {MAX_KEY_BYTES} printable ASCII characters, such as a UUID."
        ))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()) else { return false };
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The body, if it is not larger than `limit`.
pub(crate) async fn body(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("{limit} bytes is the most."));
    let said =
        request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|n| n > limit as u64) {
        return Err(too_large());
    }
    axum::body::to_bytes(request.into_body(), limit).await.map_err(|e| {
        if std::error::Error::source(&e).is_some_and(|s| s.is::<http_body_util::LengthLimitError>()) {
            too_large()
        } else {
            Problem::bad_request("The body broke off.")
        }
    })
}

// === impl Asked ===

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Asked<T>, Problem> {
        let Query(asked) = Query::try_from_uri(&parts.uri)
            .map_err(|e| Problem::bad_request(format!("The query: {}", e.body_text())))?;
        Ok(Asked(asked))
    }
}

// === impl In ===

impl FromRequestParts<App> for In {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<In, Problem> {
        let asked =
            parts.uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("lang="));
        Ok(In(choose(asked, &parts.headers, app.shelves.now().langs())))
    }
}

fn choose(asked: Option<&str>, headers: &HeaderMap, have: &[Lang]) -> Lang {
    let asked = asked.and_then(|tag| tag.parse().ok()).filter(|l| have.contains(l));
    let accepted = || {
        let header = headers.get(header::ACCEPT_LANGUAGE)?;
        lang::accepted(header.as_bytes(), have)
    };
    asked.or_else(accepted).or_else(|| have.first().copied()).unwrap_or_default()
}
