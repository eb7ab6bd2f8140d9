//! The timer queue, and the futures that wait in it.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::scheduler::with_current;

/// Deadlines a turn: those within this span of the earliest.
const SPAN: Duration = Duration::from_millis(1);

/// What cancelled sleeps may leave in a queue in any case.
const LEFTOVERS: usize = 64;

/// The order of registrations, and so of equal deadlines. One for the process, so that a sleep dropped under another
/// scheduler than its own takes nobody else's place with it.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Never zero, so that a sleep without one takes no more room.
type Key = NonZero<u64>;

/// Who is to be woken when.
#[derive(Default)]
pub(crate) struct Timers {
    queue: RefCell<Queue>,
}

/// A heap takes one deadline more in the same time however many there are, mostly, but gives nothing out of its middle. So
/// a cancelled sleep leaves its key there, and takes its waker along.
#[derive(Default)]
struct Queue {
    /// The first is never that of a cancelled sleep.
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    wakers: HashMap<Key, Waker, BuildHasherDefault<Spread>>,
}

impl Timers {
    /// Wakes those whose deadline has passed, in order. At most a millisecond's worth: a loop that is late by more gives
    /// the tasks a turn in between, so that what is due later comes later. But if the last turn did not get through its
    /// tasks, then all: turns that take longer than a millisecond would never catch up.
    pub(crate) fn fire(&self, idle: bool) {
        let Some(earliest) = self.earliest() else {
            return;
        };
        let now = Instant::now();
        if earliest > now {
            return;
        }
        let until = earliest
            .checked_add(SPAN)
            .filter(|end| idle && *end < now)
            .unwrap_or(now);
        while let Some(waker) = self.pop(until) {
            waker.wake();
        }
    }

    /// The deadline that comes first.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.queue.borrow().earliest().map(|(deadline, _)| deadline)
    }

    fn pop(&self, until: Instant) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let (_, key) = queue.earliest().filter(|(deadline, _)| *deadline <= until)?;
        queue.remove(key)
    }

    fn has(&self, key: Key, waker: &Waker) -> bool {
        let queue = self.queue.borrow();
        queue.wakers.get(&key).is_some_and(|latest| latest.will_wake(waker))
    }

    /// Returns the waker that stood there, for the caller to drop: dropping one may run anybody's code.
    fn insert(&self, deadline: Instant, key: Key, waker: Waker) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let replaced = queue.wakers.insert(key, waker);
        if replaced.is_none() {
            queue.deadlines.push(Reverse((deadline, key)));
        }
        replaced
    }

    fn remove(&self, key: Key) -> Option<Waker> {
        self.queue.borrow_mut().remove(key)
    }
}

impl Queue {
    fn earliest(&self) -> Option<(Instant, Key)> {
        self.deadlines.peek().map(|Reverse(first)| *first)
    }

    /// Also clears away what cancelled sleeps have left: in front at once, elsewhere when it is the greater part.
    fn remove(&mut self, key: Key) -> Option<Waker> {
        let waker = self.wakers.remove(&key)?;
        let Self { deadlines, wakers } = self;
        while deadlines
            .peek()
            .is_some_and(|Reverse((_, key))| !wakers.contains_key(key))
        {
            deadlines.pop();
        }
        if deadlines.len() > 2 * wakers.len() + LEFTOVERS {
            deadlines.retain(|Reverse((_, key))| wakers.contains_key(key));
        }
        Some(waker)
    }
}

/// Hashes keys. The standard hasher is there for keys that somebody may choose, and takes longer than the rest of a sleep;
/// these are counted.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u64(&mut self, key: u64) {
        // The golden ratio's fraction spreads them over the upper half, and the table looks at the lowest bits first.
        self.0 = key.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is a number");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Waits for `duration` at least. Zero is over at the first poll; [`Duration::MAX`] never is.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        deadline: Instant::now().checked_add(duration),
        key: None,
    }
}

/// Waits until `deadline`. One in the past is over at the first poll.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline: Some(deadline),
        key: None,
    }
}

/// The future of [`sleep`] and [`sleep_until`]. It can be made anywhere, and is registered when it is polled first.
///
/// # Panics
///
/// When it has to wait, and no scheduler runs on this thread.
///
/// # Cancel safety
///
/// Dropping it takes its waker out of the timer queue, if its scheduler runs on this thread. Otherwise the waker stays until
/// the deadline, and its task is woken once too often.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    /// `None` is further away than `Instant` can say: never.
    deadline: Option<Instant>,
    /// Its name in the queue, and its place among equal deadlines, while it is registered.
    key: Option<Key>,
}

impl Sleep {
    fn deregister(&mut self) {
        if let Some(key) = self.key.take() {
            let _waker = with_current(|core| core.timers.remove(key));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The clock decides, not the wake: a task may be polled for other reasons.
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.deregister();
            return Poll::Ready(());
        }
        let Some(registered) = with_current(|core| match self.key {
            Some(key) => core.timers.has(key, cx.waker()),
            None => self.deadline.is_none(),
        }) else {
            panic!("no scheduler runs on this thread: await a sleep inside `Scheduler::run`");
        };
        // Only the latest waker counts: the future may have moved to another task.
        if let (false, Some(deadline)) = (registered, self.deadline) {
            let next = || Key::new(NEXT_KEY.fetch_add(1, Ordering::Relaxed)).expect("nobody counts as far as that");
            let key = *self.key.get_or_insert_with(next);
            let waker = cx.waker().clone();
            let _replaced = with_current(|core| core.timers.insert(deadline, key, waker));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.deregister();
    }
}

/// Waits for `future`, but no longer than `duration` from this call on. The future is polled first, so a result that it
/// gives then counts even if the deadline has passed.
///
/// # Errors
///
/// [`Elapsed`] if the time was up first. The future has been dropped then.
///
/// # Panics
///
/// As [`Sleep`] does.
///
/// # Cancel safety
///
/// Dropping it drops `future`.
pub fn timeout<F: Future>(duration: Duration, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let mut sleep = sleep(duration);
    async move {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed(()))),
        })
        .await
    }
}

/// The error of [`timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is up")
    }
}

impl Error for Elapsed {}
