//! Both forms of the WebSocket handshake as one: HTTP/1.1 `Upgrade` (RFC 6455 §4) and HTTP/2 extended CONNECT
//! (RFC 8441). Inside, everything is HTTP/1.1; each side is answered in its own form.

use crate::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header, request,
    response,
};
use hyper::ext::Protocol;
use stillhere_net::entropy;

/// The subprotocol of clients that can resume.
pub const RESUME: &str = "stillhere.resume.v1";
/// Most subprotocols a client may offer; further ones are as if not offered.
const OFFERS_MAX: usize = 32;
const VERSION: &str = "13";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("Upgrade");

/// What a client's handshake says.
#[derive(Debug)]
pub(super) struct Asked {
    /// HTTP/2's client: no key, and 200 instead of 101.
    pub two: bool,
    /// What answers its `Sec-WebSocket-Key`. Not the key: that would keep all that the client sent.
    accept: Option<HeaderValue>,
    /// The subprotocols it offers, best first.
    pub offers: Vec<String>,
}

/// Whether a request asks for a WebSocket, be it rightly or not.
#[must_use]
pub fn is_handshake<B>(request: &Request<B>) -> bool {
    match request.version() {
        Version::HTTP_2 => {
            request.method() == Method::CONNECT
                && request.extensions().get::<Protocol>().is_some_and(|p| p.as_str() == "websocket")
        }
        Version::HTTP_11 => {
            request.method() == Method::GET && has_token(request.headers(), &header::UPGRADE, "websocket")
        }
        _ => false,
    }
}

/// Makes one form of both: HTTP/2 has the host in the address, HTTP/1.1 beside it.
pub(super) fn settle(parts: &mut request::Parts) {
    if parts.version != Version::HTTP_2 {
        return;
    }
    if let Some(host) = parts.uri.authority().and_then(|a| HeaderValue::try_from(a.as_str()).ok()) {
        parts.headers.insert(header::HOST, host);
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| http::Uri::from_static("/"), Into::into);
}

/// Reads a client's handshake.
///
/// # Errors
/// The answer for a handshake that is none: 400, or 426 with the version we speak.
pub(super) fn read(parts: &request::Parts) -> Result<Asked, Box<Response<Body>>> {
    let two = parts.version == Version::HTTP_2;
    let headers = &parts.headers;
    let no = |status: StatusCode, why: &'static str| {
        let mut answer = Response::new(Body::whole(why));
        *answer.status_mut() = status;
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if status == StatusCode::UPGRADE_REQUIRED {
            answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        }
        Box::new(answer)
    };
    let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    if versions.next().is_none_or(|v| v.as_bytes() != VERSION.as_bytes()) || versions.next().is_some() {
        return Err(no(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket of version 13.\n"));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let key = keys.next();
    if !two {
        let good = key.is_some_and(|k| STANDARD.decode(k.as_bytes()).is_ok_and(|k| k.len() == 16));
        if !good || keys.next().is_some() || !has_token(headers, &header::CONNECTION, "upgrade") {
            return Err(no(StatusCode::BAD_REQUEST, "The WebSocket handshake is not complete.\n"));
        }
    }
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|l| l != "0");
    if length || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(no(StatusCode::BAD_REQUEST, "A WebSocket handshake has no body.\n"));
    }
    let offers = offers(headers).map(str::to_owned).collect();
    Ok(Asked { two, accept: key.map(|key| accept(key.as_bytes())), offers })
}

/// The subprotocols that are offered.
fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .filter(|offer| !offer.is_empty())
        .take(OFFERS_MAX)
}

/// Whether a client can resume.
pub(crate) fn offers_resume(headers: &HeaderMap) -> bool {
    offers(headers).any(|offer| offer == RESUME)
}

/// Makes the handshake that goes to a node: HTTP/1.1, a key of ours, and only those offers. Returns what the node
/// must answer to the key.
pub(super) fn to_node(parts: &mut request::Parts, offers: &[&str]) -> HeaderValue {
    parts.method = Method::GET;
    parts.version = Version::HTTP_11;
    parts.extensions.remove::<Protocol>();
    let key = STANDARD.encode(entropy::bytes::<16>());
    let expected = accept(key.as_bytes());
    let headers = &mut parts.headers;
    headers.insert(header::UPGRADE, WEBSOCKET);
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::try_from(key).expect("base64 is ASCII"));
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    if let Ok(value) = HeaderValue::try_from(offers.join(", "))
        && !offers.is_empty()
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    expected
}

