//! The timer queue, and the futures that wait in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::scheduler::with_current;

/// Deadlines a turn: those within this span of the earliest.
const SPAN: Duration = Duration::from_millis(1);

/// The order of registrations, and so of equal deadlines. One for the process, so that a sleep dropped under another
/// scheduler than its own takes nobody else's place with it.
static NEXT_KEY: AtomicU64 = AtomicU64::new(0);

/// Who is to be woken when.
#[derive(Default)]
pub(crate) struct Timers {
    /// A tree and not a heap: a cancelled sleep is taken out of the middle.
    queue: RefCell<BTreeMap<(Instant, u64), Waker>>,
}

impl Timers {
    /// Wakes those whose deadline has passed, in order. At most a millisecond's worth: a loop that is late by more gives
    /// the tasks a turn in between, and so does things in the order in which they would have happened in time.
    pub(crate) fn fire(&self) {
        let Some(earliest) = self.earliest() else {
            return;
        };
        let now = Instant::now();
        if earliest > now {
            return;
        }
        let until = earliest.checked_add(SPAN).map_or(now, |end| end.min(now));
        while let Some(waker) = self.pop(until) {
            waker.wake();
        }
    }

    /// The deadline that comes first.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        let queue = self.queue.borrow();
        queue.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    fn pop(&self, until: Instant) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let first = queue.first_entry()?;
        (first.key().0 <= until).then(|| first.remove())
    }

    fn has(&self, key: &(Instant, u64), waker: &Waker) -> bool {
        let queue = self.queue.borrow();
        queue.get(key).is_some_and(|latest| latest.will_wake(waker))
    }

    /// Returns the waker that stood there, for the caller to drop: dropping one may run anybody's code.
    fn insert(&self, key: (Instant, u64), waker: Waker) -> Option<Waker> {
        self.queue.borrow_mut().insert(key, waker)
    }

    fn remove(&self, key: &(Instant, u64)) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        // One that has fired is gone. It stood before all others, so most need not be searched for.
        let (first, _) = queue.first_key_value()?;
        if first <= key { queue.remove(key) } else { None }
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
/// Dropping it takes it out of the timer queue at once, if its scheduler runs on this thread. Otherwise its task may be woken
/// once too often.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    /// `None` is further away than `Instant` can say: never.
    deadline: Option<Instant>,
    /// Its place among equal deadlines, while it is registered.
    key: Option<u64>,
}

impl Sleep {
    fn deregister(&mut self) {
        if let (Some(deadline), Some(key)) = (self.deadline, self.key.take()) {
            let _waker = with_current(|core| core.timers.remove(&(deadline, key)));
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
        let Some(registered) = with_current(|core| match (self.deadline, self.key) {
            (Some(deadline), Some(key)) => core.timers.has(&(deadline, key), cx.waker()),
            (deadline, _) => deadline.is_none(),
        }) else {
            panic!("no scheduler runs on this thread: await a sleep inside `Scheduler::run`");
        };
        // Only the latest waker counts: the future may have moved to another task.
        if let (false, Some(deadline)) = (registered, self.deadline) {
            let next = || NEXT_KEY.fetch_add(1, Ordering::Relaxed);
            let key = (deadline, *self.key.get_or_insert_with(next));
            let waker = cx.waker().clone();
            let _replaced = with_current(|core| core.timers.insert(key, waker));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.deregister();
    }
}

/// Waits for `future`, but no longer than `duration` from this call on. The future is polled first, so a result that is
/// there in time counts even if the deadline has passed.
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
