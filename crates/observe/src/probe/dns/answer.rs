//! What an answer says, with its values in one form, so that they can be compared with what is expected.

use super::form;
use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
    serialize::binary::{BinEncodable as _, BinEncoder, NameEncoding},
};
use std::{fmt, net::SocketAddr};
use stillhere_net::Fault;

/// Values that are kept.
const MAX_VALUES: usize = 256;

#[derive(Debug)]
pub(super) struct Answer {
    pub server: SocketAddr,
    pub rcode: ResponseCode,
    /// The records of the asked type, in the form of [`form`], sorted, each once.
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

fn text(record: RecordType, data: &RData) -> String {
    // Has no text of its own, and can only be there by malice.
    if matches!(data, RData::OPT(_)) {
        return String::new();
    }
    let mut wire = Vec::new();
    let mut encoder = BinEncoder::new(&mut wire);
    // A name that is compressed against another one of the same record could not be read by itself.
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    match data.emit(&mut encoder) {
        Ok(()) => form::of_wire(record, &wire),
        Err(_) => String::new(),
    }
}
