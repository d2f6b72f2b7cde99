//! The session leaves this process, or comes from another one. Its connections stay behind: the origin's is let go of in
//! peace, the client's is closed when the other process has the session.

use super::{
    super::{
        super::{
            frame::code,
            handover::Given,
            registry::{As, Happened},
            session::{In, Keep},
            wire::closed,
        },
        parcel::{Contents, PARCEL_MAX, Parcel},
    },
    Actor, Origin, REDIAL_FIRST, millis,
};
use std::time::{Duration, Instant};
use stillhere_net::{clock::mono, entropy};
use tokio::{sync::oneshot, time::timeout};

/// How long the origin may take to say the rest and its Close.
const LET_GO_WITHIN: Duration = Duration::from_secs(2);
/// How long the other process may take to take it.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

impl Actor {
    /// Goes away, if there is somebody to go to and something to go on with.
    pub(super) fn begin_to_move(&mut self, now: Instant) -> bool {
        let is_told = self.ending.is_some() && self.client.is_some();
        if self.leaving.is_some() || is_told || self.sockets.sessions.ends.heir().is_none() {
            return false;
        }
        if self.moving.is_none() {
            self.moving = Some(now);
            self.redial_at = None;
            self.dial = None;
            if let Some(node) = &mut self.node {
                // What was written and not asked about would be uncertain.
                if let Some(number) = self.up.ask_again() {
                    node.conn.ping(&number.to_be_bytes());
                }
                node.conn.close(code::GOING_AWAY, "");
            }
        }
        true
    }

    /// There is nothing left to wait for.
    pub(super) fn is_ready_to_move(&self, now: Instant) -> bool {
        self.moving.is_some_and(|since| self.node.is_none() || now >= since + LET_GO_WITHIN)
    }

    pub(super) fn moves_at(&self) -> Option<Instant> {
        self.moving.map(|since| since + LET_GO_WITHIN)
    }

    /// True: the other process has it, and nothing is left here.
    pub(super) async fn hand_over(&mut self) -> bool {
        let now = mono();
        self.node = None;
        if self.ending.is_none() {
            let uncertain = self.up.died();
            self.away(uncertain, now);
        }
        let taken = match (self.sockets.sessions.ends.heir(), self.packed(now)) {
            (Some(heir), Some(parcel)) if parcel.len() <= PARCEL_MAX => {
                let (taken, answer) = oneshot::channel();
                let given = async {
                    heir.send(Given { parcel, taken }).await.ok()?;
                    answer.await.ok()
                };
                timeout(TAKEN_WITHIN, given).await.is_ok_and(|taken| taken == Some(true))
            }
            _ => false,
        };
        if taken {
            self.sockets.sessions.remove(&self.id);
            if let Some(client) = self.client.take() {
                tokio::spawn(client.conn.farewell(closed::SILENT, ""));
            }
        }
        taken
    }

    fn packed(&self, now: Instant) -> Option<Vec<u8>> {
        let entry = self.sockets.sessions.entry(&self.id)?;
        let way = &self.dialler.way;
        let parcel = Parcel::of(&Contents {
            id: &self.id,
            token: &entry.token,
            binding: &entry.binding,
            client: way.client,
            handshake: &self.dialler.handshake,
            offers: &self.dialler.offers,
            languages: self.seat.languages(),
            out: &self.out,
            got: self.got.got(),
            up: &self.up,
            opened: self.opened,
            ending: self.ending.as_ref(),
            detached: self.detached_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at)),
        });
        serde_json::to_vec(&parcel).ok()
    }

    /// Becomes what another process has kept. False: what it says does not fit together.
    pub(in super::super) fn becomes(&mut self, parcel: &Parcel) -> bool {
        let spec = &self.dialler.way.spec;
        let keep = Keep { messages: spec.keep_messages, bytes: spec.keep_bytes };
        let Some((out, up)) = parcel.memory(keep) else { return false };
        let now = mono();
        let away = Duration::from_millis(parcel.detached_ms).min(spec.linger);
        (self.out, self.up, self.got) = (out, up, In::after(parcel.got));
        self.opened = parcel.opened;
        self.ending.clone_from(&parcel.ending);
        self.origin = Origin::Away;
        self.away_since = Some(now);
        self.away_counted = Some(self.seat.tally().count(As::Away));
        self._counted = self.seat.tally().count(As::Lingering);
        self.detached_at = Some(now.checked_sub(away).unwrap_or(now));
        self.redial_at = Some(now + Duration::from_millis(entropy::u64() % (millis(REDIAL_FIRST) + 1)));
        self.seat.happened(Happened::Opened);
        true
    }
}
