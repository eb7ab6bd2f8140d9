//! Sources: registered descriptors, who waits for them, and what is known of their readiness.
//!
//! For speed readiness is remembered: each change is reported once, and an operation that is known to block is not tried.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Waker;

use socket2::SockRef;

use crate::poller::{Event, reports_end};

/// What an operation costs of the I/O budget. A write costs more than a read, so that a reader can catch up with its writer.
const READ: u32 = 1;
const WRITE: u32 = 2;

thread_local! {
    /// The id of the next wait. One for all sources of the thread, so that an idle connection takes sixteen bytes less.
    static NEXT_ID: Cell<u64> = const { Cell::new(0) };
}

/// What the loop knows of a descriptor.
pub(crate) struct Source {
    pub(crate) key: usize,
    /// socket2's reference, because it is the same type on every system. The descriptor need not be a socket.
    pub(crate) io: SockRef<'static>,
    pub(crate) read: Direction,
    pub(crate) write: Direction,
    /// Whether a read that gives less than was asked for has emptied the source, so that another try is of no use. That is so
    /// for TCP only: a terminal gives a line at a time, and a Unix stream stops at descriptors that are sent along. It is not
    /// so when the stream has ended: the end was reported together with the data, and the next read has to find it.
    short_read_empties: Cell<bool>,
}

/// Reading or writing.
pub(crate) struct Direction {
    /// Who waits. Several tasks may, so each wait has an entry with an id.
    pub(crate) waiters: RefCell<Vec<(u64, Waker)>>,
    /// The number of the poll in which the last operation was deferred, or 0.
    pub(crate) deferred: Cell<u64>,
    /// What an operation costs of the I/O budget.
    pub(crate) cost: u32,
    /// Whether the next operation may succeed. Set at first, because nobody has tried; cleared by `WouldBlock`.
    pub(crate) ready: Cell<bool>,
}

/// One wait. An event takes its entry out, or the drop of this.
pub(crate) struct Waiter<'a> {
    pub(crate) direction: &'a Direction,
    pub(crate) id: u64,
}

impl Source {
    pub(crate) fn new(key: usize, io: SockRef<'static>) -> Self {
        let short_read_empties = Cell::new(reports_end(&*io));
        Self {
            key,
            io,
            read: Direction::new(READ),
            write: Direction::new(WRITE),
            short_read_empties,
        }
    }

    /// What to ask the selector for now: the directions with a waiter whose readiness is not known to be false.
    pub(crate) fn interest(&self) -> Event {
        let [read, write] = [&self.read, &self.write].map(|direction| {
            let awaited = !direction.waiters.borrow().is_empty();
            direction.ready.get() && awaited
        });
        Event::new(self.key, read, write)
    }

    /// Moves the wakers of those who have waited for this event to `wakers`, for the caller to wake.
    pub(crate) fn take_waiters(&self, event: Event, wakers: &mut VecDeque<Waker>) {
        if event.is_interrupt() {
            self.short_read_empties.set(false);
        }
        for (direction, reported) in [(&self.read, event.readable), (&self.write, event.writable)] {
            if reported {
                direction.ready.set(true);
                let mut waiters = direction.waiters.borrow_mut();
                // Mostly one of the two directions has none.
                if !waiters.is_empty() {
                    waiters.drain(..).for_each(|(_, waker)| wakers.push_back(waker));
                }
            }
        }
    }

    /// A read gave less than was asked for. What comes from here on is reported.
    pub(crate) fn was_short(&self) {
        if self.short_read_empties.get() {
            self.read.ready.set(false);
        }
    }
}

impl Direction {
    fn new(cost: u32) -> Self {
        Self {
            waiters: RefCell::default(),
            deferred: Cell::new(0),
            cost,
            ready: Cell::new(true),
        }
    }

    pub(crate) fn waiter(&self) -> Waiter<'_> {
        let id = NEXT_ID.replace(NEXT_ID.get() + 1);
        Waiter { direction: self, id }
    }
}

impl Waiter<'_> {
    pub(crate) fn is_listed(&self) -> bool {
        self.direction.waiters.borrow().iter().any(|(id, _)| *id == self.id)
    }

    /// Only the latest waker counts: the future may have moved to another task.
    pub(crate) fn list(&self, waker: Waker) {
        let mut waiters = self.direction.waiters.borrow_mut();
        if waiters.is_empty() {
            // Mostly there is no other, and an idle connection should not pay for four.
            waiters.reserve_exact(1);
        } else {
            drop(waiters);
            let _replaced = self.unlist();
            waiters = self.direction.waiters.borrow_mut();
        }
        waiters.push((self.id, waker));
    }

    fn unlist(&self) -> Option<Waker> {
        let mut waiters = self.direction.waiters.borrow_mut();
        let index = waiters.iter().position(|(id, _)| *id == self.id)?;
        Some(waiters.remove(index).1)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let _waker = self.unlist();
    }
}
