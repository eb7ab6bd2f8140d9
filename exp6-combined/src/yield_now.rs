//! Giving up the rest of one's turn.

use std::future::poll_fn;
use std::task::Poll;

/// Lets every other task that is ready run before this one goes on.
///
/// # Cancel safety
///
/// Dropping it loses nothing but the turn.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        // `Pending` is a promise that somebody calls the waker later: here it is the task itself, at once.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
