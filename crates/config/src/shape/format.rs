//! The forms that texts can have beyond their length: our own names in the schema's `format`.

use crate::duration::{self, or_off};
use std::{net::SocketAddr, time::Duration};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Slug,
    Duration,
    DurationOrOff,
    TimeZone,
    Colour,
    HttpUrl,
    SecureUrl,
    Issuer,
    Email,
    Host,
    HostPort,
    Listen,
    When,
}

/// What is wrong, and what to write instead.
pub(crate) type Wrong = (String, Option<String>);

// === impl Format ===

impl Format {
    const ALL: [(Format, &'static str); 13] = [
        (Format::Slug, "slug"),
        (Format::Duration, "duration"),
        (Format::DurationOrOff, "duration-or-off"),
        (Format::TimeZone, "time-zone"),
        (Format::Colour, "colour"),
        (Format::HttpUrl, "http-url"),
        (Format::SecureUrl, "https-url"),
        (Format::Issuer, "issuer"),
        (Format::Email, "email"),
        (Format::Host, "host"),
        (Format::HostPort, "host-port"),
        (Format::Listen, "listen"),
        (Format::When, "when"),
    ];

    pub(crate) fn of(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|(_, n)| *n == name).map(|(f, _)| f)
    }

    pub(crate) fn called(self) -> &'static str {
        match self {
            Format::Slug => "a slug",
            Format::Duration => "a duration in quotes",
            Format::DurationOrOff => "a duration in quotes or \"off\"",
            Format::TimeZone => "a time zone",
            Format::Colour => "a colour",
            Format::HttpUrl => "a URL",
            Format::SecureUrl => "an https URL",
            Format::Issuer => "the https address of an issuer",
            Format::Email => "a mail address",
            Format::Host => "a host name",
            Format::HostPort => "a host and a port",
            Format::Listen => "an address and a port",
            Format::When => "a date and time",
        }
    }

    pub(crate) fn example(self) -> &'static str {
        match self {
            Format::Slug => "web-shop",
            Format::Duration => "20s",
            Format::DurationOrOff => "20m",
            Format::TimeZone => "Europe/Berlin",
            Format::Colour => "#0b6bcb",
            Format::HttpUrl | Format::SecureUrl => "https://example.com/",
            Format::Issuer => "https://id.example.com/realms/staff",
            Format::Email => "help@example.com",
            Format::Host => "status.example.com",
            Format::HostPort => "example.com:443",
            Format::Listen => "127.0.0.1:8080",
            Format::When => "2026-12-01T22:00:00+01:00",
        }
    }

    /// Durations are given back, for their bounds.
    pub(crate) fn check(self, text: &str) -> Result<Option<Duration>, Wrong> {
        let sure = |good: bool| if good { Ok(None) } else { Err(self.wrong()) };
        match self {
            Format::DurationOrOff if text == or_off::OFF => Ok(None),
            Format::Duration | Format::DurationOrOff => {
                duration::parse(text).map(Some).map_err(|why| (why.to_owned(), self.wrong().1))
            }
            Format::Slug if is_slug(text) => Ok(None),
            Format::Slug => {
                let hint = match slug_of(text) {
                    Some(slug) => format!("write a to z, 0 to 9 and `-`, such as {slug:?}"),
                    None => self.wrong().1.unwrap_or_default(),
                };
                Err((self.wrong().0, Some(hint)))
            }
            Format::TimeZone if jiff::tz::TimeZone::get(text).is_ok() => Ok(None),
            Format::TimeZone => Err(unknown_zone(text)),
            Format::Colour => {
                sure(text.strip_prefix('#').is_some_and(|hex| {
                    matches!(hex.len(), 3 | 6) && hex.bytes().all(|b| b.is_ascii_hexdigit())
                }))
            }
            Format::HttpUrl => sure(is_http_url(text)),
            Format::SecureUrl if is_secure_url(text) => Ok(None),
            Format::SecureUrl if is_http_url(text) => Err(insecure(text)),
            Format::SecureUrl => Err(self.wrong()),
            Format::Issuer => is_issuer(text).map(|()| None),
            Format::Email => sure(is_email(text)),
            Format::Host => sure(is_host(text)),
            Format::HostPort => sure(is_host_port(text)),
            Format::Listen => match text.parse::<SocketAddr>() {
                Ok(_) => Ok(None),
                Err(_) => Err(wrong_listen(text)),
            },
            Format::When => {
                let fits =
                    text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok();
                sure(fits && text.len() > "2026-12-01".len())
            }
        }
    }

    fn wrong(self) -> Wrong {
        let hint = format!("write {}, such as {:?}", self.called(), self.example());
        (format!("is not {}", self.called().trim_end_matches(" in quotes")), Some(hint))
    }
}

