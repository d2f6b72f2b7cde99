//! The chunked transfer coding (RFC 9112 §7.1), decoded as it comes, with every line bounded.

/// Longest chunk-size line with its extensions, and longest trailer line.
const MAX_LINE: usize = 4 * 1024;
/// All trailers together.
const MAX_TRAILERS: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the hexadecimal digits.
    Size,
    /// After the digits, until the line ends.
    Extension,
    Data,
    /// The line end after the data.
    DataEnd,
    /// In trailer lines.
    Trailer,
}

#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// In `Size` the number so far, in `Data` the bytes to come.
    size: u64,
    digits: usize,
    line: usize,
    trailers: usize,
}

// === impl Chunked ===

impl Default for Chunked {
    fn default() -> Chunked {
        Chunked { state: State::Size, size: 0, digits: 0, line: 0, trailers: 0 }
    }
}

impl Chunked {
    /// Takes what has come and hands the data on. True: it has ended, or `take` wants no more.
    pub(super) fn feed(
        &mut self,
        mut input: &[u8],
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, &'static str> {
        while let Some((&b, rest)) = input.split_first() {
            if self.state == State::Data {
                let n = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len());
                let (data, rest) = input.split_at(n);
                input = rest;
                self.size -= n as u64;
                if self.size == 0 {
                    self.state = State::DataEnd;
                    self.line = 0;
                }
                if !take(data) {
                    return Ok(true);
                }
                continue;
            }
            input = rest;
            self.line += 1;
            if self.line > MAX_LINE {
                return Err("a line of the chunked body is too long");
            }
            match (self.state, b) {
                (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    let digit = char::from(b).to_digit(16).unwrap_or(0);
                    self.digits += 1;
                    let size = self.size.checked_mul(16).and_then(|s| s.checked_add(u64::from(digit)));
                    self.size = size.ok_or("a chunk's size is too large")?;
                }
                (State::Size | State::Extension, b'\n') if self.digits > 0 => {
                    self.state = if self.size == 0 { State::Trailer } else { State::Data };
                    self.digits = 0;
                    self.line = 0;
                }
                (State::Size, b';' | b' ' | b'\t' | b'\r') if self.digits > 0 => {
                    self.state = State::Extension
                }
                (State::Size, _) => return Err("a chunk's size is not a number"),
                (State::DataEnd, b'\n') => {
                    self.state = State::Size;
                    self.line = 0;
                }
                (State::DataEnd, b'\r') if self.line == 1 => {}
                (State::DataEnd, _) => return Err("a chunk does not end where it should"),
                // Only a line that is empty but for its end is the last.
                (State::Trailer, b'\n') if self.line == 1 || (self.line == 2 && self.digits == 1) => {
                    return Ok(true);
                }
                (State::Trailer, b'\n') => {
                    self.line = 0;
                    self.digits = 0;
                }
                (State::Trailer, b) => {
                    // `digits` notes here whether the line began with CR.
                    self.digits = usize::from(self.line == 1 && b == b'\r');
                    self.trailers += 1;
                    if self.trailers > MAX_TRAILERS {
                        return Err("its trailers are too long");
                    }
                }
                (State::Extension, _) => {}
                (State::Data, _) => unreachable!("handled above"),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], step: usize) -> Result<Option<Vec<u8>>, &'static str> {
        let mut c = Chunked::default();
        let mut out = Vec::new();
        for piece in input.chunks(step) {
            if c.feed(piece, |d| {
                out.extend_from_slice(d);
                true
            })? {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }

    #[test]
    fn bodies_are_decoded_however_they_are_cut() {
        let table: [(&str, Option<&str>); 7] = [
            ("0\r\n\r\n", Some("")),
            ("5\r\nhello\r\n0\r\n\r\n", Some("hello")),
            ("5;ext=\"x\"\r\nhello\r\n6 \r\n world\r\n0\r\nA: b\r\nC: d\r\n\r\n", Some("hello world")),
            ("5\nhello\n0\n\n", Some("hello")),
            ("000A\r\n0123456789\r\n0\r\n\r\n", Some("0123456789")),
            ("5\r\nhello\r\n0\r\n", None),
            ("5\r\nhel", None),
        ];
        for (input, want) in table {
            for step in 1..=input.len() {
                assert_eq!(
                    decode(input.as_bytes(), step),
                    Ok(want.map(|w| w.as_bytes().to_vec())),
                    "{input:?} by {step}"
                );
            }
        }
    }

    #[test]
    fn nonsense_and_endless_lines_are_refused() {
        let long = format!("5;{}", "x".repeat(MAX_LINE));
        let trailers = format!("0\r\n{}", "A: bbbbbbbbbbbbb\r\n".repeat(2000));
        for input in
            ["\r\n", "x\r\n", "-5\r\nhello", "5\r\nhelloX", "fffffffffffffffff\r\n", &long, &trailers]
        {
            assert!(decode(input.as_bytes(), 7).is_err(), "{:?}", &input[..input.len().min(40)]);
        }
    }
}
