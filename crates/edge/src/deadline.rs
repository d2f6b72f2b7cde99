//! A deadline that is moved with every request, on a timer that is not.
//!
//! Setting and removing a timer of the runtime costs as much as reading a head. Nearly all deadlines are never
//! reached, and each lies behind the one before it: so the timer stays where it was set first, and is moved only when it
//! rings too early, or would ring too late.

use hyper::rt;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use stillhere_net::clock;
use tokio::time::Sleep;

/// Spare ones of a worker; more are thrown away.
const SPARE_MAX: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Deadline {
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Deadlines that are not in use, with their timers where they were.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Deadline>>);

/// hyper's timer of one connection. hyper has at most one deadline at a time there: for the next head.
#[derive(Debug, Clone)]
pub(crate) struct IdleTimer(Arc<Mutex<Deadline>>);

struct Idle {
    until: Instant,
    timer: IdleTimer,
}

// === impl Deadline ===

impl Deadline {
    fn new(until: Instant) -> Deadline {
        Deadline { until, timer: None }
    }

    pub(crate) fn set(&mut self, until: Instant) {
        self.until = until;
    }

    /// Ready from the deadline on.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = tokio::time::Instant::from_std(self.until);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() < until {
            // That was for one of the requests before.
            timer.as_mut().reset(until);
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

// === impl Spare ===

impl Spare {
    pub(crate) fn take(&self, until: Instant) -> Deadline {
        let mut deadline = self.lock().pop().unwrap_or_else(|| Deadline::new(until));
        deadline.set(until);
        deadline
    }

    pub(crate) fn give_back(&self, deadline: Deadline) {
        let mut spare = self.lock();
        if spare.len() < SPARE_MAX {
            spare.push(deadline);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Deadline>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl IdleTimer ===

impl IdleTimer {
    pub(crate) fn new() -> IdleTimer {
        IdleTimer(Arc::new(Mutex::new(Deadline::new(clock::mono()))))
    }
}

impl rt::Timer for IdleTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(clock::mono() + duration)
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Idle { until, timer: self.clone() })
    }
}

impl Future for Idle {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut deadline = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.set(self.until);
        deadline.poll(cx)
    }
}

impl rt::Sleep for Idle {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "a time that stands still is only the runtime's")]
    async fn it_rings_at_the_deadline_that_was_set_last() {
        let start = tokio::time::Instant::now();
        let at = |ms| (start + Duration::from_millis(ms)).into_std();
        let spare = Spare::default();
        // Later than the timer under it, earlier than it, and after it has rung unheard.
        for (first, then) in [(100, 300), (900, 400), (500, 1_000)] {
            let mut deadline = spare.take(at(first));
            let pending = poll_fn(|cx| Poll::Ready(deadline.poll(cx).is_pending())).await;
            assert!(pending, "{first}");
            if then == 1_000 {
                tokio::time::sleep_until(start + Duration::from_millis(700)).await;
            }
            deadline.set(at(then));
            poll_fn(|cx| deadline.poll(cx)).await;
            assert_eq!(tokio::time::Instant::now().duration_since(start).as_millis(), u128::from(then));
            spare.give_back(deadline);
        }
    }
}
