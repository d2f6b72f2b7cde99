//! A connection to a node over HTTP/1.1, handled by the one who asks: no task of its own, no channels, no wake-ups between
//! them, which together cost more than reading and writing the messages.
//!
//! It takes requests whose body is there already; a body that still comes goes through hyper, which
//! reads and writes at the same time. What has been read of an answer is cut at one place only, and whatever lies
//! behind it ends the connection: the next request must not be given a rest of this one's answer.

mod answer;
mod chunks;
mod flow;
mod head;

pub use answer::{Framing, Garbled, Inside, Opening};
pub use chunks::{Piece, TRAILERS_MAX};
pub use flow::Flow;
pub(super) use head::write as written;
pub use head::{HEADERS_MAX, Head};

use super::{Kept, Sent, Upstream, key};
use crate::{
    Body,
    pool::{Failure, Node},
};
use bytes::{Buf as _, Bytes, BytesMut};
use http::Response;
use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};
use stillhere_net::clock;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// Read at once, on the stack: an ordinary answer comes whole, and no connection keeps a buffer.
const ROOM: usize = 16 * 1024;
/// Read at once of a body that fills the room above.
const ROOM_LARGE: usize = 64 * 1024;

/// A connection that is not in use.
pub(super) struct Wire {
    io: Io,
}

pub(super) enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What hyper is given: one type, so that its machines are in the binary once.
pub(super) trait AnyIo: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> AnyIo for S {}

/// A kept one.
pub(super) struct Rest {
    pub(super) wire: Wire,
    pub(super) generation: u64,
    pub(super) since: Instant,
}

/// Where a connection goes when its answer has been read.
pub(super) struct Home {
    pub(super) upstream: Weak<Upstream>,
    pub(super) node: Arc<Node>,
    pub(super) generation: u64,
}

// === impl Io ===

impl Io {
    pub(super) fn boxed(self) -> Box<dyn AnyIo> {
        match self {
            Io::Plain(stream) => Box::new(stream),
            Io::Tls(stream) => stream,
        }
    }
}

// === impl Wire ===

impl Wire {
    pub(super) fn new(io: Io) -> Wire {
        Wire { io }
    }

    /// Nothing has come that nobody asked for, not even the end.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut room = [MaybeUninit::uninit(); 1];
        let mut cx = Context::from_waker(Waker::noop());
        self.io.poll_read(&mut cx, &mut ReadBuf::uninit(&mut room)).is_pending()
    }

    /// Sends all of a request, and reads as far as the head of the answer.
    pub(super) async fn exchange(
        mut self,
        mut unsent: Bytes,
        to_head: bool,
        home: Home,
    ) -> Result<Response<Body>, Sent> {
        let all = unsent.len();
        let mut opening = Opening::new(to_head);
        let head = poll_fn(|cx| {
            if let Err(e) = self.io.poll_send(cx, &mut unsent) {
                if unsent.len() == all {
                    return Poll::Ready(Err(None));
                }
                // It may have answered before it closed.
                tracing::trace!(error = %e, "a node takes no more of a request");
                unsent.clear();
            }
            loop {
                let more = match ready!(self.io.poll_piece(cx, false)) {
                    Ok(more) if !more.is_empty() => more,
                    _ => return Poll::Ready(Err(Some(Failure::Cut))),
                };
                match opening.feed(more) {
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Ok(None) => {}
                    Err(Garbled) => return Poll::Ready(Err(Some(Failure::Garbled))),
                }
            }
        });
        let head = match head.await {
            Ok(head) => head,
            Err(None) => return Err(Sent::Nothing(None)),
            Err(Some(how)) => return Err(Sent::Maybe(how)),
        };
        let mut read = opening.rest();
        let reusable = head.keep && unsent.is_empty();
        let body = match head.framing {
            Framing::Length(n) if n <= read.len() as u64 => {
                let body = read.split_to(n as usize);
                if reusable && read.is_empty() {
                    home.keep(self);
                }
                Body::whole(body)
            }
            framing => Body::node(Flow::new(self, framing, read, unsent, reusable.then_some(home))),
        };
        Ok(head.response.map(|()| body))
    }
}

// === impl Home ===

impl Home {
    fn keep(self, mut wire: Wire) {
        let Some(upstream) = self.upstream.upgrade() else { return };
        if !wire.is_quiet() {
            return;
        }
        let mut kept = upstream.kept();
        let of_node = kept.entry(key(&self.node)).or_insert_with(|| Kept::new(&self.node));
        if of_node.wires.len() < super::IDLE_MAX {
            of_node.wires.push(Rest { wire, generation: self.generation, since: clock::mono() });
        }
    }
}

// === impl Io ===

impl Io {
    /// As much as goes now.
    fn poll_send(&mut self, cx: &mut Context<'_>, unsent: &mut Bytes) -> io::Result<()> {
        while !unsent.is_empty() {
            let done = match self {
                Io::Plain(io) => Pin::new(io).poll_write(cx, unsent),
                Io::Tls(io) => Pin::new(io).poll_write(cx, unsent),
            };
            match done? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(n) => unsent.advance(n),
                Poll::Pending => return Ok(()),
            }
        }
        match self {
            Io::Plain(_) => Ok(()),
            // Until it is out; with nothing to flush it costs nothing.
            Io::Tls(io) => match Pin::new(io).poll_flush(cx) {
                Poll::Ready(done) => done,
                Poll::Pending => Ok(()),
            },
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Io::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Io::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }

    /// What has come; empty at the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>, large: bool) -> Poll<io::Result<Bytes>> {
        if large {
            let mut piece = BytesMut::with_capacity(ROOM_LARGE);
            let done = match self {
                Io::Plain(io) => pin!(io.read_buf(&mut piece)).poll(cx),
                Io::Tls(io) => pin!(io.read_buf(&mut piece)).poll(cx),
            };
            ready!(done)?;
            return Poll::Ready(Ok(piece.freeze()));
        }
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut buf = ReadBuf::uninit(&mut room);
        ready!(self.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(Bytes::copy_from_slice(buf.filled())))
    }
}
