//! The 27 ambiguous messages, and more of their kind.

use super::*;

/// A message, and what the gate says to it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) refused: Option<Violation>,
}

fn case(name: &'static str, text: &str, refused: Violation) -> Case {
    Case { name, bytes: text.as_bytes().to_vec(), refused: Some(refused) }
}

fn post(name: &'static str, fields: &str, body: &str, refused: Violation) -> Case {
    case(name, &format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}"), refused)
}

/// The messages on which well-known servers disagree, one by one.
pub(super) fn ambiguous() -> Vec<Case> {
    use Violation as V;
    let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    vec![
        post("CL+TE", "Content-Length: 6\r\nTransfer-Encoding: chunked", smuggled, V::LengthAndCoding),
        post("TE+CL", "Transfer-Encoding: chunked\r\nContent-Length: 6", smuggled, V::LengthAndCoding),
        post("CL repeated, the same", "Content-Length: 5\r\nContent-Length: 5", "hello", V::LengthRepeated),
        post("CL repeated, differing", "Content-Length: 5\r\nContent-Length: 6", "hello!", V::LengthRepeated),
        post("CL a list", "Content-Length: 5, 5", "hello", V::LengthRepeated),
        post("CL +5", "Content-Length: +5", "hello", V::LengthInvalid),
        post("CL -5", "Content-Length: -5", "hello", V::LengthInvalid),
        post("CL 0x5", "Content-Length: 0x5", "hello", V::LengthInvalid),
        post("TE identity, chunked", "Transfer-Encoding: identity, chunked", smuggled, V::CodingInvalid),
        post(
            "TE identity, chunked + CL",
            "Transfer-Encoding: identity, chunked\r\nContent-Length: 6",
            smuggled,
            V::CodingInvalid,
        ),
        post("TE xchunked", "Transfer-Encoding: xchunked", smuggled, V::CodingInvalid),
        post("TE chunked, gzip", "Transfer-Encoding: chunked, gzip", smuggled, V::CodingInvalid),
        post("TE vtab", "Transfer-Encoding: \u{b}chunked", smuggled, V::Header),
        post("TE space before colon", "Transfer-Encoding : chunked", smuggled, V::Header),
        case(
            "TE in HTTP/1.0",
            &format!("POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"),
            V::CodingInOldVersion,
        ),
        case("bare LF", "GET /x HTTP/1.1\nHost: a\n\n", V::BareLf),
        case("bare CR in a value", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", V::Header),
        case("NUL in a value", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", V::Header),
        case("folded", "GET /x HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", V::Header),
        case("no Host", "GET /x HTTP/1.1\r\nX: a\r\n\r\n", V::HostMissing),
        case("two Hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", V::HostRepeated),
        case("another host in the address", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", V::HostDiffers),
        post(
            "LF in an extension",
            "Transfer-Encoding: chunked",
            "5;a\nb\r\nhello\r\n0\r\n\r\n",
            V::ChunkExtension,
        ),
        post("LF after a size", "Transfer-Encoding: chunked", "5\nhello\n0\n\n", V::ChunkSize),
        post(
            "chunk size too great",
            "Transfer-Encoding: chunked",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            V::ChunkSize,
        ),
        case(
            "Connection names Host",
            "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close, Host, X-Real-IP\r\n\r\n",
            V::Nominated,
        ),
    ]
}

/// More of the kind.
pub(super) fn others() -> Vec<Case> {
    use Violation as V;
    let chunked = "Transfer-Encoding: chunked";
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000));
    let big = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(100));
    vec![
        post("TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "", V::CodingRepeated),
        post("TE chunked twice", "Transfer-Encoding: chunked, chunked", "", V::CodingInvalid),
        post("TE gzip, chunked", "Transfer-Encoding: gzip, chunked", "", V::CodingUnknown),
        post("TE empty", "Transfer-Encoding:", "", V::CodingInvalid),
        post("TE with an empty element", "Transfer-Encoding: , chunked", "", V::CodingInvalid),
        post("TE quoted", "Transfer-Encoding: \"chunked\"", "", V::CodingInvalid),
        post("TE with an underscore", "Transfer_Encoding: chunked", "", V::LookAlike),
        post("CL with an underscore", "Content_Length: 5", "", V::LookAlike),
        post("CL empty", "Content-Length:", "", V::LengthInvalid),
        post("CL octal", "Content-Length: 010", "", V::LengthInvalid),
        post("CL too great", "Content-Length: 18446744073709551616", "", V::LengthInvalid),
        post("CL that would be chunked", "Content-Length: 18446744073709551615", "", V::LengthInvalid),
        post("space after a size", chunked, "5 \r\nhello\r\n0\r\n\r\n", V::ChunkSize),
        post("no size", chunked, "\r\nhello\r\n0\r\n\r\n", V::ChunkSize),
        post("a negative size", chunked, "-1\r\n", V::ChunkSize),
        post("0x before a size", chunked, "0x5\r\nhello\r\n0\r\n\r\n", V::ChunkSize),
        post("a chunk longer than its size", chunked, "5\r\nhello!\r\n0\r\n\r\n", V::ChunkEnd),
        post("a chunk that ends with LF", chunked, "5\r\nhello\n0\r\n\r\n", V::ChunkEnd),
        post("CR in an extension", chunked, "5;a\rb\r\nhello\r\n0\r\n\r\n", V::ChunkSize),
        post("NUL in an extension", chunked, "5;a=\0\r\nhello\r\n0\r\n\r\n", V::ChunkExtension),
        post("an extension without a name", chunked, "5;\r\nhello\r\n0\r\n\r\n", V::ChunkExtension),
        post("framing after the body", chunked, "0\r\nContent-Length: 5\r\n\r\n", V::Trailer),
        post("LF after the body", chunked, "0\r\nX: a\n\r\n", V::Trailer),
        post("a folded trailer", chunked, "0\r\nX: a\r\n b\r\n\r\n", V::Trailer),
        post(
            "bad message behind a good one",
            "Content-Length: 2",
            "okGET / HTTP/1.1\r\n\r\n",
            V::HostMissing,
        ),
        case("HTTP/0.9", "GET /\r\n\r\n", V::RequestLine),
        case("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", V::Version),
        case("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", V::Version),
        case("http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", V::RequestLine),
        case(
            "HTTP/2 preface behind a good one",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            V::Version,
        ),
        case("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", V::RequestLine),
        case("a header before the line", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", V::RequestLine),
        case("space before a header", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", V::Header),
        case("an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", V::Header),
        case("no colon", "GET / HTTP/1.1\r\nHost: a\r\nabc\r\n\r\n", V::Header),
        case("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", V::HostInvalid),
        case("Host with a user", "GET / HTTP/1.1\r\nHost: b@a\r\n\r\n", V::HostInvalid),
        case("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", V::HostInvalid),
        case("Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", V::HostInvalid),
        case("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", V::HostRepeated),
        case("another port in the address", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", V::HostDiffers),
        case("a user in the address", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case("another scheme", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case("no slash", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case("a fragment", "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case("* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case("CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", V::Target),
        case(
            "CONNECT with a body",
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n",
            V::ConnectWithBody,
        ),
        case(
            "Connection names framing",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\n\r\n",
            V::Nominated,
        ),
        case("five empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::EmptyLines),
        case("an empty line of LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", V::BareLf),
        case("a long address", &long, V::UrlTooLong),
        case("a long head", &big, V::HeadTooLarge),
        case("many headers", &many, V::TooManyHeaders),
    ]
}

/// Messages that mean one thing.
pub(super) fn clear() -> Vec<(&'static str, String)> {
    let post = |fields: &str, body: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}");
    let chunked = "Transfer-Encoding: chunked";
    vec![
        ("GET", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n".to_owned()),
        ("IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n".to_owned()),
        ("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n".to_owned()),
        ("an empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("the same host in the address", "GET http://A:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("UTF-8 in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: grüß\t dich\r\n\r\n".to_owned()),
        ("Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, keep-alive\r\n\r\n".to_owned()),
        ("CL", post("Content-Length: 5", "hello")),
        ("CL 0", post("Content-Length: 0", "")),
        ("chunks", post(chunked, "5\r\nhello\r\n00a\r\n0123456789\r\n0\r\n\r\n")),
        ("extensions", post(chunked, "5;a;b=c;d=\"e\\\"\r\n".replace("\\\"", "\\\"f\"").as_str())),
        ("trailers", post(chunked, "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")),
        (
            "pipelined",
            format!("{}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", post("Transfer-Encoding: Chunked", "0\r\n\r\n")),
        ),
    ]
}

#[test]
fn every_ambiguous_message_is_refused_for_what_is_wrong_with_it() {
    for case in ambiguous().into_iter().chain(others()) {
        assert_eq!(verdict(&[&case.bytes]), case.refused, "{}", case.name);
    }
}

#[test]
fn a_clear_message_passes_whole() {
    for (name, text) in clear() {
        let mut check = Check::new(Limits::default());
        assert_eq!(
            check.feed(text.as_bytes()),
            Fed { passed: text.len(), refused: None },
            "{name}: {:?}",
            check.refused()
        );
    }
}

#[test]
fn nothing_passes_behind_a_request_to_switch_until_it_is_decided() {
    let ask = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let next = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = format!("{ask}{next}");
    for switched in [true, false] {
        let mut check = Check::new(Limits::default());
        assert_eq!(check.feed(both.as_bytes()), Fed { passed: ask.len(), refused: None });
        assert_eq!(check.feed(b"x"), Fed { passed: 0, refused: None });
        if switched {
            check.upgraded();
            assert_eq!(check.feed(b"\0\0\n"), Fed { passed: 3, refused: None });
        } else {
            check.declined();
            assert_eq!(check.feed(next.as_bytes()), Fed { passed: next.len(), refused: None });
            assert_eq!(check.feed(b"\0\r\n\r\n").refused, Some(Violation::RequestLine));
        }
    }
}

#[test]
fn a_tunnel_and_an_upgrade_with_a_body_are_withheld_at_their_end() {
    let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    let h2c = "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for ask in [connect, h2c, chunked] {
        let mut check = Check::new(Limits::default());
        let fed = check.feed(format!("{ask}x").as_bytes());
        assert_eq!(fed, Fed { passed: ask.len(), refused: None }, "{ask}");
        assert!(check.is_withholding());
    }
}

#[test]
fn a_body_longer_than_allowed_is_refused_however_it_is_framed() {
    let limits = Limits { body: Some(9), ..Limits::default() };
    let whole = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    let pieces = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n";
    for text in [whole, pieces] {
        let mut check = Check::new(limits.clone());
        assert_eq!(check.feed(text.as_bytes()).refused, Some(Violation::BodyTooLarge), "{text}");
    }
}

#[test]
fn every_violation_has_its_own_word() {
    let mut words: Vec<_> = Violation::ALL.iter().map(|v| v.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Violation::ALL.len());
}
