//! The client's side of a session: it comes, goes, comes back, and says things.

use super::{
    super::super::{
        conn::{Conn, Event},
        frame::code,
        registry::{As, Happened},
        session::{Kind, Message},
        wire::{self, FromClient, Limits, Said, ToClient, closed},
    },
    ACK_WAIT, Actor, BEAT, Client, Leaving, Origin, PAUSE_AT, millis,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::time::Instant;

impl Actor {
    pub(super) fn attach(&mut self, conn: Conn, token: Option<&str>, now: Instant) {
        let spec = &self.dialler.way.spec;
        let mut client = Client {
            conn,
            beat_at: now + BEAT,
            ack_at: None,
            paused: self.up.fill() >= PAUSE_AT,
            notice: None,
            closed_at: None,
        };
        let welcome = ToClient::Welcome {
            v: wire::VERSION,
            session: &URL_SAFE_NO_PAD.encode(self.id),
            token,
            resumed: token.is_none(),
            got: self.got.tell(),
            read: self.up.read(),
            origin: match self.origin {
                Origin::Opening => "opening",
                Origin::Open => "open",
                Origin::Away => "away",
            },
            paused: client.paused,
            limits: Limits {
                messages: spec.keep_messages,
                bytes: spec.keep_bytes,
                message: spec.keep_bytes,
                linger_ms: millis(spec.linger),
                beat_ms: millis(BEAT),
            },
        };
        client.conn.text(&[&welcome.json()]);
        self.client = Some(client);
        self.detached_at = None;
        self._counted = self.seat.tally().count(As::Resumable);
        self.notice();
    }

    /// A newer connection of the same client: the older one is closed.
    pub(super) fn on_link(&mut self, conn: Conn, got: u64, now: Instant) {
        if self.leaving.is_some() || self.stopping || self.moving.is_some() {
            tokio::spawn(conn.farewell(closed::UNKNOWN, ""));
            return;
        }
        if self.out.resume(got).is_err() {
            tokio::spawn(conn.farewell(closed::PROTOCOL, "got is more than was sent"));
            return;
        }
        if let Some(old) = self.client.take() {
            tokio::spawn(old.conn.farewell(closed::REPLACED, ""));
        }
        self.seat.happened(Happened::Resumed);
        self.attach(conn, None, now);
    }

    pub(super) fn detach(&mut self, now: Instant) {
        self.client = None;
        self.detached_at = Some(now);
        self._counted = self.seat.tally().count(As::Lingering);
    }

    pub(super) fn on_client(&mut self, event: Event, now: Instant) {
        let wrong = match event {
            Event::Written | Event::Pong(_) => return,
            Event::Text(text) => match wire::read(text) {
                Some(Said::App(bytes)) => return self.take(Message { kind: Kind::Text, bytes }, now),
                Some(Said::Control(said)) => match self.on_control(said) {
                    Ok(()) => return,
                    Err(wrong) => (closed::PROTOCOL, wrong),
                },
                None => (closed::PROTOCOL, "not in the protocol".to_owned()),
            },
            Event::Binary(bytes) => return self.take(Message { kind: Kind::Binary, bytes }, now),
            Event::Gone | Event::Close(closed::LATER, _) => return self.detach(now),
            Event::Close(code, reason) => {
                let Some(client) = self.client.take() else { return };
                if client.closed_at.is_some() {
                    // It answered ours. What it said before goes to the origin first.
                    self.over = self.node.is_none();
                    self.leaving = Some(Leaving { code: code::GOING_AWAY, reason: String::new(), at: now });
                } else {
                    tokio::spawn(client.conn.farewell(code, ""));
                    self.leaving = Some(Leaving { code, reason, at: now });
                }
                return;
            }
            Event::Wrong(violation) => (violation.code(), violation.to_string()),
        };
        if let Some(client) = self.client.take() {
            tokio::spawn(async move { client.conn.farewell(wrong.0, &wrong.1).await });
        }
        self.leaving = Some(Leaving { code: code::GOING_AWAY, reason: String::new(), at: now });
    }

    pub(super) fn on_control(&mut self, said: FromClient) -> Result<(), String> {
        match said {
            FromClient::Ack { got } => self.out.ack(got).map_err(|wrong| wrong.to_string()),
            FromClient::Gap { next } if next <= wire::NUMBER_MAX => {
                self.got.gap(next).map(drop).map_err(|wrong| wrong.to_string())
            }
            FromClient::Gap { .. } => Err("a number too great".to_owned()),
            FromClient::Ping => {
                self.say(&ToClient::Pong);
                Ok(())
            }
            FromClient::Pong | FromClient::Unknown => Ok(()),
            FromClient::Hello { .. } => Err("hello comes only once".to_owned()),
        }
    }

    pub(super) fn take(&mut self, message: Message, now: Instant) {
        let number = self.got.take();
        self.up.push(number, message);
        self.ack_soon(now);
    }

    pub(super) fn ack_soon(&mut self, now: Instant) {
        if let Some(client) = &mut self.client {
            client.ack_at.get_or_insert(now + ACK_WAIT);
        }
    }

    pub(super) fn say(&mut self, what: &ToClient<'_>) {
        if let Some(client) = &mut self.client {
            client.conn.text(&[&what.json()]);
        }
    }

    /// Says what is known about the outage, when that has changed.
    pub(super) fn notice(&mut self) {
        let notice = if self.node.is_some() { None } else { self.seat.notice() };
        if let Some(client) = &mut self.client
            && client.notice != notice
        {
            client.conn.text(&[&ToClient::Notice { notice: notice.as_ref() }.json()]);
            client.notice = notice;
        }
    }
}
