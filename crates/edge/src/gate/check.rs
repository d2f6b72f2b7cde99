//! The rule as a pure machine over the bytes of a connection.

use super::{
    EMPTY_LINES_MAX, Limits, TRAILER_MAX, Violation,
    chunk::{Chunk, Step},
    head::{self, Framing},
};

/// Reads the bytes of a connection, split anywhere, and says how far they may pass.
#[derive(Debug)]
pub struct Check {
    limits: Limits,
    state: State,
    /// The head, or the fields after a body, as far as they came in earlier pieces. Empty when it comes in one.
    kept: Vec<u8>,
    line: Line,
    /// What the message in hand asks for when its body has ended.
    switches: bool,
}

/// How far the bytes may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Of the bytes given, these may be read by others. All, when there is neither a refusal nor a switch of
    /// protocols; what is beyond a switch must be given again after `upgraded` or `declined`.
    pub passed: usize,
    pub refused: Option<Violation>,
}

#[derive(Debug)]
enum State {
    /// Before a request; so many bytes of empty lines came.
    Start {
        blank: u8,
    },
    Head,
    Length(u64),
    Chunked {
        chunk: Chunk,
        taken: u64,
    },
    Trailer,
    /// Behind a request to switch protocols.
    Withheld,
    /// The protocol was switched: no longer ours to judge.
    Through,
    Refused {
        why: Violation,
        in_body: bool,
    },
}

/// Where in a block of lines we are: the scan goes on where it was, however often bytes come.
#[derive(Debug, Default)]
struct Line {
    /// Bytes of the unfinished line.
    len: usize,
    ends_in_cr: bool,
    /// Whole lines before it.
    lines: usize,
}

// === impl Check ===

impl Check {
    #[must_use]
    pub fn new(limits: Limits) -> Check {
        Check {
            limits,
            state: State::Start { blank: 0 },
            kept: Vec::new(),
            line: Line::default(),
            switches: false,
        }
    }

    /// Reads `bytes`. After a refusal nothing passes any more.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let step = match &mut self.state {
                State::Start { blank } => start(blank, rest),
                State::Head => self.head(rest),
                State::Length(left) => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= n as u64;
                    if *left == 0 { Ok(Some((n, self.ended()))) } else { Ok(Some((n, State::Length(*left)))) }
                }
                State::Chunked { chunk, taken } => chunked(chunk, taken, self.limits.body, rest),
                State::Trailer => self.trailer(rest),
                State::Withheld => return Fed { passed: at, refused: None },
                State::Through => return Fed { passed: bytes.len(), refused: None },
                State::Refused { why, .. } => return Fed { passed: at, refused: Some(*why) },
            };
            match step {
                Ok(None) => at = bytes.len(),
                Ok(Some((n, next))) => {
                    at += n;
                    self.state = next;
                }
                Err((n, why)) => {
                    self.state = State::Refused { why, in_body: self.is_in_body() };
                    self.kept = Vec::new();
                    return Fed { passed: at + n, refused: Some(why) };
                }
            }
        }
        Fed { passed: bytes.len(), refused: None }
    }

    /// The protocol was switched: everything passes from now on.
    pub fn upgraded(&mut self) {
        if matches!(self.state, State::Withheld) {
            self.state = State::Through;
        }
    }

    /// The protocol was not switched: what follows is the next request.
    pub fn declined(&mut self) {
        self.switches = false;
        if matches!(self.state, State::Withheld) {
            self.state = State::Start { blank: 0 };
        }
    }

    /// A request to switch protocols is complete, and it is undecided whether it is done.
    #[must_use]
    pub fn is_withholding(&self) -> bool {
        matches!(self.state, State::Withheld)
    }
    /// The request in hand asks to switch protocols.
    #[must_use]
    pub fn asks_to_switch(&self) -> bool {
        self.switches
    }
    /// A head has begun and not ended.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head)
    }
    /// A body has begun and not ended.
    #[must_use]
    pub fn is_in_body(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Chunked { .. } | State::Trailer)
    }
    #[must_use]
    pub fn refused(&self) -> Option<Violation> {
        if let State::Refused { why, .. } = self.state { Some(why) } else { None }
    }
    /// The head had passed already when it was refused.
    #[must_use]
    pub fn refused_in_body(&self) -> bool {
        matches!(self.state, State::Refused { in_body: true, .. })
    }

    fn ended(&self) -> State {
        if self.switches { State::Withheld } else { State::Start { blank: 0 } }
    }

    fn head(&mut self, bytes: &[u8]) -> Stepped {
        let room = self.limits.head.saturating_sub(self.kept.len());
        let seen = &bytes[..bytes.len().min(room)];
        // The line may be as long as its address, and a method and a version.
        let end =
            self.line.scan(seen, self.limits.url + 64, Violation::UrlTooLong).map_err(|why| (0, why))?;
        let Some(end) = end else {
            if seen.len() < bytes.len() {
                return Err((0, Violation::HeadTooLarge));
            }
            self.kept.extend_from_slice(bytes);
            return Ok(None);
        };
        let whole = if self.kept.is_empty() {
            &bytes[..end]
        } else {
            self.kept.extend_from_slice(&bytes[..end]);
            &self.kept[..]
        };
        let framing = head::judge(whole, &self.limits).map_err(|why| (0, why))?;
        self.line = Line::default();
        self.kept = Vec::new();
        self.switches = framing.switches;
        let next = match framing.body {
            Framing::NONE => self.ended(),
            Framing::CHUNKED => State::Chunked { chunk: Chunk::default(), taken: 0 },
            length => State::Length(length),
        };
        Ok(Some((end, next)))
    }

    fn trailer(&mut self, bytes: &[u8]) -> Stepped {
        let room = TRAILER_MAX.saturating_sub(self.kept.len());
        let seen = &bytes[..bytes.len().min(room)];
        let refuse = |_| (0, Violation::Trailer);
        let Some(end) = self.line.scan(seen, TRAILER_MAX, Violation::Trailer).map_err(refuse)? else {
            if seen.len() < bytes.len() {
                return Err((0, Violation::Trailer));
            }
            self.kept.extend_from_slice(bytes);
            return Ok(None);
        };
        if self.kept.is_empty() {
            head::judge_trailer(&bytes[..end]).map_err(refuse)?;
        } else {
            self.kept.extend_from_slice(&bytes[..end]);
            head::judge_trailer(&self.kept).map_err(refuse)?;
        }
        self.line = Line::default();
        self.kept = Vec::new();
        Ok(Some((end, self.ended())))
    }
}

