//! The timer queue: which wakers to call, and when. It knows nothing of tasks.
//!
//! For speed it is a heap and a hash map. To add a deadline to a heap mostly takes the same time, however many there are, but
//! none can be taken out of its middle. So a sleep that is dropped leaves its key in the heap, and takes its waker along. And a
//! key counts nanoseconds, which takes less room than an `Instant`, and less time to compare.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

/// By how many the keys of dropped sleeps may outnumber the others in a heap.
const STALE_LIMIT: usize = 64;

/// The number of the next key. One counter for all schedulers: a sleep that is dropped under another scheduler than its own
/// does not find, by accident, another sleep's key there.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The clock that deadlines are compared with. A function, so that another clock can take its place here alone.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A deadline, in nanoseconds since `start`, and a number that tells equal deadlines apart: the sleep that was made first ends
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64, u64);

impl Key {
    /// A deadline before `start` counts as `start`.
    pub(crate) fn new(deadline: Instant) -> Self {
        let nanoseconds = deadline.saturating_duration_since(start()).as_nanos();
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or(u64::MAX);
        Self(nanoseconds, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn deadline(&self) -> Instant {
        start() + Duration::from_nanos(self.0)
    }
}

/// A year before the first key of the process was made: so deadlines that have passed keep their order.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(365 * 24 * 60 * 60)).unwrap_or(now)
    })
}

/// The wakers of the sleeps.
#[derive(Default)]
pub(crate) struct Timers {
    queue: RefCell<Queue>,
}

#[derive(Default)]
struct Queue {
    /// The first is never that of a dropped sleep.
    keys: BinaryHeap<Reverse<Key>>,
    /// By the number of the key.
    wakers: HashMap<u64, Waker, BuildHasherDefault<NumberHasher>>,
}

impl Timers {
    /// Returns the waker that was there before. The caller drops it: the drop of a waker may run user code.
    pub(crate) fn insert(&self, key: Key, waker: Waker) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let replaced = queue.wakers.insert(key.1, waker);
        if replaced.is_none() {
            queue.keys.push(Reverse(key));
        }
        replaced
    }

    /// Returns the waker that was there, for the caller to drop.
    pub(crate) fn remove(&self, key: Key) -> Option<Waker> {
        self.queue.borrow_mut().remove(key)
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.queue.borrow().keys.peek().map(|first| first.0.deadline())
    }

    /// Wakes those whose deadline is not after `until`, in order.
    pub(crate) fn wake_until(&self, until: Instant) {
        while let Some(waker) = self.pop(until) {
            waker.wake();
        }
    }

    fn pop(&self, until: Instant) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let first = queue.keys.peek()?.0;
        if first.deadline() > until {
            return None;
        }
        queue.remove(first)
    }
}

impl Drop for Timers {
    /// Wakes all who wait: nobody looks at the clock for them any more, and their next poll finds that out.
    fn drop(&mut self) {
        let Queue { keys, mut wakers } = self.queue.take();
        let in_order = keys.into_sorted_vec().into_iter().rev();
        in_order.filter_map(|key| wakers.remove(&key.0.1)).for_each(Waker::wake);
    }
}

impl Queue {
    /// Also takes out the keys of dropped sleeps: those in front at once, the others when there are too many of them.
    fn remove(&mut self, key: Key) -> Option<Waker> {
        let waker = self.wakers.remove(&key.1)?;
        let Self { keys, wakers } = self;
        while keys.peek().is_some_and(|first| !wakers.contains_key(&first.0.1)) {
            keys.pop();
        }
        if keys.len() > 2 * wakers.len() + STALE_LIMIT {
            keys.retain(|key| wakers.contains_key(&key.0.1));
        }
        Some(waker)
    }
}

/// Hashes the numbers of keys. The standard hasher is made for keys that an attacker may choose, and takes longer than the rest
/// of a sleep.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        // The fraction of the golden ratio spreads the numbers over the upper half; the map looks at the lowest bits first.
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is a number");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
