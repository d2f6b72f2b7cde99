//! Carries out what people asked for by hand: services that are paused, networks that are shut out.

use crate::{limit::Prefix, serve::Shared};
use std::{sync::Arc, time::Instant};
use stillhere_model::{Time, edge::Orders};

/// All of it, each time. What was ordered before and is not any more is taken back.
pub(super) fn carry_out(orders: &Orders, shared: &Arc<Shared>, now: Instant, wall: Time) {
    let routes = shared.routes.load();
    for pool in routes.pools() {
        let paused = |r: &&Arc<crate::route::Route>| Arc::ptr_eq(&r.pool, pool);
        let until = routes.all().iter().filter(paused).filter_map(|r| {
            let until = orders.paused.get(r.service.as_ref()?.as_str())?;
            (*until > wall).then(|| until.since(wall))
        });
        match until.max() {
            Some(left) => pool.pause(Some(now + left), now),
            None => pool.resume(now),
        }
    }
    let mut wanted = Vec::new();
    for ban in orders.bans.iter().filter(|b| b.until > wall) {
        match ban.network.parse::<Prefix>() {
            Ok(prefix) => wanted.push((prefix, ban)),
            Err(_) => tracing::error!(network = ban.network, "a ban is not understood"),
        }
    }
    let held = shared.limits.bans(wall);
    for old in &held {
        if !wanted.iter().any(|(prefix, _)| *prefix == old.prefix) {
            shared.limits.unban(old.prefix);
        }
    }
    for (prefix, ban) in wanted {
        let same = held.iter().any(|b| b.prefix == prefix && b.until == ban.until && b.why == ban.why);
        if !same && let Err(e) = shared.limits.ban(prefix, ban.until, &ban.why, wall) {
            tracing::error!(network = ban.network, error = %e, "a ban was not taken over");
        }
    }
    shared.nodes.stirred.notify_one();
}
