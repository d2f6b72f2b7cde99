use super::*;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use proptest::prelude::*;

const T: Time = Time(1_795_000_000_000);
const USUAL: &str = "max-age=60, stale-if-error=3600";

fn asked(method: &str, uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut r = Request::builder().method(method).uri(uri).header("host", "Shop.example");
    for (n, v) in headers {
        r = r.header(*n, *v);
    }
    r.body(()).unwrap().into_parts().0
}

fn head(status: u16, headers: &[(&str, &str)]) -> response::Parts {
    let mut r = Response::builder().status(status);
    for (n, v) in headers {
        r = r.header(*n, *v);
    }
    r.body(()).unwrap().into_parts().0
}

fn after(seconds: u64) -> Time {
    T.plus(Duration::from_secs(seconds))
}

/// Keeps one answer; true when it was taken.
fn keep(s: &Stale, a: &request::Parts, h: &response::Parts, route: Option<Duration>, body: &str) -> bool {
    match s.wants(a, h, route, || T) {
        Some(keep) => {
            s.store(keep, Bytes::copy_from_slice(body.as_bytes()));
            true
        }
        None => false,
    }
}

async fn text(answer: http::Response<Body>) -> String {
    let all = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(all.to_vec()).unwrap()
}

#[tokio::test]
async fn what_the_origin_allows_stands_in_for_it_marked_and_for_as_long_as_it_said() {
    let s = Stale::new(BYTES_USUAL);
    let page = asked("GET", "/a?b=1", &[("cookie", "session=1")]);
    let h = head(
        200,
        &[
            ("cache-control", USUAL),
            ("content-type", "text/html"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("content-length", "5"),
        ],
    );
    assert!(keep(&s, &page, &h, None, "hello"));
    let young = s.find(&page, after(10)).unwrap();
    assert_eq!(young.headers()["cache-status"], "stillhere; hit; ttl=50; detail=origin-away");
    let old = s.find(&asked("GET", "http://shop.EXAMPLE/a?b=1", &[]), after(100)).unwrap();
    let h = old.headers();
    assert_eq!((h["age"].to_str().unwrap(), h["stillhere-stale"].to_str().unwrap()), ("100", "100s"));
    assert_eq!(h["cache-status"], "stillhere; hit; ttl=-40; detail=origin-away");
    assert_eq!(h["content-type"], "text/html");
    assert!(!h.contains_key("x-hop") && !h.contains_key("connection"));
    assert_eq!(text(old).await, "hello");
    let first = s.find(&asked("HEAD", "/a?b=1", &[]), after(100)).unwrap();
    assert_eq!(text(first).await, "");
    assert!(s.find(&page, after(3_660)).is_some());
    assert!(s.find(&page, after(3_661)).is_none(), "60 s fresh and an hour after");
    assert_eq!(s.bytes(), 0, "what is over is forgotten");
}

#[test]
fn what_may_be_somebodys_own_is_never_kept() {
    let hour = Some(Duration::from_secs(3_600));
    let plain = || asked("GET", "/", &[]);
    for (what, a, h, route) in [
        ("nobody allowed it", plain(), head(200, &[("cache-control", "max-age=60")]), None),
        (
            "allowed for no time",
            plain(),
            head(200, &[("cache-control", "max-age=60, stale-if-error=0")]),
            hour,
        ),
        ("not a GET", asked("POST", "/", &[]), head(200, &[("cache-control", USUAL)]), hour),
        ("an error", plain(), head(500, &[("cache-control", USUAL)]), hour),
        ("private", plain(), head(200, &[("cache-control", "private, stale-if-error=60")]), hour),
        ("not to be stored", plain(), head(200, &[("cache-control", "no-store")]), hour),
        (
            "to be asked for each time",
            plain(),
            head(200, &[("cache-control", "max-age=1, must-revalidate")]),
            hour,
        ),
        (
            "the same on a second line",
            plain(),
            head(200, &[("cache-control", USUAL), ("cache-control", "Private")]),
            hour,
        ),
        (
            "the same for shared caches",
            plain(),
            head(200, &[("cache-control", "max-age=1, proxy-revalidate")]),
            hour,
        ),
        ("sets a cookie", plain(), head(200, &[("cache-control", USUAL), ("set-cookie", "a=b")]), hour),
        (
            "sets a cookie, and says public",
            plain(),
            head(200, &[("cache-control", "public, stale-if-error=60"), ("set-cookie", "a=b")]),
            hour,
        ),
        (
            "asked with credentials",
            asked("GET", "/", &[("authorization", "Bearer x")]),
            head(200, &[("cache-control", USUAL)]),
            hour,
        ),
        (
            "a part",
            asked("GET", "/", &[("range", "bytes=0-1")]),
            head(200, &[("cache-control", USUAL)]),
            hour,
        ),
        ("depends on everything", plain(), head(200, &[("cache-control", USUAL), ("vary", "*")]), hour),
        ("too large", plain(), head(200, &[("cache-control", USUAL), ("content-length", "1048577")]), hour),
        (
            "older than time itself",
            plain(),
            head(200, &[("cache-control", USUAL), ("age", "18446744073709551615")]),
            hour,
        ),
        ("of an age that is none", plain(), head(200, &[("cache-control", USUAL), ("age", "-1")]), hour),
        (
            "asker forbids",
            asked("GET", "/", &[("cache-control", "no-store")]),
            head(200, &[("cache-control", USUAL)]),
            hour,
        ),
        (
            "a session, allowed by the route alone",
            asked("GET", "/", &[("cookie", "s=1")]),
            head(200, &[]),
            hour,
        ),
    ] {
        let s = Stale::new(BYTES_USUAL);
        assert!(!keep(&s, &a, &h, route, "x"), "{what}");
    }
    let s = Stale::new(BYTES_USUAL);
    assert!(keep(&s, &plain(), &head(200, &[]), hour, "x"), "the route allows it, and nobody was logged in");
    assert!(s.find(&asked("GET", "/", &[("cookie", "s=1")]), after(3_599)).is_some());
    assert!(s.find(&plain(), after(3_601)).is_none());
}

#[test]
fn nobody_gets_what_was_made_for_another_kind_of_visitor() {
    let s = Stale::new(BYTES_USUAL);
    let h = head(200, &[("cache-control", USUAL), ("vary", "Accept-Language, accept-encoding")]);
    for lang in ["en", "zh"] {
        assert!(keep(&s, &asked("GET", "/", &[("accept-language", lang)]), &h, None, lang));
    }
    let found = |headers: &[(&str, &str)]| s.find(&asked("GET", "/", headers), after(1)).is_some();
    assert!(found(&[("accept-language", "en")]) && found(&[("accept-language", "zh")]));
    assert!(!found(&[("accept-language", "de")]) && !found(&[]));
    assert!(!found(&[("accept-language", "en"), ("accept-encoding", "gzip")]));
    assert!(!found(&[("accept-language", "en"), ("authorization", "x")]));
    assert!(!found(&[("accept-language", "en"), ("cache-control", "no-cache")]));
    assert!(s.find(&asked("POST", "/", &[("accept-language", "en")]), after(1)).is_none());
    let other_host = asked("GET", "http://other.example/", &[("accept-language", "en")]);
    assert!(s.find(&other_host, after(1)).is_none());
    for n in 0..100 {
        let _ = keep(&s, &asked("GET", "/", &[("accept-language", &format!("x{n}"))]), &h, None, "x");
    }
    assert_eq!(s.shelf().all["shop.example/"].len(), VARIANTS_MAX);
}

#[test]
fn a_body_that_is_not_whole_is_not_kept() {
    let s = Stale::new(BYTES_USUAL);
    let a = asked("GET", "/", &[]);
    let h = head(200, &[("cache-control", USUAL), ("content-length", "10")]);
    assert!(keep(&s, &a, &h, None, "half"));
    assert!(s.find(&a, T).is_none());
    let endless = head(200, &[("cache-control", USUAL)]);
    assert!(keep(&s, &a, &endless, None, &"x".repeat(OBJECT_MAX + 1)));
    assert!(s.find(&a, T).is_none());
}

#[test]
fn what_is_asked_for_all_the_time_is_written_only_now_and_then_or_when_it_changes() {
    let s = Stale::new(BYTES_USUAL);
    let a = asked("GET", "/", &[]);
    let h = |etag: &str| head(200, &[("cache-control", USUAL), ("etag", etag)]);
    assert!(keep(&s, &a, &h("\"1\""), None, "one"));
    assert!(s.wants(&a, &h("\"1\""), None, || after(9)).is_none());
    assert!(s.wants(&a, &h("\"2\""), None, || after(9)).is_some());
    assert!(s.wants(&a, &h("\"1\""), None, || after(10)).is_some());
}

proptest! {
    #[test]
    fn memory_is_bounded_and_the_books_agree_whatever_comes(
        steps in proptest::collection::vec((0..40_u32, 0..3_usize, 0..9_000_usize, 0..8_000_u64, any::<bool>()), 1..200),
    ) {
        let s = Stale::new(60_000);
        for (path, lang, size, at, read) in steps {
            let a = asked("GET", &format!("/{path}"), &[("accept-language", ["en", "zh", "de"][lang])]);
            let h = head(200, &[("cache-control", USUAL), ("vary", "accept-language")]);
            if read {
                let _ = s.find(&a, after(at));
            } else if let Some(keep) = s.wants(&a, &h, None, || after(at)) {
                s.store(keep, vec![b'x'; size].into());
            }
            let shelf = s.shelf();
            let all: Vec<(&String, &Kept)> = shelf.all.iter().flat_map(|(a, all)| all.iter().map(move |k| (a, k))).collect();
            prop_assert!(shelf.bytes <= 60_000);
            prop_assert_eq!(shelf.bytes, all.iter().map(|(a, k)| k.bytes(a)).sum::<usize>());
            prop_assert_eq!(shelf.by_use.len(), all.len());
            prop_assert!(all.iter().all(|(a, k)| shelf.by_use.get(&k.used) == Some(*a)));
        }
    }

    #[test]
    fn no_header_makes_it_panic(cc in "[ -~]{0,60}", vary in "[ -~]{0,40}", age in "[ -~]{0,20}", date in "[ -~]{0,40}") {
        let s = Stale::new(BYTES_USUAL);
        let a = asked("GET", "/", &[("cache-control", &cc)]);
        let h = head(200, &[("cache-control", &cc), ("cache-control", USUAL), ("vary", &vary), ("age", &age), ("date", &date), ("expires", &date)]);
        let _ = keep(&s, &a, &h, Some(Duration::from_secs(60)), "x");
        let _ = s.find(&a, after(30));
    }
}
