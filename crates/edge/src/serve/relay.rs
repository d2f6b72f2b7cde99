//! The node's answer, on to the client.

use super::{Connection, Shared};
use crate::{
    Body,
    forward::Answered,
    headers,
    report::log::How,
    route::Route,
    stale::{self, Keep},
};
use bytes::BytesMut;
use http::{Response, header, request::Parts};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use stillhere_net::clock;

// === impl Connection ===

impl Connection {
    /// The node's answer, on to the client; a copy is kept for bad times where the origin or the route allows it.
    pub(crate) fn relay(&self, route: &Route, parts: &Parts, answered: Answered) -> Response<Body> {
        route.counts.answered(answered.response.status().as_u16(), answered.after, answered.sent);
        let how = self.shared.log.load().is_some().then(|| How {
            pool: Some(route.pool.shared_name().clone()),
            sent: answered.sent,
            after: answered.after,
            ..How::default()
        });
        let mut response = relay(answered);
        // One look at the method settles most of the others.
        if parts.method == http::Method::GET {
            let (head, body) = response.into_parts();
            let keep = self.shared.stale.wants(parts, &head, route.spec.stale_if_error, clock::wall);
            let body = match keep {
                None => body,
                Some(keep) => copied(self.shared.clone(), keep, body),
            };
            response = Response::from_parts(head, body);
        }
        if let Some(how) = how {
            response.body_mut().note(how);
        }
        response
    }
}

/// The node's answer, on to the client.
pub(crate) fn relay(answered: Answered) -> Response<Body> {
    let Answered { response, mut flight, .. } = answered;
    let (mut head, body) = response.into_parts();
    headers::to_client(&mut head);
    let stream = head.headers.get(header::CONTENT_TYPE);
    if stream.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        flight.lasts();
    }
    Response::from_parts(head, body.guarded(Box::new(flight)))
}

/// Passes a body on and keeps what has passed.
fn copied(shared: Arc<Shared>, keep: Keep, mut body: Body) -> Body {
    let (pieces, passed) = Body::task(4);
    tokio::spawn(async move {
        let mut copy = Some(BytesMut::new());
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => Ok(data),
                    Err(_) => continue,
                },
                Err(e) => Err(e),
            };
            match (&piece, &mut copy) {
                (Ok(data), Some(all)) if all.len() + data.len() <= stale::OBJECT_MAX => {
                    all.extend_from_slice(data)
                }
                _ => copy = None,
            }
            if pieces.send(piece).await.is_err() {
                return;
            }
        }
        if let Some(all) = copy {
            shared.stale.store(keep, all.freeze());
        }
    });
    passed
}
