//! One spelling for each value, so that what an answer says can be compared with what the operator wrote.
//!
//! Each type of record is a list of fields, read from the wire or from a line of a zone file, and written the same from
//! both: numbers as numbers, names in lower case without their last dot, hex in capitals and base64 as it is, both
//! without the spaces that long values are cut with, text exactly. Lower-casing everything would make two keys one.
//! A type without a list here, and data that is not what its type says, has the spelling of RFC 3597.

mod params;
#[cfg(test)]
mod tests;
mod written;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hickory_resolver::proto::rr::{Name, RecordType};
use std::{fmt::Write as _, net::Ipv4Addr, net::Ipv6Addr, str::FromStr as _};
use written::{Word, quoted, unescaped, words};

/// Longest value that is kept or may be expected, in bytes. What is longer ends in `…`.
pub(super) const MAX_VALUE_BYTES: usize = 4_096;

/// A part of a record, and how it is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    A,
    Aaaa,
    U8,
    U16,
    U32,
    /// A number, or the word that zone files have for it.
    Algorithm,
    CertType,
    Type,
    /// Seconds since 1970, as `YYYYMMDDHHmmSS`.
    Time,
    Name,
    /// A word without regard to case, behind its length.
    Tag,
    /// Text behind its length.
    Text,
    /// Hex behind its length, `-` when empty.
    Salt,
    /// Base32 with the extended hex alphabet, behind its length.
    Hash,
    // What reaches to the end.
    RestText,
    Hex,
    Base64,
    Types,
    Params,
}

/// The words of zone files for algorithms (RFC 4034, 5702, 6605, 8080).
const ALGORITHMS: [(&str, u16); 9] = [
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
];
/// The words of zone files for kinds of certificate (RFC 4398).
const CERT_TYPES: [(&str, u16); 9] = [
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
];

fn fields(record: RecordType) -> Option<&'static [Field]> {
    use Field::{
        A, Aaaa, Algorithm, Base64, CertType, Hash, Hex, Name, Params, RestText, Salt, Tag, Text, Time, Type,
        Types, U8, U16, U32,
    };
    Some(match record {
        RecordType::A => &[A],
        RecordType::AAAA => &[Aaaa],
        RecordType::CNAME | RecordType::DNAME | RecordType::NS | RecordType::PTR | RecordType::ANAME => {
            &[Name]
        }
        RecordType::MX => &[U16, Name],
        RecordType::SRV => &[U16, U16, U16, Name],
        RecordType::SOA => &[Name, Name, U32, U32, U32, U32, U32],
        RecordType::CAA => &[U8, Tag, RestText],
        RecordType::HINFO => &[Text, Text],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Name],
        RecordType::HTTPS | RecordType::SVCB => &[U16, Name, Params],
        RecordType::DS | RecordType::CDS => &[U16, Algorithm, U8, Hex],
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::KEY => &[U16, U8, Algorithm, Base64],
        RecordType::RRSIG | RecordType::SIG => &[Type, Algorithm, U8, U32, Time, Time, U16, Name, Base64],
        RecordType::NSEC => &[Name, Types],
        RecordType::NSEC3 => &[U8, U8, U16, Salt, Hash, Types],
        RecordType::NSEC3PARAM => &[U8, U8, U16, Salt],
        RecordType::CSYNC => &[U32, U16, Types],
        RecordType::TLSA | RecordType::SMIMEA => &[U8, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        RecordType::CERT => &[CertType, U16, Algorithm, Base64],
        RecordType::OPENPGPKEY => &[Base64],
        _ => return None,
    })
}

/// The data of a record, as it came.
pub(super) fn of_wire(record: RecordType, data: &[u8]) -> String {
    let value = if record == RecordType::TXT {
        joined(data).map(|text| shown(&text))
    } else {
        fields(record).and_then(|fields| read(fields, data))
    };
    let mut value = value.filter(|v| !v.is_empty()).unwrap_or_else(|| generic(data));
    if value.len() > MAX_VALUE_BYTES {
        value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES - '…'.len_utf8()));
        value.push('…');
    }
    value
}

/// A value as the operator wrote it.
pub(super) fn of_text(record: RecordType, text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty");
    }
    if text.len() > MAX_VALUE_BYTES {
        return Err("is too long");
    }
    if let Some(rest) = text.strip_prefix("\\#") {
        return Ok(of_wire(record, &from_generic(rest)?));
    }
    if record == RecordType::TXT {
        if !text.starts_with('"') {
            return Ok(shown(text.as_bytes()));
        }
        let words = words(text)?;
        if words.iter().any(|w| !w.quoted) {
            return Err("has text outside the quotes");
        }
        let all: Vec<Vec<u8>> = words.iter().map(|w| unescaped(&w.raw)).collect::<Result<_, _>>()?;
        return Ok(shown(&all.concat()));
    }
    let Some(fields) = fields(record) else {
        return Err("is not in the form of RFC 3597, which this type of record needs: \\# 2 0A0B");
    };
    Some(spelled(fields, &words(text)?)?).filter(|value| !value.is_empty()).ok_or("is empty")
}

