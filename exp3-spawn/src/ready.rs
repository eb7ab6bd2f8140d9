//! The ready queue: first in, first out. It has two sides, the loop's and the wakers'.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::scheduler::Core;
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
    /// The tasks to poll.
    tasks: VecDeque<Arc<dyn Entry>>,
    /// The scheduler is gone. A task kept here now would keep its home, and the home the task: a leak.
    closed: bool,
}

/// What can stand in the ready queue.
pub(crate) trait Entry: Send + Sync {
    fn link(&self) -> &Link;
    fn poll(self: Arc<Self>, core: &Core);
}

/// What an entry needs for that.
pub(crate) struct Link {
    /// Whether it is queued: a task woken twice is polled once.
    scheduled: AtomicBool,
    home: Arc<Home>,
}

impl Link {
    pub(crate) fn new(home: &Arc<Home>) -> Self {
        Self {
            scheduled: AtomicBool::new(false),
            home: Arc::clone(home),
        }
    }

    /// To be called before the poll, or a wake during it would be lost. By a swap, because after a store the poll could
    /// read the event as it was before the flag is seen to be clear.
    pub(crate) fn clear(&self) {
        self.scheduled.swap(false, Ordering::AcqRel);
    }

    /// Has every later wake do nothing.
    pub(crate) fn close(&self) {
        self.scheduled.store(true, Ordering::Relaxed);
    }
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
    pub(crate) fn pop(&self) -> Option<Arc<dyn Entry>> {
        self.home.inbox().tasks.pop_front()
    }

    /// Whether the loop may block. A task that is queued after this look is not lost: its notification stays until the
    /// loop blocks, and ends the wait at once.
    pub(crate) fn is_idle(&self) -> bool {
        self.home.inbox().tasks.is_empty()
    }

    /// Drops what is queued, and what comes later.
    pub(crate) fn close(&self) {
        let mut inbox = self.home.inbox();
        inbox.closed = true;
        let tasks = mem::take(&mut inbox.tasks);
        drop(inbox);
        drop(tasks);
    }
}

impl Home {
    /// Queues a task, from any thread, unless it is queued already.
    pub(crate) fn push(task: Arc<dyn Entry>) {
        let link = task.link();
        if link.scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let home = Arc::clone(&link.home);
        let mut inbox = home.inbox();
        if inbox.closed {
            return;
        }
        inbox.tasks.push_back(task);
        drop(inbox);
        home.notifier.notify();
    }

    /// Nothing panics while it holds the lock, so there is no poison.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
