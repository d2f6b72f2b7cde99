//! The parameters of SVCB and HTTPS records (RFC 9460 §2.1): in the order of their numbers, however they were written.

use super::{BASE64, prefixed, u16_of, written::Word, written::quoted, written::unescaped};
use base64::Engine as _;
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

const NAMES: [&str; 8] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"];
/// Numbers that have a name and a form of their own here.
const ALPN: u16 = 1;

fn key_name(key: u16) -> String {
    NAMES.get(usize::from(key)).map_or_else(|| format!("key{key}"), |n| (*n).to_owned())
}

fn key_number(name: &str) -> Result<u16, &'static str> {
    let name = name.to_ascii_lowercase();
    let known = (0u16..).zip(NAMES).find(|(_, n)| *n == name).map(|(k, _)| k);
    known
        .or_else(|| name.strip_prefix("key").and_then(|n| n.parse().ok()))
        .ok_or("has a parameter that does not exist")
}

pub(super) fn of_wire(mut data: &[u8]) -> Option<String> {
    let mut all = Vec::new();
    let mut last = None;
    while !data.is_empty() {
        let key = u16_of(&mut data)?;
        let length = u16_of(&mut data)?;
        let value = super::take(&mut data, usize::from(length))?;
        if last.replace(key).is_some_and(|last| last >= key) {
            return None;
        }
        all.push(said(key, value_of(key, value)?));
    }
    Some(all.join(" "))
}

fn said(key: u16, value: Option<String>) -> String {
    match value {
        None => key_name(key),
        Some(value) => format!("{}={value}", key_name(key)),
    }
}

fn listed<T: ToString>(items: Vec<T>) -> Option<String> {
    (!items.is_empty()).then(|| items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// In rising order, each once, and never the list itself (RFC 9460 §8).
fn mandatory(keys: &[u16]) -> Option<String> {
    let fit = keys.first() != Some(&0) && keys.is_sorted_by(|a, b| a < b);
    listed(keys.iter().copied().map(key_name).collect()).filter(|_| fit)
}

fn value_of(key: u16, mut value: &[u8]) -> Option<Option<String>> {
    Some(Some(match key {
        0 => {
            let mut keys = Vec::new();
            while !value.is_empty() {
                keys.push(u16_of(&mut value)?);
            }
            mandatory(&keys)?
        }
        ALPN => {
            let mut names = Vec::new();
            while !value.is_empty() {
                names.push(protocol(prefixed(&mut value).filter(|p| !p.is_empty())?)?);
            }
            listed(names)?
        }
        2 if value.is_empty() => return Some(None),
        2 => return None,
        3 => u16::from_be_bytes(value.try_into().ok()?).to_string(),
        4 => {
            let (addresses, rest) = value.as_chunks::<4>();
            listed(addresses.iter().map(|a| Ipv4Addr::from(*a)).collect()).filter(|_| rest.is_empty())?
        }
        5 if value.is_empty() => return None,
        5 => BASE64.encode(value),
        6 => {
            let (addresses, rest) = value.as_chunks::<16>();
            listed(addresses.iter().map(|a| Ipv6Addr::from(*a)).collect()).filter(|_| rest.is_empty())?
        }
        _ if value.is_empty() => return Some(None),
        _ => quoted(value),
    }))
}

/// `None`: a protocol that needs escapes within escapes, which none has; such a record is written generically.
fn protocol(name: &[u8]) -> Option<String> {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b',' | b'"' | b'\\' | b'(' | b')');
    name.iter().all(plain).then(|| String::from_utf8_lossy(name).into_owned())
}

pub(super) fn of_words(words: &[Word]) -> Result<String, &'static str> {
    let mut all: Vec<(u16, Option<String>)> = Vec::with_capacity(words.len());
    for word in words {
        let (name, value) = word.raw.split_once('=').map_or((word.raw.as_str(), None), |(n, v)| (n, Some(v)));
        let key = key_number(name)?;
        all.push((key, spelled(key, value.filter(|v| !v.is_empty()))?));
    }
    all.sort();
    if all.windows(2).any(|w| w[0].0 == w[1].0) {
        return Err("has a parameter twice");
    }
    Ok(all.into_iter().map(|(key, value)| said(key, value)).collect::<Vec<_>>().join(" "))
}

fn spelled(key: u16, value: Option<&str>) -> Result<Option<String>, &'static str> {
    const WRONG: &str = "has a parameter with a value of another kind";
    fn each<T: FromStr + ToString>(value: &str) -> Result<String, &'static str> {
        let items: Result<Vec<T>, _> = value.split(',').map(str::parse).collect();
        items.ok().and_then(listed).ok_or(WRONG)
    }
    let Some(value) = value else {
        return if key == 2 || key > 6 { Ok(None) } else { Err(WRONG) };
    };
    Ok(Some(match key {
        0 => {
            let mut keys: Vec<u16> = value.split(',').map(key_number).collect::<Result<_, _>>()?;
            keys.sort_unstable();
            mandatory(&keys).ok_or(WRONG)?
        }
        ALPN => {
            let names: Option<Vec<String>> =
                value.split(',').map(|p| protocol(p.as_bytes()).filter(|p| !p.is_empty())).collect();
            names.and_then(listed).ok_or(WRONG)?
        }
        2 => return Err(WRONG),
        3 => value.parse::<u16>().map_err(|_| WRONG)?.to_string(),
        4 => each::<Ipv4Addr>(value)?,
        5 => BASE64.encode(BASE64.decode(value).map_err(|_| WRONG)?),
        6 => each::<Ipv6Addr>(value)?,
        _ => quoted(&unescaped(value)?),
    }))
}
