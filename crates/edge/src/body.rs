//! What an answer is made of. One type, so that the common case (a stream from a node) needs no allocation.

use crate::{
    gate::Pace,
    inject::{Counts, Page},
    limit::Paced,
    report::log::How,
    upstream::Flow,
};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{sync::mpsc, time::Sleep};

/// Anything that goes wrong with a body while it flows.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Runs when the last byte was taken, or the receiver has gone: whichever comes first. It holds a node's place, and
/// counts.
pub type Guard = Box<dyn Send + Sync>;

/// The body of an answer, or of a request to a node.
pub struct Body {
    from: From,
    guard: Option<Guard>,
    /// Set when it breaks off, for who sends it on.
    broke: Option<Arc<AtomicBool>>,
    /// For the access log. Here rather than among the answer's extensions, which would be a table for this one thing.
    how: Option<Box<How>>,
    late: Option<Box<Late>>,
}

/// What is done when a body is waited for at a stretch of some length.
struct Late {
    stretch: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    then: Box<dyn FnOnce() + Send + Sync>,
}

enum From {
    Empty,
    Whole(Bytes),
    /// The same, and then trailers. Boxed, because hardly any answer has them.
    Trailed(Bytes, Box<HeaderMap>),
    /// Straight from the wire.
    Wire(Incoming),
    /// From a node, over a connection of ours. Apart: nearly all answers come whole.
    Node(Box<Flow>),
    /// The same, but it must come at a pace. Apart, because only bodies over HTTP/2 need it.
    Paced(Box<Paced<Incoming>>),
    /// What was read of it already, and then the rest.
    Behind(Bytes, Box<Body>),
    /// Written by a task of ours. The channel is the limit; an error cuts the answer off visibly.
    Task(mpsc::Receiver<Result<Bytes, BodyError>>),
    /// With the client's tag in it.
    Page(Box<Page>),
    /// An end that is none.
    Broken(Option<BodyError>),
}

// === impl Body ===

impl Body {
    fn of(from: From) -> Body {
        Body { from, guard: None, broke: None, how: None, late: None }
    }

    #[must_use]
    pub fn empty() -> Body {
        Body::of(From::Empty)
    }

