//! Where the loop blocks, and how another thread ends that: the loop parks its thread, and a waker unparks it.

use std::thread::{self, Thread};
use std::time::Duration;

/// The loop's side.
pub(crate) struct Parker;

/// The wakers' side.
pub(crate) struct Unparker(Thread);

impl Parker {
    /// To be called on the loop's thread.
    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(thread::current())
    }

    /// Blocks until it is unparked, or until the time is up; `None` is for ever. It may end early.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        match timeout {
            None => thread::park(),
            Some(timeout) => thread::park_timeout(timeout),
        }
    }
}

impl Unparker {
    /// Ends `park`, from any thread. If the loop does not block, its next `park` ends at once: the thread keeps a token.
    pub(crate) fn unpark(&self) {
        self.0.unpark();
    }
}
