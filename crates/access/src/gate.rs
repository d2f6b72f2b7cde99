//! How often somebody may try to come in: waits that grow with each try that fails, for each address and for each account,
//! and a budget of its own for each device that somebody has come in from before.
//!
//! Threats: guessing at one account from many addresses (the account's wait), at many accounts from one (the address's), and
//! shutting the owner out by guessing wrongly in their name: from a device of theirs neither wait applies, and the mark of a device cannot
//! be made without its key (`keys.rs`). Whether an account exists makes no difference here.
//!
//! The tables have a fixed size: what does not fit shares a place, and no flood makes us forget or grow. Nothing is kept over a restart; a
//! try still costs what a hash costs.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    time::Duration,
};
use stillhere_model::time::millis;

use crate::keys::Device;

/// Places of each table.
const PLACES: usize = 8192;

/// How waits grow.
#[derive(Debug, Clone, Copy)]
struct Curve {
    /// Tries without a wait.
    free: u32,
    /// After the first one more; doubled with each further.
    first: Duration,
    longest: Duration,
    /// Without a try for so long, everything is forgotten.
    forget: Duration,
}

const ADDRESS: Curve = Curve {
    free: 20,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(300),
    forget: Duration::from_secs(3_600),
};
const ACCOUNT: Curve = Curve {
    free: 5,
    first: Duration::from_secs(2),
    longest: Duration::from_secs(900),
    forget: Duration::from_secs(86_400),
};
const DEVICE: Curve = Curve {
    free: 10,
    first: Duration::from_secs(2),
    longest: Duration::from_secs(300),
    forget: Duration::from_secs(3_600),
};

pub struct Gate {
    random: RandomState,
    addresses: Table,
    accounts: Table,
    devices: Table,
}

struct Table {
    curve: Curve,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    tries: u32,
    last_ms: i64,
}

/// Leave to try once. The try counts as failed until it is said how it ended.
#[derive(Debug)]
#[must_use = "a try counts as failed until it is said how it ended"]
pub struct Pass {
    address: Option<usize>,
    account: usize,
    device: Option<usize>,
    /// Tries in this account's name since one last worked, this one included.
    pub tries: u32,
}

/// Come back after this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

// === impl Gate ===

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

impl Gate {
    #[must_use]
    pub fn new() -> Gate {
        let table = |curve| Table { curve, places: vec![Place::default(); PLACES] };
        Gate {
            random: RandomState::new(),
            addresses: table(ADDRESS),
            accounts: table(ACCOUNT),
            devices: table(DEVICE),
        }
    }

    /// `account`: what names are compared by. `device`: one that this account has come in from. `now_ms`: of a clock that nobody sets.
    ///
    /// # Errors
    /// How long to wait. Nothing was counted.
    pub fn pass(
        &mut self,
        address: Option<IpAddr>,
        account: &str,
        device: Option<&Device>,
        now_ms: i64,
    ) -> Result<Pass, Wait> {
        let account = self.place(&("account", account));
        if let Some(device) = device {
            let at = self.place(&("device", device.id));
            self.devices.may(at, now_ms)?;
            let tries = self.devices.count(at, now_ms);
            return Ok(Pass { address: None, account, device: Some(at), tries });
        }
        let address = address.map(|a| self.place(&("address", network(a))));
        let waits =
            [address.map(|at| self.addresses.may(at, now_ms)), Some(self.accounts.may(account, now_ms))];
        if let Some(longest) = waits.into_iter().flatten().filter_map(Result::err).map(|w| w.0).max() {
            return Err(Wait(longest));
        }
        if let Some(at) = address {
            self.addresses.count(at, now_ms);
        }
        let tries = self.accounts.count(account, now_ms);
        Ok(Pass { address, account, device: None, tries })
    }

    /// For what has no account: opening a link that was given out.
    ///
    /// # Errors
    /// How long to wait.
    pub fn pass_unnamed(&mut self, address: Option<IpAddr>, now_ms: i64) -> Result<(), Wait> {
        let Some(address) = address else { return Ok(()) };
        let at = self.place(&("address", network(address)));
        self.addresses.may(at, now_ms)?;
        self.addresses.count(at, now_ms);
        Ok(())
    }

    /// What had no account worked: the address gets back this try.
    pub fn worked_unnamed(&mut self, address: Option<IpAddr>) {
        if let Some(address) = address {
            let at = self.place(&("address", network(address)));
            self.addresses.give_back(at);
        }
    }

    /// It worked: the account and the device begin anew. The address gets back only this try: who may come in as one must not
    /// wash away what was tried from there as others.
    pub fn worked(&mut self, pass: &Pass) {
        match pass.device {
            Some(at) => self.devices.places[at].tries = 0,
            None => self.accounts.places[pass.account].tries = 0,
        }
        if let Some(at) = pass.address {
            self.addresses.give_back(at);
        }
    }

    /// It was right as far as it went: the try does not count.
    pub fn unfinished(&mut self, pass: &Pass) {
        match pass.device {
            Some(at) => self.devices.give_back(at),
            None => self.accounts.give_back(pass.account),
        }
        if let Some(at) = pass.address {
            self.addresses.give_back(at);
        }
    }

    fn place(&self, what: &impl Hash) -> usize {
        usize::try_from(self.random.hash_one(what) % PLACES as u64).unwrap_or(0)
    }
}

/// Who has one IPv6 address has 2^64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

// === impl Table ===

impl Table {
    fn may(&mut self, at: usize, now_ms: i64) -> Result<(), Wait> {
        let place = &mut self.places[at];
        if now_ms.saturating_sub(place.last_ms) > millis(self.curve.forget) {
            place.tries = 0;
        }
        let free_at = place.last_ms.saturating_add(millis(self.curve.after(place.tries)));
        match u64::try_from(free_at.saturating_sub(now_ms)) {
            Ok(ms) if ms > 0 => Err(Wait(Duration::from_millis(ms))),
            _ => Ok(()),
        }
    }

    fn count(&mut self, at: usize, now_ms: i64) -> u32 {
        let place = &mut self.places[at];
        place.tries = place.tries.saturating_add(1);
        place.last_ms = now_ms;
        place.tries
    }

    fn give_back(&mut self, at: usize) {
        self.places[at].tries = self.places[at].tries.saturating_sub(1);
    }
}

// === impl Curve ===

impl Curve {
    fn after(&self, tries: u32) -> Duration {
        let Some(over) = tries.checked_sub(self.free) else { return Duration::ZERO };
        self.first.saturating_mul(2u32.saturating_pow(over.min(20))).min(self.longest)
    }
}

#[cfg(test)]
mod tests;