    #[must_use]
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        Body::of(From::Whole(bytes.into()))
    }

    #[must_use]
    pub fn wire(incoming: Incoming) -> Body {
        Body::of(From::Wire(incoming))
    }

    pub(crate) fn node(flow: Flow) -> Body {
        Body::of(From::Node(Box::new(flow)))
    }

    #[must_use]
    pub fn trailed(bytes: Bytes, trailers: HeaderMap) -> Body {
        if trailers.is_empty() {
            return Body::whole(bytes);
        }
        Body::of(From::Trailed(bytes, Box::new(trailers)))
    }

    /// A client's body that must not come more slowly than `pace`.
    #[must_use]
    pub fn paced(incoming: Incoming, pace: Option<Pace>) -> Body {
        match pace {
            None => Body::wire(incoming),
            pace => Body::of(From::Paced(Box::new(Paced::new(incoming, pace)))),
        }
    }

    /// A body that is written piece by piece; at most `ahead` pieces wait for the reader.
    #[must_use]
    pub fn task(ahead: usize) -> (mpsc::Sender<Result<Bytes, BodyError>>, Body) {
        let (pieces, taken) = mpsc::channel(ahead.max(1));
        (pieces, Body::of(From::Task(taken)))
    }

    /// A page, with the browser client's tag in it.
    pub(crate) fn with_tag(mut self, counts: Arc<Counts>) -> Body {
        let how = self.how.take();
        Body { how, ..Body::of(From::Page(Box::new(Page::new(self, counts)))) }
    }

    /// One that ends with this error.
    pub(crate) fn broken(e: BodyError) -> Body {
        Body::of(From::Broken(Some(e)))
    }

    /// With this before it, which was read of it already.
    pub(crate) fn behind(self, read: Bytes) -> Body {
        Body::of(From::Behind(read, Box::new(self)))
    }

    /// Does this, once, when the body has been waited for at a stretch of this length.
    pub(crate) fn when_late(&mut self, stretch: Duration, then: impl FnOnce() + Send + Sync + 'static) {
        self.late = Some(Box::new(Late { stretch, timer: None, then: Box::new(then) }));
    }

    /// Looks after [`Body::when_late`]: it was polled, and is waited for or not.
    fn look(&mut self, pending: bool, cx: &mut Context<'_>) {
        let Some(late) = &mut self.late else { return };
        if !pending {
            late.timer = None;
            return;
        }
        let stretch = late.stretch;
        let timer = late.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(stretch)));
        if timer.as_mut().poll(cx).is_ready()
            && let Some(late) = self.late.take()
        {
            (late.then)();
        }
    }

    /// Says whether it has broken off; None: it cannot.
    pub(crate) fn watched(&mut self) -> Option<Arc<AtomicBool>> {
        if matches!(self.from, From::Empty | From::Whole(_) | From::Trailed(..)) {
            return None;
        }
        Some(self.broke.get_or_insert_default().clone())
    }

    /// Notes how the answer came to be.
    pub(crate) fn note(&mut self, how: How) {
        self.how = Some(Box::new(how));
    }

    pub(crate) fn how(&mut self) -> Option<Box<How>> {
        self.how.take()
    }

    /// Keeps `guard` until the body has ended or is dropped.
    #[must_use]
    pub fn guarded(mut self, guard: Guard) -> Body {
        self.guard = Some(guard);
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut self.from {
            From::Empty => Poll::Ready(None),
            From::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.from = From::Empty;
                if bytes.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(Ok(Frame::data(bytes)))) }
            }
            From::Trailed(bytes, trailers) => {
                let frame = if bytes.is_empty() {
                    let last = Frame::trailers(std::mem::take(&mut **trailers));
                    self.from = From::Empty;
                    last
                } else {
                    Frame::data(std::mem::take(bytes))
                };
                Poll::Ready(Some(Ok(frame)))
            }
            From::Wire(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            From::Node(flow) => flow.poll_frame(cx),
            From::Paced(paced) => Pin::new(&mut **paced).poll_frame(cx),
            From::Behind(read, rest) => {
                if read.is_empty() {
                    Pin::new(&mut **rest).poll_frame(cx)
                } else {
                    Poll::Ready(Some(Ok(Frame::data(std::mem::take(read)))))
                }
            }
            From::Task(pieces) => pieces.poll_recv(cx).map(|p| p.map(|p| p.map(Frame::data))),
            From::Page(page) => page.poll_frame(cx),
            From::Broken(e) => Poll::Ready(e.take().map(Err)),
        };
        self.look(polled.is_pending(), cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.guard = None;
            if let (Some(broke), Poll::Ready(Some(Err(_)))) = (&self.broke, &polled) {
                broke.store(true, Relaxed);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.from {
            From::Empty => true,
            From::Whole(bytes) => bytes.is_empty(),
            From::Wire(incoming) => incoming.is_end_stream(),
            From::Node(flow) => flow.is_end_stream(),
            From::Paced(paced) => paced.is_end_stream(),
            From::Behind(read, rest) => read.is_empty() && rest.is_end_stream(),
            From::Page(page) => page.is_end_stream(),
            From::Trailed(..) | From::Task(_) | From::Broken(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Empty => SizeHint::with_exact(0),
            From::Whole(bytes) | From::Trailed(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            From::Wire(incoming) => incoming.size_hint(),
            From::Node(flow) => flow.size_hint(),
            From::Paced(paced) => paced.size_hint(),
            From::Behind(..) | From::Task(_) | From::Page(_) | From::Broken(_) => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = match &self.from {
            From::Empty => "empty",
            From::Whole(_) | From::Trailed(..) => "whole",
            From::Wire(_) | From::Node(_) | From::Paced(_) | From::Behind(..) => "wire",
            From::Task(_) => "task",
            From::Page(_) => "page",
            From::Broken(_) => "broken",
        };
        write!(f, "Body({from})")
    }
}
