//! The ready queue: first in, first out. It has two sides, the loop's and the wakers'.
//!
//! It has two halves as well. Most wakes come from the loop's own thread, and need no lock; the others go through the
//! foreign half, which the loop empties at the top of each turn.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::scheduler::{Core, with_current};
use crate::wait::Notifier;

/// The loop's side.
pub(crate) struct Ready {
    /// This thread's half: the tasks to poll.
    local: RefCell<VecDeque<Arc<dyn Entry>>>,
    home: Arc<Home>,
}

/// The wakers' side, on whatever thread they are.
pub(crate) struct Home {
    /// The foreign half.
    inbox: Mutex<Inbox>,
    /// Whether a look into the inbox is due. A hint that spares the loop the lock, no more: before it blocks, it looks.
    filled: AtomicBool,
    /// Ends the loop's wait.
    notifier: Notifier,
}

#[derive(Default)]
struct Inbox {
    /// The tasks to move to the loop's half.
    tasks: VecDeque<Arc<dyn Entry>>,
    /// The scheduler is gone. A task kept here now would keep its home, and the home the task: a leak.
    closed: bool,
    /// The loop blocks, or is about to: whoever queues a task next has to notify.
    blocking: bool,
}

/// What can stand in the ready queue.
pub(crate) trait Entry: Send + Sync {
    fn home(&self) -> &Arc<Home>;
    fn poll(self: Arc<Self>, core: &Core);
}

impl Ready {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self {
            local: RefCell::default(),
            home: Arc::new(Home {
                inbox: Mutex::default(),
                filled: AtomicBool::new(false),
                notifier,
            }),
        }
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Takes the task that waits longest.
    pub(crate) fn pop(&self) -> Option<Arc<dyn Entry>> {
        self.local.borrow_mut().pop_front()
    }

    /// Whether the loop may block. This is the second look, and it is taken under the lock: a task that is queued before
    /// it is seen, and one that is queued after it finds `blocking` set, and notifies.
    pub(crate) fn is_idle(&self) -> bool {
        if !self.local.borrow().is_empty() {
            return false;
        }
        let mut inbox = self.home.inbox();
        inbox.blocking = inbox.tasks.is_empty();
        self.home.filled.store(true, Ordering::Relaxed);
        inbox.blocking
    }

    /// Drops what is queued, and what comes later.
    pub(crate) fn close(&self) {
        let mut inbox = self.home.inbox();
        inbox.closed = true;
        let tasks = mem::take(&mut inbox.tasks);
        drop(inbox);
        drop(tasks);
        drop(self.local.take());
    }

    /// Moves the foreign half behind this thread's half. The loop is at work from here on, and need not be notified.
    pub(crate) fn take_foreign(&self) {
        if !self.home.filled.load(Ordering::Relaxed) {
            return;
        }
        let mut inbox = self.home.inbox();
        inbox.blocking = false;
        self.home.filled.store(false, Ordering::Relaxed);
        self.local.borrow_mut().append(&mut inbox.tasks);
    }
}

impl Home {
    /// Queues a task, from any thread.
    pub(crate) fn push(task: Arc<dyn Entry>) {
        let Some(task) = push_local(task) else {
            return;
        };
        let home = Arc::clone(task.home());
        let mut inbox = home.inbox();
        if inbox.closed {
            return;
        }
        inbox.tasks.push_back(task);
        home.filled.store(true, Ordering::Relaxed);
        let blocking = mem::take(&mut inbox.blocking);
        drop(inbox);
        if blocking {
            home.notifier.notify();
        }
    }

    /// Nothing panics while it holds the lock, so there is no poison.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues a task without a lock, if the scheduler it belongs to is the one that runs on this thread. Returns it otherwise.
fn push_local(task: Arc<dyn Entry>) -> Option<Arc<dyn Entry>> {
    let mut task = Some(task);
    with_current(|core| {
        let ours = task.take_if(|task| Arc::ptr_eq(task.home(), core.ready.home()));
        core.ready.local.borrow_mut().extend(ours);
    });
    task
}
