//! Our cookies: the session, the mark of a device that somebody came in from before, and for some minutes the errand of somebody
//! who is at a provider (`api/oidc.rs`).
//!
//! `__Host-` makes the browser keep them to this very host, over TLS (or loopback), for the whole site: a neighbouring subdomain can
//! neither read nor plant them. `HttpOnly` keeps scripts from the secret, `SameSite=Strict` keeps other sites from using it.

use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;
use stillhere_access::keys::DEVICE_FOR;
use stillhere_store::SESSION_MAX;

const SESSION: &str = "__Host-stillhere";
const ERRAND: &str = "__Host-stillhere-errand";
const DEVICE: &str = "__Host-stillhere-device";

/// The session's secret, if exactly one was sent.
pub(crate) fn session(headers: &HeaderMap) -> Option<&str> {
    only(headers, SESSION)
}

pub(crate) fn device(headers: &HeaderMap) -> Option<&str> {
    only(headers, DEVICE)
}

pub(crate) fn errand(headers: &HeaderMap) -> Option<&str> {
    only(headers, ERRAND)
}

pub(crate) fn set_session(secret: &str) -> HeaderValue {
    set(SESSION, secret, SESSION_MAX)
}

pub(crate) fn set_device(mark: &str) -> HeaderValue {
    set(DEVICE, mark, DEVICE_FOR)
}

pub(crate) fn forget_session() -> HeaderValue {
    set(SESSION, "", Duration::ZERO)
}

pub(crate) fn set_errand(sealed: &str, keep: Duration) -> HeaderValue {
    set(ERRAND, sealed, keep)
}

pub(crate) fn forget_errand() -> HeaderValue {
    set(ERRAND, "", Duration::ZERO)
}

fn set(name: &str, value: &str, keep: Duration) -> HeaderValue {
    let text =
        format!("{name}={value}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", keep.as_secs());
    HeaderValue::from_str(&text).expect("what we make is base64")
}

/// Of two with one name nobody knows which is meant, so neither is.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_two_are_none() {
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            session(&headers).map(str::to_owned)
        };
        assert_eq!(of(&["a=b; __Host-stillhere=x"]).as_deref(), Some("x"));
        assert_eq!(of(&["a=b", "__Host-stillhere=x;__Host-stillhere-device=y"]).as_deref(), Some("x"));
        assert_eq!(of(&["__Host-stillhere-device=y; stillhere=z; x__Host-stillhere=w"]), None);
        assert_eq!(of(&["__Host-stillhere=x; __Host-stillhere=y"]), None);
        assert_eq!(of(&["__Host-stillhere=x", "__Host-stillhere=x"]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_cookie_of_ours_is_for_this_host_alone_and_for_no_script_and_no_other_site() {
        for (cookie, seconds) in [
            (set_session("s"), "604800"),
            (set_device("d"), "15552000"),
            (forget_session(), "0"),
            (set_errand("e", Duration::from_secs(600)), "600"),
            (forget_errand(), "0"),
        ] {
            let text = cookie.to_str().unwrap();
            assert!(text.starts_with("__Host-"), "{text}");
            let wanted = format!("; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
            assert!(text.ends_with(&wanted), "{text}");
            assert!(!text.to_ascii_lowercase().contains("domain"), "{text}");
        }
    }
}
