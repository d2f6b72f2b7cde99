//! Both forms of the WebSocket handshake (HTTP/1.1 `Upgrade`, HTTP/2 extended CONNECT) as one.

use http::{Method, Request, Version, header};
use hyper::ext::Protocol;

/// The subprotocol of clients that can resume.
pub const RESUME: &str = "stillhere.resume.v1";

/// Whether a request asks for a WebSocket, be it rightly or not.
#[must_use]
pub fn is_handshake<B>(request: &Request<B>) -> bool {
    match request.version() {
        Version::HTTP_2 => {
            request.method() == Method::CONNECT
                && request.extensions().get::<Protocol>().is_some_and(|p| p.as_str() == "websocket")
        }
        Version::HTTP_11 => {
            request.method() == Method::GET
                && request
                    .headers()
                    .get_all(header::UPGRADE)
                    .iter()
                    .any(|v| has_token(v.as_bytes(), "websocket"))
        }
        _ => false,
    }
}

fn has_token(list: &[u8], token: &str) -> bool {
    list.split(|&b| b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}
