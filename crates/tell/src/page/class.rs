//! One letter per status, for style sheet and glyphs (`web/status/base.css` has the list).

use crate::headline::Headline;
use stillhere_model::{Impact, Status};

pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Operational => "o",
        Status::UnderMaintenance => "m",
        Status::Unknown => "u",
        Status::DegradedPerformance => "d",
        Status::PartialOutage => "p",
        Status::MajorOutage => "x",
    }
}

pub(crate) fn headline(headline: Headline) -> &'static str {
    match headline {
        Headline::Operational => "o",
        Headline::Maintenance => "m",
        Headline::Unknown | Headline::NoFreshNews => "u",
        Headline::Degraded => "d",
        Headline::Partial => "p",
        Headline::Major => "x",
    }
}

pub(crate) fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::None | Impact::Minor => "d",
        Impact::Major => "p",
        Impact::Critical => "x",
    }
}
