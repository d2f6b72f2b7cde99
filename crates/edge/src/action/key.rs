//! Reads the `Idempotency-Key` header: a structured-field string (RFC 9651), its quotes included, and nothing else.
//!
//! Strict, because two readers that understand one header differently would do one action twice.

use http::HeaderMap;
use std::fmt;

/// The header's name.
pub const HEADER: &str = "idempotency-key";
/// Shortest and longest key, in characters between the quotes.
pub const KEY_MIN: usize = 8;
pub const KEY_MAX: usize = 255;
/// Shortest key of a request that does not say who acts: about 128 bits, so that nobody guesses another's key.
pub const KEY_MIN_NOBODY: usize = 22;

/// A key, without its quotes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Box<str>);

/// What is wrong with a key. The text is for the developer who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("there is more than one Idempotency-Key header")]
    Several,
    #[error("Idempotency-Key must be a quoted string, such as \"8e03978e-40d5-43e8-bc93-6894a57f9324\"")]
    NotQuoted,
    #[error("something follows the closing quote of Idempotency-Key")]
    Trailing,
    #[error("Idempotency-Key has a character that may not be in a structured-field string")]
    Character,
    #[error("Idempotency-Key is shorter than {KEY_MIN} characters")]
    Short,
    #[error("Idempotency-Key is longer than {KEY_MAX} characters")]
    Long,
}

// === impl Key ===

impl Key {
    /// # Errors
    /// When the value is not exactly one quoted string of a good length.
    pub fn parse(value: &[u8]) -> Result<Key, KeyError> {
        let value = trim(value);
        let Some((b'"', rest)) = value.split_first() else { return Err(KeyError::NotQuoted) };
        let mut text = String::new();
        let mut bytes = rest.iter().copied();
        loop {
            let c = match bytes.next() {
                None => return Err(KeyError::NotQuoted),
                Some(b'"') => break,
                Some(b'\\') => match bytes.next() {
                    Some(c @ (b'"' | b'\\')) => c,
                    _ => return Err(KeyError::Character),
                },
                Some(c @ 0x20..=0x7e) => c,
                Some(_) => return Err(KeyError::Character),
            };
            if text.len() == KEY_MAX {
                return Err(KeyError::Long);
            }
            text.push(char::from(c));
        }
        if bytes.next().is_some() {
            return Err(KeyError::Trailing);
        }
        Key::checked(text)
    }

    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// When there are several, or it cannot be read.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Key>, KeyError> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(KeyError::Several);
        }
        Key::parse(value.as_bytes()).map(Some)
    }

    /// The key as the last segment of a path: percent-encoded, without quotes.
    ///
    /// # Errors
    /// When it could not have been a key.
    pub fn from_segment(segment: &str) -> Result<Key, KeyError> {
        let mut text = String::new();
        let mut bytes = segment.bytes();
        while let Some(b) = bytes.next() {
            let c = match b {
                b'%' => {
                    let mut digit =
                        || bytes.next().and_then(|d| char::from(d).to_digit(16)).ok_or(KeyError::Character);
                    let (high, low) = (digit()?, digit()?);
                    u8::try_from(high * 16 + low).map_err(|_| KeyError::Character)?
                }
                c => c,
            };
            if !(0x20..=0x7e).contains(&c) {
                return Err(KeyError::Character);
            }
            if text.len() == KEY_MAX {
                return Err(KeyError::Long);
            }
            text.push(char::from(c));
        }
        Key::checked(text)
    }

    fn checked(text: String) -> Result<Key, KeyError> {
        if text.len() < KEY_MIN { Err(KeyError::Short) } else { Ok(Key(text.into())) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Long enough that whoever knows it can be taken for who made it.
    #[must_use]
    pub fn unguessable(&self) -> bool {
        self.0.len() >= KEY_MIN_NOBODY
    }
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

impl fmt::Debug for Key {
    /// Who knows a key may act with it where nobody is logged in: it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(*** {})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_a_quoted_string_and_nothing_else() {
        let long = format!("\"{}\"", "k".repeat(KEY_MAX));
        let longer = format!("\"{}\"", "k".repeat(KEY_MAX + 1));
        let table: [(&str, Result<&str, KeyError>); 17] = [
            ("\"12345678\"", Ok("12345678")),
            ("  \"12345678\" ", Ok("12345678")),
            ("\"a \\\"b\\\" \\\\ c\"", Ok("a \"b\" \\ c")),
            (&long, Ok(&long[1..=KEY_MAX])),
            (&longer, Err(KeyError::Long)),
            ("12345678", Err(KeyError::NotQuoted)),
            ("", Err(KeyError::NotQuoted)),
            ("\"", Err(KeyError::NotQuoted)),
            ("\"12345678", Err(KeyError::NotQuoted)),
            ("\t\"12345678\"", Err(KeyError::NotQuoted)),
            ("\"1234567\"", Err(KeyError::Short)),
            ("\"\"", Err(KeyError::Short)),
            ("\"12345678\";a=1", Err(KeyError::Trailing)),
            ("\"12345678\", \"12345678\"", Err(KeyError::Trailing)),
            ("\"1234\\5678\"", Err(KeyError::Character)),
            ("\"1234\t5678\"", Err(KeyError::Character)),
            ("\"1234é5678\"", Err(KeyError::Character)),
        ];
        for (written, expected) in table {
            assert_eq!(
                Key::parse(written.as_bytes()).as_ref().map(Key::as_str),
                expected.as_deref(),
                "{written}"
            );
        }
    }

    #[test]
    fn two_headers_are_refused_and_none_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(Key::from_headers(&headers), Ok(None));
        headers.append(HEADER, HeaderValue::from_static("\"12345678\""));
        assert_eq!(Key::from_headers(&headers).unwrap().unwrap().as_str(), "12345678");
        headers.append(HEADER, HeaderValue::from_static("\"12345678\""));
        assert_eq!(Key::from_headers(&headers), Err(KeyError::Several));
    }

    #[test]
    fn a_key_never_prints() {
        assert_eq!(format!("{:?}", Key::parse(b"\"hunter2hunter2\"").unwrap()), "Key(*** 14)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(key) = Key::parse(&bytes) {
                prop_assert!((KEY_MIN..=KEY_MAX).contains(&key.as_str().len()));
            }
            let _never_panics = Key::from_segment(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn what_is_written_in_header_and_path_reads_back(text in "[ -~]{8,255}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(Key::parse(quoted.as_bytes()).map(|k| k.as_str().to_owned()), Ok(text.clone()));
            let segment: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
            prop_assert_eq!(Key::from_segment(&segment).map(|k| k.as_str().to_owned()), Ok(text));
        }
    }
}