/// Whether a node's answer opens the socket.
pub(super) fn is_open(head: &response::Parts, expected: &HeaderValue) -> bool {
    match head.status {
        StatusCode::SWITCHING_PROTOCOLS => {
            head.headers.get(header::SEC_WEBSOCKET_ACCEPT) == Some(expected)
                && has_token(&head.headers, &header::UPGRADE, "websocket")
        }
        StatusCode::OK => true,
        _ => false,
    }
}

/// The client's answer: what the node said of the socket, in the client's form.
pub(super) fn answer(asked: &Asked, mut headers: HeaderMap) -> Response<Body> {
    for name in [
        header::UPGRADE,
        header::CONNECTION,
        header::SEC_WEBSOCKET_ACCEPT,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    let mut answer = Response::new(Body::empty());
    if asked.two {
        *answer.status_mut() = StatusCode::OK;
    } else {
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        headers.insert(header::UPGRADE, WEBSOCKET);
        headers.insert(header::CONNECTION, UPGRADE);
        if let Some(accept) = &asked.accept {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
        }
    }
    *answer.headers_mut() = headers;
    answer
}

/// The answer of the edge itself, when it ends the socket: no extension, and this subprotocol.
pub(super) fn own_answer(asked: &Asked, protocol: Option<&str>) -> Response<Body> {
    let mut headers = HeaderMap::new();
    if let Some(protocol) = protocol.and_then(|p| HeaderValue::try_from(p).ok()) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    answer(asked, headers)
}

fn accept(key: &[u8]) -> HeaderValue {
    const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(MAGIC);
    HeaderValue::try_from(STANDARD.encode(hash.finish())).expect("base64 is ASCII")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|v| v.as_bytes().split(|&b| b == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> request::Builder {
        Request::get("/chat")
            .header("upgrade", "WebSocket")
            .header("connection", "keep-alive, Upgrade")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13")
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_in_the_rfc() {
        let request = good().header("sec-websocket-protocol", "a, b").body(()).unwrap();
        assert!(is_handshake(&request));
        let asked = read(&request.into_parts().0).unwrap();
        assert_eq!(asked.offers, ["a", "b"]);
        let answer = own_answer(&asked, Some("b"));
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer.headers()["sec-websocket-protocol"], "b");
    }

    #[test]
    fn half_a_handshake_is_refused_with_the_reason() {
        let mut wrong = good().body(()).unwrap();
        wrong.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("8"));
        let answer = read(&wrong.into_parts().0).unwrap_err();
        assert_eq!(answer.status(), 426);
        assert_eq!(answer.headers()["sec-websocket-version"], "13");

        for name in ["sec-websocket-key", "connection"] {
            let mut wrong = good().body(()).unwrap();
            wrong.headers_mut().remove(name);
            assert_eq!(read(&wrong.into_parts().0).unwrap_err().status(), 400, "{name}");
        }
        let body = good().header("content-length", "5").body(()).unwrap();
        assert_eq!(read(&body.into_parts().0).unwrap_err().status(), 400);
    }

    #[test]
    fn a_node_that_did_not_read_our_key_does_not_open_a_socket() {
        let mut parts = good().header("sec-websocket-protocol", "x").body(()).unwrap().into_parts().0;
        let expected = to_node(&mut parts, &["x"]);
        assert_ne!(parts.headers["sec-websocket-key"], "dGhlIHNhbXBsZSBub25jZQ==");
        let head = |accept: &HeaderValue| {
            Response::builder()
                .status(101)
                .header("upgrade", "websocket")
                .header("sec-websocket-accept", accept)
                .body(())
                .unwrap()
                .into_parts()
                .0
        };
        assert!(is_open(&head(&expected), &expected));
        assert!(!is_open(&head(&HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), &expected));
    }
}
