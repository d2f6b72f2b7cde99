//! The head of a WebSocket frame (RFC 6455 §5.2): read without touching what it carries, and written.

/// Longest head: two bytes, eight of length, four of mask.
pub const HEAD_MAX: usize = 14;
/// Most that a control frame may carry.
pub const CONTROL_MAX: usize = 125;
/// Most bytes of a Close's reason: a control frame less the code.
pub const REASON_MAX: usize = CONTROL_MAX - 2;

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

/// Codes of RFC 6455 §7.4.1 and the registry it founded.
pub mod code {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL: u16 = 1002;
    /// Never sent: "there was no code".
    pub const NONE: u16 = 1005;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
    pub const INTERNAL: u16 = 1011;
    pub const RESTART: u16 = 1012;
    pub const TRY_AGAIN: u16 = 1013;

    /// Whether a peer may send it.
    #[must_use]
    pub fn may_be_sent(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// What stands in a frame's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub fin: bool,
    /// Bits that extensions use; compression sets the first.
    pub reserved: u8,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    /// Bytes that follow.
    pub length: u64,
    /// Bytes of the head itself.
    pub size: usize,
}

/// What no peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a control frame that is fragmented or longer than 125 bytes")]
    Control,
    #[error("a length that is not a length")]
    Length,
    #[error("a frame that should be masked and is not, or the reverse")]
    Mask,
    #[error("a continuation of nothing, or a new message within another")]
    Order,
    #[error("a kind of frame that nobody agreed on")]
    Kind,
    #[error("text that is not UTF-8")]
    Text,
    #[error("a message that is too big")]
    TooBig,
    #[error("a Close that says what may not be said")]
    Close,
}

// === impl Head ===

impl Head {
    /// Reads a head; `None` while bytes of it are missing.
    ///
    /// # Errors
    /// What is wrong whatever the extensions are.
    pub fn read(bytes: &[u8]) -> Result<Option<Head>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let opcode = first & 0x0F;
        let fin = first & 0x80 != 0;
        let short = second & 0x7F;
        if opcode >= CLOSE && (!fin || usize::from(short) > CONTROL_MAX) {
            return Err(Violation::Control);
        }
        let (length, rest, mut size) = match short {
            126 => {
                let Some((l, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*l)), rest, 4)
            }
            127 => {
                let Some((l, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
                (u64::from_be_bytes(*l), rest, 10)
            }
            n => (u64::from(n), rest, 2),
        };
        if length > i64::MAX.unsigned_abs() {
            return Err(Violation::Length);
        }
        let mask = if second & 0x80 != 0 {
            let Some((key, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            size += 4;
            Some(*key)
        } else {
            None
        };
        Ok(Some(Head { fin, reserved: (first >> 4) & 0x7, opcode, mask, length, size }))
    }

    #[must_use]
    pub fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }
}

/// Appends an unfragmented frame; masked with `key` when there is one.
pub fn write(out: &mut Vec<u8>, opcode: u8, key: Option<[u8; 4]>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let masked = if key.is_some() { 0x80 } else { 0 };
    out.reserve(HEAD_MAX + length);
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(masked | u8::try_from(length).expect("at most 125")),
        126..=0xFFFF => {
            out.push(masked | 126);
            out.extend_from_slice(&u16::try_from(length).expect("at most 65535").to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(key) = key {
        out.extend_from_slice(&key);
    }
    let start = out.len();
    for part in parts {
        out.extend_from_slice(part);
    }
    if let Some(key) = key {
        unmask(&mut out[start..], key, 0);
    }
}

/// Masks or unmasks bytes that begin `at` bytes into the payload.
pub fn unmask(bytes: &mut [u8], key: [u8; 4], at: usize) {
    let mut turned = key;
    turned.rotate_left(at % 4);
    // Eight at a time; the compiler makes vectors of it.
    let wide = u64::from_ne_bytes([
        turned[0], turned[1], turned[2], turned[3], turned[0], turned[1], turned[2], turned[3],
    ]);
    let mut eights = bytes.chunks_exact_mut(8);
    for eight in &mut eights {
        let chunk: &mut [u8; 8] = eight.try_into().expect("chunks of eight");
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (n, byte) in eights.into_remainder().iter_mut().enumerate() {
        *byte ^= turned[n % 4];
    }
}

/// As much of a reason as a Close may carry, cut at a letter.
#[must_use]
pub fn reason(text: &str) -> &str {
    &text[..text.floor_char_boundary(REASON_MAX)]
}

/// Appends a Close. Without a code (1005) it is empty.
pub fn write_close(out: &mut Vec<u8>, key: Option<[u8; 4]>, code: u16, text: &str) {
    if code == code::NONE {
        write(out, CLOSE, key, &[]);
    } else {
        write(out, CLOSE, key, &[&code.to_be_bytes(), reason(text).as_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reason_is_cut_at_a_letter_and_never_longer_than_a_close_may_carry() {
        let text = "服务".repeat(40);
        let cut = reason(&text);
        assert!(cut.len() <= 123 && cut.len() > 119);
        let mut out = Vec::new();
        write_close(&mut out, None, code::RESTART, &text);
        assert_eq!(out[0], 0x88);
        assert!(usize::from(out[1]) <= CONTROL_MAX);
    }

    #[test]
    fn long_or_fragmented_control_frames_are_refused() {
        assert_eq!(Head::read(&[0x89, 126, 0, 200]), Err(Violation::Control));
        assert_eq!(Head::read(&[0x09, 1, 0]), Err(Violation::Control));
        assert_eq!(Head::read(&[0x82, 127, 0xFF, 0, 0, 0, 0, 0, 0, 0]), Err(Violation::Length));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            payload in proptest::collection::vec(any::<u8>(), 0..70_000),
            key in proptest::option::of(any::<[u8; 4]>()),
            at in 0usize..9,
        ) {
            let mut out = Vec::new();
            write(&mut out, BINARY, key, &[&payload]);
            let head = Head::read(&out).unwrap().unwrap();
            prop_assert_eq!(head.length, payload.len() as u64);
            prop_assert_eq!(head.mask, key);
            prop_assert!(Head::read(&out[..head.size - 1]).unwrap().is_none());
            let mut body = out[head.size..].to_vec();
            if let Some(key) = key {
                let at = at.min(body.len());
                let (a, b) = body.split_at_mut(at);
                unmask(a, key, 0);
                unmask(b, key, at);
            }
            prop_assert_eq!(body, payload);
        }
    }
}
