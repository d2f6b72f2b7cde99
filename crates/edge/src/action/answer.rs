//! The origin's answer: what of it is kept, and what it means for the action.

use super::KeyedSpec;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};

/// Words in the path of a redirection that say "log in first". Compared with each segment, up to a dot or question
/// mark: `/account/login.php?next=…` has `login`.
const LOGIN_WORDS: [&str; 14] = [
    "login",
    "log-in",
    "log_in",
    "signin",
    "sign-in",
    "sign_in",
    "logon",
    "auth",
    "authorize",
    "oauth",
    "oauth2",
    "sso",
    "saml",
    "authenticate",
];
/// Headers that belong to one connection.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The outcome of a gRPC call that has no message stands in the head.
const GRPC: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// An answer of the origin, as it is kept and given again.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    /// The ones the route keeps.
    pub headers: HeaderMap,
    /// None: it was too large to be kept, or cannot be read any more. What was done was done all the same.
    pub body: Option<Bytes>,
    /// What came behind the body; without it gRPC has no outcome.
    pub trailers: HeaderMap,
}

/// What an answer means for the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// It was done; this is the answer from now on.
    Done,
    /// The origin said no; this is the answer from now on.
    Refused,
    /// A person has to come. `sure`: nothing was done.
    NeedsYou { sure: bool },
    /// Nothing was done, and nobody was told so: it stays saved and is sent another time.
    Later,
    /// Nothing was done, and whoever asked is told to come again: the key is free.
    Forget,
    /// It may have been done.
    Unknown,
}

// === impl Answer ===

impl Answer {
    /// That it was answered, where no more is known.
    pub(super) fn bare(status: StatusCode) -> Answer {
        Answer { status, headers: HeaderMap::new(), body: None, trailers: HeaderMap::new() }
    }

    /// What is kept of an answer; `body`: None when it is larger than the route's `answer_max`.
    #[must_use]
    pub fn keep(
        spec: &KeyedSpec,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<Bytes>,
        trailers: HeaderMap,
    ) -> Answer {
        let mut kept = HeaderMap::new();
        for name in spec.answer_headers.iter().map(String::as_str).chain(GRPC) {
            if kept.contains_key(name) {
                continue;
            }
            // An answer without its body has no encoding either.
            if body.is_none() && matches!(name, "content-encoding" | "etag") {
                continue;
            }
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                for value in headers.get_all(&name) {
                    kept.append(&name, value.clone());
                }
            }
        }
        let body = body.filter(|b| b.len() as u64 <= spec.answer_max);
        let trailers = if body.is_some() { trailers } else { HeaderMap::new() };
        Answer { status, headers: kept, body, trailers }
    }
}

// === impl Settle ===

impl Settle {
    /// What an answer means. `late`: nobody waits for it (it was sent from the journal), so a page that asks for a
    /// log-in reaches nobody and is not the outcome. `host`: the one the request was for.
    #[must_use]
    pub fn of(spec: &KeyedSpec, late: bool, host: &str, status: StatusCode, headers: &HeaderMap) -> Settle {
        let code = status.as_u16();
        match code {
            // Also when the person is there: nothing was done, and after the log-in the same key must not be
            // answered with this for a day.
            401 | 403 => Settle::NeedsYou { sure: true },
            // Turned away by their meaning (RFC 8470, RFC 6585), before anything was done.
            425 | 429 => {
                if late {
                    Settle::Later
                } else {
                    Settle::Forget
                }
            }
            300..=399 if late && asks_for_a_person(spec, host, headers) => Settle::NeedsYou { sure: false },
            // These say nothing about what the origin did; one that honours the key may be asked again.
            408 | 502..=504 if spec.origin_honours || late => Settle::Unknown,
            500..=599 if late && !spec.origin_honours => Settle::Unknown,
            400..=499 => Settle::Refused,
            _ => Settle::Done,
        }
    }
}

