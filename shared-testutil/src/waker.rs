//! A waker that counts, to poll a future by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// Counts its wakes, and does nothing else.
#[derive(Clone, Debug, Default)]
pub struct CountingWaker {
    wakes: Arc<Wakes>,
}

#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl CountingWaker {
    /// Makes a counter that has not been woken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A waker that this counts. All wakers of one counter wake the same task, as [`Waker::will_wake`] sees it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.wakes))
    }

    /// How many wakes there were.
    #[must_use]
    pub fn count(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wake_counts_whoever_does_it() {
        let counter = CountingWaker::new();
        assert_eq!(counter.count(), 0);
        counter.waker().wake();
        let waker = counter.waker();
        waker.wake_by_ref();
        assert_eq!(counter.count(), 2);
        assert!(waker.will_wake(&counter.waker()));
        assert!(!waker.will_wake(&CountingWaker::new().waker()));
    }
}
