//! The words, quoted texts, escapes and names of zone files (RFC 1035 §5.1), read and written.

use std::fmt::Write as _;

/// One part of a line, its escapes still in it: what they mean depends on the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub raw: String,
    pub quoted: bool,
}

/// Brackets only spread a line over several; they go. A quotation mark within a word belongs to it, up to its end, as in
/// `alpn="h2,h3"`.
pub(super) fn words(text: &str) -> Result<Vec<Word>, &'static str> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace() || matches!(c, '(' | ')')).is_some() {}
        if chars.peek().is_none() {
            return Ok(found);
        }
        let quoted = chars.peek() == Some(&'"');
        let (mut raw, mut inside) = (String::new(), false);
        while let Some(c) = chars.next_if(|c| inside || !(c.is_whitespace() || matches!(c, '(' | ')'))) {
            match c {
                '"' => {
                    inside = !inside;
                    if !inside && quoted {
                        break;
                    }
                }
                '\\' => {
                    raw.push(c);
                    raw.push(chars.next().ok_or("ends in a backslash")?);
                }
                c => raw.push(c),
            }
        }
        if inside {
            return Err("has a quotation mark too few");
        }
        found.push(Word { raw, quoted });
    }
}

/// `\DDD` is a byte, `\` before anything else is that.
pub(super) fn unescaped(raw: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = next(rest)? {
        bytes.push(byte.value);
        rest = after;
    }
    Ok(bytes)
}

struct Byte {
    value: u8,
    escaped: bool,
}

fn next(rest: &[u8]) -> Result<Option<(Byte, &[u8])>, &'static str> {
    Ok(match rest {
        [] => None,
        [b'\\', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', after @ ..] => {
            let value = [a, b, c].iter().fold(0u16, |n, d| n * 10 + u16::from(**d - b'0'));
            let value = u8::try_from(value).map_err(|_| "has an escape of more than \\255")?;
            Some((Byte { value, escaped: true }, after))
        }
        [b'\\', b'0'..=b'9', ..] => return Err("has an escape without three digits"),
        [b'\\', value, after @ ..] => Some((Byte { value: *value, escaped: true }, after)),
        [b'\\'] => return Err("ends in a backslash"),
        [value, after @ ..] => Some((Byte { value: *value, escaped: false }, after)),
    })
}

/// Text in quotes. What is not UTF-8 is written byte for byte.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_ascii_control() => _ = write!(out, "\\{:03}", u32::from(c)),
                c if c.is_control() => {
                    for b in c.encode_utf8(&mut [0; 4]).bytes() {
                        let _ = write!(out, "\\{b:03}");
                    }
                }
                c => out.push(c),
            }
        }
        for b in chunk.invalid() {
            let _ = write!(out, "\\{b:03}");
        }
    }
    out.push('"');
    out
}

/// One label of a name in lower case, so that it can be read back.
pub(super) fn push_label(name: &mut String, label: &[u8]) {
    for b in label.to_ascii_lowercase() {
        match b {
            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => name.extend(['\\', char::from(b)]),
            b'!'..=b'~' => name.push(char::from(b)),
            _ => _ = write!(name, "\\{b:03}"),
        }
    }
}

/// A name with or without its last dot: the whole name is meant.
pub(super) fn name(raw: &str) -> Result<String, &'static str> {
    const WRONG: &str = "has something else where a name belongs";
    if raw == "." {
        return Ok(raw.to_owned());
    }
    let ascii;
    let raw = if raw.is_ascii() {
        raw
    } else {
        ascii = super::punycode(raw)?;
        &ascii
    };
    let (mut labels, mut label) = (Vec::new(), Vec::new());
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = next(rest)? {
        rest = after;
        if byte.value == b'.' && !byte.escaped {
            labels.push(std::mem::take(&mut label));
        } else {
            label.push(byte.value);
        }
    }
    if !label.is_empty() {
        labels.push(label);
    }
    let fits = !labels.is_empty() && labels.iter().all(|l| (1..64).contains(&l.len()));
    if !fits || labels.iter().map(|l| l.len() + 1).sum::<usize>() > 254 {
        return Err(WRONG);
    }
    let mut name = String::with_capacity(raw.len());
    for (i, label) in labels.iter().enumerate() {
        if i > 0 {
            name.push('.');
        }
        push_label(&mut name, label);
    }
    Ok(name)
}

pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|p| Some(digit(*p.first()?)? << 4 | digit(*p.get(1)?)?)).collect()
}
