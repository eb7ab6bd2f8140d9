//! Sources: registered descriptors, and who waits for them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::task::Waker;

use socket2::SockRef;

use crate::poller::Event;

/// The table of registered sources, by key. An alias, because exp6's `fast/` has another table under this name.
pub(crate) use std::collections::BTreeMap as Sources;

/// What the loop knows of a descriptor.
pub(crate) struct Source {
    pub(crate) key: usize,
    /// socket2's reference, because it is the same type on every system. The descriptor need not be a socket.
    pub(crate) io: SockRef<'static>,
    pub(crate) read: Direction,
    pub(crate) write: Direction,
}

/// Reading or writing.
#[derive(Default)]
pub(crate) struct Direction {
    /// Who waits. Several tasks may, so each wait has an entry under an id of its own.
    pub(crate) waiters: RefCell<BTreeMap<u64, Waker>>,
    next_id: Cell<u64>,
    /// The number of the poll in which the last operation was deferred, if it was.
    pub(crate) deferred: Cell<Option<u64>>,
}

/// One wait. An event takes its entry out, or the drop of this.
pub(crate) struct Waiter<'a> {
    pub(crate) direction: &'a Direction,
    pub(crate) id: u64,
}

impl Source {
    pub(crate) fn new(key: usize, io: SockRef<'static>) -> Self {
        let (read, write) = Default::default();
        Self { key, io, read, write }
    }

    /// What to report next: the directions for which somebody waits.
    pub(crate) fn interest(&self) -> Event {
        let [read, write] = [&self.read, &self.write].map(|direction| !direction.waiters.borrow().is_empty());
        Event::new(self.key, read, write)
    }

    /// Moves the wakers of those who have waited for this event to `wakers`, for the caller to wake.
    pub(crate) fn take_waiters(&self, event: Event, wakers: &mut VecDeque<Waker>) {
        for (direction, reported) in [(&self.read, event.readable), (&self.write, event.writable)] {
            if reported {
                wakers.extend(mem::take(&mut *direction.waiters.borrow_mut()).into_values());
            }
        }
    }
}

impl Direction {
    pub(crate) fn waiter(&self) -> Waiter<'_> {
        let id = self.next_id.replace(self.next_id.get() + 1);
        Waiter { direction: self, id }
    }
}

impl Waiter<'_> {
    pub(crate) fn is_listed(&self) -> bool {
        self.direction.waiters.borrow().contains_key(&self.id)
    }

    /// Only the latest waker counts: the future may have moved to another task.
    pub(crate) fn list(&self, waker: Waker) {
        // Dropped when nothing is borrowed: the drop of a waker may run user code.
        let _replaced = self.direction.waiters.borrow_mut().insert(self.id, waker);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let _waker = self.direction.waiters.borrow_mut().remove(&self.id);
    }
}
