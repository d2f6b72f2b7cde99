//! A session on its way into the process that takes over: all that has to be known to go on with it, as one message.
//!
//! It holds what the client's handshake held, cookies and all: it goes through a pair of sockets that only the two
//! processes have, and is never written anywhere. What came out of one process of ours is still looked at before it is
//! believed: the other one may be of another version.

use super::{
    super::session::{Keep, Kind, Message, Out, Upward},
    Id,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use http::{HeaderName, HeaderValue, Method, Request, Uri, request};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, time::Duration};

/// The longest: the most that a session may keep in both directions, as text, and its handshake.
pub const PARCEL_MAX: usize = 96 << 20;

/// A session without its connections.
#[derive(Serialize, Deserialize)]
pub(crate) struct Parcel {
    id: String,
    token: String,
    binding: String,
    /// Who the client is.
    pub peer: IpAddr,
    pub tls: bool,
    uri: String,
    headers: Vec<(String, String)>,
    pub offers: Vec<String>,
    pub languages: Option<String>,
    first: u64,
    sent: u64,
    down: Vec<Carried>,
    pub got: u64,
    read: u64,
    written: u64,
    up: Vec<(u64, Carried)>,
    /// An origin's connection was there: the next one is a new one.
    pub opened: bool,
    /// What the client is still to be told at its end.
    pub ending: Option<(u16, String)>,
    /// How long the client has been away already.
    pub detached_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Carried(char, String);

/// What is asked of whoever packs it.
pub(super) struct Contents<'a> {
    pub id: &'a Id,
    pub token: &'a [u8; 32],
    pub binding: &'a [u8; 32],
    pub client: (IpAddr, bool),
    pub handshake: &'a request::Parts,
    pub offers: &'a [String],
    pub languages: Option<&'a str>,
    pub out: &'a Out,
    pub got: u64,
    pub up: &'a Upward,
    pub opened: bool,
    pub ending: Option<&'a (u16, String)>,
    pub detached: Duration,
}

// === impl Parcel ===

impl Parcel {
    pub(super) fn of(what: &Contents<'_>) -> Parcel {
        let headers = &what.handshake.headers;
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), BASE64.encode(value.as_bytes()))
        };
        let (first, sent, down) = what.out.parts();
        let (read, written, up) = what.up.parts();
        Parcel {
            id: BASE64.encode(what.id),
            token: BASE64.encode(what.token),
            binding: BASE64.encode(what.binding),
            peer: what.client.0,
            tls: what.client.1,
            uri: what.handshake.uri.to_string(),
            headers: headers.iter().map(header).collect(),
            offers: what.offers.to_vec(),
            languages: what.languages.map(str::to_owned),
            first,
            sent,
            down: down.map(Carried::of).collect(),
            got: what.got,
            read,
            written,
            up: up.map(|(number, message)| (*number, Carried::of(message))).collect(),
            opened: what.opened,
            ending: what.ending.cloned(),
            detached_ms: u64::try_from(what.detached.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Whose it is: its id, the hash of its token, and what it is bound to.
    pub(super) fn names(&self) -> Option<(Id, [u8; 32], [u8; 32])> {
        Some((array(&self.id)?, array(&self.token)?, array(&self.binding)?))
    }

    /// The handshake as it was, for finding its route and for asking an origin once more.
    pub(crate) fn handshake(&self) -> Option<request::Parts> {
        let mut parts = Request::new(()).into_parts().0;
        parts.method = Method::GET;
        parts.uri = self.uri.parse::<Uri>().ok()?;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(&BASE64.decode(value).ok()?).ok()?;
            parts.headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
        }
        Some(parts)
    }

    /// Both directions, within what this process keeps: what is beyond it was promised, and stays.
    pub(super) fn memory(&self, keep: Keep) -> Option<(Out, Upward)> {
        let down = self.down.iter().map(Carried::message).collect::<Option<Vec<_>>>()?;
        let up = self.up.iter().map(|(number, carried)| Some((*number, carried.message()?)));
        let up = up.collect::<Option<Vec<_>>>()?;
        Some((
            Out::again(keep, self.first, self.sent, down)?,
            Upward::again(keep, self.read, self.written, up)?,
        ))
    }
}

fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

// === impl Carried ===

impl Carried {
    fn of(message: &Message) -> Carried {
        let kind = match message.kind {
            Kind::Text => 't',
            Kind::Binary => 'b',
            Kind::Event => 'e',
        };
        Carried(kind, BASE64.encode(&message.bytes))
    }

    fn message(&self) -> Option<Message> {
        let kind = match self.0 {
            't' => Kind::Text,
            'b' => Kind::Binary,
            'e' => Kind::Event,
            _ => return None,
        };
        Some(Message { kind, bytes: BASE64.decode(&self.1).ok()?.into() })
    }
}