/// Several strings are one value; their borders mean nothing (RFC 7208 §3.3).
fn joined(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !data.is_empty() {
        all.extend_from_slice(prefixed(&mut data)?);
    }
    Some(all)
}

/// A TXT value bare where it can be read back bare, else quoted.
fn shown(text: &[u8]) -> String {
    let bare = |t: &&str| {
        !t.is_empty() && t.trim() == *t && !t.starts_with(['"', '\\']) && !t.chars().any(char::is_control)
    };
    std::str::from_utf8(text).ok().filter(bare).map_or_else(|| quoted(text), str::to_owned)
}

fn generic(data: &[u8]) -> String {
    let space = if data.is_empty() { "" } else { " " };
    format!("\\# {}{space}{}", data.len(), hex(data))
}

fn from_generic(text: &str) -> Result<Vec<u8>, &'static str> {
    let wrong = "is not in the form of RFC 3597: \\# 2 0A0B";
    let mut words = text.split_whitespace();
    let length: usize = words.next().and_then(|n| n.parse().ok()).ok_or(wrong)?;
    let digits: String = words.collect();
    let bytes = written::unhex(&digits).ok_or(wrong)?;
    if bytes.len() == length { Ok(bytes) } else { Err("says another length than it has") }
}

// From the wire.

fn take<'a>(data: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, rest) = data.split_at_checked(n)?;
    *data = rest;
    Some(taken)
}

fn u8_of(data: &mut &[u8]) -> Option<u8> {
    take(data, 1).map(|b| b[0])
}

