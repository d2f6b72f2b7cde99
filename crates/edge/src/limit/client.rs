//! Who the client is, when proxies stand between.
//!
//! Each proxy adds at the right whom it got the request from. So the list is read from the right, as long as the
//! speaker is trusted; the first address that is not a trusted proxy is the client. Everything left of it was written
//! by the client and is worth nothing. A word that is not an address ends the reading: the last one that was
//! understood counts.

use super::{ForwardedHeader, KeySpec, LimitSpec, is_trusted};
use http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// Most proxies in a row.
const HOPS_MAX: usize = 16;
/// Longest key that is counted; longer ones are cut, so that they share a meter.
const KEY_MAX: usize = 256;

pub(super) fn address(spec: &LimitSpec, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !is_trusted(spec, peer) {
        return peer;
    }
    let name = match spec.forwarded_header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let mut client = peer;
    let lines = headers.get_all(name).into_iter().rev();
    let words = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for word in words.take(HOPS_MAX) {
        let found = match spec.forwarded_header {
            ForwardedHeader::XForwardedFor => node(word.trim()),
            ForwardedHeader::Forwarded => forwarded(word),
        };
        let Some(ip) = found else { break };
        client = ip;
        if !is_trusted(spec, ip) {
            break;
        }
    }
    client
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

/// The `for` of one element of RFC 7239. A quoted comma cannot be in what we understand, so splitting at commas
/// before is safe: the pieces are not understood.
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            if found.is_some() {
                return None;
            }
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"')?,
                None if value.contains(['[', ':']) => return None,
                None => value,
            };
            found = Some(node(value)?);
        }
    }
    found
}

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`; bare IPv6, as many write it in X-Forwarded-For.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let ip = text.parse().ok().or_else(bracketed);
    ip.or_else(|| text.parse().ok().map(|a: SocketAddr| a.ip())).map(|ip: IpAddr| ip.to_canonical())
}
