//! What is said in place of the origin's answer, from what went wrong.

use super::Connection;
use crate::{
    Body,
    answer::{self, Asked, Trouble, Why},
    forward::Failed,
    pool::{Failure, NoPlace},
    report::log::How,
    route::Route,
};
use http::{Response, request::Parts};
use std::{sync::Arc, time::Instant};
use stillhere_net::{clock, entropy};

// === impl Connection ===

impl Connection {
    /// Our own answer in place of the origin's.
    pub(crate) fn sorry(&self, parts: &Parts, trouble: Trouble) -> Response<Body> {
        self.shared.told.count(&trouble.why);
        self.own(parts, trouble)
    }

    /// The same for a question of our own page, which is nobody's request.
    pub(crate) fn own(&self, parts: &Parts, trouble: Trouble) -> Response<Body> {
        let known = self.shared.board.current();
        let mut answer = answer::answer(&Asked::of(parts), &trouble, &known, clock::wall(), entropy::u64());
        if self.shared.log.load().is_some() {
            let how = How {
                why: Some(trouble.why.key()),
                request: trouble.request,
                pool: trouble.pool.map(Arc::from),
                ..How::default()
            };
            answer.body_mut().note(how);
        }
        answer
    }

    pub(crate) fn trouble(&self, route: &Route, failed: &Failed, id: u64, came: Instant) -> Trouble {
        route.counts.failed(failed);
        let why = match failed {
            Failed::NoPlace(NoPlace::AllOut { .. }) => Why::AllOut,
            Failed::NoPlace(NoPlace::Paused { .. }) => Why::Paused { until: None },
            Failed::NoPlace(NoPlace::Overloaded { .. }) => Why::Overloaded,
            Failed::NoPlace(NoPlace::QueueFull) => Why::QueueFull,
            Failed::Unknown(_) => Why::OutcomeUnknown,
            Failed::NoAnswer(Failure::Silent) => Why::TooSlow,
            Failed::NoAnswer(Failure::Connect) => Why::NotForwarded,
            Failed::NoAnswer(_) => Why::Broken,
            Failed::ClientBody => Why::BadRequest("the body ended before its end"),
            Failed::TooLarge => Why::BodyTooLarge,
        };
        Connection::on(route, why, id, came)
    }

    /// A trouble on a route, with what is known of it.
    pub(crate) fn on(route: &Route, why: Why, id: u64, came: Instant) -> Trouble {
        let mut trouble = Trouble::of(why, id);
        trouble.service = route.service.clone();
        trouble.pool = Some(route.pool.name().to_owned());
        trouble.held = Some(clock::mono().saturating_duration_since(came));
        // So that those who are told to come back do not come back at once.
        trouble.waiting = route.pool.waiting() as u64;
        trouble.per_second = route.pool.answers_per_s();
        trouble
    }
}
