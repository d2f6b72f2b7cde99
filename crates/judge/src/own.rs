//! What a service's own checks say of it, before anything else is taken into account.

use crate::check::Blind;
use stillhere_model::{Finding, Outcome, Reason, Severity, Status};

/// One check's part in its service's verdict.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub severity: Severity,
    pub outcome: Outcome,
    pub blind: Blind,
    pub finding: Option<&'a Finding>,
}

/// The verdict of the checks alone (first table of `docs/verdicts.md`).
pub(crate) fn own<'a>(parts: impl Iterator<Item = Part<'a>> + Clone) -> (Status, Reason) {
    let count = |wanted: &dyn Fn(&Part<'a>) -> bool| {
        u32::try_from(parts.clone().filter(|p| wanted(p)).count()).unwrap_or(u32::MAX)
    };
    let of = count(&|_| true);
    let Some(lead) = parts.clone().map(|p| p.severity).min_by_key(|s| rank(*s)) else {
        return (Status::Operational, Reason::NoChecks);
    };
    let down_of = |severity| count(&|p| p.outcome == Outcome::Down && p.severity == severity);
    let (major, partial, minor) =
        (down_of(Severity::Major), down_of(Severity::Partial), down_of(Severity::Minor));
    let down = major + partial + minor;
    if down > 0 {
        let status = match (major, partial) {
            (0, 0) => Status::DegradedPerformance,
            (0, _) => Status::PartialOutage,
            (m, _) if m == count(&|p| p.severity == Severity::Major) => Status::MajorOutage,
            _ => Status::PartialOutage,
        };
        let gravest = parts.clone().filter(|p| p.outcome == Outcome::Down).min_by_key(|p| rank(p.severity));
        return (status, Reason::ChecksDown { down, of, finding: gravest.and_then(|p| p.finding.cloned()) });
    }
    let slow = count(&|p| p.outcome == Outcome::Slow);
    if slow > 0 {
        let gravest = parts.clone().filter(|p| p.outcome == Outcome::Slow).min_by_key(|p| rank(p.severity));
        let finding = gravest.and_then(|p| p.finding.cloned());
        return (Status::DegradedPerformance, Reason::ChecksSlow { slow, of, finding });
    }
    // Nothing bad was seen. Whoever cannot be seen among the gravest checks makes the whole unknown; a lesser
    // one does not, but then we don't say that all are up.
    let blind =
        parts.clone().filter(|p| p.outcome == Outcome::Unknown && p.severity == lead).min_by_key(|p| match p
            .blind
        {
            Blind::OwnUplinkDown => 0,
            Blind::CannotSee => 1,
            Blind::NoFreshNews => 2,
            Blind::NotYetLooked => 3,
        });
    if let Some(p) = blind {
        let reason = match p.blind {
            Blind::OwnUplinkDown => Reason::OwnUplinkDown,
            Blind::CannotSee => Reason::CannotSee { finding: p.finding.cloned() },
            Blind::NoFreshNews => Reason::NoFreshNews,
            Blind::NotYetLooked => Reason::NotYetLooked,
        };
        return (Status::Unknown, reason);
    }
    match count(&|p| p.outcome == Outcome::Unknown) {
        0 => (Status::Operational, Reason::AllUp),
        unseen => (Status::Operational, Reason::PartlySeen { unseen, of }),
    }
}

/// Gravest first.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Major => 0,
        Severity::Partial => 1,
        Severity::Minor => 2,
    }
}
