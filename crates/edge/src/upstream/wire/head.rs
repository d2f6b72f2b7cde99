//! The head of a request as bytes, and the head of an answer out of bytes.

use super::answer::Framing;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header, uri::PathAndQuery,
};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;
use std::mem::MaybeUninit;

/// Headers of an answer, at most. More is no answer.
pub const HEADERS_MAX: usize = 200;

/// An answer without its body.
#[derive(Debug)]
pub struct Head {
    pub response: Response<()>,
    pub framing: Framing,
    /// The connection may take another request when the body has ended.
    pub keep: bool,
}

/// The whole message. What a header or an address may hold cannot end its line: `http` sees to it.
pub(crate) fn write(method: &Method, path: &PathAndQuery, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 64 * headers.len() + path.as_str().len() + body.len());
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(path.as_str().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        // The length that the body has, whatever was said: a node that waits for the rest would take it from the next request.
        let of_framing = *name == header::TRANSFER_ENCODING
            || *name == header::CONTENT_LENGTH && !(body.is_empty() && value == "0");
        if !of_framing {
            field(&mut out, name.as_str(), value.as_bytes());
        }
    }
    if !body.is_empty() {
        field(&mut out, "content-length", body.len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The head, taken off the front of `read`, once it is complete. Err: it is no answer, or none whose end can be told.
pub(super) fn read(read: &mut Bytes, to_head: bool) -> Result<Option<Head>, ()> {
    loop {
        let all = read.clone();
        let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut []);
        let done = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, &all, &mut slots);
        let Status::Complete(length) = done.map_err(drop)? else { return Ok(None) };
        let _head = read.split_to(length);
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(())?;
        match status.as_u16() {
            // Nobody asked to switch.
            101 => return Err(()),
            100..=199 => {
                if read.is_empty() {
                    return Ok(None);
                }
                continue;
            }
            _ => {}
        }
        let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        for field in &*parsed.headers {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(drop)?;
            let value = HeaderValue::from_maybe_shared(all.slice_ref(field.value)).map_err(drop)?;
            headers.append(name, value);
        }
        let framing = framing(to_head, status, version, &headers)?;
        let keep = framing != Framing::UntilEnd
            // Two lengths: whoever sends both is not to be trusted with the place of the next answer.
            && !(framing == Framing::Chunked && headers.contains_key(header::CONTENT_LENGTH))
            && stays(version, &headers);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = headers;
        // Passed on only where it says something else than the status.
        if let Some(reason) = parsed.reason
            && Some(reason) != status.canonical_reason()
            && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
        {
            response.extensions_mut().insert(reason);
        }
        return Ok(Some(Head { response, framing, keep }));
    }
}

/// How long the body is (RFC 9112 §6.3).
fn framing(to_head: bool, status: StatusCode, version: Version, headers: &HeaderMap) -> Result<Framing, ()> {
    if to_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Length(0));
    }
    if let Some(coding) = headers.get_all(header::TRANSFER_ENCODING).iter().next_back() {
        if version == Version::HTTP_10 {
            return Err(());
        }
        let last = coding.as_bytes().rsplit(|b| *b == b',').next().unwrap_or_default().trim_ascii();
        return Ok(if last.eq_ignore_ascii_case(b"chunked") { Framing::Chunked } else { Framing::UntilEnd });
    }
    let mut length = None;
    for line in headers.get_all(header::CONTENT_LENGTH) {
        for word in line.as_bytes().split(|b| *b == b',') {
            let word = word.trim_ascii();
            let plain = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
            let n = std::str::from_utf8(word)
                .ok()
                .filter(|_| plain)
                .and_then(|w| w.parse::<u64>().ok())
                .ok_or(())?;
            if length.replace(n).is_some_and(|other| other != n) {
                return Err(());
            }
        }
    }
    Ok(length.map_or(Framing::UntilEnd, Framing::Length))
}

