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
    fn link(&self) -> &Link;
    fn poll(self: Arc<Self>, core: &Core);
}

/// What an entry needs for that.
pub(crate) struct Link {
    /// Whether it is queued in this thread's half: a task woken twice is polled once. Only the loop's thread reads and
    /// writes it, which takes no locked instruction; atomic because wakers are `Sync`.
    scheduled: AtomicBool,
    /// Whether it is queued in the foreign half.
    abroad: AtomicBool,
    home: Arc<Home>,
}

impl Link {
    pub(crate) fn new(home: &Arc<Home>) -> Self {
        Self {
            scheduled: AtomicBool::new(false),
            abroad: AtomicBool::new(false),
            home: Arc::clone(home),
        }
    }

    /// To be called before the poll, or a wake during it would be lost.
    pub(crate) fn clear(&self) {
        self.scheduled.store(false, Ordering::Relaxed);
    }

    /// Has every later wake do nothing.
    pub(crate) fn close(&self) {
        self.scheduled.store(true, Ordering::Relaxed);
        self.abroad.store(true, Ordering::Relaxed);
    }

    /// Returns whether it was queued in this thread's half.
    fn schedule(&self) -> bool {
        let before = self.scheduled.load(Ordering::Relaxed);
        self.scheduled.store(true, Ordering::Relaxed);
        before
    }
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
        // Before the poll, too, and by a swap: after a store the poll could read the event as it was before the flag is
        // seen to be clear.
        inbox.tasks.retain(|task| {
            task.link().abroad.swap(false, Ordering::AcqRel);
            !task.link().schedule()
        });
        self.local.borrow_mut().append(&mut inbox.tasks);
    }
}

impl Home {
    /// Queues a task, from any thread, unless it is queued already.
    pub(crate) fn push(task: Arc<dyn Entry>) {
        let Some(task) = push_local(task) else {
            return;
        };
        let link = task.link();
        if link.abroad.swap(true, Ordering::AcqRel) {
            return;
        }
        let home = Arc::clone(&link.home);
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
        let ours = task.take_if(|task| Arc::ptr_eq(&task.link().home, core.ready.home()));
        if let Some(task) = ours.filter(|task| !task.link().schedule()) {
            core.ready.local.borrow_mut().push_back(task);
        }
    });
    task
}
