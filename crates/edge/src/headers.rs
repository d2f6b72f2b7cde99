//! What a proxy must take away from a message, and what it adds: RFC 9110 §7.6 and the `X-Forwarded-*` customs.

use crate::limit::ForwardedHeader;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, request, response, uri::Authority,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const MAX_FORWARDS: HeaderName = HeaderName::from_static("max-forwards");
pub const OUTCOME: HeaderName = HeaderName::from_static("stillhere-outcome");
/// What only we say: neither does an origin say it to clients, nor a client to an origin.
const OWN: &str = "stillhere-";
/// Lines that are added to a request: `Via`, `TE`, and three of `X-Forwarded-*`.
const ADDED: usize = 5;

/// What is said about the client in each of its requests; made once for a connection.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: HeaderValue,
    pub tls: bool,
    /// The far side is a proxy that we trust: what it says of the client, in this header, is kept and continued.
    pub trusted: Option<ForwardedHeader>,
}

/// Gives a head memory of its own, of just its size. As it was read, its values are pieces of the connection's buffer,
/// and keep all of that for as long as the request waits.
pub fn apart(head: &mut request::Parts) {
    let mut all = BytesMut::with_capacity(head.headers.values().map(HeaderValue::len).sum());
    for value in head.headers.values_mut() {
        all.extend_from_slice(value.as_bytes());
        let Ok(mut own) = HeaderValue::from_maybe_shared(all.split().freeze()) else { continue };
        own.set_sensitive(value.is_sensitive());
        *value = own;
    }
    if let Ok(own) = Uri::from_maybe_shared(Bytes::from(head.uri.to_string())) {
        head.uri = own;
    }
}

/// Which of the names that a proxy acts on are in a head. One look along its lines costs less than asking for each name.
#[derive(Debug, Clone, Copy, Default)]
struct There {
    connection: bool,
    te: bool,
    coded: bool,
    /// The others that concern a connection alone.
    of_hop: bool,
    expect: bool,
    forwarded: bool,
    forwarded_for: bool,
    forwarded_proto: bool,
    forwarded_host: bool,
    /// What only we say.
    own: bool,
}

// === impl There ===

impl There {
    fn of(headers: &HeaderMap) -> There {
        let mut there = There::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" => there.connection = true,
                "te" => there.te = true,
                "transfer-encoding" => there.coded = true,
                "keep-alive" | "proxy-connection" | "upgrade" => there.of_hop = true,
                "expect" => there.expect = true,
                "forwarded" => there.forwarded = true,
                "x-forwarded-for" => there.forwarded_for = true,
                "x-forwarded-proto" => there.forwarded_proto = true,
                "x-forwarded-host" => there.forwarded_host = true,
                name if name.starts_with(OWN) => there.own = true,
                _ => {}
            }
        }
        there
    }
}

/// Takes away what concerns only the connection it came on. True: it carried trailers that it wants (`TE: trailers`).
fn strip(headers: &mut HeaderMap, there: &mut There) -> bool {
    let trailers = there.te && wants_trailers(headers);
    if there.connection {
        // Nearly always "keep-alive" or "close", which name no header.
        let usual =
            |line: &HeaderValue| [&b"keep-alive"[..], b"close", b"Keep-Alive"].contains(&line.as_bytes());
        if !headers.get_all(header::CONNECTION).iter().all(usual) {
            let named: Vec<HeaderName> = headers
                .get_all(header::CONNECTION)
                .iter()
                .filter_map(|v| v.to_str().ok())
                .flat_map(|v| v.split(','))
                .filter_map(|name| name.trim().parse().ok())
                // The gate has refused those that would change what the message is; twice is cheap.
                .filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH)
                .collect();
            for name in named {
                headers.remove(name);
            }
            *there = There::of(headers);
        }
        headers.remove(header::CONNECTION);
    }
    if there.of_hop || there.te || there.coded {
        for name in [KEEP_ALIVE, PROXY_CONNECTION, header::TE, header::TRANSFER_ENCODING, header::UPGRADE] {
            headers.remove(name);
        }
    }
    trailers
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::TE).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Takes away what only we say.
fn strip_own(headers: &mut HeaderMap, there: &There) {
    if !there.own {
        return;
    }
    while let Some(name) = headers.keys().find(|name| name.as_str().starts_with(OWN)).cloned() {
        headers.remove(name);
    }
}

