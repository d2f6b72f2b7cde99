//! The body of an answer that was not there with its head.

use super::{
    Home, ROOM, Wire,
    chunks::{Chunks, Piece},
};
use crate::body::BodyError;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::task::{Context, Poll, ready};

/// How it is seen where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// A body on its way. Dropped before its end, it takes the connection with it.
pub struct Flow {
    /// None when all has been read.
    wire: Option<Wire>,
    left: Left,
    read: Bytes,
    /// Of the request, where the node answered before it had read all of it.
    unsent: Bytes,
    /// The last piece filled the room: there is much of it.
    large: bool,
    /// None: the connection takes no other request.
    home: Option<Home>,
    /// It has broken off, and whoever reads it has not heard of it yet.
    broke: Option<BodyError>,
}

#[derive(Debug)]
enum Left {
    Length(u64),
    Chunked(Box<Chunks>),
    UntilEnd,
}

// === impl Flow ===

impl Flow {
    pub(super) fn new(wire: Wire, framing: Framing, read: Bytes, unsent: Bytes, home: Option<Home>) -> Flow {
        let left = match framing {
            Framing::Length(n) => Left::Length(n),
            Framing::Chunked => Left::Chunked(Box::new(Chunks::new())),
            Framing::UntilEnd => Left::UntilEnd,
        };
        Flow { wire: Some(wire), left, read, unsent, large: false, home, broke: None }
    }

    fn done(&mut self) {
        let wire = self.wire.take();
        if let (Some(home), Some(wire)) = (self.home.take(), wire)
            && self.read.is_empty()
            && self.unsent.is_empty()
        {
            home.keep(wire);
        }
    }

    /// What is there already.
    fn next(&mut self) -> Result<Piece, ()> {
        Ok(match &mut self.left {
            Left::Length(0) => Piece::End,
            _ if self.read.is_empty() => Piece::More,
            Left::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(self.read.len());
                *left -= n as u64;
                Piece::Data(self.read.split_to(n))
            }
            Left::Chunked(chunks) => chunks.next(&mut self.read)?,
            Left::UntilEnd => Piece::Data(std::mem::take(&mut self.read)),
        })
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
            match self.next() {
                Ok(Piece::Data(data)) => {
                    // So that whoever writes it on knows that it was the last.
                    if matches!(self.left, Left::Length(0)) {
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
                Err(()) => return self.breaks(cx, "the node's answer is not in chunks"),
                Ok(Piece::More) => {}
            }
            let Some(wire) = &mut self.wire else { return Poll::Ready(None) };
            if !self.unsent.is_empty() && wire.io.poll_send(cx, &mut self.unsent).is_err() {
                self.unsent.clear();
            }
            match ready!(wire.io.poll_piece(cx, self.large)) {
                Ok(more) if !more.is_empty() => {
                    self.large = more.len() >= ROOM;
                    self.read = more;
                }
                Ok(_) if matches!(self.left, Left::UntilEnd) => {
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
        match self.left {
            Left::Length(left) => SizeHint::with_exact(left),
            Left::Chunked(_) | Left::UntilEnd => SizeHint::default(),
        }
    }
}
