//! What a session does because time passes: beats, silence, waits that end.

use super::{
    super::super::{
        Why,
        frame::code,
        plain::CLOSE_WAIT,
        wire::{ToClient, closed},
    },
    ASK_EVERY, Actor, BEAT, SILENT_BEATS,
};
use std::time::{Duration, Instant};

impl Actor {
    pub(super) fn on_time(&mut self, now: Instant) {
        let spec = self.dialler.way.spec.clone();
        let (may_read_client, may_read_node) = (self.may_read_client(), self.may_read_node());
        let mut gone = None;
        if let Some(client) = &mut self.client {
            if !may_read_client {
                client.conn.heard = now; // we are the ones who do not listen
            }
            let late = client.closed_at.is_some_and(|at| now >= at + CLOSE_WAIT);
            if late || client.conn.blocked_for(now) >= spec.write_stall {
                gone = Some(false);
            } else if now >= client.conn.heard + BEAT * SILENT_BEATS {
                gone = Some(true);
            } else if now >= client.beat_at {
                client.beat_at = now + BEAT;
                if client.closed_at.is_none() {
                    client.conn.text(&[&ToClient::Ping.json()]);
                    self.notice();
                }
            }
        }
        if let Some(silent) = gone {
            if let Some(client) = self.client.take()
                && silent
            {
                tokio::spawn(client.conn.farewell(closed::SILENT, ""));
            }
            self.detach(now);
        }
        let mut dead = None;
        if let Some(node) = &mut self.node {
            if !may_read_node {
                node.conn.heard = now;
                node.pinged = false;
            }
            let quiet = now.saturating_duration_since(node.conn.heard);
            if quiet >= spec.silence || node.conn.blocked_for(now) >= spec.write_stall {
                dead = Some(node.opened_at);
            } else if quiet < spec.silence / 2 {
                node.pinged = false;
            } else if !node.pinged {
                node.pinged = true;
                let asked = self.up.asked().map(u64::to_be_bytes);
                node.conn.ping(asked.as_ref().map_or(&[], |number| number));
            }
        }
        if dead.is_some() {
            self.node = None;
            self.lost(dead, now);
        }
        if self.redial_at.is_some_and(|at| now >= at) && self.dial.is_none() {
            self.redial_at = None;
            self.dial = Some(self.dialler.dial());
        }
        if self.away_since.is_some_and(|since| now >= since + spec.away) && self.ending.is_none() {
            self.ending = Some((code::TRY_AGAIN, self.seat.reason(Why::OriginAway)));
        }
        let expired = |since: Option<Instant>| since.is_some_and(|since| now >= since + spec.linger);
        if expired(self.detached_at) || expired(self.leaving.as_ref().map(|l| l.at)) {
            self.over = true;
        }
        if self.ending.is_some() {
            self.redial_at = None;
            self.dial = None;
        }
    }

    /// When something has to be done although nothing happens.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let spec = &self.dialler.way.spec;
        let mut due = now + BEAT;
        let mut at = |when: Option<Instant>| due = when.map_or(due, |when| due.min(when));
        if let Some(client) = &self.client {
            at(Some(client.beat_at));
            at(client.ack_at);
            at(client.closed_at.map(|t| t + CLOSE_WAIT));
            at(client.conn.blocked_since().map(|t| t + spec.write_stall));
            at(Some(client.conn.heard + BEAT * SILENT_BEATS));
        }
        if let Some(node) = &self.node {
            at(node.conn.blocked_since().map(|t| t + spec.write_stall));
            at(Some(node.conn.heard + if node.pinged { spec.silence } else { spec.silence / 2 }));
            at(node.asked_at.map(|t| t + ASK_EVERY).filter(|t| *t > now));
        }
        at(self.moves_at());
        at(self.redial_at.filter(|_| self.dial.is_none()));
        at(self.away_since.filter(|_| self.ending.is_none()).map(|t| t + spec.away));
        at(self.detached_at.map(|t| t + spec.linger));
        at(self.leaving.as_ref().map(|l| l.at + spec.linger));
        // Never a busy loop, whatever is due.
        due.max(now + Duration::from_millis(1))
    }
}