/// What goes on to the node.
pub fn to_node(headers: &mut HeaderMap, client: &Client, version: Version, authority: Option<&Authority>) {
    let mut there = There::of(headers);
    let wants_trailers = strip(headers, &mut there);
    strip_own(headers, &there);
    headers.reserve(ADDED);
    if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if there.expect {
        // We wait for the body ourselves; a second wait would only cost a round trip.
        headers.remove(header::EXPECT);
    }
    if let Some(authority) = authority {
        // HTTP/2 has it in the address; what is in a Host header beside it is not to be believed.
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            headers.insert(header::HOST, host);
        }
        join_cookies(headers);
    }
    let came_by = match version {
        Version::HTTP_2 => HeaderValue::from_static("2 stillhere"),
        Version::HTTP_10 => HeaderValue::from_static("1.0 stillhere"),
        _ => HeaderValue::from_static("1.1 stillhere"),
    };
    headers.append(header::VIA, came_by);
    let scheme = HeaderValue::from_static(if client.tls { "https" } else { "http" });
    let host = headers.get(header::HOST).cloned();
    if client.trusted == Some(ForwardedHeader::Forwarded) && there.forwarded {
        let hop = hop(&client.address, &scheme, host.as_ref());
        append_to_list(headers, header::FORWARDED, &hop);
    } else if there.forwarded {
        // Somebody could put another address there, and some origins read it.
        headers.remove(header::FORWARDED);
    }
    if client.trusted == Some(ForwardedHeader::XForwardedFor) && there.forwarded_for {
        append_to_list(headers, FORWARDED_FOR, &client.address);
    } else {
        headers.insert(FORWARDED_FOR, client.address.clone());
    }
    let said = [
        (FORWARDED_PROTO, Some(scheme), there.forwarded_proto),
        (FORWARDED_HOST, host, there.forwarded_host),
    ];
    for (name, value, said) in said {
        // What a proxy that we trust does not say, we say.
        if let Some(value) = value
            && (client.trusted.is_none() || !said)
        {
            headers.insert(name, value);
        }
    }
}

/// One line, because many origins read only one.
fn append_to_list(headers: &mut HeaderMap, name: HeaderName, last: &HeaderValue) {
    let mut list = Vec::new();
    for line in headers.get_all(&name) {
        list.extend_from_slice(line.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(last.as_bytes());
    let list = HeaderValue::from_bytes(&list).expect("values joined by a comma are a value");
    headers.insert(name, list);
}

/// Our element of `Forwarded` (RFC 7239 §4): IPv6 in brackets and in quotes, the host in quotes.
fn hop(address: &HeaderValue, scheme: &HeaderValue, host: Option<&HeaderValue>) -> HeaderValue {
    let mut hop = b"for=".to_vec();
    if address.as_bytes().contains(&b':') {
        hop.extend_from_slice(b"\"[");
        hop.extend_from_slice(address.as_bytes());
        hop.extend_from_slice(b"]\"");
    } else {
        hop.extend_from_slice(address.as_bytes());
    }
    hop.extend_from_slice(b";proto=");
    hop.extend_from_slice(scheme.as_bytes());
    if let Some(host) = host {
        hop.extend_from_slice(b";host=\"");
        for b in host.as_bytes() {
            if matches!(b, b'"' | b'\\') {
                hop.push(b'\\');
            }
            hop.push(*b);
        }
        hop.push(b'"');
    }
    HeaderValue::from_bytes(&hop).expect("parts of values between letters are a value")
}

/// Counts `Max-Forwards` of TRACE and OPTIONS down (RFC 9110 §7.6.2). False: this request goes no further than to us.
pub fn may_go_on(method: &Method, headers: &mut HeaderMap) -> bool {
    if *method != Method::OPTIONS && *method != Method::TRACE {
        return true;
    }
    let left = headers.get(MAX_FORWARDS).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u32>().ok());
    if let Some(less) = left.and_then(|n| n.checked_sub(1)) {
        headers.insert(MAX_FORWARDS, less.into());
    }
    left != Some(0)
}

/// HTTP/2 may send each cookie in a field of its own; HTTP/1 has one line (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(header::COOKIE).iter();
    if all.next().is_none() || all.next().is_none() {
        return;
    }
    let joined: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&joined.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// What goes back to the client.
pub fn to_client(head: &mut response::Parts) {
    let mut there = There::of(&head.headers);
    if there.coded {
        // The length beside a coding is not the length (RFC 9112 §6.3).
        head.headers.remove(header::CONTENT_LENGTH);
    }
    strip(&mut head.headers, &mut there);
    strip_own(&mut head.headers, &there);
    // The version is that of this connection, not of the node's.
    head.version = Version::HTTP_11;
}

/// Trailers that are kept: neither what only we say, nor what belongs to a connection or to the head of a message.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    let mut there = There::of(trailers);
    strip(trailers, &mut there);
    strip_own(trailers, &there);
    for name in [header::CONTENT_LENGTH, header::TRAILER, header::SET_COOKIE] {
        trailers.remove(name);
    }
}

/// Doing it twice is the same as doing it once (RFC 9110 §9.2.2).
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    is_safe(method) || matches!(*method, Method::PUT | Method::DELETE)
}

