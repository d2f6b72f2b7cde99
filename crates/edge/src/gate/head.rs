//! What a head may say. The syntax is read by httparse, which hyper reads it with as well; here are the rules that it
//! leaves open.

use super::{HEADERS_MAX, Limits, Violation, chunk::is_token};
use httparse::{Error, Header, Request, Status};
use std::mem::MaybeUninit;

/// How the message goes on after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    /// The body's length, or [`Framing::CHUNKED`].
    pub(super) body: u64,
    /// It asks to switch protocols, or to become a tunnel.
    pub(super) switches: bool,
}

impl Framing {
    pub(super) const NONE: u64 = 0;
    pub(super) const CHUNKED: u64 = u64::MAX;
}

/// Headers that speak to everybody on the way, or to the application: naming them in `Connection` would make the next
/// hop drop them.
const NOT_NOMINATED: [&str; 15] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "content-range",
    "authorization",
    "cookie",
    "origin",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "idempotency-key",
];

/// Fields that mean nothing, or too much, after a body (RFC 9110 §6.5.1).
const NOT_TRAILING: [&str; 14] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "content-range",
    "connection",
    "upgrade",
    "trailer",
    "te",
    "expect",
    "authorization",
    "cookie",
    "idempotency-key",
];

/// What one pass over the headers has found.
#[derive(Default)]
struct Found<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

/// Judges a whole head: a request line, headers, and the empty line. All line ends are CR LF already.
pub(super) fn judge(head: &[u8], limits: &Limits) -> Result<Framing, Violation> {
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = Request::new(&mut []);
    let most = limits.headers.min(HEADERS_MAX);
    let parsed = httparse::ParserConfig::default().parse_request_with_uninit_headers(
        &mut request,
        head,
        &mut slots[..most],
    );
    match parsed {
        Ok(Status::Complete(n)) if n == head.len() => {}
        Ok(_) => return Err(Violation::RequestLine),
        Err(e) => return Err(syntax(e, head)),
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(Violation::RequestLine);
    };
    if target.len() > limits.url {
        return Err(Violation::UrlTooLong);
    }
    let found = headers(request.headers, version)?;
    if found.host.is_none() && version == 1 {
        return Err(Violation::HostMissing);
    }
    if let Some(host) = found.host
        && !is_authority(host)
    {
        return Err(Violation::HostInvalid);
    }
    let connect = method == "CONNECT";
    judge_target(method, target.as_bytes(), found.host)?;
    if connect && (found.chunked || found.length.is_some_and(|l| l > 0)) {
        return Err(Violation::ConnectWithBody);
    }
    if let (Some(length), Some(most)) = (found.length, limits.body)
        && length > most
    {
        return Err(Violation::BodyTooLarge);
    }
    let body = if found.chunked { Framing::CHUNKED } else { found.length.unwrap_or(Framing::NONE) };
    // In HTTP/1.0 there is no Upgrade: it is ignored there, by hyper as well.
    Ok(Framing { body, switches: connect || found.upgrade && version == 1 })
}

/// Judges the fields after a chunked body, with the empty line.
pub(super) fn judge_trailer(block: &[u8]) -> Result<(), Violation> {
    if block == b"\r\n" {
        return Ok(());
    }
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let Ok(Status::Complete((n, fields))) = httparse::parse_headers(block, &mut slots) else {
        return Err(Violation::Trailer);
    };
    let forbidden = |f: &Header<'_>| NOT_TRAILING.iter().any(|no| same_name(f.name, no));
    if n != block.len() || fields.iter().any(forbidden) { Err(Violation::Trailer) } else { Ok(()) }
}

fn headers<'a>(headers: &[Header<'a>], version: u8) -> Result<Found<'a>, Violation> {
    let mut found = Found::default();
    let mut coded = false;
    for header in headers {
        let (name, value) = (header.name, header.value);
        // One look at the length spares nearly all headers every comparison.
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => once(&mut found.host, value, Violation::HostRepeated)?,
            7 if name.eq_ignore_ascii_case("upgrade") => found.upgrade = true,
            10 if name.eq_ignore_ascii_case("connection") => connection(value)?,
            14 if same_name(name, "content-length") => {
                if name.contains('_') {
                    return Err(Violation::LookAlike);
                }
                once(&mut found.length, length(value)?, Violation::LengthRepeated)?;
            }
            17 if same_name(name, "transfer-encoding") => {
                if name.contains('_') {
                    return Err(Violation::LookAlike);
                }
                if coded {
                    return Err(Violation::CodingRepeated);
                }
                coded = true;
                if version == 0 {
                    return Err(Violation::CodingInOldVersion);
                }
                coding(value)?;
                found.chunked = true;
            }
            _ => {}
        }
    }
    if found.chunked && found.length.is_some() { Err(Violation::LengthAndCoding) } else { Ok(found) }
}

fn once<T>(slot: &mut Option<T>, value: T, again: Violation) -> Result<(), Violation> {
    if slot.replace(value).is_some() { Err(again) } else { Ok(()) }
}

