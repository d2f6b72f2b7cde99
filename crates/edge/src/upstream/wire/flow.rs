//! The body of an answer that was not there with its head.

use super::{
    Home, ROOM, Wire,
    answer::{Framing, Garbled, Inside},
    chunks::Piece,
};
use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::task::{Context, Poll, ready};

/// A body on its way. Dropped before its end, it takes the connection with it.
pub struct Flow {
    /// None when all has been read.
    wire: Option<Wire>,
    inside: Inside,
    /// Of the request, where the node answered before it had read all of it.
    unsent: Bytes,
    /// The last piece filled the room: there is much of it.
    large: bool,
    /// None: the connection takes no other request.
    home: Option<Home>,
    /// It has broken off, and whoever reads it has not heard of it yet.
    broke: Option<BodyError>,
}

// === impl Flow ===

impl Flow {
    pub(super) fn new(wire: Wire, framing: Framing, read: Bytes, unsent: Bytes, home: Option<Home>) -> Flow {
        let inside = Inside::new(framing, read);
        Flow { wire: Some(wire), inside, unsent, large: false, home, broke: None }
    }

    fn done(&mut self) {
        let wire = self.wire.take();
        if let (Some(home), Some(wire)) = (self.home.take(), wire)
            && self.inside.rest().is_empty()
            && self.unsent.is_empty()
        {
            home.keep(wire);
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(broke) = self.broke.take() {
                return Poll::Ready(Some(Err(broke)));
            }
            if self.wire.is_none() {
                return Poll::Ready(None);
            }
            match self.inside.next() {
                Ok(Piece::Data(data)) => {
                    // So that whoever writes it on knows that it was the last.
                    if self.inside.left() == Some(0) {
                        self.done();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Piece::Trailers(fields)) => {
                    self.done();
                    return Poll::Ready(Some(Ok(Frame::trailers(fields))));
                }
                Ok(Piece::End) => {
                    self.done();
                    return Poll::Ready(None);
                }
                Err(Garbled) => return self.breaks(cx, "the node's answer is not in chunks"),
                Ok(Piece::More) => {}
            }
            let Some(wire) = &mut self.wire else { return Poll::Ready(None) };
            if !self.unsent.is_empty() && wire.io.poll_send(cx, &mut self.unsent).is_err() {
                self.unsent.clear();
            }
            match ready!(wire.io.poll_piece(cx, self.large)) {
                Ok(more) if !more.is_empty() => {
                    self.large = more.len() >= ROOM;
                    self.inside.feed(more);
                }
                Ok(_) if self.inside.is_until_end() => {
                    self.wire = None;
                    return Poll::Ready(None);
                }
                Ok(_) => return self.breaks(cx, "the node cut its answer off"),
                Err(e) => return self.breaks(cx, e),
            }
        }
    }

    /// Said at the next call, so that whoever writes the answer on has written what came before: an error in the same
    /// breath as the head would swallow the head.
    fn breaks(
        &mut self,
        cx: &mut Context<'_>,
        why: impl Into<BodyError>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.wire = None;
        self.broke = Some(why.into());
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.wire.is_none() && self.broke.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.inside.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
