//! The timer queue: which wakers to call, and when. It knows nothing of tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Instant;

/// The number of the next key. One counter for all schedulers: a sleep that is dropped under another scheduler than its own
/// does not find, by accident, another sleep's key there.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The clock that deadlines are compared with. A function, so that another clock can take its place here alone.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A deadline, and a number that tells equal deadlines apart: the sleep that was made first ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) Instant, u64);

impl Key {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self(deadline, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn is_due(&self) -> bool {
        self.0 <= now()
    }
}

/// The wakers of the sleeps, in the order of their deadlines.
#[derive(Default)]
pub(crate) struct Timers {
    pub(crate) queue: RefCell<BTreeMap<Key, Waker>>,
}

impl Timers {
    /// Returns the waker that was there before. The caller drops it: the drop of a waker may run user code.
    pub(crate) fn insert(&self, key: &Key, waker: Waker) -> Option<Waker> {
        self.queue.borrow_mut().insert(*key, waker)
    }

    /// Returns the waker that was there, for the caller to drop.
    pub(crate) fn remove(&self, key: &Key) -> Option<Waker> {
        self.queue.borrow_mut().remove(key)
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.queue.borrow().keys().next().map(|key| key.0)
    }

    /// Wakes those whose deadline is not after `until`, in order.
    pub(crate) fn wake_until(&self, until: Instant) {
        while self.earliest().is_some_and(|deadline| deadline <= until) {
            let first = self.queue.borrow_mut().pop_first();
            first.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}

impl Drop for Timers {
    /// Wakes the sleeps that are left: other executors may poll them. No loop looks at the clock for them any more. Their next
    /// poll ends the wait, or goes to the scheduler that runs by then, or panics.
    fn drop(&mut self) {
        self.queue.take().into_values().for_each(Waker::wake);
    }
}
