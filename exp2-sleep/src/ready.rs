//! The ready queue: first in, first out. It has two sides, the loop's and the wakers'.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::wait::Notifier;

/// The loop's side.
pub(crate) struct Ready {
    home: Arc<Home>,
}

/// The wakers' side, on whatever thread they are.
pub(crate) struct Home {
    inbox: Mutex<Inbox>,
    /// Ends the loop's wait.
    notifier: Notifier,
}

#[derive(Default)]
struct Inbox {
    /// The ids of the tasks to poll.
    tasks: VecDeque<u64>,
}

impl Ready {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self {
            home: Arc::new(Home {
                inbox: Mutex::default(),
                notifier,
            }),
        }
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Takes the task that waits longest.
    pub(crate) fn pop(&self) -> Option<u64> {
        self.home.inbox().tasks.pop_front()
    }

    /// Whether the loop may block. A task that is queued after this look is not lost: its notification stays until the
    /// loop blocks, and ends the wait at once.
    pub(crate) fn is_idle(&self) -> bool {
        self.home.inbox().tasks.is_empty()
    }
}

impl Home {
    /// Queues a task, from any thread.
    pub(crate) fn push(&self, id: u64) {
        self.inbox().tasks.push_back(id);
        self.notifier.notify();
    }

    /// Nothing panics while it holds the lock, so there is no poison.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
