//! `[edge]`: its own rules, the services its routes are, and the check that each of these services gets from it.

use super::{section, services::Services};
use crate::{path::Path, report::Faults};
use std::time::Duration;
use stillhere_edge::Spec;
use stillhere_model::{CheckDef, CheckId, Quorum, ServiceDef, Severity, Text};
use toml::de::DeTable;

/// The id, inside its service, of the check that edges report to.
pub const EDGE_CHECK: &str = "edge";
/// An edge speaks at least this often of each service; what it said holds for 2 intervals and the timeout.
const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn read(root: &mut DeTable<'_>, services: &Services, faults: &mut Faults) -> Option<Spec> {
    let at = Path::default().key("edge");
    let spec: Spec = section(root, "edge", faults)?;
    for (n, route) in spec.routes.iter().enumerate() {
        let Some(service) = &route.service else { continue };
        let at = at.key("routes").index(n).key("service");
        services.known.check_one(service, &at, faults);
        let id = CheckId::new(format!("{service}/{EDGE_CHECK}"));
        if services.checks.iter().any(|c| c.def.id == id) {
            let hint = format!("give the service's own check {EDGE_CHECK:?} another id");
            faults.value(at, "has a check of its own where the edge's would be", hint);
        }
    }
    for p in spec.problems() {
        faults.value(at.inner(&p.path), p.problem, p.hint);
    }
    Some(spec)
}

/// The check that each service with a route gets: every edge is a vantage of it. What it says counts at once, because
/// an edge has tried every node before it says that none answers.
pub(crate) fn edge_checks(services: &[ServiceDef], edge: Option<&Spec>) -> Vec<CheckDef> {
    let routed = |s: &&ServiceDef| {
        edge.is_some_and(|e| e.routes.iter().any(|r| r.service.as_deref() == Some(s.id.as_str())))
    };
    let def = |s: &ServiceDef| CheckDef {
        id: CheckId::new(format!("{}/{EDGE_CHECK}", s.id)),
        service: s.id.clone(),
        name: Text::Same("Edge".to_owned()),
        kind: EDGE_CHECK.to_owned(),
        interval: INTERVAL,
        timeout: TIMEOUT,
        fail_after: 1,
        recover_after: 1,
        severity: Severity::Major,
        quorum: Quorum::Majority,
        passive: false,
    };
    services.iter().filter(routed).map(def).collect()
}
