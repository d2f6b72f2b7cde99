//! The last changes of one language, for those who come back.

use super::{Position, Since};
use bytes::Bytes;
use std::collections::VecDeque;

/// Changes that are kept for resuming. Two minutes of one change every two seconds.
pub const RING: usize = 64;

/// What a listener must be told before it can follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CatchUp {
    /// These frames, in order; none when it has seen everything.
    Frames(Vec<Bytes>),
    /// It has missed more than is kept, or says something we did not write.
    Whole,
}

pub(super) struct Ring {
    frames: VecDeque<(Position, Bytes)>,
    /// Everything after this position is in `frames`.
    from: Position,
    last: Position,
}

// === impl Ring ===

impl Ring {
    pub(super) fn new(at: Position) -> Ring {
        Ring { frames: VecDeque::new(), from: at, last: at }
    }

    pub(super) fn last(&self) -> Position {
        self.last
    }

    pub(super) fn push(&mut self, at: Position, frame: Bytes) {
        if at.epoch != self.last.epoch {
            // After a restore nothing of before can be continued.
            self.frames.clear();
            self.from = at;
            self.last = at;
            return;
        }
        if self.frames.len() == RING
            && let Some((gone, _)) = self.frames.pop_front()
        {
            self.from = gone;
        }
        self.last = at;
        self.frames.push_back((at, frame));
    }

    pub(super) fn after(&self, since: Since) -> CatchUp {
        let Since(Some(seen)) = since else { return CatchUp::Whole };
        // A page may be made of a newer snapshot than the last one that changed anything on it.
        if seen.epoch != self.last.epoch || seen < self.from {
            return CatchUp::Whole;
        }
        let missed = self.frames.iter().filter(|(at, _)| *at > seen);
        CatchUp::Frames(missed.map(|(_, frame)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, seq: u64, nth: u32) -> Position {
        Position { epoch, seq, nth }
    }
    fn since(p: Position) -> Since {
        Since(Some(p))
    }
    fn frame(n: u64) -> Bytes {
        Bytes::from(n.to_string())
    }

    #[test]
    fn a_listener_gets_exactly_what_it_has_not_seen() {
        let mut ring = Ring::new(at(1, 10, 0));
        for n in 11..=13 {
            ring.push(at(1, n, 0), frame(n));
        }
        ring.push(at(1, 13, 1), frame(131));
        assert_eq!(
            ring.after(since(at(1, 10, 0))),
            CatchUp::Frames(vec![frame(11), frame(12), frame(13), frame(131)])
        );
        assert_eq!(ring.after(since(at(1, 13, 0))), CatchUp::Frames(vec![frame(131)]));
        assert_eq!(ring.after(since(at(1, 13, 1))), CatchUp::Frames(vec![]));
        assert_eq!(ring.after(since(at(1, 20, 0))), CatchUp::Frames(vec![]), "made of a later snapshot");
        assert_eq!(ring.after(since(at(1, 9, 0))), CatchUp::Whole, "before what is kept");
        assert_eq!(ring.after(since(at(2, 11, 0))), CatchUp::Whole, "another epoch");
        assert_eq!(ring.after(Since(None)), CatchUp::Whole, "not ours");
    }

    #[test]
    fn the_ring_is_bounded_and_says_so_to_those_who_come_too_late() {
        let mut ring = Ring::new(at(1, 0, 0));
        for n in 1..=(RING as u64 + 5) {
            ring.push(at(1, n, 0), frame(n));
        }
        assert_eq!(ring.frames.len(), RING);
        assert_eq!(ring.after(since(at(1, 4, 0))), CatchUp::Whole);
        let CatchUp::Frames(all) = ring.after(since(at(1, 5, 0))) else {
            panic!("5 is the last that was dropped")
        };
        assert_eq!(all.len(), RING);
    }

    #[test]
    fn a_new_epoch_continues_nothing_of_the_old_one() {
        let mut ring = Ring::new(at(1, 50, 0));
        ring.push(at(1, 51, 0), frame(51));
        ring.push(at(2, 3, 0), frame(3));
        assert_eq!(ring.after(since(at(1, 51, 0))), CatchUp::Whole);
        assert_eq!(ring.after(since(at(2, 3, 0))), CatchUp::Frames(vec![]));
    }
}
