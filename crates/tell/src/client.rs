//! The files of the browser client (`web/client`), for whoever serves pages: the edge and the status host.
//!
//! They are made with this crate, if there is Node; otherwise there is none of them, and [`MISSING`] says why.

/// Name, `ETag` and content, such as `client.js` and `words/de.json`.
static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// Why this build has no browser client. `None`: it has.
pub const MISSING: Option<&str> = include!(concat!(env!("OUT_DIR"), "/client-missing.rs"));

/// How long a browser may use it without asking: it is in use exactly when nothing can be asked.
const CACHE_CONTROL: &str = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800";
/// The worker. Browsers ask for it anew at least once a day whatever we say; a bad one must go sooner.
const WORKER: &str = "sw.js";

/// One file of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    pub name: &'static str,
    pub content_type: &'static str,
    pub content_encoding: Option<&'static str>,
    /// With its quotes, another one for each encoding.
    pub etag: &'static str,
    pub body: &'static [u8],
}

/// The file of this name, as it stands after `/.well-known/stillhere/`. `gzip`: the asker takes it.
#[must_use]
pub fn file(name: &str, gzip: bool) -> Option<File> {
    let find = |name: &str| FILES.iter().find(|(n, _, _)| *n == name);
    let content_type = match name.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        _ => return None,
    };
    let plain = find(name)?;
    let packed = gzip.then(|| find(&format!("{name}.gz"))).flatten();
    let (_, etag, body) = packed.unwrap_or(plain);
    Some(File { name: plain.0, content_type, content_encoding: packed.map(|_| "gzip"), etag, body })
}

/// In words for whoever asked for a file that is not there.
#[must_use]
pub fn no_such_file() -> String {
    match MISSING {
        Some(why) => format!("This build has no browser client: {why}. All else works."),
        None => "There is no such file of the browser client in this build.".to_owned(),
    }
}

/// Whether a path after `/.well-known/stillhere/` is meant for a file of the client, be it there or not.
#[must_use]
pub fn is_name_of_file(name: &str) -> bool {
    name.ends_with(".js") || name.starts_with("words/")
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

// === impl File ===

impl File {
    /// Everything that an answer with it says, but for its length. Other sites of the same owner may load it too.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![
            ("content-type", self.content_type),
            ("cache-control", self.cache_control()),
            ("etag", self.etag),
            ("vary", "accept-encoding"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
        ];
        headers.extend(self.content_encoding.map(|encoding| ("content-encoding", encoding)));
        // It stands deep in the tree of paths and is for all of them. A page must still ask for it: without its own
        // script nothing is registered, and a worker of another site cannot be.
        if self.name == WORKER {
            headers.push(("service-worker-allowed", "/"));
        }
        headers
    }

    fn cache_control(&self) -> &'static str {
        match self.name {
            WORKER => "no-cache",
            _ => CACHE_CONTROL,
        }
    }

    /// Whether who asks with this `If-None-Match` has it already.
    #[must_use]
    pub fn is_known_to(&self, if_none_match: &str) -> bool {
        if_none_match
            .split(',')
            .map(str::trim)
            .any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == self.etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_whole_name_and_no_path_leads_elsewhere() {
        for (name, etag, body) in FILES {
            assert!(!body.is_empty(), "{name}");
            assert!(etag.starts_with('"') && etag.len() == 18, "{etag}");
            match name.strip_suffix(".gz") {
                None => assert_eq!(file(name, false).expect("it is there").body, *body),
                Some(of) => {
                    let (packed, plain) =
                        (file(of, true).expect("it is there"), file(of, false).expect("it too"));
                    assert_eq!(packed.content_encoding, Some("gzip"));
                    assert_ne!(packed.etag, plain.etag);
                }
            }
        }
        for name in [
            "",
            "words",
            "words/",
            "../client.js",
            "words/../client.js",
            "client.js/",
            "client.js.gz",
            ".made",
        ] {
            assert_eq!(file(name, true), None, "{name}");
        }
    }

    #[test]
    fn a_build_has_a_client_or_says_why_not() {
        assert_eq!(file("client.js", false).is_none(), MISSING.is_some());
        assert_eq!(FILES.is_empty(), MISSING.is_some());
        if let Some(why) = MISSING {
            assert!(no_such_file().contains(why));
        }
    }

    #[test]
    fn the_worker_is_for_all_paths_and_asked_for_anew_and_what_is_named_by_its_content_is_kept() {
        let of = |name| File { name, content_type: "", content_encoding: None, etag: "\"0\"", body: b"" };
        let header = |name, key| of(name).headers().into_iter().find(|(k, _)| *k == key).map(|(_, v)| v);
        assert_eq!(header("sw.js", "service-worker-allowed"), Some("/"));
        assert_eq!(header("sw.js", "cache-control"), Some("no-cache"));
        assert_eq!(header("client.js", "service-worker-allowed"), None);
        assert_eq!(header("client.js", "cache-control"), Some(CACHE_CONTROL));
        assert_eq!(header("words/zh-CN.json", "cache-control"), Some(CACHE_CONTROL));
    }

    #[test]
    fn who_has_it_is_not_sent_it_again() {
        let file =
            File { name: "client.js", content_type: "", content_encoding: None, etag: "\"a\"", body: b"x" };
        for (known, is) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            assert_eq!(file.is_known_to(known), is, "{known}");
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
