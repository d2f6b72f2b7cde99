//! An answer as its bytes come, without the connection that they come over: where its head ends, and what its body is.

use super::{
    chunks::{Chunks, Piece},
    head::{self, Head},
};
use bytes::Bytes;

/// Bytes before the body, at most: the head, and the interim answers before it. More is no answer.
const OPENING_MAX: usize = 256 * 1024;

/// These bytes are no answer, or none whose end can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbled;

/// How it is seen where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// What has come before the head was complete.
#[derive(Debug)]
pub struct Opening {
    to_head: bool,
    read: Bytes,
    /// Bytes of interim answers that are over.
    passed: usize,
}

/// The body, from behind the head on.
#[derive(Debug)]
pub struct Inside {
    left: Left,
    read: Bytes,
}

#[derive(Debug)]
enum Left {
    Length(u64),
    Chunked(Box<Chunks>),
    UntilEnd,
}

// === impl Opening ===

impl Opening {
    /// `to_head`: it answers a request that wanted no body.
    #[must_use]
    pub fn new(to_head: bool) -> Opening {
        Opening { to_head, read: Bytes::new(), passed: 0 }
    }

    /// Some when the head is complete; [`Opening::rest`] is then what came behind it.
    pub fn feed(&mut self, more: Bytes) -> Result<Option<Head>, Garbled> {
        let mut complete = true;
        if self.read.is_empty() {
            self.read = more;
        } else {
            // Read again only where a line has ended: a head that comes byte by byte would be read as often as it has bytes.
            complete = more.contains(&b'\n');
            let mut read =
                std::mem::take(&mut self.read).try_into_mut().unwrap_or_else(|shared| shared[..].into());
            read.extend_from_slice(&more);
            self.read = read.freeze();
        }
        if complete {
            let before = self.read.len();
            if let Some(head) = head::read(&mut self.read, self.to_head).map_err(|()| Garbled)? {
                return Ok(Some(head));
            }
            self.passed += before - self.read.len();
        }
        if self.passed + self.read.len() > OPENING_MAX { Err(Garbled) } else { Ok(None) }
    }

    #[must_use]
    pub fn rest(self) -> Bytes {
        self.read
    }
}

// === impl Inside ===

impl Inside {
    #[must_use]
    pub fn new(framing: Framing, read: Bytes) -> Inside {
        let left = match framing {
            Framing::Length(n) => Left::Length(n),
            Framing::Chunked => Left::Chunked(Box::new(Chunks::new())),
            Framing::UntilEnd => Left::UntilEnd,
        };
        Inside { left, read }
    }

    /// What is there already.
    #[expect(clippy::should_implement_trait, reason = "it is fed in between, and has errors: no iterator")]
    pub fn next(&mut self) -> Result<Piece, Garbled> {
        Ok(match &mut self.left {
            Left::Length(0) => Piece::End,
            _ if self.read.is_empty() => Piece::More,
            Left::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(self.read.len());
                *left -= n as u64;
                Piece::Data(self.read.split_to(n))
            }
            Left::Chunked(chunks) => chunks.next(&mut self.read).map_err(|()| Garbled)?,
            Left::UntilEnd => Piece::Data(std::mem::take(&mut self.read)),
        })
    }

    /// More has come, after [`Piece::More`].
    pub fn feed(&mut self, more: Bytes) {
        self.read = more;
    }

    /// The bytes that are still to come, where they are counted.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self.left {
            Left::Length(left) => Some(left),
            Left::Chunked(_) | Left::UntilEnd => None,
        }
    }

    /// It ends with the connection.
    #[must_use]
    pub fn is_until_end(&self) -> bool {
        matches!(self.left, Left::UntilEnd)
    }

    /// What was read and not given out; behind the end of the body, what nobody asked for.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_on_with_interim_answers_gives_no_answer() {
        let interim = Bytes::from_static(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
        let mut opening = Opening::new(false);
        let most = OPENING_MAX / interim.len();
        for n in 0..most {
            assert!(matches!(opening.feed(interim.clone()), Ok(None)), "{n}");
        }
        assert!(matches!(opening.feed(interim), Err(Garbled)));
    }

    #[test]
    fn a_head_is_read_byte_by_byte_too_and_no_further_than_its_bound() {
        let mut opening = Opening::new(false);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
        for (n, byte) in head.iter().enumerate() {
            let fed = opening.feed(Bytes::copy_from_slice(&[*byte])).expect("it may yet be an answer");
            assert_eq!(fed.is_some(), n + 1 == head.len(), "{n}");
        }
        let mut opening = Opening::new(false);
        let _begun = opening.feed(Bytes::from_static(b"HTTP/1.1 200 ")).expect("it may yet be an answer");
        let endless = Bytes::from(vec![b'x'; OPENING_MAX / 4]);
        let refused = (0..4).any(|_| opening.feed(endless.clone()).is_err());
        assert!(refused, "a reason that never ends");
    }
}
