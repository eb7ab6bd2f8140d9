//! Waiting for a future, but only so long.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Waits for `future`, but no longer than `duration`, counted from this call. The future is polled first: an output that it
/// gives then counts, even if the time is up. [`Duration::ZERO`] gives it two polls, and lets other tasks run in between.
///
/// `future` is moved to the heap. Otherwise this future would have room for it twice, as it was given and as it is awaited,
/// and a timeout in a timeout four times.
///
/// # Errors
///
/// [`Elapsed`] if the time was up first. The future has been dropped then.
///
/// # Panics
///
/// As [`Sleep`](crate::Sleep) does.
///
/// # Cancel safety
///
/// Dropping it drops `future`.
pub fn timeout<F: Future>(duration: Duration, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    async move {
        drop(future);
        todo!("a timeout of {duration:?}")
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
