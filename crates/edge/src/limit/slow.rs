//! A body that must come at a pace: for HTTP/2, where the gate does not see whose bytes they are. In HTTP/1 the gate
//! does the same on the socket. Calls that stream for as long as they like (gRPC) are not wrapped.

use crate::gate::{Pace, Watch};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

type BodyError = crate::body::BodyError;

/// Ends a body with [`Stalled`](crate::gate::Stalled) when we wait for it and it comes too slowly. Waiting for our own
/// readers is not counted.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    pace: Option<Pace>,
    watch: Watch,
}

// === impl Paced ===

impl<B> Paced<B> {
    /// None: as slowly as it likes.
    pub fn new(body: B, pace: Option<Pace>) -> Paced<B> {
        Paced { body, pace, watch: Watch::default() }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let Some(pace) = this.pace else { return polled.map_err(Into::into) };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.watch.progressed(pace, frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|r| r.map_err(Into::into))),
            Poll::Pending => {
                let stalled = ready!(this.watch.poll_waiting(pace, cx));
                Poll::Ready(Some(Err(stalled.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
