//! What people ordered by hand for the edges. A file of its own, on disk before anybody is told that it is done: it must
//! outlive this process, and it is nothing that the flow decides by.

use super::{Edges, tag};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};
use stillhere_model::{
    Time,
    edge::{Banned, Orders},
};

pub(super) const FILE: &str = "edge-orders.json";
/// The greatest file that is read back.
const FILE_MAX: u64 = 8 << 20;
/// Bans at a time; the edges hold as many.
const BANS_MAX: usize = 10_000;
/// The longest reason.
const WHY_MAX: usize = 200;
/// A pause is ended by somebody; one that nobody ends must not last for ever.
pub const PAUSE_MAX: Duration = Duration::from_secs(86_400);

/// Why an order was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("no route of [edge] is for a service {0:?}")]
    NoRoute(String),
    #[error("{field}: {problem}")]
    Invalid { field: &'static str, problem: String },
    #[error("{0} is not banned")]
    NotBanned(String),
    #[error("it could not be written to disk: {0}")]
    Disk(#[from] std::io::Error),
}

// === impl Edges ===

impl Edges {
    /// Requests for the service wait until then.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn pause(&self, service: &str, until: Time, now: Time) -> Result<(), OrderError> {
        self.routed(service)?;
        if until <= now {
            return Err(invalid("until", "lies in the past"));
        }
        if until.since(now) > PAUSE_MAX {
            return Err(invalid("until", "is more than a day away; take the route out of the file instead"));
        }
        self.order(now, |orders| {
            orders.paused.insert(service.to_owned(), until);
            Ok(())
        })
    }

    /// They go on.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn resume(&self, service: &str, now: Time) -> Result<(), OrderError> {
        self.routed(service)?;
        self.order(now, |orders| {
            orders.paused.remove(service);
            Ok(())
        })
    }

    /// # Errors
    /// See [`OrderError`].
    pub fn ban(&self, network: &str, until: Time, why: &str, now: Time) -> Result<(), OrderError> {
        let prefix: stillhere_config::edge::Prefix = network
            .parse()
            .map_err(|_| invalid("network", "is no network, such as 203.0.113.0/24 or 2001:db8::/48"))?;
        let (least, word) = if prefix.address().is_ipv4() { (8, "/8") } else { (16, "/16") };
        if prefix.length() < least {
            return Err(invalid("network", &format!("is too wide: at least {word}")));
        }
        if until <= now {
            return Err(invalid("until", "lies in the past"));
        }
        if why.trim().is_empty() || why.chars().count() > WHY_MAX {
            return Err(invalid("why", &format!("must have 1 to {WHY_MAX} characters")));
        }
        let ban = Banned { network: prefix.to_string(), since: now, until, why: why.to_owned() };
        self.order(now, |orders| {
            orders.bans.retain(|b| b.network != ban.network);
            if orders.bans.len() >= BANS_MAX {
                return Err(invalid("network", &format!("there are {BANS_MAX} bans already")));
            }
            orders.bans.push(ban);
            Ok(())
        })
    }

    /// # Errors
    /// See [`OrderError`].
    pub fn unban(&self, network: &str, now: Time) -> Result<(), OrderError> {
        let same =
            network.parse::<stillhere_config::edge::Prefix>().map_or(network.to_owned(), |p| p.to_string());
        self.order(now, |orders| {
            let before = orders.bans.len();
            orders.bans.retain(|b| b.network != same);
            if orders.bans.len() == before { Err(OrderError::NotBanned(same)) } else { Ok(()) }
        })
    }

    fn routed(&self, service: &str) -> Result<(), OrderError> {
        let part = self.0.config.borrow().clone();
        let spec =
            part.config.as_deref().and_then(|c| serde_json::from_str::<stillhere_config::edge::Spec>(c).ok());
        let routed = spec.is_some_and(|s| s.routes.iter().any(|r| r.service.as_deref() == Some(service)));
        if routed { Ok(()) } else { Err(OrderError::NoRoute(service.to_owned())) }
    }

    /// Changes what is ordered: on disk first. What is over is left out by the way.
    fn order(
        &self,
        now: Time,
        change: impl FnOnce(&mut Orders) -> Result<(), OrderError>,
    ) -> Result<(), OrderError> {
        // Held until it is on disk, so that two orders at once do not lose one. It is the reader's list that waits.
        let _one_at_a_time = self.known();
        let mut orders = Orders::clone(&self.orders());
        orders.paused.retain(|_, until| *until > now);
        orders.bans.retain(|b| b.until > now);
        change(&mut orders)?;
        save(&self.0.file, &orders)?;
        self.0.orders.send_replace(Arc::new(orders));
        Ok(())
    }
}

fn invalid(field: &'static str, problem: &str) -> OrderError {
    OrderError::Invalid { field, problem: problem.to_owned() }
}

pub(super) fn tag_of(orders: &Orders) -> String {
    tag(&serde_json::to_vec(orders).unwrap_or_default())
}

/// A file that is not there is an empty one; one that cannot be read is said.
pub(super) fn load(file: &Path) -> Orders {
    let read = fs::metadata(file).and_then(|m| {
        if m.len() > FILE_MAX {
            return Err(std::io::Error::other("it is larger than it can be"));
        }
        fs::read(file)
    });
    match read {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|e| {
            tracing::error!(file = %file.display(), error = %e, "orders for the edges cannot be read; none are in force");
            Orders::default()
        }),
        Err(e) => {
            if e.kind() != std::io::ErrorKind::NotFound {
                tracing::error!(file = %file.display(), error = %e, "orders for the edges cannot be read; none are in force");
            }
            Orders::default()
        }
    }
}

fn save(file: &Path, orders: &Orders) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(&serde_json::to_vec_pretty(orders)?)?;
    out.sync_all()?;
    fs::rename(&new, file)?;
    file.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}
