//! Waiting for a time.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::scheduler::{current, try_current};
use crate::timers::{Key, now};

/// Thirty years: longer than any wait, and short enough that the sum with now fits into an `Instant`.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Waits for `duration` at least, counted from this call. [`Duration::ZERO`] lets other tasks run first: the task is woken
/// when none can run, after 64 polls at the latest, and goes to the back of the run queue. More than thirty years counts
/// as thirty years.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(now() + duration.min(LONGEST))
}

/// Waits until `deadline`. One that has passed already lets other tasks run first, as [`Duration::ZERO`] does.
pub fn sleep_until(deadline: Instant) -> Sleep {
    let (key, polled) = (Key::new(deadline), false);
    Sleep { key, polled }
}

/// The future of [`sleep`] and [`sleep_until`]. It can be made anywhere; its first poll registers it.
///
/// # Panics
///
/// When it has to wait, and no scheduler runs on this thread.
///
/// # Cancel safety
///
/// Dropping it takes its waker out of the timer queue, if its scheduler runs on this thread. Otherwise the waker stays there
/// until the deadline, and its task is polled once more than necessary.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    key: Key,
    polled: bool,
}

impl Future for Sleep {
    type Output = ();

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The clock decides, not the wake: a task may be polled for other reasons. At its first poll a sleep always waits,
        // however short it is, so that others run first.
        if mem::replace(&mut self.polled, true) && self.key.is_due() {
            return Poll::Ready(());
        }
        // Only the latest waker counts: the future may have moved to another task.
        drop(current().timers.insert(&self.key, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        drop(try_current().map(|core| core.timers.remove(&self.key)));
    }
}
