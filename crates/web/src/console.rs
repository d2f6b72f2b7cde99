//! The files of the console (`web/console`) under `/console/`. What it shows comes from the API (`api/console`).
//!
//! They are made with this crate, if there is Node; otherwise there is none of them, and [`MISSING`] says why. What can be packed
//! is kept packed and nothing else: who takes neither form gets it unpacked on the way.

use crate::{front::head::takes_gzip, problem::Problem, serve::App};
use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::io::Read as _;

/// Name, `ETag` and content, such as `index.html.br` and `icon-192.png`.
static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// Why this build has no console. `None`: it has.
const MISSING: Option<&str> = include!(concat!(env!("OUT_DIR"), "/console-missing.rs"));

/// The page that all of its addresses begin with.
const PAGE: &str = "index.html";
/// Names below it say what is in the file.
const NAMED_BY_CONTENT: &str = "assets/";
/// Nothing is loaded from elsewhere, nothing inline runs or is styled, and no page may frame it: a framed console could be
/// made to be clicked without its reader's knowledge.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route("/console/", get(|headers: HeaderMap| async move { answer(PAGE, &headers) }))
        .route(
            "/console/{*name}",
            get(|Path(name): Path<String>, headers: HeaderMap| async move {
                // An address of a page in it, such as `incidents/…`; files have an ending.
                let is_file = name.starts_with(NAMED_BY_CONTENT) || name.contains('.');
                answer(if is_file { &name } else { PAGE }, &headers)
            }),
        )
}

fn answer(name: &str, asked: &HeaderMap) -> Response {
    let accept = asked.get(header::ACCEPT_ENCODING).map_or(&b""[..], |v| v.as_bytes());
    let Some((found, encoding)) = find(name, accept) else {
        return Problem::not_found(match MISSING {
            Some(why) => format!("This build has no console: {why}. All else works."),
            None => "There is no such file of the console in this build.".to_owned(),
        })
        .into_response();
    };
    let (_, etag, body) = found;
    let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let common = [
        (header::ETAG, *etag),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::CACHE_CONTROL, cache_control(name)),
    ];
    if tags.any(|t| t.split(',').any(|t| t.trim() == *etag)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, content_type(name))];
    match encoding {
        Encoding::As(coding) => {
            (common, kind, [(header::CONTENT_ENCODING, coding)], Bytes::from_static(body)).into_response()
        }
        Encoding::Plain => (common, kind, Bytes::from_static(body)).into_response(),
        Encoding::Unpack => {
            let mut plain = Vec::new();
            match GzDecoder::new(*body).read_to_end(&mut plain) {
                Ok(_) => (common, kind, plain).into_response(),
                Err(e) => Problem::unavailable(format!("The file cannot be unpacked: {e}")).into_response(),
            }
        }
    }
}

enum Encoding {
    As(&'static str),
    Plain,
    Unpack,
}

type File = (&'static str, &'static str, &'static [u8]);

fn find(name: &str, accept: &[u8]) -> Option<(&'static File, Encoding)> {
    let of =
        |ending: &str| FILES.iter().find(|(n, _, _)| n.strip_suffix(ending).is_some_and(|stem| stem == name));
    // The packed forms are no names of their own.
    if name.ends_with(".br") || name.ends_with(".gz") {
        return None;
    }
    if let Some(file) = of("") {
        return Some((file, Encoding::Plain));
    }
    if takes_brotli(accept)
        && let Some(file) = of(".br")
    {
        return Some((file, Encoding::As("br")));
    }
    let file = of(".gz")?;
    Some((file, if takes_gzip(accept) { Encoding::As("gzip") } else { Encoding::Unpack }))
}

fn takes_brotli(accept: &[u8]) -> bool {
    accept.split(|b| *b == b',').any(|entry| {
        let mut parts = entry.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"br"))
            && parts.all(|p| !matches!(p, b"q=0" | b"q=0.0" | b"q=0.00" | b"q=0.000"))
    })
}

fn cache_control(name: &str) -> &'static str {
    if name.starts_with(NAMED_BY_CONTENT) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_a_console_or_says_why_not() {
        assert_eq!(find(PAGE, b"").is_none(), MISSING.is_some());
        assert_eq!(FILES.is_empty(), MISSING.is_some());
    }

    #[test]
    fn each_file_is_had_in_every_form_and_the_forms_are_no_files_of_their_own() {
        for (name, etag, body) in FILES {
            assert!(!body.is_empty() && etag.len() == 18, "{name}");
            let Some(of) = name.strip_suffix(".br") else { continue };
            assert!(find(name, b"br").is_none(), "{name}");
            let br = find(of, b"gzip, br").expect("it is there");
            let gz = find(of, b"gzip").expect("it too");
            assert!(matches!(br.1, Encoding::As("br")) && matches!(gz.1, Encoding::As("gzip")), "{of}");
            assert_ne!(br.0.1, gz.0.1, "another form has another tag");
            let plain = answer(of, &HeaderMap::new());
            assert_eq!((plain.status(), plain.headers().get("content-encoding")), (StatusCode::OK, None));
        }
    }

    #[test]
    fn no_path_leads_elsewhere_and_only_what_is_named_by_its_content_is_kept() {
        for name in ["", "assets", "assets/", "../index.html", "assets/../index.html", "index.html/", "x.js"]
        {
            assert!(find(name, b"br, gzip").is_none(), "{name}");
        }
        assert_eq!(cache_control("index.html"), "no-cache");
        assert_eq!(cache_control("sw.js"), "no-cache");
        assert!(cache_control("assets/index-abc.js").contains("immutable"));
    }

    #[test]
    fn brotli_is_given_to_those_who_take_it() {
        for (accept, takes) in
            [("gzip, br", true), ("BR;q=0.5", true), ("br;q=0", false), ("gzip", false), ("", false)]
        {
            assert_eq!(takes_brotli(accept.as_bytes()), takes, "{accept}");
        }
    }
}
