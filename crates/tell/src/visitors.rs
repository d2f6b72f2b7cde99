//! An incident as visitors may know it.

use serde_json::{Value, json};
use stillhere_model::{Incident, Said, ServiceId, Topology};

/// Without the services that are not public: neither their ids nor what was said about them alone.
#[must_use]
pub fn incident(incident: &Incident, topology: &Topology) -> Incident {
    let shown = |id: &ServiceId| topology.service(id).is_none_or(|s| s.public);
    let mut theirs = incident.clone();
    theirs.affected.retain(|a| shown(&a.service));
    theirs.origin = theirs.origin.filter(shown);
    theirs.updates.retain_mut(|u| match &mut u.said {
        Said::Opened { services, .. } | Said::Joined { services } | Said::Reopened { services, .. } => {
            let finding_is_theirs = services.first().is_some_and(&shown);
            services.retain(shown);
            if let Said::Opened { finding, .. } | Said::Reopened { finding, .. } = &mut u.said
                && !finding_is_theirs
            {
                *finding = None;
            }
            true
        }
        Said::Worse { service, .. } | Said::Better { service, .. } => shown(service),
        Said::OriginFound { origin } => shown(origin),
        _ => true,
    });
    theirs
}

/// What of it the public record can be held against, for a copy that has no API.
#[must_use]
pub fn for_the_record(i: &Incident, topology: &Topology) -> Value {
    let i = incident(i, topology);
    let updates: Vec<Value> = i
        .updates
        .iter()
        .map(|u| json!({ "id": u.id, "at": u.at, "status": u.status, "said": u.said }))
        .collect();
    json!({
        "id": i.id, "title": i.title, "impact": i.impact, "status": i.status, "started_at": i.started_at,
        "opened_at": i.opened_at, "resolved_at": i.resolved_at, "updates": updates,
    })
}
