//! The express lane: one connection's keep-alive loop over ready-made answers.
//!
//! A request costs one `recv` and one `writev`, no allocation and no timer: the deadline is one lazily moved
//! `Sleep` per connection, the date is formatted once a second.

use super::{
    Front,
    head::{self, Asked, MAX_HEAD_BYTES, Parsed, What},
};
use crate::{
    lang,
    live::{Seat, Since},
    ready::{Ready, date_at},
};
use bytes::BytesMut;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::{Duration, Instant},
};
use stillhere_model::Lang;
use stillhere_net::clock;
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    time::{Sleep, sleep},
};

/// From its first byte a head must be complete within this time.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A connection that asks nothing for this long is closed.
pub(crate) const IDLE: Duration = Duration::from_secs(75);
/// A whole answer must be taken within this time.
pub(crate) const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// Reads that may leave the head incomplete before hyper takes over. Parsing starts anew with each read, so this
/// bounds what a head sent byte by byte can cost.
const MAX_PARTIAL_READS: u32 = 4;
const BUFFER_BYTES: usize = 2048;

/// How a connection leaves the express lane.
pub(crate) enum End {
    Close,
    /// With the bytes that were read and not answered.
    Hyper(BytesMut),
    Live(Seat, Lang, Option<Since>),
}

pub(crate) async fn run(front: &Front, io: &mut TcpStream, busy: &AtomicBool) -> End {
    let mut buf = BytesMut::with_capacity(BUFFER_BYTES);
    let mut writer = Writer::default();
    let mut alarm = Alarm::new(HEAD_WITHIN);
    let mut partial = 0;
    loop {
        if buf.is_empty() {
            busy.store(false, SeqCst);
            // After the store: whoever stops the server either sees us idle and ends us, or we see that it stops.
            if front.stopping() {
                return End::Close;
            }
        }
        if !buf.is_empty() {
            match head::parse(&buf) {
                Parsed::Express(asked) => {
                    partial = 0;
                    let len = asked.len;
                    match answer(front, io, &mut writer, &asked).await {
                        Answered::Sent => {}
                        Answered::Broken => return End::Close,
                        Answered::NotOurs => return End::Hyper(buf),
                        Answered::Live(seat, lang, since) => return End::Live(seat, lang, since),
                    }
                    let _ = buf.split_to(len);
                    alarm.expect_within(IDLE);
                    continue;
                }
                Parsed::Other => return End::Hyper(buf),
                Parsed::Partial if partial >= MAX_PARTIAL_READS || buf.len() >= MAX_HEAD_BYTES => {
                    return End::Hyper(buf);
                }
                Parsed::Partial => {
                    if partial == 0 {
                        alarm.expect_within(HEAD_WITHIN);
                    }
                    partial += 1;
                }
            }
        }
        buf.reserve(BUFFER_BYTES / 2);
        let read = tokio::select! {
            biased;
            read = io.read_buf(&mut buf) => read,
            () = alarm.rings() => return End::Close,
        };
        busy.store(true, SeqCst);
        match read {
            Ok(0) | Err(_) => return End::Close,
            Ok(_) => {}
        }
    }
}

enum Answered {
    Sent,
    Broken,
    NotOurs,
    Live(Seat, Lang, Option<Since>),
}

async fn answer(front: &Front, io: &TcpStream, writer: &mut Writer, asked: &Asked<'_>) -> Answered {
    if !front.hosts.allow(asked.host) {
        return Answered::NotOurs;
    }
    let shelf = front.shelves.now();
    let have = shelf.langs();
    let chosen = asked
        .lang
        .filter(|l| have.contains(l))
        .or_else(|| lang::accepted(asked.accept_language, have))
        .or_else(|| have.first().copied())
        .unwrap_or_default();
    match asked.what {
        What::Ready(route) => {
            let ready = shelf.get(route, chosen, asked.gzip);
            let known = !asked.if_none_match.is_empty() && ready.is_known_to(asked.if_none_match);
            match writer.send(io, ready, known, asked.head_only).await {
                Ok(()) => {
                    front.count_express();
                    Answered::Sent
                }
                Err(_) => Answered::Broken,
            }
        }
        // Without a free seat hyper's side says so, with its reason.
        What::Live(since) => match front.hub.seat() {
            Some(seat) => Answered::Live(seat, chosen, since),
            None => Answered::NotOurs,
        },
    }
}

/// One deadline that is moved without touching the timer wheel: the sleep that is set may ring early, and then
/// it is set anew for what remains.
struct Alarm {
    due: Instant,
    sleep: Pin<Box<Sleep>>,
}

// === impl Alarm ===

impl Alarm {
    fn new(within: Duration) -> Alarm {
        Alarm { due: clock::mono() + within, sleep: Box::pin(sleep(within)) }
    }

    fn expect_within(&mut self, within: Duration) {
        self.due = clock::mono() + within;
        // Only an earlier deadline needs the wheel now.
        if self.due < self.sleep.deadline().into_std() {
            self.sleep.as_mut().reset(self.due.into());
        }
    }

    async fn rings(&mut self) {
        loop {
            self.sleep.as_mut().await;
            if clock::mono() >= self.due {
                return;
            }
            self.sleep.as_mut().reset(self.due.into());
        }
    }
}

/// Puts the date into a ready-made head and writes head and body at once.
#[derive(Default)]
struct Writer {
    second: i64,
    date: String,
    head: Vec<u8>,
}

// === impl Writer ===

impl Writer {
    async fn send(&mut self, io: &TcpStream, ready: &Ready, known: bool, head_only: bool) -> io::Result<()> {
        self.tell_date();
        let (head, body): (_, &[u8]) = match (known, head_only) {
            (true, _) => (&ready.head_304, &[]),
            (false, true) => (&ready.head, &[]),
            (false, false) => (&ready.head, &ready.body),
        };
        self.head.clear();
        self.head.extend_from_slice(head);
        let at = date_at(known);
        self.head[at..at + self.date.len()].copy_from_slice(self.date.as_bytes());
        write_all(io, &self.head, body).await
    }

    fn tell_date(&mut self) {
        let now = clock::wall();
        let second = now.0.div_euclid(1000);
        if second != self.second || self.date.is_empty() {
            self.second = second;
            self.date = now
                .to_jiff()
                .map(|t| t.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
                .filter(|d| d.len() == 29)
                .unwrap_or_else(|| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
        }
    }
}

async fn write_all(io: &TcpStream, head: &[u8], body: &[u8]) -> io::Result<()> {
    let total = head.len() + body.len();
    let mut sent = match io.try_write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
        Ok(n) => n,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
        Err(e) => return Err(e),
    };
    if sent == total {
        return Ok(());
    }
    let rest = async {
        while sent < total {
            io.writable().await?;
            let (h, b) = (&head[sent.min(head.len())..], &body[sent.saturating_sub(head.len())..]);
            match io.try_write_vectored(&[IoSlice::new(h), IoSlice::new(b)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    };
    // Boxed: a slow reader is rare, and its state need not be part of every connection's.
    Box::pin(tokio::time::timeout(WRITE_WITHIN, rest))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
