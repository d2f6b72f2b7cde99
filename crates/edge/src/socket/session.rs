//! A session's memory: numbers, acknowledgements, replay, and what is not known. Pure: no I/O, no clock.
//!
//! The failures this defends against: a connection dies with messages in flight (they are sent again, once, in order),
//! the origin dies with messages it may or may not have read (nobody claims to know), and a buffer overflows (said, as
//! a gap with its size; never silently).
//!
//! [`Out`] and [`In`] are the two halves of one end; a client has the same two. [`Upward`] holds what the edge has
//! taken from the client for the origin.

use bytes::Bytes;
use std::collections::VecDeque;

/// What a kept message costs apart from its bytes.
pub const OVERHEAD: usize = 64;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
    /// Ours, but numbered: what happened to the origin, in order with what it said.
    Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: Kind,
    pub bytes: Bytes,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub messages: usize,
    pub bytes: usize,
}

/// What a peer may not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("acknowledges what was never sent")]
    AckAhead,
    #[error("a gap that goes back")]
    GapBack,
}

/// What goes to the peer next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The next message has number `next`; `lost` before it are gone.
    Gap {
        next: u64,
        lost: u64,
    },
    Message(Message),
}

/// Messages to the peer, kept until it says that it has them.
#[derive(Debug)]
pub struct Out {
    keep: Keep,
    kept: VecDeque<Message>,
    bytes: usize,
    /// The number of the first one kept, or of the next to come.
    first: u64,
    /// What the peer counts to on this connection: the number it thinks it got last.
    counted: u64,
    /// The greatest number that was ever put on a connection.
    sent: u64,
}

/// Messages from the peer: only counted.
#[derive(Debug, Default)]
pub struct In {
    got: u64,
    told: u64,
    lost: u64,
}

/// Messages taken from the client, for the origin.
#[derive(Debug)]
pub struct Upward {
    keep: Keep,
    kept: VecDeque<(u64, Message)>,
    bytes: usize,
    /// The last number put on the origin's connection (any of them).
    written: u64,
    /// The origin's WebSocket has read everything up to here, but for what was reported as uncertain.
    read: u64,
    /// What the present origin's connection began after.
    begun: u64,
    /// The number asked about by the Ping that is on its way.
    asked: Option<u64>,
}

// === impl Message ===

impl Message {
    #[must_use]
    pub fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

// === impl Out ===

impl Out {
    #[must_use]
    pub fn new(keep: Keep) -> Out {
        Out { keep, kept: VecDeque::new(), bytes: 0, first: 1, counted: 0, sent: 0 }
    }

    /// What another process needs to go on: the number of the first one kept, the greatest that was sent, and those kept.
    pub fn parts(&self) -> (u64, u64, impl Iterator<Item = &Message>) {
        (self.first, self.sent, self.kept.iter())
    }

    /// From such parts. None: they do not fit together.
    #[must_use]
    pub fn again(keep: Keep, first: u64, sent: u64, kept: Vec<Message>) -> Option<Out> {
        let bytes = kept.iter().map(Message::cost).sum();
        let last = first.checked_add(kept.len() as u64)?.checked_sub(1)?;
        if first == 0 || sent > last {
            return None;
        }
        Some(Out { keep, kept: kept.into(), bytes, first, counted: first - 1, sent })
    }

    /// Whether one more may come. It may go over the limit by itself.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.kept.len() < self.keep.messages && self.bytes < self.keep.bytes
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of the last message.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + self.kept.len() as u64 - 1
    }

    pub fn push(&mut self, message: Message) -> u64 {
        self.bytes += message.cost();
        self.kept.push_back(message);
        self.last()
    }

    /// Forgets the oldest one. The peer will hear of a gap.
    pub fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.kept.pop_front() else { return false };
        self.bytes -= oldest.cost();
        self.first += 1;
        self.rest();
        true
    }

    /// The peer has everything up to `got`.
    ///
    /// # Errors
    /// When nobody ever sent that.
    pub fn ack(&mut self, got: u64) -> Result<(), Wrong> {
        if got > self.counted {
            return Err(Wrong::AckAhead);
        }
        while self.first <= got && self.drop_oldest() {}
        Ok(())
    }

    /// A new connection, whose peer has everything up to `got`.
    ///
    /// # Errors
    /// When nobody ever sent that.
    pub fn resume(&mut self, got: u64) -> Result<(), Wrong> {
        if got > self.sent {
            return Err(Wrong::AckAhead);
        }
        self.counted = got;
        self.ack(got)
    }

    /// What goes next on this connection, if there is something.
    pub fn take_next(&mut self) -> Option<Next> {
        if self.counted + 1 < self.first {
            let lost = self.first - self.counted - 1;
            self.counted = self.first - 1;
            self.sent = self.sent.max(self.counted);
            return Some(Next::Gap { next: self.first, lost });
        }
        let message = self.kept.get(usize::try_from(self.counted + 1 - self.first).ok()?)?.clone();
        self.counted += 1;
        self.sent = self.sent.max(self.counted);
        Some(Next::Message(message))
    }

    /// Everything was put on this connection.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.counted == self.last()
    }

    /// Everything was acknowledged, or is gone.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn rest(&mut self) {
        if self.kept.is_empty() {
            self.kept = VecDeque::new(); // an idle session holds nothing
        }
    }
}

