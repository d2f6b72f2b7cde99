//! Takes the chunks off a chunked body (RFC 9112 §7.1). Sizes may be padded, as some servers do; lines end with CR LF.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Bytes of extensions in all, which nobody uses.
const EXTENSIONS_MAX: usize = 16 * 1024;
/// Bytes of the fields after the body, and how many.
const TRAILER_MAX: usize = 16 * 1024;
pub const TRAILERS_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    extensions: usize,
    trailer: BytesMut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Digits so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind them: padding or extensions.
    Line {
        size: u64,
    },
    LineEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    /// CR and LF behind the data that have come.
    DataEnd {
        seen: u8,
    },
    Trailer,
    Done,
}

/// What came out.
#[derive(Debug)]
pub enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    /// Everything is used up.
    More,
}

// === impl Chunks ===

impl Chunks {
    pub(super) fn new() -> Chunks {
        Chunks { state: State::Size { size: 0, digits: 0 }, extensions: 0, trailer: BytesMut::new() }
    }

    /// Takes the next piece off the front. Err: these are no chunks.
    pub(super) fn next(&mut self, read: &mut Bytes) -> Result<Piece, ()> {
        loop {
            match self.state {
                State::Done => return Ok(Piece::End),
                _ if read.is_empty() => return Ok(Piece::More),
                State::Data { left } => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(read.len());
                    let left = left - n as u64;
                    self.state = if left == 0 { State::DataEnd { seen: 0 } } else { State::Data { left } };
                    return Ok(Piece::Data(read.split_to(n)));
                }
                State::Trailer => {
                    if let Some(trailers) = self.trailer(read)? {
                        self.state = State::Done;
                        if !trailers.is_empty() {
                            return Ok(Piece::Trailers(trailers));
                        }
                    }
                }
                _ => {
                    let byte = read.get_u8();
                    self.state = self.step(byte)?;
                }
            }
        }
    }

    fn step(&mut self, byte: u8) -> Result<State, ()> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, b) if b.is_ascii_hexdigit() => {
                let digit = char::from(b).to_digit(16).ok_or(())?;
                let size = size.checked_mul(16).and_then(|s| s.checked_add(u64::from(digit))).ok_or(())?;
                // A longer row of zeros says nothing.
                State::Size { size, digits: digits.checked_add(1).filter(|d| *d <= 32).ok_or(())? }
            }
            (State::Size { digits: 0, .. }, _) => return Err(()),
            (State::Size { size, .. } | State::Line { size }, b'\r') => State::LineEnd { size },
            (State::Size { size, .. }, b'\t' | b' ' | b';') => State::Line { size },
            (State::Line { size }, b) if b != b'\n' => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS_MAX {
                    return Err(());
                }
                State::Line { size }
            }
            (State::LineEnd { size: 0 }, b'\n') => State::Trailer,
            (State::LineEnd { size }, b'\n') => State::Data { left: size },
            (State::DataEnd { seen: 0 }, b'\r') => State::DataEnd { seen: 1 },
            (State::DataEnd { seen: 1 }, b'\n') => State::Size { size: 0, digits: 0 },
            _ => return Err(()),
        })
    }

    /// Some when the empty line has come.
    fn trailer(&mut self, read: &mut Bytes) -> Result<Option<HeaderMap>, ()> {
        while !read.is_empty() {
            self.trailer.extend_from_slice(&[read.get_u8()]);
            let so_far = &self.trailer[..];
            if so_far == b"\r\n" {
                return Ok(Some(HeaderMap::new()));
            }
            if so_far.ends_with(b"\r\n\r\n") {
                let mut slots = [httparse::EMPTY_HEADER; TRAILERS_MAX];
                let parsed = httparse::parse_headers(so_far, &mut slots).map_err(drop)?;
                let httparse::Status::Complete((length, fields)) = parsed else { return Err(()) };
                // An empty line that ends with LF alone: to who forgives that, the next answer begins behind it.
                if length != so_far.len() {
                    return Err(());
                }
                let mut trailers = HeaderMap::with_capacity(fields.len());
                for field in fields {
                    let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(drop)?;
                    trailers.append(name, HeaderValue::from_bytes(field.value).map_err(drop)?);
                }
                return Ok(Some(trailers));
            }
            if so_far.len() > TRAILER_MAX {
                return Err(());
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data, the trailers, and what is left behind the end; fed in pieces of this length.
    fn read(text: &str, step: usize) -> Result<(String, usize, String), ()> {
        let (mut chunks, mut data, mut trailers) = (Chunks::new(), Vec::new(), 0);
        let mut left = Bytes::copy_from_slice(text.as_bytes());
        let mut given = Bytes::new();
        loop {
            match chunks.next(&mut given)? {
                Piece::Data(more) => data.extend_from_slice(&more),
                Piece::Trailers(fields) => trailers = fields.len(),
                Piece::End => {
                    let rest = [&given[..], &left[..]].concat();
                    return Ok((
                        String::from_utf8(data).expect("text"),
                        trailers,
                        String::from_utf8(rest).expect("text"),
                    ));
                }
                Piece::More if left.is_empty() => return Err(()),
                Piece::More => given = left.split_to(step.min(left.len())),
            }
        }
    }

    #[test]
    fn chunks_are_put_together_however_they_are_cut() {
        for step in [1, 2, 3, 7, 1_000] {
            let plain = read("5\r\nhello\r\n00b\r\n, all of us\r\n0\r\n\r\nnext", step);
            assert_eq!(plain, Ok(("hello, all of us".to_owned(), 0, "next".to_owned())), "{step}");
            let odd =
                read("3 ;x=\"y\"\r\nabc\r\nA\t\r\n0123456789\r\n0;end\r\nx-sum: 1\r\ny: 2\r\n\r\n", step);
            assert_eq!(odd, Ok(("abc0123456789".to_owned(), 2, String::new())), "{step}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_chunk() {
        for text in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\nhello0\r\n\r\n",
            "5;a\nb\r\nhello\r\n0\r\n\r\n",
            "fffffffffffffffff\r\n",
            "0\r\nbad name: 1\r\n\r\n",
            "0\r\nx: y\n\nHTTP/1.1 200 OK\r\n\r\n",
            "5\r\nhel",
        ] {
            assert!(read(text, 1).is_err(), "{text}");
            assert!(read(text, 1_000).is_err(), "{text}");
        }
        assert!(read(&format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(EXTENSIONS_MAX + 1)), 1_000).is_err());
        assert!(read(&format!("0\r\nx: {}\r\n\r\n", "x".repeat(TRAILER_MAX)), 1_000).is_err());
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9a-f]{1,2}\r\n[a-z]{0,18}\r\n",
            Just("3\r\nabc\r\n".to_owned()),
            Just("0\r\n".to_owned()),
            Just("x: y\r\n".to_owned()),
            Just("\r\n".to_owned()),
            "[ -~\r\n]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn a_body_does_not_depend_on_how_it_is_cut(parts in prop::collection::vec(part(), 0..8), step in 1_usize..20) {
            let text = parts.concat();
            prop_assert_eq!(read(&text, step), read(&text, usize::MAX));
        }
    }
}
