//! A WebSocket that ends here: whole messages in and out, with limits, for sessions.
//!
//! One object for both directions, driven by one task: what is to be written waits in one bounded buffer, and while
//! that is full nothing is read (so a peer that only asks and never listens gets no memory of ours).

use super::{
    Io,
    frame::{self, Head, Violation, code},
    scratch,
};
use bytes::Bytes;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use stillhere_net::{clock::mono, entropy};
use tokio::io::AsyncWrite as _;

/// While so much waits to be written, no more is taken, and nothing is read.
pub const WRITE_HIGH: usize = 32 << 10;
/// Most frames of one message.
const FRAGMENTS_MAX: usize = 4_096;

/// One end of a WebSocket.
pub(super) struct Conn {
    io: Box<dyn Io>,
    /// For the masks we send, when we are the client.
    masks: Option<u64>,
    /// Longest message.
    limit: usize,
    read: Vec<u8>,
    /// Of these so many were taken.
    at: usize,
    partial: Option<Partial>,
    write: Vec<u8>,
    written: usize,
    unflushed: bool,
    ended: bool,
    /// Since when the peer has taken nothing of what waits.
    blocked: Option<Instant>,
    /// When something last came.
    pub heard: Instant,
}

struct Partial {
    opcode: u8,
    bytes: Vec<u8>,
    frames: usize,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Text(Bytes),
    Binary(Bytes),
    Pong(Bytes),
    /// Its Close: code (1005 for none) and reason.
    Close(u16, String),
    /// What waited to be written has been.
    Written,
    /// The connection ended without a Close.
    Gone,
    Wrong(Violation),
}

// === impl Conn ===

impl Conn {
    /// The server's end.
    pub(super) fn server(io: Box<dyn Io>, limit: usize) -> Conn {
        Conn {
            io,
            masks: None,
            limit,
            read: Vec::new(),
            at: 0,
            partial: None,
            write: Vec::new(),
            written: 0,
            unflushed: false,
            ended: false,
            blocked: None,
            heard: mono(),
        }
    }

    /// The client's end.
    pub(super) fn client(io: Box<dyn Io>, limit: usize) -> Conn {
        Conn { masks: Some(entropy::u64()), ..Conn::server(io, limit) }
    }

    /// The mask keeps pages from choosing bytes on the wire; the edge chooses none, so a plain generator will do.
    fn key(&mut self) -> Option<[u8; 4]> {
        let state = self.masks.as_mut()?;
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^= z >> 27;
        Some([z as u8, (z >> 8) as u8, (z >> 16) as u8, (z >> 24) as u8])
    }

    /// More may be given to write.
    pub(super) fn has_room(&self) -> bool {
        self.write.len() - self.written < WRITE_HIGH
    }

    pub(super) fn is_written(&self) -> bool {
        self.write.is_empty() && !self.unflushed
    }

    pub(super) fn text(&mut self, parts: &[&[u8]]) {
        let key = self.key();
        frame::write(&mut self.write, frame::TEXT, key, parts);
    }

    pub(super) fn binary(&mut self, bytes: &[u8]) {
        let key = self.key();
        frame::write(&mut self.write, frame::BINARY, key, &[bytes]);
    }