/// It asks for nothing to be done (RFC 9110 §9.2.1).
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(n, v)| (n.parse::<HeaderName>().expect("name"), HeaderValue::from_str(v).expect("value")))
            .collect()
    }
    fn stripped(h: &mut HeaderMap) -> bool {
        let mut there = There::of(h);
        strip(h, &mut there)
    }
    fn client(trusted: Option<ForwardedHeader>) -> Client {
        Client { address: HeaderValue::from_static("192.0.2.7"), tls: true, trusted }
    }

    #[test]
    fn what_concerns_the_connection_alone_is_not_passed_on() {
        let mut h = map(&[
            ("connection", "x-hop, keep-alive"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "foo"),
            ("transfer-encoding", "chunked"),
            ("accept", "*/*"),
        ]);
        assert!(stripped(&mut h));
        assert_eq!(h, map(&[("accept", "*/*")]));
    }

    #[test]
    fn host_and_length_stay_whatever_connection_names() {
        let mut h = map(&[("connection", "host, content-length, a"), ("host", "x"), ("content-length", "3")]);
        stripped(&mut h);
        assert_eq!(h, map(&[("host", "x"), ("content-length", "3")]));
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_who_the_client_is() {
        let given = [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1"), ("host", "shop")];
        let mut h = map(&given);
        to_node(&mut h, &client(None), Version::HTTP_11, None);
        assert_eq!(h["x-forwarded-for"], "192.0.2.7");
        assert_eq!(h["x-forwarded-proto"], "https");
        assert_eq!(h["x-forwarded-host"], "shop");
        assert!(!h.contains_key("forwarded"));
        let mut h = map(&given);
        to_node(&mut h, &client(Some(ForwardedHeader::XForwardedFor)), Version::HTTP_11, None);
        let all: Vec<_> = h.get_all("x-forwarded-for").iter().collect();
        assert_eq!(all, ["10.0.0.1, 192.0.2.7"]);
        assert!(!h.contains_key("forwarded"));
        // Of the two headers only the one that is agreed on is worth anything.
        let mut h = map(&given);
        to_node(&mut h, &client(Some(ForwardedHeader::Forwarded)), Version::HTTP_11, None);
        assert_eq!(h["x-forwarded-for"], "192.0.2.7");
        assert_eq!(h["forwarded"], "for=10.0.0.1, for=192.0.2.7;proto=https;host=\"shop\"");
        // Where nobody began the list, there is none: the origin is told in the usual headers.
        let mut h = map(&[("host", "shop")]);
        to_node(&mut h, &client(Some(ForwardedHeader::Forwarded)), Version::HTTP_11, None);
        assert!(!h.contains_key("forwarded"));
        assert_eq!(h["x-forwarded-for"], "192.0.2.7");
    }

    #[test]
    fn our_part_of_forwarded_is_quoted_where_it_must_be() {
        for (address, host, want) in [
            ("192.0.2.7", None, "for=192.0.2.7;proto=https"),
            ("2001:db8::1", None, "for=\"[2001:db8::1]\";proto=https"),
            ("192.0.2.7", Some("shop:8443"), "for=192.0.2.7;proto=https;host=\"shop:8443\""),
            ("192.0.2.7", Some("a\";for=1.2.3.4"), "for=192.0.2.7;proto=https;host=\"a\\\";for=1.2.3.4\""),
        ] {
            let host = host.map(HeaderValue::from_static);
            let got =
                hop(&HeaderValue::from_static(address), &HeaderValue::from_static("https"), host.as_ref());
            assert_eq!(got, want);
        }
    }

    #[test]
    fn a_head_apart_says_the_same_and_keeps_nothing_of_the_buffer() {
        let buffer = Bytes::from(vec![b'a'; 8192]);
        let mut head = http::Request::get("/shop?q=1").body(()).expect("a request").into_parts().0;
        for name in ["cookie", "x-more", "cookie"] {
            let value = HeaderValue::from_maybe_shared(buffer.slice(..5)).expect("letters");
            head.headers.append(name.parse::<HeaderName>().expect("a name"), value);
        }
        let before = head.clone();
        assert!(!buffer.is_unique());
        apart(&mut head);
        assert_eq!((&head.headers, &head.uri), (&before.headers, &before.uri));
        drop(before);
        assert!(buffer.is_unique());
    }

    #[test]
    fn each_line_of_connection_names_what_is_taken_away() {
        let mut h = map(&[("connection", "keep-alive"), ("connection", "x-hop"), ("x-hop", "1")]);
        stripped(&mut h);
        assert!(h.is_empty());
        let mut h = map(&[("te", "deflate;q=0.5, Trailers")]);
        assert!(stripped(&mut h));
    }

    #[test]
    fn cookies_of_http2_become_one_line_and_the_authority_becomes_the_host() {
        let mut h = map(&[("cookie", "a=1"), ("cookie", "b=2"), ("host", "evil")]);
        let authority = Authority::from_static("shop.example.com");
        to_node(&mut h, &client(None), Version::HTTP_2, Some(&authority));
        assert_eq!(h.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        assert_eq!(h["host"], "shop.example.com");
    }
}
