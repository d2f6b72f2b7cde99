//! What an answer says, with its values in one form, so that they can be compared with what is expected.

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use stillhere_net::Fault;

/// Longest value that is kept, in bytes.
const MAX_VALUE_BYTES: usize = 4_096;
/// Values that are kept.
const MAX_VALUES: usize = 256;

#[derive(Debug)]
pub(super) struct Answer {
    pub server: SocketAddr,
    pub rcode: ResponseCode,
    /// The records of the asked type, in the form of [`normal`], sorted, each once.
    pub values: Vec<String>,
    pub ttl: Option<u32>,
    pub authoritative: bool,
    pub authenticated: bool,
}

/// Why there is no usable answer.
#[derive(Debug)]
pub(super) enum Failure {
    Silence,
    /// Nobody listens there.
    Closed,
    Unreachable,
    /// What came is not an answer to this question.
    Garbage(&'static str),
    Refused(ResponseCode),
    Ours(Box<Fault>),
}

// === impl Answer ===

impl Answer {
    pub(super) fn of(message: Message, record: RecordType, server: SocketAddr) -> Answer {
        let of_type = || message.answers.iter().filter(|r| r.record_type() == record);
        let mut values: Vec<String> = of_type().take(MAX_VALUES).map(|r| text(record, &r.data)).collect();
        values.sort();
        values.dedup();
        Answer {
            server,
            rcode: message.metadata.response_code,
            ttl: of_type().map(|r| r.ttl).min(),
            values,
            authoritative: message.metadata.authoritative,
            authenticated: message.metadata.authentic_data,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Silence => f.write_str("no answer"),
            Failure::Closed => f.write_str("nobody listens there"),
            Failure::Unreachable => f.write_str("cannot be reached"),
            Failure::Garbage(what) => f.write_str(what),
            Failure::Refused(code) => f.write_str(&word(*code)),
            Failure::Ours(fault) => fault.fmt(f),
        }
    }
}

/// A response code as everybody writes it.
pub(super) fn word(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE {}", u16::from(other)),
    }
}

/// A value as the operator wrote it, in the form of the answers' values.
pub(super) fn normal(record: RecordType, written: &str) -> Result<String, &'static str> {
    let written = written.trim();
    if written.is_empty() {
        return Err("is empty");
    }
    if written.len() > MAX_VALUE_BYTES {
        return Err("is too long");
    }
    match record {
        RecordType::A => {
            written.parse::<Ipv4Addr>().map(|ip| ip.to_string()).map_err(|_| "is not an IPv4 address")
        }
        RecordType::AAAA => {
            written.parse::<Ipv6Addr>().map(|ip| ip.to_string()).map_err(|_| "is not an IPv6 address")
        }
        _ => Ok(form(record, written)),
    }
}

fn text(record: RecordType, data: &RData) -> String {
    let raw = match data {
        RData::A(a) => return IpAddr::V4(a.0).to_string(),
        RData::AAAA(a) => return IpAddr::V6(a.0).to_string(),
        // One value may be cut into several strings; their borders mean nothing (RFC 7208 §3.3).
        RData::TXT(txt) => {
            let bytes: Vec<u8> = txt.txt_data.iter().flat_map(|s| s.iter().copied()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        // Has no text of its own, and can only be there by malice.
        RData::OPT(_) => String::new(),
        data => data.to_string(),
    };
    let mut value = form(record, &raw);
    value.truncate(value.floor_char_boundary(MAX_VALUE_BYTES));
    value
}

/// One spelling: single spaces, no quotes around a value; names in lower case without their last dot.
fn form(record: RecordType, value: &str) -> String {
    match record {
        RecordType::TXT => {
            let v = value.trim();
            v.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(v).to_owned()
        }
        RecordType::CAA => {
            value.split_whitespace().map(|w| w.trim_matches('"')).collect::<Vec<_>>().join(" ")
        }
        _ => {
            let word = |w: &str| {
                let bare = if w.len() > 1 { w.strip_suffix('.').unwrap_or(w) } else { w };
                bare.to_ascii_lowercase()
            };
            value.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
        }
    }
}
