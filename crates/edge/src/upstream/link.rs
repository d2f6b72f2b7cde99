//! One request on one connection: how it is written there, and what is known of it when no answer comes.

use super::{
    Upstream,
    wire::{self, Home, Wire},
};
use crate::{
    Body,
    pool::{Failure, Node, Scheme},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri,
    uri::{self, PathAndQuery},
};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use std::{
    error::Error as _,
    fmt,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
};

/// A request as the connection that it goes on wants it.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Message {
    /// All of it, as it is written; whether the answer has no body (HEAD).
    Bytes {
        bytes: Bytes,
        head: bool,
    },
    Request(Request<Body>),
}

/// A connection that takes a request now.
pub struct Link {
    pub(super) to: To,
    pub(super) node: Arc<Node>,
    pub(super) generation: u64,
    /// It had served a request before.
    pub reused: bool,
    pub(super) home: Weak<Upstream>,
}

pub(super) enum To {
    /// None: it is with the answer.
    Wire(Option<Wire>),
    One(http1::SendRequest<Body>),
    Many(http2::SendRequest<Body>),
}

/// Why no answer came.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Sent {
    /// Nothing was written: the request is given back as it was, if it was a stream.
    Nothing(Option<Request<Body>>),
    /// The node says that it did not look at it (RFC 9113 §8.7). The request is gone.
    NotTaken,
    /// The client's own body broke off; the node is not to blame.
    ClientBody,
    /// The node may have seen it, and done it.
    Maybe(Failure),
}

// === impl Message ===

impl Message {
    /// `body`: all of it.
    #[must_use]
    pub fn bytes(method: &Method, path: &PathAndQuery, headers: &HeaderMap, body: &[u8]) -> Message {
        let bytes = wire::written(method, path, headers, body).into();
        Message::Bytes { bytes, head: *method == Method::HEAD }
    }
}

impl From<Request<Body>> for Message {
    fn from(request: Request<Body>) -> Message {
        Message::Request(request)
    }
}

// === impl Link ===

impl Link {
    #[must_use]
    pub fn is_http2(&self) -> bool {
        matches!(self.to, To::Many(_))
    }

    /// It wants a request as bytes.
    #[must_use]
    pub fn takes_bytes(&self) -> bool {
        matches!(self.to, To::Wire(_))
    }

    /// Sends it, and waits for the head of the answer.
    ///
    /// # Errors
    /// [`Sent`] says whether the node may have seen the request.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<Response<Body>, Sent> {
        let request = match message.into() {
            Message::Bytes { bytes, head } => {
                let To::Wire(wire) = &mut self.to else { return Err(Sent::Nothing(None)) };
                let Some(wire) = wire.take() else { return Err(Sent::Nothing(None)) };
                let (upstream, node) = (self.home.clone(), self.node.clone());
                let home = Home { upstream, node, generation: self.generation };
                return wire.exchange(bytes, head, home).await;
            }
            Message::Request(request) => request,
        };
        match &mut self.to {
            To::Wire(_) => Err(Sent::Nothing(Some(request))),
            To::One(sender) => sender.try_send_request(request).await.map(of_hyper).map_err(sent),
            To::Many(sender) => {
                if sender.ready().await.is_err() {
                    return Err(Sent::Nothing(Some(request)));
                }
                // Over HTTP/2 the stream's reset does not say that it was our side that broke off.
                let mut request = request;
                let broke = request.body_mut().watched();
                let done = sender.try_send_request(request).await.map_err(sent);
                match done {
                    Err(Sent::Maybe(_)) if broke.is_some_and(|b| b.load(Relaxed)) => Err(Sent::ClientBody),
                    done => done.map(of_hyper),
                }
            }
        }
    }

    /// What the node is called where the client does not say it.
    #[must_use]
    pub fn host(&self) -> Option<HeaderValue> {
        let text = self.node.origin().to_string();
        HeaderValue::from_str(text.split_once("://")?.1).ok()
    }

    /// The address of a request as this connection wants it.
    #[must_use]
    pub fn address(&self, path: &uri::PathAndQuery, authority: Option<uri::Authority>) -> Uri {
        if !self.is_http2() {
            return Uri::from(path.clone());
        }
        let mut parts = uri::Parts::default();
        let tls = self.node.origin().scheme == Scheme::Https;
        parts.scheme = Some(if tls { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
        parts.authority = authority.or_else(|| {
            let origin = self.node.origin();
            format!("{}:{}", origin.host, origin.port).parse().ok()
        });
        parts.path_and_query = Some(path.clone());
        Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(path.clone()))
    }

    /// The answer has been read to its end: the connection can take the next request.
    pub fn finished(self) {
        let Link { to, node, generation, home, .. } = self;
        if let (To::One(sender), Some(home)) = (to, home.upgrade())
            && !sender.is_closed()
        {
            home.keep(&node, sender, generation);
        }
    }
}

fn of_hyper(response: Response<Incoming>) -> Response<Body> {
    response.map(Body::wire)
}

fn sent(mut e: TrySendError<Request<Body>>) -> Sent {
    if let Some(request) = e.take_message() {
        return Sent::Nothing(Some(request));
    }
    let error = e.error();
    if error.is_user() {
        return Sent::ClientBody;
    }
    if error.source().and_then(|e| e.downcast_ref::<h2::Error>()).is_some_and(not_taken) {
        return Sent::NotTaken;
    }
    Sent::Maybe(if error.is_parse() { Failure::Garbled } else { Failure::Cut })
}

/// A stream that the node refused, or that came after the last one that its GOAWAY names: a node that goes in peace
/// says so, and what it did not take may go elsewhere, a POST too.
fn not_taken(e: &h2::Error) -> bool {
    e.is_remote() && (e.is_go_away() || e.is_reset() && e.reason() == Some(h2::Reason::REFUSED_STREAM))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("node", self.node.origin())
            .field("reused", &self.reused)
            .finish_non_exhaustive()
    }
}
