//! What staff must know about Stillhere itself: once each.

use crate::desk::Desk;
use std::collections::BTreeMap;
use stillhere_model::{Audience, CheckId, Entry, Occasion};

/// What was told about ourselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ours {
    pub(crate) uplink_lost: bool,
    /// When it was last told, on the monotonic clock.
    behind_told: Option<i64>,
    /// When a jump backward, and one forward, were last told.
    jump_told: [Option<i64>; 2],
    /// The lowest threshold that was told, by check.
    pub(crate) certificates: BTreeMap<CheckId, u32>,
}

// === impl Desk ===

impl Desk<'_> {
    pub(crate) fn uplink(&mut self, up: bool) {
        if self.state.ours.uplink_lost != up {
            return;
        }
        self.state.ours.uplink_lost = !up;
        let at = self.now.wall;
        self.journal(Entry::Uplink { up });
        let occasion = if up { Occasion::UplinkBack { at } } else { Occasion::UplinkLost { at } };
        self.announce(occasion, Audience::Staff);
    }

    pub(crate) fn fell_behind(&mut self, looks: u64) {
        if looks == 0 {
            return;
        }
        self.journal(Entry::FellBehind { looks });
        let again = self.mono_ago(self.policy.own_again_after);
        if self.state.ours.behind_told.is_none_or(|told| told <= again) {
            self.state.ours.behind_told = Some(self.now.mono_ms);
            let at = self.now.wall;
            self.announce(Occasion::FallingBehind { at }, Audience::Staff);
        }
    }

    /// A jump and the one back are two pieces of news; a clock that jumps all the time is two an hour.
    pub(crate) fn clock_jumped(&mut self, by_ms: i64) {
        self.journal(Entry::ClockJumped { by_ms });
        if by_ms < 0 {
            self.release_alerts();
        }
        let again = self.mono_ago(self.policy.own_again_after);
        let told = &mut self.state.ours.jump_told[usize::from(by_ms > 0)];
        if told.is_none_or(|told| told <= again) {
            *told = Some(self.now.mono_ms);
            let at = self.now.wall;
            self.announce(Occasion::ClockJumped { at, by_ms }, Audience::Staff);
        }
    }

    pub(crate) fn certificate(&mut self, check: &CheckId, days: u32) {
        let passed = self.policy.certificate_days.iter().copied().filter(|t| days <= *t).min();
        let told = self.state.ours.certificates.get(check).copied();
        match passed {
            // It was renewed: the next time is another occasion.
            None => {
                self.state.ours.certificates.remove(check);
            }
            Some(t) if told.is_none_or(|told| t < told) => {
                self.state.ours.certificates.insert(check.clone(), t);
                let occasion = Occasion::CertificateEnding { check: check.clone(), days: t };
                self.announce(occasion, Audience::Staff);
            }
            Some(t) => {
                self.state.ours.certificates.insert(check.clone(), t);
            }
        }
    }
}
