//! The ready queue: first in, first out. It has two sides, the loop's and the wakers'.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use crate::wait::Notifier;

/// The loop's side.
pub(crate) struct Ready {
    home: Arc<Home>,
}

/// The wakers' side, on whatever thread they are.
pub(crate) struct Home {
    inbox: Mutex<Inbox>,
    /// To be told when the loop's wait has to end.
    notifier: Notifier,
}

#[derive(Default)]
struct Inbox {
    /// The ids of the tasks to poll. No more than that: wakers are `Send + Sync`, and most futures are not.
    tasks: VecDeque<u64>,
}

/// A task's way into the queue, for its wakers.
pub(crate) struct Link {
    pub(crate) id: u64,
    /// Whether the task is queued: one that is woken twice is polled once.
    scheduled: AtomicBool,
    home: Arc<Home>,
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

    /// Takes out what has ended, and lets it be queued no more.
    pub(crate) fn remove(&self, link: &Link) {
        if link.scheduled.swap(true, Ordering::AcqRel) {
            self.home.inbox().tasks.retain(|id| *id != link.id);
        }
    }

    /// Whether the loop may block. A task that is queued after this look comes too late for it. To end the wait all the same,
    /// even one that has not begun, is the notifier's duty.
    pub(crate) fn is_idle(&self) -> bool {
        self.home.inbox().tasks.is_empty()
    }
}

impl Home {
    fn push(&self, id: u64) {
        self.inbox().tasks.push_back(id);
        self.notifier.notify();
    }

    /// Nothing panics while it holds the lock, so there is no poison.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    pub(crate) fn new(id: u64, home: &Arc<Home>) -> Self {
        Self {
            id,
            scheduled: AtomicBool::new(false),
            home: Arc::clone(home),
        }
    }

    /// Queues the task, from any thread, and never polls it: the caller may hold a lock that the task wants.
    pub(crate) fn schedule(&self) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            self.home.push(self.id);
        }
    }

    /// To be called before the poll, or a wake during it would be lost. By a swap, because after a store the poll could
    /// read the event as it was before the flag is seen to be clear. Returns whether the id is the task's.
    pub(crate) fn clear(&self, id: u64) -> bool {
        id == self.id && self.scheduled.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.schedule();
    }
}
