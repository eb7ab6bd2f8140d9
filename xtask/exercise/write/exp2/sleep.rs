//! Waiting for a time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Waits for `duration` at least, counted from this call. [`Duration::ZERO`] lets other tasks run first: the task is woken
/// when none can run, after 64 polls at the latest, and goes to the back of the run queue. More than thirty years counts
/// as thirty years.
pub fn sleep(duration: Duration) -> Sleep {
    todo!("a sleep of {duration:?}")
}

/// Waits until `deadline`. One that has passed already lets other tasks run first, as [`Duration::ZERO`] does.
pub fn sleep_until(deadline: Instant) -> Sleep {
    todo!("a sleep until {deadline:?}")
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
pub struct Sleep {}

impl Future for Sleep {
    type Output = ();

    #[track_caller]
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        todo!("a poll of a sleep")
    }
}
