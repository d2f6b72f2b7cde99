//! HTTP/1.1 (RFC 9112) as a client that asks once and trusts nobody.
//!
//! The head is parsed once, when its end has come, so that one that drips byte by byte costs no more than one that
//! comes at once. Lengths are bounded before anything is kept.

mod chunked;

use super::{Answer, MAX_HEAD, MAX_HEADERS, MAX_INTERIM, Want, io_fault};
use crate::{
    fault::Fault,
    trace::{Phase, Trace},
};
use chunked::Chunked;
use std::io::ErrorKind;
use stillhere_model::Finding;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Room for the first read: most heads, with a small body, come in one segment.
const FIRST_READ: usize = 4 * 1024;
/// Room for each further read of a long body.
const NEXT_READ: usize = 32 * 1024;

/// Line ends before an answer that are passed over, in bytes: browsers do so, too, and some servers send them after an
/// interim answer.
const MAX_BLANK: usize = 8;

/// How the end of the body is known.
#[derive(Debug)]
enum Framing {
    None,
    Length(u64),
    Chunked(Chunked),
    /// It ends with the connection.
    Close,
}

/// Sends `request` and reads the answer. Leaves the connection as it is.
pub(super) async fn exchange<S>(
    io: &mut S,
    request: &[u8],
    no_body: bool,
    want: &Want,
    trace: &mut Trace,
) -> Result<Answer, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    trace.phase = Phase::FirstByte;
    // A server may answer and close before it has read everything, so a failed write is no verdict: read first.
    let unsent = send(io, request).await.err();
    trace.begin(Phase::FirstByte);

    let mut buf: Vec<u8> = Vec::with_capacity(FIRST_READ);
    let mut interim = 0;
    let (mut answer, mut framing, head) = loop {
        let head = match read_head(io, &mut buf, trace).await {
            Ok(head) => head,
            Err(fault) => {
                let silent = buf.is_empty() && interim == 0;
                return Err(match unsent.filter(|_| silent) {
                    Some(e) => Fault::io(Phase::FirstByte, &e),
                    None => fault,
                });
            }
        };
        let (answer, framing) = parse(&buf[..head], no_body, want)?;
        match answer.status {
            101 => return Err(malformed("it switches protocols, which we did not ask for")),
            100..=199 if interim < MAX_INTERIM => {
                interim += 1;
                buf.drain(..head);
            }
            100..=199 => return Err(malformed(format!("more than {MAX_INTERIM} interim answers"))),
            _ => break (answer, framing, head),
        }
    };
    if !(want.stop_at_redirect && answer.redirects()) {
        read_body(io, &mut buf, head, &mut framing, &mut answer, want, trace).await?;
    }
    trace.end();
    Ok(answer)
}

async fn send<S: AsyncWrite + Unpin>(io: &mut S, request: &[u8]) -> std::io::Result<()> {
    io.write_all(request).await?;
    io.flush().await
}

/// Reads until `buf` holds a whole head; returns its length. The first byte ends the phase `FirstByte`.
pub(super) async fn read_head<S: AsyncRead + Unpin>(
    io: &mut S,
    buf: &mut Vec<u8>,
    trace: &mut Trace,
) -> Result<usize, Fault> {
    const START: &[u8] = b"HTTP/";
    let mut seen = 0;
    let mut passed = 0;
    loop {
        let blank = buf.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            passed += blank;
            buf.drain(..blank);
            seen = 0;
        }
        if passed > MAX_BLANK {
            return Err(malformed("it does not speak HTTP"));
        }
        if let Some(end) = end_of_head(buf, seen) {
            return Ok(end);
        }
        seen = buf.len();
        let n = seen.min(START.len());
        if buf[..n] != START[..n] {
            return Err(malformed("it does not speak HTTP"));
        }
        if seen > MAX_HEAD {
            return Err(malformed(format!("its head is longer than {MAX_HEAD} bytes")));
        }
        if buf.capacity() == buf.len() {
            buf.reserve(FIRST_READ);
        }
        let n = match io.read_buf(buf).await {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => 0,
            Err(e) => return Err(io_fault(trace, &e)),
        };
        if n == 0 {
            let detail = match seen {
                0 => "closed without an answer".to_owned(),
                n => format!("closed after {n} bytes, within the head"),
            };
            return Err(Fault::target(Finding::ClosedEarly, detail));
        }
        if trace.phase == Phase::FirstByte {
            trace.then(Phase::Body);
        }
    }
}