/// The same name to somebody who makes variables of headers, where `-` and `_` are one.
fn same_name(name: &str, lower: &str) -> bool {
    name.len() == lower.len()
        && name.bytes().zip(lower.bytes()).all(|(a, b)| a.to_ascii_lowercase() == b || a == b'_' && b == b'-')
}

fn length(value: &[u8]) -> Result<u64, Violation> {
    if value.contains(&b',') {
        return Err(Violation::LengthRepeated);
    }
    let plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    // A leading zero is octal to some.
    if !plain || value.len() > 1 && value[0] == b'0' {
        return Err(Violation::LengthInvalid);
    }
    let number = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
    number.filter(|n| *n < Framing::CHUNKED).ok_or(Violation::LengthInvalid)
}

fn coding(value: &[u8]) -> Result<(), Violation> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    // Well formed, and ends with chunked: it is clear where it ends, we only cannot decode it.
    let mut codings: Vec<&[u8]> = value.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
    let last = codings.pop();
    let known = |c: &&[u8]| {
        !c.is_empty()
            && c.iter().all(|b| is_token(*b))
            && !c.eq_ignore_ascii_case(b"chunked")
            && !c.eq_ignore_ascii_case(b"identity")
    };
    let clear = last.is_some_and(|l| l.eq_ignore_ascii_case(b"chunked")) && codings.iter().all(known);
    Err(if clear && !codings.is_empty() { Violation::CodingUnknown } else { Violation::CodingInvalid })
}

fn connection(value: &[u8]) -> Result<(), Violation> {
    if value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close") {
        return Ok(());
    }
    let nominated = |option: &[u8]| NOT_NOMINATED.iter().any(|no| option.eq_ignore_ascii_case(no.as_bytes()));
    if value.split(|b| *b == b',').any(|o| nominated(o.trim_ascii())) {
        Err(Violation::Nominated)
    } else {
        Ok(())
    }
}

fn judge_target(method: &str, target: &[u8], host: Option<&[u8]>) -> Result<(), Violation> {
    // A fragment never travels; what is beyond ASCII is read differently by everybody.
    if target.iter().any(|b| !b.is_ascii_graphic() || *b == b'#') {
        return Err(Violation::Target);
    }
    if method == "CONNECT" {
        if !is_authority(target) || !target.contains(&b':') {
            return Err(Violation::Target);
        }
        return match host {
            Some(host) if !host.eq_ignore_ascii_case(target) => Err(Violation::HostDiffers),
            _ => Ok(()),
        };
    }
    match target.first() {
        Some(b'/') => return Ok(()),
        Some(b'*') if target.len() == 1 && method == "OPTIONS" => return Ok(()),
        _ => {}
    }
    let (rest, port) = match scheme(target) {
        Some(found) => found,
        None => return Err(Violation::Target),
    };
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let authority = &rest[..end];
    if !is_authority(authority) {
        return Err(Violation::Target);
    }
    let host = host.unwrap_or(authority);
    let without = |a: &[u8]| a.strip_suffix(port).unwrap_or(a).to_ascii_lowercase();
    if without(authority) == without(host) { Ok(()) } else { Err(Violation::HostDiffers) }
}

/// What follows `http://` or `https://`, and the usual port of it.
fn scheme(target: &[u8]) -> Option<(&[u8], &'static [u8])> {
    for (scheme, port) in [(&b"http://"[..], &b":80"[..]), (b"https://", b":443")] {
        if target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme) {
            return Some((&target[scheme.len()..], port));
        }
    }
    None
}

/// A host and perhaps a port: a name, an IPv4 address, or an IPv6 address in brackets.
fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|b| *b == b']') else { return false };
            let inside = &rest[..end];
            if inside.len() < 2 || !inside.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
                return false;
            }
            (inside, &rest[end + 1..])
        }
        _ => {
            let end = text.iter().position(|b| *b == b':').unwrap_or(text.len());
            let name = &text[..end];
            if !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~')) {
                return false;
            }
            (name, &text[end..])
        }
    };
    let port_fits = match port {
        [] => true,
        [b':', digits @ ..] => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    !host.is_empty() && port_fits
}

/// Which rule of the syntax it was.
fn syntax(e: Error, head: &[u8]) -> Violation {
    match e {
        Error::TooManyHeaders => Violation::TooManyHeaders,
        Error::HeaderName | Error::HeaderValue => Violation::Header,
        Error::Version => {
            let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
            match line.rsplit(|b| *b == b' ').next() {
                Some([b'H', b'T', b'T', b'P', b'/', a, b'.', b])
                    if a.is_ascii_digit() && b.is_ascii_digit() =>
                {
                    Violation::Version
                }
                _ => Violation::RequestLine,
            }
        }
        _ if head.first().is_none_or(|b| !is_token(*b)) => Violation::RequestLine,
        // A carriage return alone, or a method or an address that cannot be one.
        _ => {
            let first = memchr::memchr(b'\n', head).unwrap_or(head.len());
            let mut line = [httparse::EMPTY_HEADER; 0];
            let alone = [&head[..=first.min(head.len() - 1)], b"\r\n"].concat();
            match Request::new(&mut line).parse(&alone) {
                Ok(Status::Complete(_)) => Violation::Header,
                _ => Violation::RequestLine,
            }
        }
    }
}