    pub(super) fn ping(&mut self, bytes: &[u8]) {
        let key = self.key();
        frame::write(&mut self.write, frame::PING, key, &[bytes]);
    }

    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let key = self.key();
        let code = if code == code::NONE || code::may_be_sent(code) { code } else { code::NORMAL };
        frame::write_close(&mut self.write, key, code, reason);
    }

    /// Since when the peer has taken nothing.
    pub(super) fn blocked_for(&self, now: Instant) -> Duration {
        self.blocked.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked
    }

    /// Writes what waits, and reads on when `may_read`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> Poll<Event> {
        match self.poll_write(cx) {
            Poll::Ready(Some(event)) => return Poll::Ready(event),
            Poll::Ready(None) | Poll::Pending => {}
        }
        loop {
            if !may_read || !self.has_room() {
                return Poll::Pending;
            }
            match self.message() {
                Ok(Some(event)) => {
                    // An answer to a Ping goes out with the next poll; the waker is kept by asking to be polled again.
                    return Poll::Ready(event);
                }
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Event::Wrong(violation)),
            }
            if !self.write.is_empty()
                && let Poll::Ready(Some(event)) = self.poll_write(cx)
            {
                return Poll::Ready(event);
            }
            if self.ended {
                return Poll::Ready(Event::Gone);
            }
            let read = &mut self.read;
            read.drain(..std::mem::take(&mut self.at));
            match scratch::read(cx, &mut self.io, |_, bytes| read.extend_from_slice(bytes)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(()))) => self.heard = mono(),
                Poll::Ready(None | Some(Err(_))) => self.ended = true,
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let had = !self.write.is_empty();
        while self.written < self.write.len() {
            match Pin::new(&mut self.io).poll_write(cx, &self.write[self.written..]) {
                Poll::Pending => {
                    self.blocked.get_or_insert_with(mono);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.written += n;
                    self.unflushed = true;
                    self.blocked = None;
                }
                // It may have said why before it went: reading tells.
                Poll::Ready(_) => break,
            }
        }
        self.write = Vec::new();
        self.written = 0;
        if self.unflushed {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(_) => self.unflushed = false,
            }
        }
        Poll::Ready(had.then_some(Event::Written))
    }

    /// The next whole message among what was read.
    fn message(&mut self) -> Result<Option<Event>, Violation> {
        loop {
            let rest = &mut self.read[self.at..];
            let Some(head) = Head::read(rest)? else { return Ok(None) };
            if head.reserved != 0 {
                return Err(Violation::Kind);
            }
            if head.mask.is_some() == self.masks.is_some() {
                return Err(Violation::Mask);
            }
            let before = self.partial.as_ref().map_or(0, |p| p.bytes.len());
            let length = usize::try_from(head.length).map_err(|_| Violation::TooBig)?;
            if !head.is_control() && before.saturating_add(length) > self.limit {
                return Err(Violation::TooBig);
            }
            let whole = head.size + length;
            if rest.len() < whole {
                return Ok(None);
            }
            if let Some(key) = head.mask {
                frame::unmask(&mut rest[head.size..whole], key, 0);
            }
            let payload = rest[head.size..whole].to_vec();
            self.at += whole;
            if self.read.len() == self.at {
                (self.read, self.at) = (Vec::new(), 0);
            }
            if let Some(event) = self.frame(head, payload)? {
                return Ok(Some(event));
            }
            if !self.has_room() {
                return Ok(None); // Pings without end, and nobody who takes the Pongs
            }
        }
    }

    fn frame(&mut self, head: Head, payload: Vec<u8>) -> Result<Option<Event>, Violation> {
        match head.opcode {
            frame::PING => {
                let key = self.key();
                frame::write(&mut self.write, frame::PONG, key, &[&payload]);
                return Ok(None);
            }
            frame::PONG => return Ok(Some(Event::Pong(payload.into()))),
            frame::CLOSE => {
                let Some((said, reason)) = payload.split_first_chunk::<2>() else {
                    return if payload.is_empty() {
                        Ok(Some(Event::Close(code::NONE, String::new())))
                    } else {
                        Err(Violation::Close)
                    };
                };
                let said = u16::from_be_bytes(*said);
                let reason = std::str::from_utf8(reason).map_err(|_| Violation::Text)?;
                if !code::may_be_sent(said) {
                    return Err(Violation::Close);
                }
                return Ok(Some(Event::Close(said, reason.to_owned())));
            }
            frame::TEXT | frame::BINARY | frame::CONTINUATION => {}
            _ => return Err(Violation::Kind),
        }
        let (opcode, bytes) = match (self.partial.take(), head.opcode) {
            (None, frame::CONTINUATION) => return Err(Violation::Order),
            (Some(mut partial), frame::CONTINUATION) => {
                partial.bytes.extend_from_slice(&payload);
                partial.frames += 1;
                if partial.frames > FRAGMENTS_MAX {
                    return Err(Violation::TooBig);
                }
                if !head.fin {
                    self.partial = Some(partial);
                    return Ok(None);
                }
                (partial.opcode, partial.bytes)
            }
            (Some(_), _) => return Err(Violation::Order),
            (None, opcode) if !head.fin => {
                self.partial = Some(Partial { opcode, bytes: payload, frames: 1 });
                return Ok(None);
            }
            (None, opcode) => (opcode, payload),
        };
        if opcode == frame::TEXT {
            let text = String::from_utf8(bytes).map_err(|_| Violation::Text)?;
            Ok(Some(Event::Text(text.into())))
        } else {
            Ok(Some(Event::Binary(bytes.into())))
        }
    }

    /// Says farewell with a Close, waits a little for the other side's, and ends.
    pub(super) async fn farewell(mut self, code: u16, reason: &str) {
        self.close(code, reason);
        let rest = async {
            loop {
                match std::future::poll_fn(|cx| self.poll(cx, true)).await {
                    Event::Close(..) | Event::Gone | Event::Wrong(_) => break,
                    _ => {}
                }
            }
            std::future::poll_fn(|cx| self.poll_write(cx)).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut self.io).await;
        };
        let _ = tokio::time::timeout(super::plain::CLOSE_WAIT, rest).await;
    }
}

impl Violation {
    /// What is said in the Close for it.
    pub(super) fn code(self) -> u16 {
        match self {
            Violation::Text => code::NOT_UTF8,
            Violation::TooBig => code::TOO_BIG,
            _ => code::PROTOCOL,
        }
    }
}

#[cfg(test)]
mod tests;
