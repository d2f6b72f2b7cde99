//! A form as a browser sends it, read leniently: what is not understood is left out, since a person cannot correct it.

use stillhere_model::{Impact, Lang, Pace, ServiceId, Wish};
use stillhere_tell::Snapshot;

/// Fields that are looked at: one for each service that the form lists, and the others.
const MAX_FIELDS: usize = 400;

pub(super) struct Form(Vec<(String, String)>);

// === impl Form ===

impl Form {
    pub(super) fn read(body: &[u8]) -> Form {
        let pairs = body.split(|b| *b == b'&').take(MAX_FIELDS).filter(|p| !p.is_empty());
        Form(
            pairs
                .map(|pair| {
                    let mut halves = pair.splitn(2, |b| *b == b'=');
                    let mut half = || decoded(halves.next().unwrap_or_default());
                    (half(), half())
                })
                .collect(),
        )
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn lang(&self, s: &Snapshot) -> Option<Lang> {
        self.one("lang")?.parse().ok().filter(|l| s.site.languages.contains(l))
    }

    /// The short form asks for an address alone and means everything.
    pub(super) fn wish(&self, s: &Snapshot, lang: Lang) -> Wish {
        if self.one("choose").is_some() { self.wish_of(s, lang, true) } else { Wish::everything(lang) }
    }

    pub(super) fn wish_of(&self, s: &Snapshot, lang: Lang, daily: bool) -> Wish {
        let ticked = self.0.iter().filter(|(n, _)| n == "service").map(|(_, id)| ServiceId::new(id));
        let mut services: Vec<ServiceId> = ticked.filter(|id| s.service(id).is_some()).collect();
        services.sort();
        services.dedup();
        let least = match self.one("least") {
            Some("minor") => Impact::Minor,
            Some("major") => Impact::Major,
            Some("critical") => Impact::Critical,
            _ => Impact::None,
        };
        let pace = if daily && self.one("pace") == Some("daily") { Pace::Daily } else { Pace::Instant };
        Wish { lang, services, least, maintenance: self.one("maintenance").is_some(), pace, end_of: None }
    }
}

fn decoded(half: &[u8]) -> String {
    let mut out = Vec::with_capacity(half.len());
    let mut at = 0;
    while let Some(b) = half.get(at) {
        at += 1;
        match (b, half.get(at..at + 2).and_then(hex)) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (b, _) => out.push(*b),
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

fn hex(two: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(two).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_send_it_and_nonsense_is_left_out() {
        let form = Form::read(
            b"address=ann%2Bx%40example.com&name=a+b%zz%&empty&=x&%E7%81%AF=%ff&service=a&service=b",
        );
        assert_eq!(form.one("address"), Some("ann+x@example.com"));
        assert_eq!(form.one("name"), Some("a b%zz%"));
        assert_eq!(form.one("empty"), Some(""));
        assert_eq!(form.one("灯"), Some(""), "no UTF-8 is nothing");
        assert_eq!(form.one("missing"), None);
        assert_eq!(Form::read("x=1&".repeat(10_000).as_bytes()).0.len(), MAX_FIELDS);
    }
}