/// Whether a redirection leads to a log-in page, or away from the site (to a provider of log-ins or payments):
/// in neither case can the action be called done while nobody follows.
fn asks_for_a_person(spec: &KeyedSpec, host: &str, headers: &HeaderMap) -> bool {
    let Some(location) = headers.get(header::LOCATION) else { return false };
    let Ok(location) = location.to_str() else { return true };
    let location = location.trim();
    let after_scheme = ["https:", "http:"]
        .iter()
        .find_map(|s| {
            location.get(..s.len()).filter(|l| l.eq_ignore_ascii_case(s)).map(|_| &location[s.len()..])
        })
        .unwrap_or(location);
    let path = match after_scheme.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            if !authority.eq_ignore_ascii_case(host) {
                return true;
            }
            path
        }
        None if location.contains(':')
            && !location.starts_with(['/', '?', '#', '.'])
            && after_scheme == location =>
        {
            // another scheme, such as an app's own
            return location.find(':') < location.find(['/', '?', '#']).or(Some(usize::MAX));
        }
        None => after_scheme,
    };
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    let named = spec.login_paths.iter().any(|p| {
        path.strip_prefix(p.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    named
        || path.split('/').any(|segment| {
            let word = &segment[..segment.find('.').unwrap_or(segment.len())];
            LOGIN_WORDS.iter().any(|l| word.eq_ignore_ascii_case(l))
        })
}

pub(super) fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn settle(honours: bool, late: bool, status: u16, location: Option<&'static str>) -> Settle {
        let spec = KeyedSpec {
            origin_honours: honours,
            login_paths: vec!["/konto/anmelden".to_owned()],
            ..KeyedSpec::default()
        };
        let mut headers = HeaderMap::new();
        if let Some(l) = location {
            headers.insert(header::LOCATION, HeaderValue::from_static(l));
        }
        Settle::of(&spec, late, "shop.example", StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn the_status_says_what_became_of_it() {
        use Settle::*;
        let sure = NeedsYou { sure: true };
        // status, then (plain origin: live, late), (origin that honours keys: live, late)
        let table = [
            (200, [Done, Done, Done, Done]),
            (201, [Done, Done, Done, Done]),
            (400, [Refused, Refused, Refused, Refused]),
            (401, [sure, sure, sure, sure]),
            (403, [sure, sure, sure, sure]),
            (408, [Refused, Unknown, Unknown, Unknown]),
            (409, [Refused, Refused, Refused, Refused]),
            (422, [Refused, Refused, Refused, Refused]),
            (425, [Forget, Later, Forget, Later]),
            (429, [Forget, Later, Forget, Later]),
            (500, [Done, Unknown, Done, Done]),
            (502, [Done, Unknown, Unknown, Unknown]),
            (503, [Done, Unknown, Unknown, Unknown]),
            (504, [Done, Unknown, Unknown, Unknown]),
        ];
        for (status, expected) in table {
            let got = [(false, false), (false, true), (true, false), (true, true)]
                .map(|(honours, late)| settle(honours, late, status, None));
            assert_eq!(got, expected, "{status}");
        }
    }

    #[test]
    fn a_redirection_to_a_log_in_page_on_a_late_send_is_never_done() {
        let needs = Settle::NeedsYou { sure: false };
        let table = [
            ("/thanks", Settle::Done),
            ("/orders/17?from=login", Settle::Done),
            ("https://shop.example/orders/17", Settle::Done),
            ("HTTPS://SHOP.example/orders/17", Settle::Done),
            ("17", Settle::Done),
            ("/login", needs),
            ("/login?next=%2Forder", needs),
            ("/account/Login.php", needs),
            ("https://shop.example/users/sign_in", needs),
            ("/konto/anmelden", needs),
            ("/konto/anmelden/zwei", needs),
            ("/konto/anmeldenheim", Settle::Done),
            ("https://id.example/authorise", needs),
            ("//id.example", needs),
            ("https://shop.example.evil/", needs),
            ("shopapp:open", needs),
        ];
        for (location, expected) in table {
            assert_eq!(settle(false, true, 303, Some(location)), expected, "{location}");
            assert_eq!(settle(true, false, 303, Some(location)), Settle::Done, "live: {location}");
        }
    }

    #[test]
    fn only_the_headers_of_the_route_are_kept_and_no_session() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/plain"));
        headers.insert("set-cookie", HeaderValue::from_static("session=1"));
        headers.insert("x-trace", HeaderValue::from_static("1"));
        let spec = KeyedSpec { answer_max: 3, ..KeyedSpec::default() };
        headers.insert("grpc-status", HeaderValue::from_static("5"));
        let trailers = || {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            trailers
        };
        let keep = |body: &'static [u8]| {
            Answer::keep(&spec, StatusCode::OK, &headers, Some(Bytes::from_static(body)), trailers())
        };
        let kept = keep(b"abc");
        assert_eq!(kept.headers.keys().collect::<Vec<_>>(), ["content-type", "grpc-status"]);
        assert_eq!(kept.trailers, trailers());
        assert_eq!(kept.body.as_deref(), Some(b"abc".as_slice()));
        let kept = keep(b"abcd");
        assert_eq!((kept.body, kept.trailers.len()), (None, 0), "too large");
    }
}
