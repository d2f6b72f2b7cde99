//! Who acts. A key of one person is nothing to another.
//!
//! Only a keyed hash is kept, under a secret of this installation: neither the file nor an answer tells who it was,
//! and how long a comparison takes tells nothing either, because nobody outside can choose the hash.

use super::{Key, KeyedSpec, Request, seal::Secrets};
use http::{HeaderMap, header};
use ring::digest;

/// Cookies that change by themselves and say nothing about who it is: those of counters, and our own. Were they part
/// of who acts, the same person would be another one at the next click.
const NOT_A_PERSON: [&str; 12] =
    ["_ga", "_gid", "_gat", "_gcl", "_fbp", "_fbc", "__utm", "_hj", "_pk_", "amp_", "ajs_", "stillhere"];

/// Who acts, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    pub(super) hash: Hash,
    pub(super) scope: Hash,
    pub(super) known: bool,
}

pub(super) type Hash = [u8; 32];

// === impl Principal ===

impl Principal {
    /// `host` is part of it: two sites behind one edge do not share keys.
    pub(super) fn of(secrets: &Secrets, spec: &KeyedSpec, host: &str, headers: &HeaderMap) -> Principal {
        let host = host.to_ascii_lowercase();
        let mut who = secrets.hash("principal");
        who.part(host.as_bytes());
        let mut known = false;
        for name in &spec.principal {
            who.part(name.as_bytes());
            let mut values = match name.as_str() {
                "cookie" => cookies(headers, |_| true),
                name => match name.strip_prefix("cookie:") {
                    Some(wanted) => cookies(headers, |n| n == wanted.as_bytes()),
                    None => headers.get_all(name).iter().map(|v| v.as_bytes()).collect(),
                },
            };
            // the order of cookies is the browser's affair
            values.sort_unstable();
            known |= !values.is_empty();
            who.part(&(values.len() as u64).to_be_bytes());
            for value in values {
                who.part(value);
            }
        }
        let mut scope = secrets.hash("scope");
        scope.part(host.as_bytes());
        Principal { hash: who.finish(), scope: scope.finish(), known }
    }

    /// Whether the request said who acts at all.
    #[must_use]
    pub fn known(&self) -> bool {
        self.known
    }

    /// What the action is called on disk.
    pub(super) fn id(&self, secrets: &Secrets, key: &Key) -> Hash {
        let mut id = secrets.hash("id");
        id.part(&self.hash);
        id.part(key.as_str().as_bytes());
        id.finish()
    }

    /// The same key and request whoever acts, to notice that somebody's cookie changed between two attempts. Only of
    /// keys that two people do not hit upon by chance.
    pub(super) fn twin(&self, secrets: &Secrets, key: &Key, fingerprint: &Hash) -> Option<Hash> {
        if !key.unguessable() {
            return None;
        }
        let mut twin = secrets.hash("twin");
        twin.part(&self.scope);
        twin.part(key.as_str().as_bytes());
        twin.part(fingerprint);
        Some(twin.finish())
    }
}

fn cookies(headers: &HeaderMap, wanted: impl Fn(&[u8]) -> bool) -> Vec<&[u8]> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| {
            let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
            let counter = NOT_A_PERSON
                .iter()
                .any(|p| name.get(..p.len()).is_some_and(|start| start.eq_ignore_ascii_case(p.as_bytes())));
            !pair.is_empty() && !counter && wanted(name)
        })
        .collect()
}

/// What makes two requests the same: method, address, kind of body, body.
pub(super) fn fingerprint(request: &Request) -> Hash {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(request.method.as_str().as_bytes());
    part(request.uri.as_bytes());
    part(request.headers.get(header::CONTENT_TYPE).map_or(b"".as_slice(), |v| v.as_bytes()));
    part(&request.body);
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn who(names: &[&str], host: &str, headers: &[(&'static str, &str)]) -> Principal {
        let secrets = Secrets::of([7; 32]);
        let spec =
            KeyedSpec { principal: names.iter().map(|n| (*n).to_owned()).collect(), ..KeyedSpec::default() };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Principal::of(&secrets, &spec, host, &map)
    }

    #[test]
    fn the_same_person_is_the_same_whatever_counters_and_browsers_do_to_cookies() {
        let names = ["authorization", "cookie"];
        let a = who(&names, "shop.example", &[("cookie", "session=1; theme=dark; _ga_X=17")]);
        let b = who(
            &names,
            "Shop.Example",
            &[("cookie", "theme=dark"), ("cookie", "session=1; _GID=2; stillhere_room=z")],
        );
        assert_eq!(a, b);
        assert!(a.known());
    }

    #[test]
    fn another_person_site_or_token_is_another_principal() {
        let names = ["authorization", "cookie"];
        let a = who(&names, "shop.example", &[("cookie", "session=1")]);
        for other in [
            who(&names, "shop.example", &[("cookie", "session=2")]),
            who(&names, "shop.example", &[("cookie", "session=1; session=2")]),
            who(&names, "shop.example", &[("authorization", "session=1")]),
            who(&names, "shop.example", &[("cookie", "session=1"), ("authorization", "Bearer x")]),
            who(&names, "other.example", &[("cookie", "session=1")]),
            who(&names, "shop.example", &[]),
        ] {
            assert_ne!(a.hash, other.hash);
        }
        assert!(!who(&names, "shop.example", &[("cookie", "_ga=1")]).known());
        // parts cannot be shifted into each other
        let x = who(&["x-a", "x-b"], "h", &[("x-a", "1"), ("x-b", "2")]);
        let y = who(&["x-a", "x-b"], "h", &[("x-a", "1"), ("x-a", "2")]);
        assert_ne!(x.hash, y.hash);
    }

    #[test]
    fn one_named_cookie_alone_decides() {
        let a = who(&["cookie:session"], "h", &[("cookie", "session=1; theme=dark")]);
        let b = who(&["cookie:session"], "h", &[("cookie", "session=1; theme=light; sessions=9")]);
        assert_eq!(a, b);
    }
}