// === impl In ===

impl In {
    /// Goes on after so many.
    #[must_use]
    pub fn after(got: u64) -> In {
        In { got, told: got, lost: 0 }
    }

    /// One more came. Its number.
    pub fn take(&mut self) -> u64 {
        self.got += 1;
        self.got
    }

    /// The peer says that the next one has the number `next`.
    ///
    /// # Errors
    /// When that was there already.
    pub fn gap(&mut self, next: u64) -> Result<u64, Wrong> {
        if next <= self.got {
            return Err(Wrong::GapBack);
        }
        let lost = next - self.got - 1;
        self.got = next - 1;
        self.lost += lost;
        Ok(lost)
    }

    #[must_use]
    pub fn got(&self) -> u64 {
        self.got
    }

    /// How many the peer has not been told of yet.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.got - self.told
    }

    /// The number to tell the peer.
    pub fn tell(&mut self) -> u64 {
        self.told = self.got;
        self.got
    }
}

// === impl Upward ===

impl Upward {
    #[must_use]
    pub fn new(keep: Keep) -> Upward {
        Upward { keep, kept: VecDeque::new(), bytes: 0, written: 0, read: 0, begun: 0, asked: None }
    }

    /// What another process needs to go on, when there is no origin's connection: up to where it was read, up to where it
    /// was written, and those kept.
    pub fn parts(&self) -> (u64, u64, impl Iterator<Item = &(u64, Message)>) {
        (self.read, self.written, self.kept.iter())
    }

    /// From such parts. None: they do not fit together.
    #[must_use]
    pub fn again(keep: Keep, read: u64, written: u64, kept: Vec<(u64, Message)>) -> Option<Upward> {
        let bytes = kept.iter().map(|(_, message)| message.cost()).sum();
        let in_order = kept.first().is_none_or(|(first, _)| *first > written)
            && kept.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (read <= written && in_order).then_some(Upward {
            keep,
            kept: kept.into(),
            bytes,
            written,
            read,
            begun: written,
            asked: None,
        })
    }

    #[must_use]
    pub fn has_room(&self) -> bool {
        self.kept.len() < self.keep.messages && self.bytes < self.keep.bytes
    }

    /// How full it is, in percent.
    #[must_use]
    pub fn fill(&self) -> usize {
        (self.kept.len() * 100 / self.keep.messages.max(1)).max(self.bytes * 100 / self.keep.bytes.max(1))
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    #[must_use]
    pub fn read(&self) -> u64 {
        self.read
    }

    pub fn push(&mut self, number: u64, message: Message) {
        self.bytes += message.cost();
        self.kept.push_back((number, message));
    }

    /// The next message for the origin. From now on nobody knows whether it read it, until [`Self::confirm`].
    pub fn take_next(&mut self) -> Option<Message> {
        let (number, message) = self.kept.pop_front()?;
        self.bytes -= message.cost();
        self.written = number;
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
        Some(message)
    }

    /// A number to put into a Ping after the messages: a Pong with it says that they were read.
    pub fn ask(&mut self) -> Option<u64> {
        if self.asked.is_some() || self.written <= self.read.max(self.begun) {
            return None;
        }
        self.asked = Some(self.written);
        self.asked
    }

    /// The same, whatever is being asked: the answer to that one would not say enough, when it is the last.
    pub fn ask_again(&mut self) -> Option<u64> {
        self.asked = None;
        self.ask()
    }

    /// The number that is being asked about. A peer may answer only the last of several Pings, so all ask the same.
    #[must_use]
    pub fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// A Pong came. True: it says something new.
    pub fn confirm(&mut self, number: u64) -> bool {
        if self.asked != Some(number) {
            return false;
        }
        self.asked = None;
        self.read = number;
        true
    }

    /// The origin's connection is gone. The numbers of which nobody knows whether it read them.
    pub fn died(&mut self) -> Option<[u64; 2]> {
        self.asked = None;
        let known = self.read.max(self.begun);
        // They will not be sent again, so the next connection begins without a doubt.
        self.begun = self.written;
        (known < self.written).then_some([known + 1, self.written])
    }
}

#[cfg(test)]
mod tests;
