//! A request as a node is to see it, and whether it can be sent again.

use super::{Failed, REPEATABLE_BODY_MAX, Repeat, content_length, whole};
use crate::{
    Body, action,
    gate::Pace,
    headers::{self, Client},
    upstream::{Link, Message},
};
use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Version, header,
    request::Parts,
    uri::{Authority, PathAndQuery},
};
use hyper::body::Incoming;

/// A request on its way to a node.
pub struct Outgoing {
    pub(super) method: Method,
    path: PathAndQuery,
    authority: Option<Authority>,
    headers: HeaderMap,
    body: Load,
    pub repeat: Repeat,
}

enum Load {
    None,
    Whole(Bytes),
    /// Comes from the client while it is sent; can be sent once.
    Stream(Option<Body>),
}

// === impl Outgoing ===

impl Outgoing {
    /// Makes the request as a node is to see it. Reads the body of a small request. `pace`: how fast the
    /// body must come, where nothing else sees to it.
    ///
    /// # Errors
    /// When the client does not send the body that it announced.
    pub async fn of(
        parts: &Parts,
        body: Incoming,
        pace: Option<Pace>,
        client: &Client,
    ) -> Result<Outgoing, Failed> {
        let length = content_length(&parts.headers);
        let nothing = http_body::Body::is_end_stream(&body);
        let idempotent = headers::is_idempotent(&parts.method);
        let (load, repeat) = if nothing {
            let repeat = match () {
                () if headers::is_safe(&parts.method) => Repeat::Freely,
                () if idempotent => Repeat::Again,
                () => Repeat::Never,
            };
            (Load::None, repeat)
        } else if length.is_some_and(|n| n <= REPEATABLE_BODY_MAX) {
            // Read before a node is asked for: whoever sends it slowly takes nobody's place there.
            let repeat = if idempotent { Repeat::Again } else { Repeat::Never };
            (Load::Whole(whole(Body::paced(body, pace), REPEATABLE_BODY_MAX).await?), repeat)
        } else {
            (Load::Stream(Some(Body::paced(body, pace))), Repeat::Never)
        };
        Ok(Outgoing::new(parts, load, repeat, client))
    }

    /// A request whose body is known.
    #[must_use]
    pub fn whole(parts: &Parts, body: Bytes, repeat: Repeat, client: &Client) -> Outgoing {
        let load = if body.is_empty() { Load::None } else { Load::Whole(body) };
        Outgoing::new(parts, load, repeat, client)
    }

    /// A request whose body still comes; it is sent once.
    #[must_use]
    pub fn streamed(parts: &Parts, body: Body, client: &Client) -> Outgoing {
        Outgoing::new(parts, Load::Stream(Some(body)), Repeat::Never, client)
    }

    /// Its body still comes, so that it cannot be sent again.
    #[must_use]
    pub fn flows(&self) -> bool {
        matches!(self.body, Load::Stream(_))
    }

    fn new(parts: &Parts, body: Load, repeat: Repeat, client: &Client) -> Outgoing {
        let authority = parts.uri.authority().cloned();
        let of_http2 = (parts.version == Version::HTTP_2).then_some(authority.as_ref()).flatten();
        let mut headers = parts.headers.clone();
        headers::to_node(&mut headers, client, parts.version, of_http2);
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Outgoing { method: parts.method.clone(), path, authority, headers, body, repeat }
    }

    /// As it is kept on disk.
    #[must_use]
    pub fn as_action(&self) -> action::Request {
        let body = if let Load::Whole(bytes) = &self.body { bytes.clone() } else { Bytes::new() };
        action::Request {
            method: self.method.clone(),
            uri: self.path.as_str().to_owned(),
            headers: self.headers.clone(),
            body,
        }
    }

    /// As it was kept. None: its address cannot be read, which never happens to what we wrote.
    #[must_use]
    pub fn of_action(kept: &action::Request) -> Option<Outgoing> {
        let body = if kept.body.is_empty() { Load::None } else { Load::Whole(kept.body.clone()) };
        Some(Outgoing {
            method: kept.method.clone(),
            path: kept.uri.parse().ok()?,
            authority: None,
            headers: kept.headers.clone(),
            body,
            repeat: Repeat::Never,
        })
    }

    /// Bytes that are held while it waits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let body = if let Load::Whole(bytes) = &self.body { bytes.len() } else { 0 };
        // The greatest part of a head is its headers; an exact count is not worth the walk.
        (body + 64 * self.headers.len() + 512) as u64
    }

    /// As this connection wants it. None: its body is gone already.
    pub(super) fn message(&mut self, link: &Link) -> Option<Message> {
        if !link.is_http2() && !self.headers.contains_key(header::HOST) {
            // HTTP/1.0 need not say whom it means, HTTP/1.1 must.
            self.headers.extend(link.host().map(|host| (header::HOST, host)));
        }
        if !link.takes_bytes() {
            return self.request(link).map(Message::Request);
        }
        let body = match &self.body {
            Load::None => &[][..],
            Load::Whole(bytes) => bytes,
            Load::Stream(_) => return None,
        };
        Some(Message::bytes(&self.method, &self.path, &self.headers, body))
    }

    fn request(&mut self, link: &Link) -> Option<Request<Body>> {
        let body = match &mut self.body {
            Load::None => Body::empty(),
            Load::Whole(bytes) => Body::whole(bytes.clone()),
            Load::Stream(body) => body.take()?,
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        let authority = if link.is_http2() {
            let host =
                self.headers.get(header::HOST).and_then(|h| h.to_str().ok()).and_then(|h| h.parse().ok());
            host.or_else(|| self.authority.clone())
        } else {
            None
        };
        *request.uri_mut() = link.address(&self.path, authority);
        *request.headers_mut() = self.headers.clone();
        if link.is_http2() {
            *request.version_mut() = Version::HTTP_2;
            request.headers_mut().remove(header::HOST);
        }
        Some(request)
    }

    /// A request that was not written is as good as new.
    pub(super) fn take_back(&mut self, request: Option<Request<Body>>) {
        if matches!(self.body, Load::Stream(_))
            && let Some(request) = request
        {
            self.body = Load::Stream(Some(request.into_body()));
        }
    }
}
