//! The files of the browser client (`web/client`), for whoever serves pages: the edge and the status host.
//!
//! They are there if they had been built before this crate was; otherwise there is none of them.

/// Name and content, such as `client.js` and `words/de.json`.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// How long a browser may use it without asking: it is in use exactly when nothing can be asked.
pub const CACHE_CONTROL: &str = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800";

/// One file of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    pub content_type: &'static str,
    pub content_encoding: Option<&'static str>,
    pub body: &'static [u8],
}

/// The file of this name, as it stands after `/.well-known/stillhere/`. `gzip`: the asker takes it.
#[must_use]
pub fn file(name: &str, gzip: bool) -> Option<File> {
    let find = |name: &str| FILES.iter().find(|(n, _)| *n == name).map(|(_, body)| *body);
    let content_type = match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        _ => return None,
    };
    let plain = find(name)?;
    let packed = gzip.then(|| find(&format!("{name}.gz"))).flatten();
    Some(File { content_type, content_encoding: packed.map(|_| "gzip"), body: packed.unwrap_or(plain) })
}

/// Whether this `Accept-Encoding` takes gzip.
#[must_use]
pub fn takes_gzip(accept: &str) -> bool {
    accept.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let never = parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !never
    })
}

#[cfg(test)]
mod tests {
    use super::{FILES, file, takes_gzip};

    #[test]
    fn a_file_is_found_by_its_whole_name_and_no_path_leads_elsewhere() {
        for (name, body) in FILES {
            assert!(!body.is_empty(), "{name}");
            match name.strip_suffix(".gz") {
                None => assert_eq!(file(name, false).expect("it is there").body, *body),
                Some(of) => assert_eq!(file(of, true).expect("it is there").content_encoding, Some("gzip")),
            }
        }
        for name in
            ["", "words", "words/", "../client.js", "words/../client.js", "client.js/", "client.js.gz"]
        {
            assert_eq!(file(name, true), None, "{name}");
        }
    }

    #[test]
    fn gzip_is_given_to_those_who_take_it() {
        for (accept, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accept), takes, "{accept}");
        }
    }
}
