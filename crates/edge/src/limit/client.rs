//! Who the client is, when proxies stand between.
//!
//! Each proxy adds at the right whom it got the request from. So the list is read from the right, as long as the
//! speaker is trusted; the first address that is not a trusted proxy is the client. Everything left of it was written
//! by the client and is worth nothing. A word that is not an address ends the reading: the last one that was
//! understood counts.

use super::{ForwardedHeader, KeySpec, LimitSpec, is_trusted};
use http::{HeaderMap, HeaderName, header};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Most proxies in a row.
const HOPS_MAX: usize = 16;
/// Longest key that is counted; longer ones are cut, so that they share a meter.
const KEY_MAX: usize = 256;

pub(super) fn address(spec: &LimitSpec, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let named = match spec.forwarded_header {
        ForwardedHeader::XForwardedFor => headers.contains_key(X_FORWARDED_FOR),
        ForwardedHeader::Forwarded => headers.contains_key(header::FORWARDED),
    };
    if !named || !is_trusted(spec, peer) {
        return peer;
    }
    let mut client = peer;
    for found in said(spec.forwarded_header, headers).take(HOPS_MAX) {
        let Some(ip) = found else { break };
        client = ip;
        if !is_trusted(spec, ip) {
            break;
        }
    }
    client
}

/// Whom the header names, from the right; `None`: a word that is not understood.
fn said(header: ForwardedHeader, headers: &HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    match header {
        ForwardedHeader::XForwardedFor => {
            let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
            let words = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
            Box::new(words.map(|word| node(word.trim())))
        }
        ForwardedHeader::Forwarded => {
            let lines = headers.get_all(header::FORWARDED).into_iter().rev();
            Box::new(lines.flat_map(|line| {
                let elements = line.to_str().ok().and_then(|line| outside_quotes(line, b','));
                let found: Vec<_> = match elements {
                    Some(elements) => elements.into_iter().rev().map(forwarded).collect(),
                    None => vec![None],
                };
                found
            }))
        }
    }
}

pub(super) fn key(by: &KeySpec, headers: &HeaderMap) -> Option<String> {
    let value = match (&by.header, &by.cookie) {
        (Some(name), _) => headers.get(name.as_str())?.to_str().ok()?,
        (None, Some(name)) => cookie(headers, name)?,
        (None, None) => return None,
    };
    let end = value.char_indices().nth(KEY_MAX).map_or(value.len(), |(n, _)| n);
    (!value.is_empty()).then(|| value[..end].to_owned())
}

/// The first cookie of this name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(n, value)| (n == name).then_some(value))
}

/// The `for` of one element of RFC 7239. What hides itself (`unknown`, `_secret`) is not an address.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in outside_quotes(element, b';')? {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            let value = match value.strip_prefix('"') {
                Some(rest) => unescaped(rest.strip_suffix('"')?),
                None if value.contains(['[', ':']) => return None,
                None => value.to_owned(),
            };
            found = Some(node(&value)?);
        }
    }
    found
}

/// Cut at `at`, but not within quotes: a client can have a proxy quote what the client wrote, such as its `Host`, and
/// what stands in there names nobody. `None`: a quotation mark is missing.
fn outside_quotes(text: &str, at: u8) -> Option<Vec<&str>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (i, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b if b == at && !quoted => {
                pieces.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[from..]);
    (!quoted).then_some(pieces)
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`; bare IPv6, as many write it in X-Forwarded-For.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let ip = text.parse().ok().or_else(bracketed);
    ip.or_else(|| text.parse().ok().map(|a: SocketAddr| a.ip())).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Prefix;

    #[test]
    fn an_element_of_forwarded_names_an_address_or_nobody() {
        for (element, want) in [
            ("for=192.0.2.1", Some("192.0.2.1")),
            ("For=192.0.2.1;proto=https;by=203.0.113.43", Some("192.0.2.1")),
            ("proto=https; for=192.0.2.1", Some("192.0.2.1")),
            ("for=\"192.0.2.1:4711\"", Some("192.0.2.1")),
            ("for=\"[2001:db8::1]\"", Some("2001:db8::1")),
            ("for=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
            ("for=\"\\[2001:db8::1\\]\"", Some("2001:db8::1")),
            ("for=\"[::ffff:192.0.2.1]\"", Some("192.0.2.1")),
            ("for=192.0.2.1;host=\"a;for=10.0.0.9;b=\"", Some("192.0.2.1")),
            ("host=\"a;for=10.0.0.9;b=\"", None),
            ("for=[2001:db8::1]", None),
            ("for=192.0.2.1:4711", None),
            ("for=unknown", None),
            ("for=\"unknown\"", None),
            ("for=_hidden", None),
            ("for=\"_SEVKISEK\"", None),
            ("for=192.0.2.1;for=10.0.0.9", None),
            ("for=\"192.0.2.1", None),
            ("for=", None),
            ("proto=https", None),
            ("", None),
        ] {
            let want = want.map(|ip| ip.parse::<IpAddr>().expect("an address"));
            assert_eq!(forwarded(element), want, "{element}");
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right_as_far_as_it_is_trusted() {
        let spec = LimitSpec {
            trust_forwarded_from: vec![Prefix::of([10, 0, 0, 0].into(), 8)],
            forwarded_header: ForwardedHeader::Forwarded,
            ..LimitSpec::default()
        };
        let (proxy, stranger) = ([10, 0, 0, 1].into(), [192, 0, 2, 99].into());
        for (lines, want) in [
            (&["for=192.0.2.1"][..], "192.0.2.1"),
            (&["for=198.51.100.1, for=192.0.2.1"], "192.0.2.1"),
            (&["for=198.51.100.1", "for=192.0.2.1"], "192.0.2.1"),
            (&["for=192.0.2.1, for=10.0.0.2"], "192.0.2.1"),
            (&["for=192.0.2.1", "for=10.0.0.2;proto=http, for=10.0.0.3"], "192.0.2.1"),
            (&["for=192.0.2.1, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.1, for=_a, for=10.0.0.2"], "10.0.0.2"),
            // A client chose this host, and the proxy quoted it.
            (&["for=192.0.2.1;host=\"x,for=203.0.113.7;a=\""], "192.0.2.1"),
            (&["host=\"x,for=203.0.113.7;a=\""], "10.0.0.1"),
            (&["for=192.0.2.1;host=\"x"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("forwarded", line.parse().expect("a value"));
            }
            assert_eq!(address(&spec, proxy, &headers).to_string(), want, "{lines:?}");
            assert_eq!(address(&spec, stranger, &headers), stranger, "{lines:?}");
        }
    }
}