/// Either all was taken and there is no change, or so many bytes were taken and this follows, or so many may pass and
/// the rest is refused.
type Stepped = Result<Option<(usize, State)>, (usize, Violation)>;

fn start(blank: &mut u8, bytes: &[u8]) -> Stepped {
    for (n, byte) in bytes.iter().enumerate() {
        match (byte, *blank % 2) {
            (b'\r', 0) | (b'\n', 1) if *blank < 2 * EMPTY_LINES_MAX => *blank += 1,
            (b'\r', 0) => return Err((n, Violation::EmptyLines)),
            (b'\n', 0) => return Err((n, Violation::BareLf)),
            (_, 0) => return Ok(Some((n, State::Head))),
            _ => return Err((n, Violation::RequestLine)),
        }
    }
    Ok(None)
}

fn chunked(chunk: &mut Chunk, taken: &mut u64, most: Option<u64>, bytes: &[u8]) -> Stepped {
    let mut at = 0;
    while at < bytes.len() {
        match chunk.step(&bytes[at..]).map_err(|why| (at, why))? {
            Step::Took(n) => at += n,
            Step::Size(size) => {
                *taken = taken.saturating_add(size);
                if most.is_some_and(|most| *taken > most) {
                    return Err((at, Violation::BodyTooLarge));
                }
                at += 1;
            }
            Step::Last => return Ok(Some((at + 1, State::Trailer))),
        }
    }
    Ok(None)
}

// === impl Line ===

impl Line {
    /// Looks for the empty line that ends the block. Some: it ends before this place.
    fn scan(
        &mut self,
        bytes: &[u8],
        first_most: usize,
        too_long: Violation,
    ) -> Result<Option<usize>, Violation> {
        let mut from = 0;
        for lf in memchr::memchr_iter(b'\n', bytes) {
            let len = self.len + (lf - from);
            if self.lines == 0 && len > first_most {
                return Err(too_long);
            }
            let cr = if lf > from { bytes[lf - 1] == b'\r' } else { self.ends_in_cr };
            if !cr {
                return Err(Violation::BareLf);
            }
            *self = Line { len: 0, ends_in_cr: false, lines: self.lines + 1 };
            from = lf + 1;
            if len == 1 {
                return Ok(Some(from));
            }
        }
        if from < bytes.len() {
            self.len += bytes.len() - from;
            self.ends_in_cr = bytes.last() == Some(&b'\r');
        }
        if self.lines == 0 && self.len > first_most {
            return Err(too_long);
        }
        Ok(None)
    }
}