fn wrong_listen(text: &str) -> Wrong {
    let (problem, hint) = Format::Listen.wrong();
    let port = text.rsplit(':').next().and_then(|p| p.parse::<u16>().ok());
    let hint = match (text.split(':').next(), port) {
        (Some("localhost"), Some(p)) => Some(format!("write \"127.0.0.1:{p}\"")),
        (Some("" | "*"), Some(p)) => Some(format!("write \"0.0.0.0:{p}\" to listen on every address")),
        _ => hint,
    };
    (problem, hint)
}

fn unknown_zone(text: &str) -> Wrong {
    let known: Vec<String> = jiff::tz::db().available().map(|n| n.as_str().to_owned()).collect();
    let near = super::nearest(text, known.iter().map(String::as_str)).or_else(|| {
        // "Berlin" for "Europe/Berlin"
        known
            .iter()
            .map(String::as_str)
            .find(|k| k.rsplit('/').next().is_some_and(|c| c.eq_ignore_ascii_case(text)))
    });
    let hint = match near {
        Some(near) => format!("did you mean {near:?}?"),
        None if known.is_empty() => {
            "this machine has no time zone database: install tzdata, or write \"UTC\"".to_owned()
        }
        None => "write a name of the IANA time zone database, such as \"Europe/Berlin\"".to_owned(),
    };
    ("is not a time zone that is known".to_owned(), Some(hint))
}

fn is_slug(s: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    s.starts_with(good) && s.chars().all(|c| good(c) || c == '-')
}

/// A slug that resembles a text.
pub(crate) fn slug_of(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(usize::try_from(crate::bounds::ID_CHARS).unwrap_or(usize::MAX));
    let slug = out.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

fn is_http_url(s: &str) -> bool {
    url::Url::parse(s).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some())
}

/// As `tell` shows it: plain HTTP only where no network carries it. A test of the node holds the two together.
fn is_secure_url(s: &str) -> bool {
    let ours = ["localhost", "127.0.0.1", "[::1]"];
    is_http_url(s)
        && !s.contains(|c: char| c.is_whitespace() || c.is_control())
        && url::Url::parse(s).is_ok_and(|u| {
            u.scheme() == "https"
                || (u.username().is_empty()
                    && u.password().is_none()
                    && u.host_str().is_some_and(|h| ours.contains(&h)))
        })
}

/// Where keys are fetched from that decide who comes in: without TLS anybody on the way could hand out others.
fn is_issuer(s: &str) -> Result<(), Wrong> {
    if is_http_url(s) && !is_secure_url(s) {
        let hint = s.strip_prefix("http://").map(|rest| format!("write \"https://{rest}\""));
        return Err(("is not https: on the way anybody could say who comes in".to_owned(), hint));
    }
    let bare = url::Url::parse(s).is_ok_and(|u| {
        u.username().is_empty() && u.password().is_none() && u.query().is_none() && u.fragment().is_none()
    });
    if !is_secure_url(s) || !bare {
        return Err(Format::Issuer.wrong());
    }
    match s.strip_suffix("/.well-known/openid-configuration") {
        None => Ok(()),
        Some(issuer) => {
            let problem = "is the address of the discovery document, not the issuer";
            Err((problem.to_owned(), Some(format!("write {issuer:?}"))))
        }
    }
}

fn insecure(url: &str) -> Wrong {
    let hint = url.strip_prefix("http://").map(|rest| format!("write \"https://{rest}\""));
    (
        "is not https: on the way anybody could change where it leads, so the page would not show it"
            .to_owned(),
        hint,
    )
}

/// Enough to catch a slip; whether mail arrives is only known by sending it.
fn is_email(s: &str) -> bool {
    s.rsplit_once('@').is_some_and(|(who, host)| {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>(),;:\"[]\\".contains(c);
        !who.is_empty() && who.chars().all(|c| plain(c) && c != '@') && is_host(host)
    })
}

fn is_host(s: &str) -> bool {
    !s.contains(['/', '@', '?', '#', ':']) && url::Host::parse(s).is_ok()
}

/// `host:port`, `1.2.3.4:443`, `[::1]:443`.
fn is_host_port(s: &str) -> bool {
    let Some((host, port)) = s.rsplit_once(':') else { return false };
    let ipv6 =
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).map(|h| h.parse::<std::net::Ipv6Addr>());
    port.parse::<u16>().is_ok_and(|p| p > 0) && ipv6.map_or_else(|| is_host(host), |ip| ip.is_ok())
}
