//! Counts connections, in all and by who has them.

use super::{LimitSpec, Prefix, Refused};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Parts of the table that are locked on their own.
const PARTS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: AtomicUsize,
    /// Only of those who have a connection, so there are at most as many entries as connections, twice.
    parts: [Mutex<HashMap<Prefix, u32>>; PARTS],
}

/// A place for one connection. Given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    /// None: a trusted proxy, which is not counted by address.
    whose: Option<[Prefix; 2]>,
}

// === impl Seats ===

impl Seats {
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    pub(super) fn take(
        this: &Arc<Seats>,
        ip: IpAddr,
        spec: &LimitSpec,
        trusted: bool,
    ) -> Result<Seat, Refused> {
        if this.taken.fetch_add(1, Relaxed) >= spec.connections as usize {
            this.taken.fetch_sub(1, Relaxed);
            return Err(Refused::Full);
        }
        // From here on the place is given back by the drop.
        let mut seat = Seat { seats: this.clone(), whose: None };
        if trusted {
            return Ok(seat);
        }
        let (address, network) = (Prefix::of_client(ip), Prefix::of_network(ip));
        if !this.enter(address, spec.connections_per_address) {
            return Err(Refused::AddressFull);
        }
        if !this.enter(network, spec.connections_per_network) {
            this.leave(address);
            return Err(Refused::NetworkFull);
        }
        seat.whose = Some([address, network]);
        Ok(seat)
    }

    fn enter(&self, who: Prefix, most: u32) -> bool {
        let mut part = self.part(&who).lock().unwrap_or_else(PoisonError::into_inner);
        let count = part.entry(who).or_insert(0);
        if *count >= most {
            return false;
        }
        *count += 1;
        true
    }

    fn leave(&self, who: Prefix) {
        let mut part = self.part(&who).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = part.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                part.remove(&who);
            }
        }
    }

    fn part(&self, who: &Prefix) -> &Mutex<HashMap<Prefix, u32>> {
        let bytes = match who.address() {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => (u128::from(v6) >> 64) as u64,
        };
        let mixed = (bytes ^ u64::from(who.length())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.parts[(mixed >> 60) as usize % PARTS]
    }
}

// === impl Seat ===

impl Drop for Seat {
    fn drop(&mut self) {
        for who in self.whose.into_iter().flatten() {
            self.seats.leave(who);
        }
        self.seats.taken.fetch_sub(1, Relaxed);
    }
}
