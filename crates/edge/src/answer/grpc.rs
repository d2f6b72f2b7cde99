//! For gRPC: HTTP 200, no body, and the status in the one block of headers ("Trailers-Only").

use super::{Outcome, Why};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{fmt::Write as _, time::Duration};

/// Bytes of the message: it travels in a header.
const MESSAGE_MAX: usize = 400;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// How long a client with a retry policy waits; negative: it does not try again (gRFC A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

pub(super) fn head(headers: &mut HeaderMap, why: &Why, message: &str, retry: Option<Duration>) {
    headers.insert(STATUS, code(why).into());
    headers.insert(
        MESSAGE,
        HeaderValue::try_from(encoded(message)).expect("percent-encoding leaves visible ASCII"),
    );
    let pushback = retry.map_or(-1, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    headers.insert(PUSHBACK, pushback.into());
}

/// UNAVAILABLE promises that nothing was done, so that clients repeat it; what may have been done is never that.
fn code(why: &Why) -> u16 {
    match why {
        Why::TooSlow => 4,
        why if why.outcome(false) == Some(Outcome::Unknown) => 2,
        Why::AllOut | Why::Paused { .. } | Why::Overloaded | Why::NotForwarded => 14,
        Why::QueueFull
        | Why::TooManyRequests
        | Why::WaitingRoom { .. }
        | Why::BodyTooLarge
        | Why::HeadTooLarge => 8,
        Why::RequestTimeout => 1,
        Why::BadRequest(_) | Why::KeyNeeded | Why::KeyMalformed => 3,
        Why::NotRouted => 12,
        Why::KeyInFlight => 10,
        Why::KeyOtherBody => 9,
        Why::Banned => 7,
        _ => 2,
    }
}

/// As gRPC's "PROTOCOL-HTTP2" wants it: everything but space and visible ASCII, and `%`, as `%XX`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        let plain = matches!(c, ' '..='~' if c != '%');
        let takes = if plain { 1 } else { bytes.len() * 3 };
        if out.len() + takes > MESSAGE_MAX {
            break;
        }
        if plain {
            out.push(c);
        } else {
            bytes.iter().for_each(|b| write!(out, "%{b:02X}").expect("a String takes everything"));
        }
    }
    // White space at either end of a header's value is not part of it.
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_as_a_header_and_is_cut_between_characters() {
        assert_eq!(encoded("100 % 好\n"), "100 %25 %E5%A5%BD%0A");
        let long = encoded(&"好".repeat(1_000));
        assert!(long.len() <= MESSAGE_MAX && long.ends_with("%E5%A5%BD"));
    }
}