/// The length of the head, line ends and all, when it is there. `seen` bytes were looked at before.
fn end_of_head(buf: &[u8], seen: usize) -> Option<usize> {
    let mut at = seen.saturating_sub(3);
    while let Some(i) = buf[at..].iter().position(|&b| b == b'\n') {
        at += i + 1;
        match buf[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The status alone.
pub(super) fn status(head: &[u8]) -> Result<u16, Fault> {
    let want = Want { headers: false, body: false, max_body: 0, stop_at_redirect: true };
    Ok(parse(head, true, &want)?.0.status)
}

fn parse(head: &[u8], no_body: bool, want: &Want) -> Result<(Answer, Framing), Fault> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut lines);
    // As lenient as browsers: what they show is not down.
    let outcome = httparse::ParserConfig::default()
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .parse_response(&mut parsed, head);
    match outcome {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(malformed("its head does not end where it seems to")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(malformed(format!("more than {MAX_HEADERS} header lines")));
        }
        Err(e) => return Err(malformed(format!("malformed head: {e}"))),
    }
    let status = parsed.code.filter(|c| (100..=999).contains(c));
    let status = status.ok_or_else(|| malformed("the status is not a number from 100 to 999"))?;
    let mut answer = Answer::new(status, if parsed.version == Some(0) { "HTTP/1.0" } else { "HTTP/1.1" });
    let mut length: Option<u64> = None;
    let mut chunked = None;
    for h in parsed.headers.iter() {
        if h.name.eq_ignore_ascii_case("content-length") {
            for n in h.value.split(|&b| b == b',') {
                let n = n.trim_ascii();
                let n = Some(n).filter(|n| n.iter().all(u8::is_ascii_digit));
                let n = n.and_then(|n| std::str::from_utf8(n).ok()?.parse::<u64>().ok());
                match (n, length) {
                    (None, _) => return Err(malformed("its Content-Length is not a number")),
                    (Some(n), Some(before)) if n != before => {
                        return Err(malformed("it states two different Content-Lengths"));
                    }
                    (n, _) => length = n,
                }
            }
        } else if h.name.eq_ignore_ascii_case("transfer-encoding") {
            let last = h.value.rsplit(|&b| b == b',').next().unwrap_or_default();
            chunked = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        }
        answer.header(h.name, h.value, want);
    }
    let framing = match (chunked, length) {
        _ if no_body || matches!(status, 100..=199 | 204 | 304) => Framing::None,
        (Some(true), _) => Framing::Chunked(Chunked::default()),
        (Some(false), _) | (None, None) => Framing::Close,
        (None, Some(n)) => Framing::Length(n),
    };
    Ok((answer, framing))
}

async fn read_body<S: AsyncRead + Unpin>(
    io: &mut S,
    buf: &mut Vec<u8>,
    head: usize,
    framing: &mut Framing,
    answer: &mut Answer,
    want: &Want,
    trace: &Trace,
) -> Result<(), Fault> {
    let mut from = head;
    loop {
        if framing.feed(&buf[from..], answer, want)? {
            return Ok(());
        }
        from = 0;
        buf.clear();
        buf.reserve(NEXT_READ);
        let n = match io.read_buf(buf).await {
            Ok(n) => n,
            // TLS that ends without saying so: some servers do that where the body ends with the connection.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => 0,
            Err(e) => return Err(io_fault(trace, &e)),
        };
        if n == 0 {
            let missing = match framing {
                Framing::Close | Framing::None => return Ok(()),
                Framing::Length(left) => format!("closed with {left} bytes still to come"),
                Framing::Chunked(_) => "closed within a chunked body".to_owned(),
            };
            return Err(Fault::target(Finding::ClosedEarly, missing));
        }
    }
}

pub(super) fn malformed(detail: impl Into<String>) -> Fault {
    Fault::target(Finding::MalformedAnswer, detail)
}

// === impl Framing ===

impl Framing {
    /// Takes what has come. True: that was all that is wanted.
    fn feed(&mut self, piece: &[u8], answer: &mut Answer, want: &Want) -> Result<bool, Fault> {
        match self {
            Framing::None => Ok(true),
            Framing::Close => Ok(!answer.take(piece, want)),
            Framing::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
                *left -= n as u64;
                Ok(!answer.take(&piece[..n], want) || *left == 0)
            }
            Framing::Chunked(decoder) => {
                decoder.feed(piece, |data| answer.take(data, want)).map_err(malformed)
            }
        }
    }
}

#[cfg(test)]
mod tests;
