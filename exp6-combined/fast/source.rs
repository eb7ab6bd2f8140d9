//! Sources: registered descriptors, and who waits for them.
//!
//! For speed the selector is not asked again: it reports each change once, in both directions. One wait takes no allocation. A
//! wait among many takes the same time, however many there are. And a stream that is known to be empty is not read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use slab::Slab;
use socket2::SockRef;

use crate::poller::{Event, reports_end};

/// What an operation costs of the I/O budget. A write costs more than a read, so that a reader can catch up with its writer.
const READ: u32 = 1;
const WRITE: u32 = 2;

/// The bit that tells the wait of a poll function from other waits.
const POLLED: u64 = 1 << 63;

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
    /// A short read has emptied the source. The next report clears this.
    pub(crate) empty: Cell<bool>,
}

/// Reading or writing.
pub(crate) struct Direction {
    waiters: RefCell<Waiters>,
    /// The number of the poll in which the last operation was deferred, if it was.
    pub(crate) deferred: Cell<Option<u64>>,
    /// What an operation costs of the I/O budget.
    pub(crate) cost: u32,
    /// Whether the selector is to report what is there already.
    pub(crate) asks: Cell<bool>,
}

/// Who waits. Several tasks may, so each wait has an entry with an id.
#[derive(Default)]
struct Waiters {
    /// Mostly there is one at most.
    first: Option<(u64, Waker)>,
    others: Option<Box<Others>>,
}

#[derive(Default)]
struct Others {
    entries: Slab<(u64, Waker)>,
    /// Those of poll functions are found by their waker, and so kept apart.
    polled: Vec<(u64, Waker)>,
}

/// One wait. An event takes its entry out, or the drop of this.
pub(crate) struct Waiter<'a> {
    pub(crate) direction: &'a Direction,
    id: u64,
    /// Where in `Others::entries` it is, if it is there.
    slot: Cell<usize>,
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
            empty: Cell::new(false),
        }
    }

    /// What to ask the selector for now. Changes are reported in any case.
    pub(crate) fn interest(&self) -> Event {
        Event::new(self.key, self.read.asks.get(), self.write.asks.get())
    }

    /// Moves the wakers of those who have waited for this event to `wakers`, for the caller to wake.
    pub(crate) fn take_waiters(&self, event: Event, wakers: &mut VecDeque<Waker>) {
        if event.is_interrupt() {
            self.short_read_empties.set(false);
        }
        if event.readable {
            self.empty.set(false);
            self.read.take_waiters(wakers);
        }
        if event.writable {
            self.write.take_waiters(wakers);
        }
    }

    /// A read gave less than was asked for. What comes from here on is reported.
    pub(crate) fn was_short(&self) {
        self.empty.set(self.short_read_empties.get());
    }
}

impl Direction {
    fn new(cost: u32) -> Self {
        Self {
            waiters: RefCell::default(),
            deferred: Cell::new(None),
            cost,
            asks: Cell::new(false),
        }
    }

    pub(crate) fn waiter(&self) -> Waiter<'_> {
        self.waiter_with(NEXT_ID.replace(NEXT_ID.get() + 1))
    }

    fn waiter_with(&self, id: u64) -> Waiter<'_> {
        let (direction, slot) = (self, Cell::new(usize::MAX));
        Waiter { direction, id, slot }
    }

    /// The wait of a poll function that has this waker, if there is one.
    pub(crate) fn find_polled(&self, waker: &Waker) -> Option<Waiter<'_>> {
        let waiters = self.waiters.borrow();
        let polled = waiters.others.iter().flat_map(|others| &others.polled);
        let mut entries = waiters.first.iter().filter(|(id, _)| id & POLLED != 0).chain(polled);
        let entry = entries.find(|(_, other)| other.will_wake(waker));
        entry.map(|(id, _)| self.waiter_with(*id))
    }

    /// A new wait of a poll function.
    pub(crate) fn polled_waiter(&self) -> Waiter<'_> {
        self.waiter_with(NEXT_ID.replace(NEXT_ID.get() + 1) | POLLED)
    }

    /// Takes out the wakers of all waits of poll functions, if there are `limit` or more.
    pub(crate) fn take_polled(&self, limit: usize) -> Vec<(u64, Waker)> {
        let mut waiters = self.waiters.borrow_mut();
        let others = waiters.others.as_mut().filter(|others| others.polled.len() >= limit);
        others.map_or_else(Vec::new, |others| mem::take(&mut others.polled))
    }

    fn take_waiters(&self, wakers: &mut VecDeque<Waker>) {
        let Waiters { first, others } = mem::take(&mut *self.waiters.borrow_mut());
        let Some(others) = others else {
            return wakers.extend(first.map(|(_, waker)| waker));
        };
        let entries = others.entries.into_iter().map(|(_, entry)| entry);
        let mut all: Vec<_> = first.into_iter().chain(entries).chain(others.polled).collect();
        // Who waits longest is woken first.
        all.sort_unstable_by_key(|(id, _)| id & !POLLED);
        wakers.extend(all.into_iter().map(|(_, waker)| waker));
    }
}

impl Waiters {
    /// The waker of this wait, if it is listed.
    fn get_mut(&mut self, waiter: &Waiter<'_>) -> Option<&mut Waker> {
        let is_it = |(id, _): &&mut (u64, Waker)| *id == waiter.id;
        let entry = self.first.as_mut().filter(is_it).or_else(|| {
            let others = self.others.as_mut()?;
            match waiter.id & POLLED {
                0 => others.entries.get_mut(waiter.slot.get()).filter(is_it),
                _ => others.polled.iter_mut().find(is_it),
            }
        });
        entry.map(|(_, waker)| waker)
    }

    fn insert(&mut self, waiter: &Waiter<'_>, waker: Waker) {
        let entry = (waiter.id, waker);
        if self.first.is_none() {
            self.first = Some(entry);
            return;
        }
        let others = self.others.get_or_insert_default();
        match waiter.id & POLLED {
            0 => waiter.slot.set(others.entries.insert(entry)),
            _ => others.polled.push(entry),
        }
    }
}

impl Waiter<'_> {
    pub(crate) fn is_listed(&self) -> bool {
        self.direction.waiters.borrow_mut().get_mut(self).is_some()
    }

    /// Only the latest waker counts: the future may have moved to another task.
    pub(crate) fn list(&self, waker: Waker) {
        let mut waiters = self.direction.waiters.borrow_mut();
        let _replaced = match waiters.get_mut(self) {
            Some(listed) => Some(mem::replace(listed, waker)),
            None => {
                waiters.insert(self, waker);
                None
            }
        };
        drop(waiters);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiters = self.direction.waiters.borrow_mut();
        let _removed = if waiters.first.as_ref().is_some_and(|(id, _)| *id == self.id) {
            waiters.first.take()
        } else if waiters.get_mut(self).is_some() {
            waiters
                .others
                .as_mut()
                .map(|others| others.entries.remove(self.slot.get()))
        } else {
            None
        };
        drop(waiters);
    }
}