fn u16_of(data: &mut &[u8]) -> Option<u16> {
    take(data, 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn u32_of(data: &mut &[u8]) -> Option<u32> {
    take(data, 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

fn prefixed<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let n = u8_of(data)?;
    take(data, usize::from(n))
}

/// `None`: this is not what the type of record has.
fn read(fields: &[Field], mut data: &[u8]) -> Option<String> {
    let mut all: Vec<String> = Vec::with_capacity(fields.len());
    for field in fields {
        let text = field_of(*field, &mut data)?;
        if !text.is_empty() {
            all.push(text);
        }
    }
    data.is_empty().then(|| all.join(" "))
}

fn field_of(field: Field, data: &mut &[u8]) -> Option<String> {
    Some(match field {
        Field::A => Ipv4Addr::from(<[u8; 4]>::try_from(take(data, 4)?).ok()?).to_string(),
        Field::Aaaa => Ipv6Addr::from(<[u8; 16]>::try_from(take(data, 16)?).ok()?).to_string(),
        Field::U8 | Field::Algorithm => u8_of(data)?.to_string(),
        Field::U16 | Field::CertType => u16_of(data)?.to_string(),
        Field::U32 => u32_of(data)?.to_string(),
        Field::Type => type_name(u16_of(data)?),
        Field::Time => time(u32_of(data)?)?,
        Field::Name => {
            let mut name = String::new();
            loop {
                let label = prefixed(data).filter(|l| l.len() < 64)?;
                if label.is_empty() {
                    return Some(if name.is_empty() { ".".to_owned() } else { name });
                }
                if !name.is_empty() {
                    name.push('.');
                }
                written::push_label(&mut name, label);
            }
        }
        Field::Tag => {
            let tag = prefixed(data)?;
            let plain = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
            String::from_utf8_lossy(plain.then_some(tag)?).to_ascii_lowercase()
        }
        Field::Text => quoted(prefixed(data)?),
        Field::Salt => {
            let salt = prefixed(data)?;
            if salt.is_empty() { "-".to_owned() } else { hex(salt) }
        }
        Field::Hash => base32(prefixed(data).filter(|h| !h.is_empty())?),
        Field::RestText => quoted(std::mem::take(data)),
        Field::Hex => hex(std::mem::take(data)),
        Field::Base64 => BASE64.encode(std::mem::take(data)),
        Field::Types => types(std::mem::take(data))?,
        Field::Params => params::of_wire(std::mem::take(data))?,
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        let _ = write!(text, "{b:02X}");
    }
    text
}

fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let mut text = String::new();
    let (mut held, mut bits) = (0u32, 0u32);
    for b in bytes {
        held = held << 8 | u32::from(*b);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[(held >> bits & 31) as usize]));
        }
        held &= 31;
    }
    if bits > 0 {
        text.push(char::from(DIGITS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

fn time(seconds: u32) -> Option<String> {
    let at = jiff::Timestamp::from_second(i64::from(seconds)).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string())
}

/// The windows of type bits (RFC 4034 §4.1.2).
fn types(mut data: &[u8]) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    let mut last = None;
    while !data.is_empty() {
        let window = u8_of(&mut data)?;
        let bits = prefixed(&mut data).filter(|b| (1..=32).contains(&b.len()))?;
        if last.replace(window).is_some_and(|last| last >= window) {
            return None;
        }
        for (octet, byte) in (0u16..).zip(bits) {
            let set = (0..8u16).filter(|bit| byte & (0x80 >> bit) != 0);
            all.extend(set.map(|bit| type_name(u16::from(window) << 8 | octet << 3 | bit)));
        }
    }
    Some(all.join(" "))
}

/// The word for a type where there is one that is read back, else `TYPE` and its number.
fn type_name(number: u16) -> String {
    let record = RecordType::from(number);
    let word = record.to_string();
    match RecordType::from_str(&word) {
        Ok(back) if back == record => word,
        _ => format!("TYPE{number}"),
    }
}

// From a line of a zone file.

fn spelled(fields: &[Field], words: &[Word]) -> Result<String, &'static str> {
    let mut all: Vec<String> = Vec::with_capacity(fields.len());
    let mut words = words;
    for field in fields {
        let rest = matches!(field, Field::Hex | Field::Base64 | Field::Types | Field::Params);
        let n = if rest { words.len() } else { 1 };
        let (own, left) = words.split_at_checked(n).ok_or("has too few parts")?;
        words = left;
        let text = field_from(*field, own)?;
        if !text.is_empty() {
            all.push(text);
        }
    }
    if words.is_empty() { Ok(all.join(" ")) } else { Err("has too many parts") }
}

fn field_from(field: Field, own: &[Word]) -> Result<String, &'static str> {
    let joined = || own.iter().map(|w| w.raw.as_str()).collect::<String>();
    let word = || own.first().map_or("", |w| w.raw.as_str());
    Ok(match field {
        Field::A => word().parse::<Ipv4Addr>().map_err(|_| "is not an IPv4 address")?.to_string(),
        Field::Aaaa => word().parse::<Ipv6Addr>().map_err(|_| "is not an IPv6 address")?.to_string(),
        Field::U8 => number(word(), u32::from(u8::MAX), &[])?,
        Field::U16 => number(word(), u32::from(u16::MAX), &[])?,
        Field::U32 => number(word(), u32::MAX, &[])?,
        Field::Algorithm => number(word(), u32::from(u8::MAX), &ALGORITHMS)?,
        Field::CertType => number(word(), u32::from(u16::MAX), &CERT_TYPES)?,
        Field::Type => type_name(type_number(word())?),
        Field::Time => match word() {
            w if w.len() == 14 && w.bytes().all(|b| b.is_ascii_digit()) => w.to_owned(),
            w => w
                .parse()
                .ok()
                .and_then(time)
                .ok_or("has something else where a time YYYYMMDDHHmmSS belongs")?,
        },
        Field::Name => written::name(word())?,
        Field::Tag if !word().is_empty() && word().bytes().all(|b| b.is_ascii_alphanumeric()) => {
            word().to_ascii_lowercase()
        }
        Field::Tag => return Err("has something else where a word belongs"),
        Field::Text | Field::RestText => quoted(&unescaped(word())?),
        Field::Salt if word() == "-" => "-".to_owned(),
        Field::Salt => hex(&written::unhex(word()).ok_or("has something else where hex digits belong")?),
        Field::Hash => {
            let text = word().to_ascii_uppercase();
            let fits = text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'V').contains(&b));
            if fits { text } else { return Err("has something else where base32 belongs") }
        }
        Field::Hex => hex(&written::unhex(&joined()).ok_or("has something else where hex digits belong")?),
        Field::Base64 => {
            BASE64.encode(BASE64.decode(joined()).map_err(|_| "has something else where base64 belongs")?)
        }
        Field::Types => {
            let mut numbers: Vec<u16> = own.iter().map(|w| type_number(&w.raw)).collect::<Result<_, _>>()?;
            numbers.sort_unstable();
            numbers.dedup();
            numbers.into_iter().map(type_name).collect::<Vec<_>>().join(" ")
        }
        Field::Params => params::of_words(own)?,
    })
}

fn number(word: &str, max: u32, words: &[(&str, u16)]) -> Result<String, &'static str> {
    let known = words.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, n)| u32::from(*n));
    let n = known.or_else(|| word.parse().ok()).filter(|n| *n <= max);
    n.map(|n| n.to_string()).ok_or("has something else where a number belongs")
}

fn type_number(word: &str) -> Result<u16, &'static str> {
    let upper = word.to_ascii_uppercase();
    let by_number = upper.strip_prefix("TYPE").and_then(|n| n.parse().ok());
    by_number
        .or_else(|| RecordType::from_str(&upper).ok().map(u16::from))
        .ok_or("has something else where a type of record belongs")
}

/// A name that is not ASCII, as DNS has it.
fn punycode(word: &str) -> Result<String, &'static str> {
    Name::from_utf8(word).map(|n| n.to_ascii()).map_err(|_| "has something else where a name belongs")
}
