//! Keeps the workers' shares of the connections alike.

use crate::limit::Seat;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::{
    net::TcpStream,
    sync::mpsc::{self, error::TrySendError},
};
use tokio_rustls::TlsAcceptor;

/// So much more than the worker with the fewest is still alike: handing on costs a wake-up.
const ALIKE: usize = 2;
/// Connections on their way to one worker. One more stays where it was accepted.
const ON_THE_WAY: usize = 1_024;

/// A connection that was accepted, and may be served by any worker.
pub(super) struct Handed {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) seat: Seat,
    pub(super) tls: Option<TlsAcceptor>,
}

/// A connection that belongs to no runtime.
struct Loose {
    stream: std::net::TcpStream,
    peer: SocketAddr,
    seat: Seat,
    tls: Option<TlsAcceptor>,
}

/// The workers of one edge.
pub(crate) struct Crew {
    all: Vec<Desk>,
}

struct Desk {
    /// Its connections, with those on their way.
    open: AtomicUsize,
    handed: mpsc::Sender<Loose>,
}

/// A worker's place in the crew, before it begins.
pub(crate) struct Post {
    member: Member,
    inbox: mpsc::Receiver<Loose>,
}

/// A worker.
#[derive(Clone)]
pub(super) struct Member {
    crew: Arc<Crew>,
    number: usize,
}

/// What others hand on.
pub(super) struct Inbox {
    from: mpsc::Receiver<Loose>,
    member: Member,
    open: bool,
}

/// Counts one connection of a worker until it is dropped.
pub(super) struct Counted(Member);

// === impl Crew ===

impl Crew {
    /// So many workers.
    pub(crate) fn of(count: usize) -> Vec<Post> {
        let channels = (0..count).map(|_| mpsc::channel(ON_THE_WAY));
        let (all, inboxes): (Vec<_>, Vec<_>) =
            channels.map(|(handed, inbox)| (Desk { open: AtomicUsize::new(0), handed }, inbox)).unzip();
        let crew = Arc::new(Crew { all });
        let posts = inboxes.into_iter().enumerate();
        posts.map(|(number, inbox)| Post { member: Member { crew: crew.clone(), number }, inbox }).collect()
    }
}

// === impl Post ===

impl Post {
    pub(crate) fn number(&self) -> usize {
        self.member.number
    }

    pub(super) fn begin(self) -> (Member, Inbox) {
        let inbox = Inbox { from: self.inbox, member: self.member.clone(), open: true };
        (self.member, inbox)
    }
}

// === impl Member ===

impl Member {
    fn open(&self, number: usize) -> &AtomicUsize {
        &self.crew.all[number].open
    }

    /// Hands it to the worker with the fewest connections, unless that is we, or as good as. Some: it is ours.
    pub(super) fn hand_on(&self, handed: Handed) -> Option<Handed> {
        let count = |number: &usize| self.open(*number).load(Relaxed);
        let fewest = (0..self.crew.all.len()).min_by_key(count)?;
        if count(&fewest) + ALIKE > count(&self.number) {
            return Some(handed);
        }
        let Handed { stream, peer, seat, tls } = handed;
        // It leaves our runtime; what cannot is broken, and nobody's.
        let stream = stream.into_std().ok()?;
        self.open(fewest).fetch_add(1, Relaxed);
        match self.crew.all[fewest].handed.try_send(Loose { stream, peer, seat, tls }) {
            Ok(()) => None,
            Err(TrySendError::Full(back) | TrySendError::Closed(back)) => {
                self.open(fewest).fetch_sub(1, Relaxed);
                back.landed()
            }
        }
    }

    /// One connection more that we serve.
    pub(super) fn counted(&self) -> Counted {
        self.open(self.number).fetch_add(1, Relaxed);
        Counted(self.clone())
    }
}

// === impl Inbox ===

impl Inbox {
    /// None: it is closed, and nothing more is on the way.
    pub(super) async fn next(&mut self) -> Option<Handed> {
        loop {
            let loose = self.from.recv().await?;
            // On its way no longer; whoever serves it counts it.
            self.member.open(self.member.number).fetch_sub(1, Relaxed);
            if let Some(handed) = loose.landed() {
                return Some(handed);
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn close(&mut self) {
        self.open = false;
        self.from.close();
    }
}

impl Loose {
    /// In the runtime of whoever calls this.
    fn landed(self) -> Option<Handed> {
        let Loose { stream, peer, seat, tls } = self;
        TcpStream::from_std(stream).ok().map(|stream| Handed { stream, peer, seat, tls })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open(self.0.number).fetch_sub(1, Relaxed);
    }
}
