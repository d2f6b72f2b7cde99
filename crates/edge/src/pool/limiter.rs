//! How many requests a node may have at once: a number it finds by itself.
//!
//! The threat is the overload that outlives its cause: work piles up in the node, users leave and come back, and the
//! node works for people who have gone. So no more is sent than the node works on, plus a little; the rest waits
//! here, where it can be put in order and given up.
//!
//! The number comes from Little's law, out of the answers alone: with `n` requests at once and answers `g` times
//! slower than usual, `n / g` are being worked on and the others queue in there. What is usual is learnt only while
//! nothing queues, so that a long overload cannot become the usual thing; it is never measured by turning healthy
//! users away. When fewer requests at once do *not* make it faster, it is the work itself that became slower, and
//! that is the new usual.

/// What a node of which nothing is known may have at once.
pub(super) const START: f64 = 20.0;
/// What a node may have at once when it has just come back.
pub(super) const START_AGAIN: f64 = 10.0;
/// Never less, so that answers go on coming and teach.
pub(super) const LEAST: f64 = 2.0;
pub(super) const MOST: f64 = 4_096.0;

/// Answers slower than this many times the usual: they queue.
const SLOW: f64 = 1.5;
/// So slow that a quarter of the limit in use is enough to act on; else it is half of it.
const VERY_SLOW: f64 = 2.0;
/// Cut only when all answers have been slow for so long: a machine that was busy for a moment is no overload, and the
/// queue has room for as long.
const AGREED_US: u64 = 200_000;
/// So much fewer at once, and so many answers, tell whether it was our queue: where quick and slow paths share a node,
/// a few answers may say anything.
const FEWER: f64 = 0.75;
const TELLING: u32 = 30;
/// More is allowed only below this.
const CALM: f64 = 1.2;
/// Room above what is being worked on, beside the square root of it.
const HEADROOM: f64 = 1.25;
/// Answers that make up one judgement, and the shortest and longest time for them.
const WINDOW: u32 = 10;
const WINDOW_LEAST_US: u64 = 10_000;
const WINDOW_MOST_US: u64 = 1_000_000;
const WINDOW_FEW: u32 = 4;

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Its latency as a multiple of what is usual on its route.
    pub x: f64,
    /// What is usual on its route: a quick request that waits behind slow ones has a great multiple, yet says little.
    pub weight: f64,
    /// Requests the node had at once when it was sent, with this one.
    pub n: u32,
    /// It had no room for another one then.
    pub full: bool,
    pub sent_us: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Limiter {
    limit: f64,
    /// This node's usual multiple: 2 when it is half as fast as the others.
    normal: f64,
    /// The last answers' multiple: weighted sum, and sum of the weights.
    fast: (f64, f64),
    /// Answers of requests sent before tell of another limit.
    cut_us: u64,
    /// Answers of requests sent before say nothing about the room that was added then.
    grown_us: u64,
    /// Since when every judgement has been that they queue.
    slow_us: Option<u64>,
    slow: Sum,
    before_cut: Option<Before>,
    /// Just back: one more for each good answer, until here.
    ramp: Option<f64>,
    window: Window,
    /// The limit was in use in the last window.
    full: bool,
}

/// How it was when the present series of cuts began.
#[derive(Debug, Clone, Copy)]
struct Before {
    limit: f64,
    slow: Sum,
    /// The answers since then that tell what the cuts did.
    since: Sum,
}

/// Several judgements.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: u32,
    x: f64,
    weight: f64,
    n: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began_us: u64,
    count: u32,
    x: f64,
    weight: f64,
    n: f64,
    full: bool,
    /// And the last growth has been used up.
    grow: bool,
    /// The first slow answer.
    slow_us: Option<u64>,
}

// === impl Limiter ===

