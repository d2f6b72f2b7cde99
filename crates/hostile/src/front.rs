//! Any bytes as the beginning of a visitor's connection: what the express lane takes is a plain request by the
//! letter of RFC 9112, read here again in the dullest way, so that no other reader can see another request in it.

use stillhere_model::Lang;
use stillhere_web::{
    front::head::{Asked, MAX_HEAD_BYTES, MAX_HEADERS, Parsed, What, parse},
    host::Hosts,
    lang,
    ready::Route,
};

pub fn run(data: &[u8]) {
    let data = &data[..data.len().min(MAX_HEAD_BYTES)];
    let Parsed::Express(asked) = parse(data) else { return };
    let (head, _rest) = data.split_at(asked.len);
    plain(head, &asked);
    // No prefix of it is a request, and what follows is none of its business.
    for n in 0..head.len().min(512) {
        assert_eq!(parse(&head[..n]), Parsed::Partial, "{n}");
    }
    assert_eq!(parse(head), Parsed::Express(parsed(data)));
    // What is done with it.
    let _allowed = Hosts::new(["status.example"]).allow(asked.host);
    if let Some(lang) = lang::accepted(asked.accept_language, &[Lang::ZhCn]) {
        assert_eq!(lang, Lang::ZhCn);
    }
}

fn parsed(data: &[u8]) -> Asked<'_> {
    match parse(data) {
        Parsed::Express(asked) => asked,
        other => panic!("{other:?}"),
    }
}

/// Reads the head line by line and compares.
fn plain(head: &[u8], asked: &Asked<'_>) {
    let text = head.strip_suffix(b"\n").expect("it ends with a line");
    let mut lines = text.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    // Empty lines before the request line are passed over (RFC 9112 §2.2).
    let first = lines.by_ref().find(|l| !l.is_empty()).expect("a request line");
    let words: Vec<&[u8]> = first.split(|&b| b == b' ').collect();
    let [method, target, version] = words[..] else { panic!("{:?}", String::from_utf8_lossy(first)) };
    assert_eq!(method, if asked.head_only { b"HEAD".as_slice() } else { b"GET" });
    let path = target.split(|&b| b == b'?').next().unwrap_or_default();
    match asked.what {
        What::Ready(route) => {
            assert_eq!(Route::of(path), Some(route));
            assert_eq!(version, b"HTTP/1.1");
        }
        What::Live(_) => assert_eq!(path, b"/live"),
    }
    let mut hosts = Vec::new();
    let mut count = 0;
    for line in lines {
        if line.is_empty() {
            continue;
        }
        count += 1;
        let colon = line.iter().position(|&b| b == b':').expect("a header has a colon");
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        assert!(
            !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic()),
            "a name is a token, no folded line"
        );
        let name = name.to_ascii_lowercase();
        let body: [&[u8]; 4] = [b"content-length", b"transfer-encoding", b"upgrade", b"expect"];
        assert!(!body.contains(&name.as_slice()), "it may have a body: {:?}", String::from_utf8_lossy(line));
        if name == b"host" {
            hosts.push(value);
        }
    }
    assert!(count <= MAX_HEADERS);
    assert_eq!(hosts, [asked.host], "one host");
    // A second reader of the same kind as everybody's.
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut again = httparse::Request::new(&mut headers);
    assert_eq!(again.parse(head), Ok(httparse::Status::Complete(head.len())));
    assert_eq!(again.path.map(str::as_bytes), Some(target));
}
