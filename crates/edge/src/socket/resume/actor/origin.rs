//! The origin's side of a session: its connection dies, and another one is asked for, paced.

use super::{
    super::super::{
        DialError, Dialled,
        conn::{Conn, Event},
        frame::{Violation, code},
        handshake,
        registry::{As, Happened},
        session::{Kind, Message},
        wire::{ToClient, closed},
    },
    Actor, GOOD_AFTER, Node, Origin, REDIAL_FIRST, REDIAL_LAST, REDIALS_A_SECOND, is_final, millis,
};
use bytes::Bytes;
use http::header;
use std::time::{Duration, Instant};
use stillhere_net::entropy;

impl Actor {
    pub(super) fn on_node(&mut self, event: Event, now: Instant) {
        if self.moving.is_some() && matches!(event, Event::Close(..) | Event::Gone | Event::Wrong(_)) {
            // It answers our Close: the session goes on elsewhere, whatever the code.
            self.node = None;
            return;
        }
        match event {
            Event::Written => {}
            Event::Text(bytes) => self.keep(Message { kind: Kind::Text, bytes }),
            Event::Binary(bytes) => self.keep(Message { kind: Kind::Binary, bytes }),
            Event::Pong(bytes) => {
                let number = bytes.as_ref().try_into().map(u64::from_be_bytes);
                if number.is_ok_and(|number| self.up.confirm(number)) {
                    self.ack_soon(now);
                }
            }
            // It restarts, or is told to: the application did not mean to end the conversation.
            Event::Close(code::GOING_AWAY | code::RESTART | code::TRY_AGAIN, _) => {
                if let Some(node) = self.node.take() {
                    tokio::spawn(node.conn.farewell(code::NORMAL, ""));
                    self.lost(Some(node.opened_at), now);
                }
            }
            Event::Close(code, reason) => {
                if let Some(node) = self.node.take() {
                    tokio::spawn(node.conn.farewell(code, ""));
                }
                self.ending = Some((code, reason));
            }
            Event::Gone => {
                let opened = self.node.take().map(|node| node.opened_at);
                self.lost(opened, now);
            }
            Event::Wrong(violation) => {
                tracing::warn!(route = %self.seat.route(), %violation, "a node broke the WebSocket protocol");
                let Some(node) = self.node.take() else { return };
                tokio::spawn(node.conn.farewell(violation.code(), ""));
                if violation == Violation::TooBig {
                    self.ending = Some((code::TOO_BIG, violation.to_string()));
                } else {
                    self.lost(Some(node.opened_at), now);
                }
            }
        }
    }

    /// The origin's connection is gone. The client stays, and is told.
    pub(super) fn lost(&mut self, opened: Option<Instant>, now: Instant) {
        if opened.is_some_and(|opened| now.saturating_duration_since(opened) >= GOOD_AFTER) {
            self.tries = 0;
        }
        let uncertain = self.up.died();
        self.away(uncertain, now);
        let open = self.sockets.sessions.by_id.lock().map_or(0, |sessions| sessions.len() as u64);
        let herd = Duration::from_millis(open * 1_000 / REDIALS_A_SECOND).min(REDIAL_LAST);
        self.try_again(herd, now);
    }

    pub(super) fn away(&mut self, uncertain: Option<[u64; 2]>, now: Instant) {
        if self.origin == Origin::Away && uncertain.is_none() {
            return;
        }
        self.origin = Origin::Away;
        self.away_since.get_or_insert(now);
        self.away_counted = Some(self.seat.tally().count(As::Away));
        self.event(&ToClient::Origin { state: "away", new: false, protocol: None, uncertain });
        self.notice();
    }

    pub(super) fn try_again(&mut self, at_most: Duration, now: Instant) {
        let step = REDIAL_FIRST.saturating_mul(1 << self.tries.min(10)).min(REDIAL_LAST).max(at_most);
        self.tries += 1;
        let share = entropy::u64() % (millis(step) + 1);
        self.redial_at = Some(now + REDIAL_FIRST / 4 + Duration::from_millis(share));
    }

    pub(super) fn on_dialled(&mut self, result: Result<Dialled, DialError>, now: Instant) {
        let Some((expected, _)) = self.dial.take() else { return };
        match result {
            Ok(Dialled { head, stream, guard }) if handshake::is_open(&head, &expected) => {
                let limit = self.dialler.way.spec.keep_bytes;
                self.node = Some(Node {
                    conn: Conn::client(stream, limit),
                    opened_at: now,
                    asked_at: None,
                    pinged: false,
                    _guard: guard,
                });
                let new = std::mem::replace(&mut self.opened, true);
                if new {
                    self.seat.happened(Happened::Moved);
                }
                self.origin = Origin::Open;
                self.away_since = None;
                self.away_counted = None;
                let protocol = head.headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|v| v.to_str().ok());
                self.event(&ToClient::Origin { state: "open", new, protocol, uncertain: None });
                self.notice();
            }
            Err(DialError::Refused(answer)) if is_final(answer.status()) => {
                self.ending = Some((closed::REFUSED, answer.status().as_str().to_owned()));
            }
            Ok(_) | Err(DialError::Refused(_) | DialError::Away(..)) => {
                self.away(None, now);
                self.try_again(Duration::ZERO, now);
            }
        }
    }

    /// A numbered event: it stands in order with what the origin says.
    pub(super) fn event(&mut self, what: &ToClient<'_>) {
        self.keep(Message { kind: Kind::Event, bytes: Bytes::from(what.json()) });
    }

    /// Keeps a message for the client. While that is connected nothing is forgotten (the origin waits instead);
    /// while it is not, the oldest go, and it will hear of the gap.
    pub(super) fn keep(&mut self, message: Message) {
        if self.client.is_none() {
            while !self.has_room_down() && self.out.drop_oldest() {}
        }
        self.out.push(message);
    }
}
