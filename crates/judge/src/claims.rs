//! What people say about a service: planned work and declared statuses. Both are weighed against what is
//! seen, and the worst holds: a plan never masks an outage, a declaration never hides one.

use stillhere_model::{IncidentId, MaintenanceId, Reason, Status};

/// Declarations and windows kept per service. Beyond it the mildest is dropped, never the worst.
const MAX_CLAIMS: usize = 32;

#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    declared: Vec<Claim<IncidentId>>,
    windows: Vec<Claim<MaintenanceId>>,
}

#[derive(Debug, Clone)]
struct Claim<Id> {
    id: Id,
    status: Status,
    /// Read off a restored verdict; dropped at the first tick unless it was said again.
    assumed: bool,
}

// === impl Claims ===

impl Claims {
    pub(crate) fn declare(&mut self, incident: IncidentId, status: Option<Status>) {
        set(&mut self.declared, incident, status, false);
    }

    /// True when there is something to weigh.
    pub(crate) fn plan(&mut self, id: MaintenanceId, expect: Option<Status>) -> bool {
        let had = self.windows.iter().any(|w| w.id == id);
        set(&mut self.windows, id, expect, false);
        had || expect.is_some()
    }

    pub(crate) fn assume(
        &mut self,
        declared: Option<(IncidentId, Status)>,
        window: Option<(MaintenanceId, Status)>,
    ) {
        if let Some((id, status)) = declared {
            set(&mut self.declared, id, Some(status), true);
        }
        if let Some((id, expect)) = window {
            set(&mut self.windows, id, Some(expect), true);
        }
    }

    /// Drops what was only assumed.
    pub(crate) fn drop_assumed(&mut self) {
        self.declared.retain(|c| !c.assumed);
        self.windows.retain(|c| !c.assumed);
    }

    /// What is said in public, given what was judged.
    pub(crate) fn weigh(&self, judged: Status, reason: Reason) -> (Status, Reason, Option<MaintenanceId>) {
        let (mut status, mut reason, mut maintenance) = (judged, reason, None);
        if let Some(plan) = worst(&self.windows) {
            maintenance = Some(plan.id);
            let expected = plan.status.worst(Status::UnderMaintenance);
            if status.gravity() <= expected.gravity() {
                (status, reason) = (Status::UnderMaintenance, Reason::Maintenance { id: plan.id });
            } else if let Reason::ChecksDown { finding, .. } | Reason::ChecksSlow { finding, .. } = reason {
                // Only for the service's own trouble: that another one took it along says more than the plan.
                reason = Reason::BeyondMaintenance { id: plan.id, finding };
            }
        }
        if let Some(said) = worst(&self.declared) {
            let only_word = matches!(reason, Reason::NoChecks);
            if said.status.gravity() > status.gravity() || only_word {
                (status, reason) = (said.status, Reason::Declared { incident: said.id });
            }
        }
        (status, reason, maintenance)
    }
}

fn set<Id: PartialEq + Copy>(claims: &mut Vec<Claim<Id>>, id: Id, status: Option<Status>, assumed: bool) {
    let Some(status) = status else { return claims.retain(|c| c.id != id) };
    match claims.iter_mut().find(|c| c.id == id) {
        Some(claim) => (claim.status, claim.assumed) = (status, assumed),
        None => claims.push(Claim { id, status, assumed }),
    }
    if claims.len() > MAX_CLAIMS {
        let mildest = (0..claims.len()).min_by_key(|i| claims[*i].status.gravity());
        if let Some(i) = mildest {
            claims.remove(i);
        }
    }
}

/// The gravest; of equals the one with the smallest id, so that the order of arrival makes no difference.
fn worst<Id: Ord + Copy>(claims: &[Claim<Id>]) -> Option<&Claim<Id>> {
    claims.iter().max_by(|a, b| a.status.gravity().cmp(&b.status.gravity()).then(b.id.cmp(&a.id)))
}
