//! What a request says of itself: its head, and whom it is for.

use http::{Request, header, request::Parts};
use hyper::body::Incoming;
use std::net::IpAddr;

/// The head of a request whose body is not ours to take.
pub(super) fn head_of(request: &Request<Incoming>) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    head.method = request.method().clone();
    head.uri = request.uri().clone();
    head.version = request.version();
    head.headers = request.headers().clone();
    head
}

pub(super) fn host_of_request(request: &Request<Incoming>) -> &str {
    host_in(request.uri(), request.headers())
}

/// What a request is for, without the port.
pub(crate) fn host_of(parts: &Parts) -> &str {
    host_in(&parts.uri, &parts.headers)
}

fn host_in<'a>(uri: &'a http::Uri, headers: &'a http::HeaderMap) -> &'a str {
    let from_uri = uri.authority().map(http::uri::Authority::as_str);
    let host = from_uri.or_else(|| headers.get(header::HOST).and_then(|h| h.to_str().ok())).unwrap_or("");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    without_port(host)
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address without port ends with its bracket.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// One household is one client: an IPv6 user has a whole /64.
pub(super) fn share_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
