//! What answers, failures and people who leave teach about a node.

use super::{Change, Failure, LEFT_LATE, Pool, Row, SILENT_LEAST_US, Sample, State, TRIALS, Taken, health};
use std::{
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, SeqCst},
    },
    time::{Duration, Instant},
};

impl Pool {
    pub(super) fn answered(
        self: &Arc<Self>,
        index: usize,
        taken: Taken,
        row: Row,
        status: u16,
        after: Duration,
        now: Instant,
    ) {
        let t = self.us(now);
        let s = self.nodes[index].state();
        s.body_begins();
        if s.release(taken) {
            if self.waiting.load(SeqCst) > 0
                && let Some(since) = self.silent_since(t)
            {
                // It may take as long to make good for it.
                let until = t + t.saturating_sub(since) + SILENT_LEAST_US;
                self.bridging_us.store(until, Relaxed);
            }
            s.heard(t);
            if s.is(State::Suspect) {
                self.change(index, t, |h| h.answered(t));
            }
            self.learn(index, taken, row, status, after, t);
        }
        self.heir().go_on(t);
    }

    pub(super) fn learn(&self, index: usize, taken: Taken, row: Row, status: u16, after: Duration, t: u64) {
        let s = self.nodes[index].state();
        let us = after.as_micros() as f64;
        if status >= 500 {
            // A node that fails quickly must not look like a quick node.
            s.measure((2.0 * s.slowness(t)).clamp(2.0, 16.0), t);
            return;
        }
        let sample = |usual: f64| Sample {
            x: us / usual,
            weight: usual,
            n: taken.n,
            full: taken.full,
            sent_us: t.saturating_sub(us as u64),
        };
        let calm = match self.routes.usual_us(row) {
            Some(usual) => {
                s.measure(us / usual, t);
                s.limiter(|l| {
                    l.answered(sample(usual), t);
                    l.calm()
                })
            }
            None => true,
        };
        self.routes.learn(row, after, calm);
        let typical = self.typical_us();
        let typical = typical + (us.min(10.0 * typical) - typical) / 64.0;
        self.typical_us.store((typical.max(100.0) as f32).to_bits(), Relaxed);
    }

    pub(super) fn failed(self: &Arc<Self>, index: usize, taken: Taken, how: Failure, now: Instant) {
        let t = self.us(now);
        let s = self.nodes[index].state();
        // What happened to a request of the time before it was thrown out says nothing about it now.
        if s.release(taken) {
            self.change(index, t, |h| h.failed(how, t));
        }
        self.heir().go_on(t);
    }

    /// The node waits for the client: it is nobody's answer that is late, and there is room for another request.
    pub(super) fn lent(self: &Arc<Self>, index: usize, taken: Taken) {
        let _thrown_out = self.nodes[index].state().release(taken);
        self.heir().go_on(self.lately_us.load(Relaxed));
    }

    /// Whoever wanted the answer has gone.
    pub(super) fn left(self: &Arc<Self>, index: usize, taken: Taken, row: Row) {
        let t = self.lately_us.load(Relaxed);
        let s = self.nodes[index].state();
        if s.release(taken)
            && let Some(usual) = self.routes.usual_us(row)
        {
            let x = t.saturating_sub(taken.at_us) as f64 / usual;
            if x > LEFT_LATE {
                let sample = Sample { x, weight: usual, n: taken.n, full: taken.full, sent_us: taken.at_us };
                s.limiter(|l| l.left(sample, t));
            }
        }
        self.heir().go_on(t);
    }

    /// Changes a node's health, and what everybody sees of it, in one step: else a node that is out could be seen as
    /// up for ever.
    pub(super) fn change(&self, index: usize, t: u64, change: impl FnOnce(&mut health::Health) -> Change) {
        let s = self.nodes[index].state();
        let mut health = s.health();
        match change(&mut health) {
            Change::Nothing => {}
            Change::Suspected => s.stand(State::Suspect),
            Change::Tried => s.begin_trial(TRIALS),
            Change::NotYet => s.end_trial(),
            Change::Out => s.throw_out(),
            Change::Back { fresh } => {
                if self.all_out() {
                    self.catch_up(t);
                }
                if fresh {
                    s.limiter(|l| l.start_again(t));
                }
                s.expect(t, health.lenient());
                s.stand(State::Up);
            }
        }
    }
}
