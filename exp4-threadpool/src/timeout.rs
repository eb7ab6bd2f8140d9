//! Waiting for a future, but only so long.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use crate::sleep::sleep;

/// Waits for `future`, but no longer than `duration`, counted from this call. The future is polled first: an output that it
/// gives then counts, even if the time is up. [`Duration::ZERO`] gives it two polls, and lets other tasks run in between.
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