fn stays(version: Version, headers: &HeaderMap) -> bool {
    if version == Version::HTTP_11 && !headers.contains_key(header::CONNECTION) {
        return true;
    }
    let says = |what: &str| {
        let lines = headers.get_all(header::CONNECTION).into_iter();
        lines
            .flat_map(|l| l.as_bytes().split(|b| *b == b','))
            .any(|w| w.trim_ascii().eq_ignore_ascii_case(what.as_bytes()))
    };
    !says("close") && (version == Version::HTTP_11 || says("keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Status, framing, and whether the connection stays.
    type Seen = (u16, Framing, bool);

    fn of(text: &str, to_head: bool) -> Result<Option<Seen>, ()> {
        let mut bytes = Bytes::copy_from_slice(text.as_bytes());
        let head = read(&mut bytes, to_head)?;
        Ok(head.map(|h| (h.response.status().as_u16(), h.framing, h.keep)))
    }

    #[test]
    fn where_an_answer_ends() {
        let table: [(&str, Result<Seen, ()>); 19] = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Ok((200, Framing::Length(5), true))),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x, Close\r\n\r\n",
                Ok((200, Framing::Length(5), false)),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\ncontent-length: 5\r\n\r\n",
                Ok((200, Framing::Length(5), true)),
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n", Err(())),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", Err(())),
            ("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n", Err(())),
            ("HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n", Err(())),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", Err(())),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n",
                Ok((200, Framing::Chunked, true)),
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
                Ok((200, Framing::Chunked, false)),
            ),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", Ok((200, Framing::UntilEnd, false))),
            ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Err(())),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n", Ok((200, Framing::Length(5), false))),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: Keep-Alive\r\n\r\n",
                Ok((200, Framing::Length(5), true)),
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", Ok((200, Framing::UntilEnd, false))),
            ("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", Ok((204, Framing::Length(0), true))),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 304 x\r\n\r\n",
                Ok((304, Framing::Length(0), true)),
            ),
            ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", Err(())),
            ("ICY 200 OK\r\n\r\n", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(of(text, false), expected.map(Some), "{text}");
            // However it is cut, there is no answer before its end.
            let whole = text.len();
            let early = (1..whole).find(|n| matches!(of(&text[..*n], false), Ok(Some(_))));
            assert_eq!(early, None, "{text}");
        }
        let head = of("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true);
        assert_eq!(head, Ok(Some((200, Framing::Length(0), true))));
    }

    #[test]
    fn a_request_is_written_with_the_length_that_its_body_has() {
        let path = PathAndQuery::from_static("/a?b=c");
        let written = |length: &'static str, body: &str| {
            let fields = [(header::HOST, "x"), (header::CONTENT_LENGTH, length)];
            let headers = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
            let bytes = write(&Method::POST, &path, &headers.into_iter().collect(), body.as_bytes());
            String::from_utf8(bytes).expect("text")
        };
        let text = written("7", "abc");
        assert_eq!(text, "POST /a?b=c HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
        let text = written("0", "");
        assert_eq!(text, "POST /a?b=c HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let text = written("7", "");
        assert_eq!(text, "POST /a?b=c HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("HTTP/1.1 200 OK".to_owned()),
            Just("HTTP/1.0 404".to_owned()),
            Just("HTTP/1.1 103 Early Hints".to_owned()),
            Just("transfer-encoding: chunked".to_owned()),
            Just("content-length: 3".to_owned()),
            Just("connection: close".to_owned()),
            Just(String::new()),
            "[ -~]{0,20}",
        ]
    }

    proptest! {
        /// Whatever a node writes, and however it is cut: the same answer, the same rest, or none in both.
        #[test]
        fn an_answer_does_not_depend_on_how_it_is_cut(
            lines in prop::collection::vec(line(), 0..8),
            noise in prop::collection::vec(any::<u8>(), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let all = [lines.join("\r\n").as_bytes(), &noise].concat();
            let seen = |h: Head| (h.response.status(), h.response.headers().clone(), h.framing, h.keep);
            let mut at_once = Bytes::copy_from_slice(&all);
            let whole = read(&mut at_once, false).map(|h| h.map(seen));
            let (first, second) = all.split_at(cut.index(all.len() + 1));
            let mut parts = Bytes::copy_from_slice(first);
            let in_two = match read(&mut parts, false) {
                Ok(None) => {
                    parts = [&parts[..], second].concat().into();
                    read(&mut parts, false).map(|h| h.map(seen))
                }
                early => {
                    parts = [&parts[..], second].concat().into();
                    early.map(|h| h.map(seen))
                }
            };
            prop_assert_eq!(&in_two, &whole);
            if matches!(whole, Ok(Some(_))) {
                prop_assert_eq!(parts, at_once);
            }
        }
    }
}