impl Limiter {
    pub(super) fn new() -> Limiter {
        Limiter {
            limit: START,
            normal: 1.0,
            fast: (0.0, 0.0),
            cut_us: 0,
            grown_us: 0,
            slow_us: None,
            slow: Sum::default(),
            before_cut: None,
            ramp: None,
            window: Window::default(),
            full: false,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Whether latencies now are those of the work itself.
    pub(super) fn calm(&self) -> bool {
        !self.full && !self.window.full && self.fast.0 <= self.fast.1 * self.normal * SLOW
    }

    pub(super) fn ramping(&self) -> bool {
        self.ramp.is_some()
    }

    /// It is back after having been away: what it can take is to be found out again, beginning low.
    pub(super) fn start_again(&mut self, now_us: u64) {
        if self.limit > START_AGAIN {
            self.ramp = Some(self.limit.min(START));
            self.limit = START_AGAIN;
        }
        self.fast = (0.0, 0.0);
        self.cut_us = now_us;
        self.slow_us = None;
        self.slow = Sum::default();
        self.before_cut = None;
        self.window = Window { began_us: now_us, ..Window::default() };
    }

    /// Nobody waited for the answer any more: it took at least this long.
    pub(super) fn left(&mut self, sample: Sample, now_us: u64) {
        if sample.x > self.normal * SLOW {
            self.answered(sample, now_us);
        }
    }

    pub(super) fn answered(&mut self, sample: Sample, now_us: u64) {
        if sample.sent_us < self.cut_us {
            return;
        }
        let (x, weight) = (sample.x * sample.weight, sample.weight);
        self.fast = (self.fast.0 + (x - self.fast.0) / 8.0, self.fast.1 + (weight - self.fast.1) / 8.0);
        if let Some(end) = self.ramp
            && sample.x <= self.normal * SLOW
        {
            self.limit += 1.0;
            if self.limit >= end {
                self.ramp = None;
            }
        }
        let w = &mut self.window;
        if w.count == 0 {
            w.began_us = now_us;
        }
        w.count += 1;
        w.x += x;
        w.weight += weight;
        w.n += f64::from(sample.n);
        w.full |= sample.full;
        if sample.x > self.normal * SLOW {
            w.slow_us.get_or_insert(now_us);
        }
        w.grow |= sample.full && sample.sent_us >= self.grown_us;
        let lasted = now_us.saturating_sub(w.began_us);
        if (w.count >= WINDOW && lasted >= WINDOW_LEAST_US)
            || (w.count >= WINDOW_FEW && lasted >= WINDOW_MOST_US)
        {
            let w = std::mem::take(w);
            self.judge(w, now_us);
        }
    }

    fn judge(&mut self, w: Window, now_us: u64) {
        let (x, n) = (w.x / w.weight, w.n / f64::from(w.count));
        let g = x / self.normal;
        self.full = w.full;
        let in_use = n >= self.limit / if g > VERY_SLOW { 4.0 } else { 2.0 };
        if g > SLOW && (w.full || in_use) {
            let since = *self.slow_us.get_or_insert(w.slow_us.unwrap_or(now_us));
            // It has been building up: the last judgements say the most.
            self.slow.halve();
            self.slow.add(&w);
            if now_us.saturating_sub(since) >= AGREED_US {
                self.queueing(&w, now_us);
            }
        } else {
            self.slow_us = None;
            self.slow = Sum::default();
            self.before_cut = None;
            if g <= CALM && w.grow && self.ramp.is_none() {
                self.grown_us = now_us;
                self.limit = (self.limit + self.limit.sqrt()).min(MOST);
            } else if g <= CALM && !w.full && self.ramp.is_none() && self.limit < START {
                // What made it so low is over; the next moment of much to do begins like the first.
                self.limit += 1.0;
            }
        }
        if x < self.normal || (!w.full && g <= SLOW) {
            self.normal += (x - self.normal) / 16.0;
        } else if !w.full && n < self.limit / 2.0 {
            // Slow without our doing, for instance because somebody else uses the node too.
            self.normal += (x.min(2.0 * self.normal) - self.normal) / 32.0;
        }
    }

    fn queueing(&mut self, w: &Window, now_us: u64) {
        let (x, n) = (w.x / w.weight, w.n / f64::from(w.count));
        self.ramp = None;
        if let Some(before) = &mut self.before_cut
            && n <= before.slow.n() * FEWER
        {
            before.since.add(w);
            let (then, now) = (before.slow, before.since);
            // Had it queued, it would be faster in the same proportion; half of that is the line.
            let no_faster = now.x() > then.x() * (1.0 + now.n() / then.n()) / 2.0;
            if now.count >= TELLING {
                if no_faster {
                    self.normal = now.x();
                    self.limit = self.limit.max(before.limit);
                    self.slow_us = None;
                }
                self.before_cut = None;
                self.slow = Sum::default();
            }
            return;
        }
        if self.limit <= LEAST {
            self.normal += (x.min(2.0 * self.normal) - self.normal) / 8.0;
            return;
        }
        let working = n * self.normal / x;
        let room = working * HEADROOM + working.sqrt();
        if room < self.limit {
            let now = Before { limit: self.limit, slow: self.slow, since: Sum::default() };
            let first = self.before_cut.get_or_insert(now);
            // Far enough to tell, and no further before it has told: few at once tell slowly.
            self.limit = room.max(first.slow.n() / 2.0).max(LEAST).min(self.limit);
            self.cut_us = now_us;
        }
    }
}

// === impl Sum ===

impl Sum {
    fn add(&mut self, w: &Window) {
        self.count += w.count;
        self.x += w.x;
        self.weight += w.weight;
        self.n += w.n;
    }
    fn halve(&mut self) {
        self.x /= 2.0;
        self.weight /= 2.0;
        self.n /= 2.0;
        self.count /= 2;
    }
    fn x(&self) -> f64 {
        self.x / self.weight
    }
    fn n(&self) -> f64 {
        self.n / f64::from(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node with so many slots that always has as many requests as it may; `rounds` answers.
    fn saturate(l: &mut Limiter, slots: f64, slowness: f64, rounds: u32, now: &mut u64) {
        for _ in 0..rounds {
            let n = l.limit().max(1);
            let x = slowness * (f64::from(n) / slots).max(1.0);
            let sent = *now;
            *now += 10_000;
            l.answered(Sample { x, weight: 1.0, n, full: true, sent_us: sent }, *now);
        }
    }

    #[test]
    fn it_finds_the_number_of_slots_and_a_little_more() {
        for slots in [2.0, 4.0, 10.0, 50.0, 200.0] {
            let (mut l, mut now) = (Limiter::new(), 1);
            saturate(&mut l, slots, 1.0, 3_000, &mut now);
            let limit = f64::from(l.limit());
            assert!(limit >= slots && limit <= slots * 1.6 + 3.0, "{slots} slots: {limit}");
        }
    }

    #[test]
    fn a_long_overload_does_not_become_the_usual_thing() {
        let (mut l, mut now) = (Limiter::new(), 1);
        saturate(&mut l, 4.0, 1.0, 100_000, &mut now);
        assert!(l.limit() <= 9, "{}", l.limit());
    }

    #[test]
    fn a_limit_not_in_use_does_not_grow_or_shrink() {
        let (mut l, mut now) = (Limiter::new(), 1);
        for _ in 0..10_000 {
            now += 10_000;
            l.answered(Sample { x: 1.0, weight: 1.0, n: 3, full: false, sent_us: now - 5_000 }, now);
        }
        assert_eq!(l.limit(), 20);
    }

    #[test]
    fn work_that_became_slower_is_not_taken_for_a_queue() {
        let (mut l, mut now) = (Limiter::new(), 1);
        saturate(&mut l, 1e9, 1.0, 16, &mut now);
        saturate(&mut l, 1e9, 5.0, 600, &mut now);
        assert!(l.limit() >= 20, "{}", l.limit());
    }

    #[test]
    fn more_slots_are_found_when_they_are_needed() {
        let (mut l, mut now) = (Limiter::new(), 1);
        saturate(&mut l, 4.0, 1.0, 1_000, &mut now);
        saturate(&mut l, 50.0, 1.0, 400, &mut now);
        assert!(l.limit() >= 50, "{}", l.limit());
    }

    #[test]
    fn a_node_that_is_back_starts_low_and_gets_more_with_each_good_answer() {
        let (mut l, mut now) = (Limiter::new(), 1);
        l.start_again(now);
        assert_eq!((l.limit(), l.ramping()), (10, true));
        saturate(&mut l, 1e9, 1.0, 10, &mut now);
        assert!(l.limit() >= 20 && !l.ramping(), "{}", l.limit());
        l.start_again(now);
        saturate(&mut l, 4.0, 1.0, 100, &mut now);
        assert!(l.limit() <= 9, "{}", l.limit());
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_answers_the_limit_keeps_its_bounds(
            samples in proptest::collection::vec((0.0f64..1e6, 0u32..10_000, 0u64..1_000_000), 0..400)
        ) {
            let (mut l, mut now) = (Limiter::new(), 0);
            for (x, n, step) in samples {
                now += step;
                l.answered(Sample { x, weight: 1.0, n, full: step % 2 == 0, sent_us: now.saturating_sub(step) }, now);
                proptest::prop_assert!((2..=4_096).contains(&l.limit()), "{}", l.limit());
            }
        }
    }
}
