//! Which node takes the next request: power of two choices among those that have room.

use super::{Ask, Node, Pool, State, Taken};
use std::sync::{Arc, atomic::Ordering::Relaxed};

impl Pool {
    /// The better of two nodes that have room.
    pub(super) fn pick(&self, ask: &Ask, t: u64) -> Option<(usize, Taken)> {
        let among = |standing: State| -> u64 {
            let is = |(n, node): (usize, &Arc<Node>)| u64::from(node.state().is(standing)) << n;
            self.nodes.iter().enumerate().map(is).sum()
        };
        let not = ask.not.map_or(0, |n| 1u64.checked_shl(n.0).unwrap_or(0));
        let up = among(State::Up);
        let mut usable = up & !not;
        if usable == 0 {
            let suspect = among(State::Suspect);
            usable = if suspect & !not != 0 { suspect & !not } else { up | suspect };
        }
        let room = |n: &usize| usable >> n & 1 == 1 && self.nodes[*n].state().has_room();
        let mut left: u64 = (0..self.nodes.len()).filter(room).map(|n| 1 << n).sum();
        let patience = self.routes.patience(self.routes.row(ask.route, t));
        while left != 0 {
            let index = self.better_of_two(left, t);
            left &= !(1 << index);
            let s = self.nodes[index].state();
            if let Some(taken) = s.take(patience, t) {
                if !s.is(State::Down) {
                    return Some((index, taken));
                }
                s.release(taken);
            }
        }
        None
    }

    /// Power of two choices: two at random, and the one that costs less.
    pub(super) fn better_of_two(&self, among: u64, t: u64) -> usize {
        let count = among.count_ones();
        let roll = self.roll();
        let first = roll as u32 % count;
        let nth = |n: u32| {
            let mut rest = among;
            for _ in 0..n {
                rest &= rest - 1;
            }
            rest.trailing_zeros() as usize
        };
        let a = nth(first);
        if count == 1 {
            return a;
        }
        let b = nth((first + 1 + (roll >> 32) as u32 % (count - 1)) % count);
        let typical = self.typical_us();
        let cost = |n: usize| self.nodes[n].state().cost(typical, t);
        if cost(b) < cost(a) { b } else { a }
    }

    pub(super) fn roll(&self) -> u64 {
        let mut z = self.dice.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
