//! What the database keeps: every order, and how often each key was asked for and carried out.
//!
//! It outlives the servers, the database's own included, as a disk would; it goes with the demo. The control page reads it
//! directly, as an accountant would, so that an order carried out twice cannot hide.

use super::board::Board;
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard},
};

/// Orders that are kept; of older ones only their number is.
const ORDERS_MAX: usize = 20_000;
/// Orders of one visitor that are told.
const OWN_MAX: usize = 8;
/// Longer words of others are not taken.
const KEY_MAX: usize = 255;
const VISITOR_MAX: usize = 64;

#[derive(Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    /// What the meeting room's database keeps.
    pub board: Board,
}

#[derive(Default)]
struct Inner {
    sold: u64,
    orders: VecDeque<Order>,
    keys: HashMap<String, Times>,
    doubled: u64,
}

/// An order that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub number: u64,
    pub key: Option<String>,
    pub visitor: String,
    pub node: char,
}

/// How often something came with one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub asked: u32,
    pub done: u32,
    /// The first order under it.
    number: u64,
    node: char,
}

/// What a node asks the database to write down.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    pub key: Option<String>,
    pub visitor: String,
    pub node: char,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub number: u64,
    /// The node that carried it out, perhaps before.
    pub node: char,
    /// The key was known: nothing was done now.
    pub again: bool,
}

// === impl Ledger ===

impl Ledger {
    /// The line protocol: one line in, one line out.
    pub fn answer(&self, line: &str) -> String {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let said = match verb {
            "PING" => return "PONG".to_owned(),
            "COUNT" => serde_json::to_string(&self.sold()),
            "ADD" => match self.board.add(rest) {
                Some(seq) => Ok(seq.to_string()),
                None => return "WHAT?".to_owned(),
            },
            "ORDERS" => serde_json::to_string(&self.of(rest)),
            "ORDER" => match serde_json::from_str::<Ask>(rest) {
                Ok(ask) if ask.fits() => serde_json::to_string(&self.order(ask)),
                _ => return "WHAT?".to_owned(),
            },
            _ => return "WHAT?".to_owned(),
        };
        said.unwrap_or_else(|_| "WHAT?".to_owned())
    }

    /// Carries an order out, unless its key was carried out before. In one step: two nodes that ask at the same
    /// moment cannot both be first.
    pub fn order(&self, ask: Ask) -> Taken {
        let mut inner = self.inner();
        if let Some(key) = &ask.key {
            let times = inner.keys.entry(key.clone()).or_default();
            times.asked = times.asked.saturating_add(1);
            if times.done > 0 {
                return Taken { number: times.number, node: times.node, again: true };
            }
        }
        inner.carry_out(ask)
    }

    pub fn sold(&self) -> u64 {
        self.inner().sold
    }

    /// The newest orders of a visitor, newest first.
    fn of(&self, visitor: &str) -> Vec<Order> {
        let inner = self.inner();
        inner.orders.iter().rev().filter(|o| o.visitor == visitor).take(OWN_MAX).cloned().collect()
    }

    /// The newest orders of all, with how often each one's key was asked for and carried out.
    pub fn newest(&self, most: usize) -> Vec<(Order, Option<Times>)> {
        let inner = self.inner();
        let times = |o: &Order| o.key.as_ref().and_then(|key| inner.keys.get(key)).copied();
        inner.orders.iter().rev().take(most).map(|o| (o.clone(), times(o))).collect()
    }

    /// How often the order with this key was carried out.
    pub fn times(&self, key: &str) -> u32 {
        self.inner().keys.get(key).map_or(0, |t| t.done)
    }

    /// Keys that were carried out more than once: there should be none.
    pub fn doubled(&self) -> u64 {
        self.inner().doubled
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds this lock")
    }
}

// === impl Inner ===

impl Inner {
    fn carry_out(&mut self, ask: Ask) -> Taken {
        let Ask { key, visitor, node } = ask;
        self.sold += 1;
        let number = self.sold;
        if let Some(key) = &key {
            let times = self.keys.entry(key.clone()).or_default();
            times.done += 1;
            match times.done {
                1 => (times.number, times.node) = (number, node),
                2 => self.doubled += 1,
                _ => {}
            }
        }
        self.orders.push_back(Order { number, key, visitor, node });
        if self.orders.len() > ORDERS_MAX
            && let Some(key) = self.orders.pop_front().and_then(|o| o.key)
        {
            self.keys.remove(&key);
        }
        Taken { number, node, again: false }
    }
}

// === impl Ask ===

impl Ask {
    fn fits(&self) -> bool {
        self.visitor.len() <= VISITOR_MAX && self.key.as_ref().is_none_or(|k| k.len() <= KEY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(key: Option<&str>, node: char) -> Ask {
        Ask { key: key.map(str::to_owned), visitor: "v".to_owned(), node }
    }

    #[test]
    fn a_key_is_carried_out_once_and_an_order_without_one_each_time() {
        let ledger = Ledger::default();
        assert_eq!(ledger.order(ask(Some("k1"), 'A')), Taken { number: 1, node: 'A', again: false });
        assert_eq!(ledger.order(ask(Some("k1"), 'B')), Taken { number: 1, node: 'A', again: true });
        assert_eq!(ledger.times("k1"), 1);
        assert_eq!(ledger.order(ask(None, 'B')).number, 2);
        assert_eq!(ledger.order(ask(None, 'B')).number, 3);
        let newest = ledger.newest(10);
        assert_eq!(newest.len(), 3);
        assert_eq!(newest[2].1.map(|t| (t.asked, t.done)), Some((2, 1)));
        assert_eq!((ledger.sold(), ledger.doubled()), (3, 0));
    }

    #[test]
    fn what_is_done_twice_shows() {
        let ledger = Ledger::default();
        for node in ['A', 'B', 'A'] {
            ledger.inner().carry_out(ask(Some("k1"), node));
        }
        assert_eq!((ledger.times("k1"), ledger.doubled()), (3, 1));
    }

    #[test]
    fn it_stays_within_its_limit_and_speaks_in_lines() {
        let ledger = Ledger::default();
        for n in 0..=ORDERS_MAX {
            ledger.order(ask(Some(&format!("key-{n}")), 'A'));
        }
        assert_eq!(ledger.times("key-0"), 0);
        assert_eq!(ledger.inner().keys.len(), ORDERS_MAX);
        assert_eq!(ledger.answer("PING"), "PONG");
        assert_eq!(ledger.answer("COUNT"), (ORDERS_MAX + 1).to_string());
        assert_eq!(ledger.answer("ORDER {}"), "WHAT?");
        assert_eq!(ledger.answer("DROP TABLE"), "WHAT?");
        let long = "x".repeat(300);
        assert_eq!(ledger.answer(&format!(r#"ORDER {{"key":"{long}","visitor":"v","node":"A"}}"#)), "WHAT?");
        let said = ledger.answer(r#"ORDER {"key":"a new key","visitor":"w","node":"B"}"#);
        assert!(said.contains("\"again\":false"), "{said}");
        assert!(ledger.answer("ORDERS w").contains("a new key"));
    }
}
