use super::*;
use crate::live::Position;

fn asked(head: &str) -> Option<(What, bool, bool)> {
    match parse(head.as_bytes()) {
        Parsed::Express(a) => {
            assert_eq!(a.len, head.len());
            Some((a.what, a.head_only, a.gzip))
        }
        Parsed::Partial | Parsed::Other => None,
    }
}

#[test]
fn plain_requests_for_known_paths_take_the_express_lane() {
    let host = "Host: localhost\r\n";
    for (line, what) in [
        ("GET / HTTP/1.1", What::Ready(Route::Status)),
        ("GET /?lang=zh-CN HTTP/1.1", What::Ready(Route::Status)),
        ("GET /history.rss HTTP/1.1", What::Ready(Route::Rss)),
        ("GET /api/v2/summary.json HTTP/1.1", What::Ready(Route::V2Summary)),
        ("GET /live?lang=en HTTP/1.1", What::Live(None)),
        (
            "GET /live?lang=en&seen=3-41 HTTP/1.1",
            What::Live(Some(Since(Some(Position { epoch: 3, seq: 41, nth: 0 })))),
        ),
        ("GET /live?seen=nonsense HTTP/1.1", What::Live(Some(Since(None)))),
    ] {
        assert_eq!(asked(&format!("{line}\r\n{host}\r\n")), Some((what, false, false)), "{line}");
    }
    let browser = "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nUser-Agent: b\r\nAccept: text/html\r\n\
                   Accept-Encoding: gzip, deflate, br\r\nAccept-Language: de\r\nCookie: a=b\r\n\r\n";
    assert_eq!(asked(browser), Some((What::Ready(Route::Status), false, true)));
    assert_eq!(
        asked(&format!("HEAD / HTTP/1.1\r\n{host}\r\n")),
        Some((What::Ready(Route::Status), true, false))
    );
    let proxied = "GET /live?lang=en HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(asked(proxied), Some((What::Live(None), false, false)), "nginx as it comes");
    let came_back = "GET /live?lang=en&seen=1-1 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1-5-2\r\n\r\n";
    let last = Since(Some(Position { epoch: 1, seq: 5, nth: 2 }));
    assert_eq!(
        asked(came_back),
        Some((What::Live(Some(last)), false, false)),
        "the header is newer than the query"
    );
}

/// What could be read in two ways is not read here.
#[test]
fn whatever_is_doubtful_goes_to_hyper() {
    for head in [
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
        "GET /unknown HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?utm=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?lang=en&lang=zh-CN HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?lang HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?seen=1-1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET //  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n Transfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, transfer-encoding\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
        "HEAD /live HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close, upgrade\r\n\r\n",
        "GET /live HTTP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
        "get / HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        assert_eq!(parse(head.as_bytes()), Parsed::Other, "{head:?}");
    }
}

#[test]
fn an_unfinished_head_waits_for_more() {
    let head = "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n";
    for n in 1..head.len() {
        assert_eq!(parse(&head.as_bytes()[..n]), Parsed::Partial, "{n}");
    }
}

#[test]
fn too_many_header_lines_are_hypers_to_refuse() {
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS));
    assert_eq!(parse(head.as_bytes()), Parsed::Other);
}

#[test]
fn gzip_is_sent_only_to_those_who_take_it() {
    for (header, takes) in [
        ("gzip", true),
        ("deflate, GZIP;q=0.5, br", true),
        ("br;q=1.0, gzip ;q=0.001", true),
        ("gzip;q=0", false),
        ("gzip; q=0.0", false),
        ("deflate", false),
        ("*", false),
        ("", false),
        ("xgzip", false),
    ] {
        assert_eq!(takes_gzip(header.as_bytes()), takes, "{header}");
    }
}
