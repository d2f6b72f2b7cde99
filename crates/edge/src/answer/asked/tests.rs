use super::*;
use http::Request;
use proptest::prelude::*;

fn asked(method: &str, path: &str, headers: &[(&str, &str)]) -> Asked {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Asked::of(&request.body(()).unwrap().into_parts().0)
}

const CHROMIUM: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

/// What real clients send, and what they can use.
#[test]
fn each_client_is_answered_in_the_kind_that_it_can_use() {
    use Kind::{EventStream, Grpc, Json, Other, Page, Script, Style, Text};
    for (what, method, path, headers, kind) in [
        (
            "a navigation in a browser",
            "GET",
            "/",
            &[("accept", CHROMIUM), ("sec-fetch-dest", "document")][..],
            Page,
        ),
        (
            "a form",
            "POST",
            "/order",
            &[
                ("accept", CHROMIUM),
                ("sec-fetch-mode", "navigate"),
                ("content-type", "application/x-www-form-urlencoded"),
            ],
            Page,
        ),
        (
            "a navigation with a data-like path",
            "GET",
            "/a.json",
            &[("accept", CHROMIUM), ("sec-fetch-dest", "document")],
            Page,
        ),
        ("an old browser", "GET", "/x.js", &[("accept", CHROMIUM)], Page),
        ("a frame", "GET", "/", &[("sec-fetch-dest", "iframe"), ("accept", "*/*")], Page),
        ("fetch", "GET", "/cart", &[("accept", "*/*"), ("sec-fetch-dest", "empty")], Json),
        (
            "fetch of a page to put in place",
            "GET",
            "/cart",
            &[("accept", "text/html"), ("sec-fetch-dest", "empty")],
            Page,
        ),
        (
            "jQuery",
            "GET",
            "/cart",
            &[("accept", "text/html, */*; q=0.01"), ("x-requested-with", "XMLHttpRequest")],
            Json,
        ),
        (
            "axios",
            "POST",
            "/cart",
            &[("accept", "application/json, text/plain, */*"), ("sec-fetch-dest", "empty")],
            Json,
        ),
        ("axios on a server", "POST", "/cart", &[("accept", "application/json, text/plain, */*")], Json),
        ("JSON of its own kind", "GET", "/", &[("accept", "application/vnd.api+json")], Json),
        ("JSON more than a page", "GET", "/", &[("accept", "text/html;q=0.3, application/json;q=0.9")], Json),
        ("no page at any price", "GET", "/", &[("accept", "text/html;q=0, application/json;q=0.001")], Json),
        (
            "EventSource",
            "GET",
            "/events",
            &[("accept", "text/event-stream"), ("sec-fetch-dest", "empty")],
            EventStream,
        ),
        (
            "a POST that streams",
            "POST",
            "/chat",
            &[("accept", "text/event-stream"), ("content-type", "application/json")],
            Json,
        ),
        ("gRPC", "POST", "/shop.Cart/Add", &[("content-type", "application/grpc"), ("te", "trailers")], Grpc),
        (
            "gRPC with its coding",
            "POST",
            "/shop.Cart/Add",
            &[("content-type", "application/grpc+proto")],
            Grpc,
        ),
        (
            "gRPC in a browser",
            "POST",
            "/s/m",
            &[("content-type", "application/grpc-web-text"), ("sec-fetch-dest", "empty")],
            Grpc,
        ),
        ("not gRPC", "POST", "/s/m", &[("content-type", "application/grpcx")], Text),
        (
            "an image",
            "GET",
            "/logo",
            &[("accept", "image/avif,image/webp,*/*;q=0.8"), ("sec-fetch-dest", "image")],
            Other,
        ),
        ("an image in an old browser", "GET", "/logo", &[("accept", "image/webp,*/*;q=0.8")], Other),
        ("a script", "GET", "/app", &[("accept", "*/*"), ("sec-fetch-dest", "script")], Script),
        ("a module in an old browser", "GET", "/app.mjs", &[("accept", "*/*")], Script),
        (
            "a style sheet",
            "GET",
            "/app",
            &[("accept", "text/css,*/*;q=0.1"), ("sec-fetch-dest", "style")],
            Style,
        ),
        ("a style sheet in an old browser", "GET", "/app", &[("accept", "text/css,*/*;q=0.1")], Style),
        ("curl", "GET", "/", &[("accept", "*/*")], Text),
        (
            "curl with a JSON body",
            "POST",
            "/",
            &[("accept", "*/*"), ("content-type", "application/json; charset=utf-8")],
            Json,
        ),
        ("a program at an API", "GET", "/api/v1/orders", &[("accept", "*/*")], Json),
        ("a program that names a JSON file", "GET", "/feed.JSON", &[], Json),
        ("a feed reader", "GET", "/feed", &[("accept", "application/atom+xml, text/xml")], Text),
        ("nothing said at all", "GET", "/", &[], Text),
    ] {
        assert_eq!(asked(method, path, headers).kind, kind, "{what}");
    }
}

