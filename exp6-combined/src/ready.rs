//! The ready queue: first in, first out. It has two sides, the loop's and the wakers'.
//!
//! It has two halves as well. Most wakes come from the loop's own thread, and need no lock; the others go through the
//! foreign half, which the loop empties at the top of each turn.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use crate::scheduler::with_current;
use crate::wait::Notifier;

/// What an entry that came by the foreign half has beside the task's id.
const FOREIGN: u64 = 1 << 63;

/// No such entry stands for the task.
const ABSENT: u8 = 0;
/// One does, and the task is to be polled for it.
const WOKEN: u8 = 1;
/// One does, but the task has been polled since, for its entry in this thread's half.
const SERVED: u8 = 2;

/// The loop's side.
pub(crate) struct Ready {
    /// This thread's half: the ids of the tasks to poll.
    local: RefCell<VecDeque<u64>>,
    home: Arc<Home>,
}

/// The wakers' side, on whatever thread they are.
pub(crate) struct Home {
    /// The foreign half.
    inbox: Mutex<Inbox>,
    /// Whether a look into the inbox is due, for a task or for the mark `blocking`. A hint that spares the loop the lock, no
    /// more: before it blocks, it looks.
    filled: AtomicBool,
    /// To be told when the loop's wait has to end.
    notifier: Notifier,
}

#[derive(Default)]
struct Inbox {
    /// The ids of the tasks to poll. No more than that: wakers are `Send + Sync`, and most futures are not.
    tasks: VecDeque<u64>,
    /// The loop blocks, or is about to: whoever queues a task next has to notify.
    blocking: bool,
}

/// A task's way into the queue, for its wakers.
pub(crate) struct Link {
    pub(crate) id: u64,
    /// Whether the task is queued: one that is woken twice is polled once. For wakes on the loop's thread, and only there
    /// read and written, which takes no locked instruction; atomic because wakers are `Sync`.
    scheduled: AtomicBool,
    /// The same for wakes on other threads: `ABSENT`, `WOKEN` or `SERVED`.
    abroad: AtomicU8,
    home: Arc<Home>,
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
    pub(crate) fn pop(&self) -> Option<u64> {
        self.local.borrow_mut().pop_front()
    }

    /// Takes out what has ended, and lets it be queued no more.
    pub(crate) fn remove(&self, link: &Link) {
        let scheduled = link.scheduled.load(Ordering::Relaxed);
        link.scheduled.store(true, Ordering::Relaxed);
        if link.abroad.swap(WOKEN, Ordering::AcqRel) != ABSENT || scheduled {
            self.take_foreign();
            self.local.borrow_mut().retain(|entry| entry & !FOREIGN != link.id);
        }
    }

    /// Whether the loop may block. This is the second look, and it is taken under the lock: a task that is queued before
    /// it is seen, and one that is queued after it finds `blocking` set, and notifies.
    pub(crate) fn is_idle(&self) -> bool {
        if !self.local.borrow().is_empty() {
            return false;
        }
        let mut inbox = self.home.inbox();
        inbox.blocking = inbox.tasks.is_empty();
        // Also if no task comes: `take_foreign` has to take the mark away.
        self.home.filled.store(true, Ordering::Relaxed);
        inbox.blocking
    }

    /// Moves the foreign half behind this thread's half. The loop is at work from here on, and need not be notified.
    pub(crate) fn take_foreign(&self) {
        if !self.home.filled.load(Ordering::Relaxed) {
            return;
        }
        let mut inbox = self.home.inbox();
        inbox.blocking = false;
        self.home.filled.store(false, Ordering::Relaxed);
        if !inbox.tasks.is_empty() {
            self.local.borrow_mut().append(&mut inbox.tasks);
        }
    }
}

impl Home {
    fn push(&self, id: u64) {
        let mut inbox = self.inbox();
        inbox.tasks.push_back(id | FOREIGN);
        self.filled.store(true, Ordering::Relaxed);
        let blocking = mem::take(&mut inbox.blocking);
        drop(inbox);
        if blocking {
            self.notifier.notify();
        }
    }

    /// Nothing panics while it holds the lock, so there is no poison.
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    pub(crate) fn new(id: u64, home: &Arc<Home>) -> Self {
        Self {
            id: id & !FOREIGN,
            scheduled: AtomicBool::new(false),
            abroad: AtomicU8::new(ABSENT),
            home: Arc::clone(home),
        }
    }

    /// Queues the task, from any thread, and never polls it: the caller may hold a lock that the task wants.
    #[inline]
    pub(crate) fn schedule(&self) {
        let ours = with_current(|core| {
            let ours = Arc::ptr_eq(&self.home, core.ready.home());
            if ours && !self.scheduled.load(Ordering::Relaxed) {
                self.scheduled.store(true, Ordering::Relaxed);
                core.ready.local.borrow_mut().push_back(self.id);
            }
            ours
        });
        if ours != Some(true) && self.abroad.swap(WOKEN, Ordering::AcqRel) == ABSENT {
            self.home.push(self.id);
        }
    }

    /// To be called before the poll, or a wake during it would be lost. The foreign flag is changed by a swap, because after
    /// a store the poll could read the event as it was before the change is seen. Returns whether the entry is the task's,
    /// and due: of two entries of one task, it is polled by this thread's.
    #[inline]
    pub(crate) fn clear(&self, entry: u64) -> bool {
        if entry == self.id {
            self.scheduled.store(false, Ordering::Relaxed);
            // The other entry stays queued, and so its flag stays: cleared, it would let the next wake queue one more.
            if self.abroad.load(Ordering::Relaxed) == WOKEN {
                self.abroad.swap(SERVED, Ordering::AcqRel);
            }
            return true;
        }
        entry == self.id | FOREIGN
            && self.abroad.swap(ABSENT, Ordering::AcqRel) == WOKEN
            && !self.scheduled.load(Ordering::Relaxed)
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
