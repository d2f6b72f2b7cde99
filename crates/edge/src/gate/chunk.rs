//! The grammar of a chunked body, without any of the forgiveness that parsers differ in: no white space around the
//! size, no line feed alone, extensions only as RFC 9112 §7.1.1 writes them.

use super::{CHUNK_DIGITS_MAX, CHUNK_EXTENSION_MAX, EXTENSIONS_MAX, Violation};

/// Where in a chunked body we are.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    at: At,
    size: u64,
    digits: u8,
    /// Bytes of this chunk's extensions, and of all before.
    extension: usize,
    extensions: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// After `;`, no letter yet, or within the name.
    Name(bool),
    /// After `=`, no letter yet, or within the value.
    Value(bool),
    Quoted,
    /// After a backslash within quotes.
    Escaped,
    /// After the closing quote.
    QuoteEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
}

/// What a step found.
pub(super) enum Step {
    /// So many bytes belong to it.
    Took(usize),
    /// One byte, which ended the line of a chunk of this size.
    Size(u64),
    /// One byte, which ended the line of the last chunk; fields may follow.
    Last,
}

// === impl Chunk ===

impl Chunk {
    /// Takes at least one of `bytes`, of which there must be one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        if self.at == At::Data {
            let n = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
            self.size -= n as u64;
            if self.size == 0 {
                self.at = At::DataCr;
            }
            return Ok(Step::Took(n));
        }
        let byte = bytes[0];
        self.at = match (self.at, byte) {
            (At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if self.digits == CHUNK_DIGITS_MAX {
                    return Err(Violation::ChunkSize);
                }
                self.digits += 1;
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                self.size = self.size << 4 | digit;
                At::Size
            }
            (At::Size, b'\r') if self.digits > 0 => At::SizeLf,
            (At::Size, b';') if self.digits > 0 => At::Name(false),
            (At::Size, _) => return Err(Violation::ChunkSize),
            (At::SizeLf, b'\n') => return Ok(self.line_ended()),
            (At::SizeLf, _) => return Err(Violation::ChunkSize),
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => At::Size,
            (At::DataCr | At::DataLf | At::Data, _) => return Err(Violation::ChunkEnd),
            (at, byte) => self.extension(at, byte)?,
        };
        Ok(Step::Took(1))
    }

    fn line_ended(&mut self) -> Step {
        let size = std::mem::take(&mut self.size);
        self.digits = 0;
        self.extension = 0;
        if size == 0 {
            return Step::Last;
        }
        self.size = size;
        self.at = At::Data;
        Step::Size(size)
    }

    fn extension(&mut self, at: At, byte: u8) -> Result<At, Violation> {
        self.extension += 1;
        self.extensions += 1;
        if self.extension > CHUNK_EXTENSION_MAX || self.extensions > EXTENSIONS_MAX {
            return Err(Violation::ChunkExtension);
        }
        let next = match (at, byte) {
            (At::Name(_), b) if is_token(b) => At::Name(true),
            (At::Name(true), b'=') => At::Value(false),
            (At::Value(_), b) if is_token(b) => At::Value(true),
            (At::Value(false), b'"') => At::Quoted,
            (At::Name(true) | At::Value(true) | At::QuoteEnd, b';') => At::Name(false),
            (At::Name(true) | At::Value(true) | At::QuoteEnd, b'\r') => At::SizeLf,
            (At::Quoted, b'"') => At::QuoteEnd,
            (At::Quoted, b'\\') => At::Escaped,
            (At::Quoted | At::Escaped, b'\t' | b' '..=b'~' | 0x80..) => At::Quoted,
            _ => return Err(Violation::ChunkExtension),
        };
        Ok(next)
    }
}

/// May stand in a token of RFC 9110 §5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
