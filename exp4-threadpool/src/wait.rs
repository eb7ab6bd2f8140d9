//! Where the loop blocks, and how another thread ends that: here it parks, and is unparked.

use std::thread::{self, Thread};
use std::time::Duration;

/// The loop's side.
pub(crate) struct Wait {
    /// The thread that runs the scheduler: it cannot leave the thread that made it.
    thread: Thread,
}

/// The side of whoever has news for the loop.
pub(crate) struct Notifier {
    thread: Thread,
}

impl Wait {
    pub(crate) fn new() -> Self {
        Self {
            thread: thread::current(),
        }
    }

    pub(crate) fn notifier(&self) -> Notifier {
        Notifier {
            thread: self.thread.clone(),
        }
    }

    /// Blocks until notified, or until the time is up; `None` is for ever. It may end early, and nobody relies on more.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        match timeout {
            None => thread::park(),
            Some(Duration::ZERO) => {}
            Some(timeout) => thread::park_timeout(timeout),
        }
    }
}

impl Notifier {
    /// Ends the wait. A notification that comes while the loop is at work ends the next one: the thread keeps one token.
    pub(crate) fn notify(&self) {
        self.thread.unpark();
    }
}