#[test]
fn the_language_is_the_one_with_the_greatest_weight_that_we_speak() {
    for (header, want) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::ZhCn)),
        ("en-GB,en;q=0.9,zh;q=0.95", Some(Lang::En)),
        ("en;q=0.4, zh-Hant-TW;q=0.5", Some(Lang::ZhCn)),
        ("de, fr;q=0.9, EN;q=0.1", Some(Lang::En)),
        ("zh;q=0, en;q=0.001", Some(Lang::En)),
        ("zh;q=0", None),
        ("zh;q=1.5, en;q=0.2", Some(Lang::En)),
        ("zh;q=abc, en;q=0.2", Some(Lang::En)),
        ("zh;q=, en;q=0.2", Some(Lang::En)),
        ("en;level=1;q=0.3, zh;q=0.2", Some(Lang::En)),
        ("zhx, english", None),
        ("*", None),
        ("de-AT", None),
        ("", None),
        (" ,;, ;q=1,", None),
    ] {
        assert_eq!(asked("GET", "/", &[("accept-language", header)]).lang, want, "{header:?}");
    }
    let two = asked("GET", "/", &[("accept-language", "de"), ("accept-language", "zh;q=0.1")]);
    assert_eq!(two.lang, Some(Lang::ZhCn));
}

#[test]
fn methods_and_origins_are_noticed() {
    let head = asked("HEAD", "/", &[]);
    assert!(head.head && head.safe);
    assert!(!asked("POST", "/", &[]).safe);
    assert!(!asked("GET", "/", &[]).cross_origin);
    assert!(asked("GET", "/", &[("origin", "https://a.example")]).cross_origin);
    let own = [("origin", "https://a.example"), ("sec-fetch-site", "same-origin")];
    assert!(!asked("POST", "/", &own).cross_origin);
    assert!(asked("POST", "/", &[("content-type", "application/grpc-web+proto")]).grpc_web);
    assert!(!asked("POST", "/", &[("content-type", "application/grpc")]).grpc_web);
}

#[test]
fn case_t_a_list_without_end_is_read_up_to_its_limit() {
    let long = format!("{}zh", "de,".repeat(20_000));
    assert_eq!(asked("GET", "/", &[("accept-language", &long)]).lang, None);
    let long = format!("{},application/json", "x/y".repeat(20_000));
    assert_eq!(asked("GET", "/", &[("accept", &long)]).kind, Kind::Text);
}

proptest! {
    #[test]
    fn whatever_is_sent_there_is_a_kind_and_no_panic(
        method in prop_oneof![Just("GET"), Just("POST"), Just("HEAD"), Just("X-ODD")],
        path in "/[a-zA-Z0-9./_-]{0,40}",
        headers in proptest::collection::vec(
            (prop_oneof![
                Just("accept"), Just("accept-language"), Just("content-type"), Just("sec-fetch-dest"),
                Just("sec-fetch-mode"), Just("sec-fetch-site"), Just("x-requested-with"), Just("origin"),
            ], proptest::collection::vec(prop_oneof![
                Just(b';'), Just(b','), Just(b'='), Just(b'q'), Just(b'.'), Just(b'/'), Just(b'*'), Just(b' '),
                Just(b'\t'), 0x21..=0x7e_u8, 0x80..=0xff_u8,
            ], 0..60)),
            0..8,
        ),
    ) {
        let mut request = Request::builder().method(method).uri(path.as_str());
        for (name, value) in &headers {
            request = request.header(*name, value.as_slice());
        }
        let asked = Asked::of(&request.body(()).unwrap().into_parts().0);
        if asked.kind == Kind::EventStream {
            prop_assert_eq!(method, "GET");
        }
    }

    #[test]
    fn a_weight_is_what_was_written_or_none(thousands in 0..=1_000_u16) {
        let written = if thousands == 1_000 { "1".to_owned() } else { format!("0.{thousands:03}") };
        prop_assert_eq!(thousandths(&written), thousands);
    }

    #[test]
    fn the_heavier_of_two_languages_wins_in_either_order(a in 1..=999_u16, b in 1..=999_u16) {
        prop_assume!(a != b);
        let want = if a > b { Lang::En } else { Lang::ZhCn };
        for header in [format!("en;q=0.{a:03},zh;q=0.{b:03}"), format!("zh;q=0.{b:03}, en;q=0.{a:03}")] {
            prop_assert_eq!(asked("GET", "/", &[("accept-language", header.as_str())]).lang, Some(want));
        }
    }
}
