//! Sources: registered descriptors, and who waits for them.
//!
//! For speed the selector is not asked again: it reports each change once, in both directions. One wait takes no allocation,
//! and the waker of a poll function is cloned only if it is not listed yet. A wait among many takes the same time, however
//! many there are. A report finds its source by an index. And a stream that is known to be empty is not read.
//!
//! Waiters are in `Cell`s, which take no borrow flag. They are taken out, looked at and put back, and no user code runs in
//! between: it would find no waiter.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::rc::Rc;
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
    static NEXT_ID: Cell<u64> = const { Cell::new(1) };
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
    /// Who waits. Mostly there is one at most.
    first: Cell<Option<Entry>>,
    /// Several tasks may wait.
    others: Cell<Option<Box<Others>>>,
    /// The number of the poll in which the last operation was deferred, if it was.
    pub(crate) deferred: Deferred,
    /// What an operation costs of the I/O budget.
    pub(crate) cost: u32,
    /// Whether the selector is to report what is there already.
    pub(crate) asks: Cell<bool>,
}

/// The id of a wait, and its waker.
type Entry = (u64, Waker);

#[derive(Default)]
struct Others {
    entries: Slab<Entry>,
    /// Those of poll functions are found by their waker, and so kept apart.
    polled: Vec<Entry>,
}

/// A `Cell<Option<u64>>` of half the size.
pub(crate) struct Deferred(Cell<u64>);

/// One wait. An event takes its entry out, or the drop of this.
pub(crate) struct Waiter<'a> {
    pub(crate) direction: &'a Direction,
    /// Zero, beside `POLLED`, until it is listed.
    id: Cell<u64>,
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
    #[inline]
    pub(crate) fn interest(&self) -> Event {
        Event::new(self.key, self.read.asks.get(), self.write.asks.get())
    }

    /// Moves the wakers of those who have waited for this event to `wakers`, for the caller to wake.
    #[inline]
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
    #[inline]
    pub(crate) fn was_short(&self) {
        self.empty.set(self.short_read_empties.get());
    }
}

impl Direction {
    fn new(cost: u32) -> Self {
        Self {
            first: Cell::new(None),
            others: Cell::new(None),
            deferred: Deferred(Cell::new(u64::MAX)),
            cost,
            asks: Cell::new(false),
        }
    }

    #[inline]
    pub(crate) fn waiter(&self) -> Waiter<'_> {
        self.waiter_with(0)
    }

    #[inline]
    fn waiter_with(&self, id: u64) -> Waiter<'_> {
        let (direction, id, slot) = (self, Cell::new(id), Cell::new(usize::MAX));
        Waiter { direction, id, slot }
    }

    /// The wait of a poll function that has this waker. If none is listed and `limit` or more others are, it gives these to
    /// `evict`.
    #[inline]
    pub(crate) fn polled_waiter(&self, waker: &Waker, limit: usize, evict: impl FnOnce(Vec<Entry>)) -> Waiter<'_> {
        let is_it = |(id, other): &&Entry| id & POLLED != 0 && other.will_wake(waker);
        let first = self.first.take();
        let mut id = first.as_ref().filter(is_it).map(|(id, _)| *id);
        self.first.set(first);
        if let Some(mut others) = self.others.take() {
            id = id.or_else(|| others.polled.iter().find(is_it).map(|(id, _)| *id));
            let full = id.is_none() && others.polled.len() >= limit;
            let evicted = if full {
                mem::take(&mut others.polled)
            } else {
                Vec::new()
            };
            self.others.set(Some(others));
            evict(evicted);
        }
        self.waiter_with(id.unwrap_or(POLLED))
    }

    #[inline]
    fn take_waiters(&self, wakers: &mut VecDeque<Waker>) {
        let first = self.first.take();
        match self.others.take() {
            Some(others) => others.take_waiters(first, wakers),
            None => {
                if let Some((_, waker)) = first {
                    wakers.push_back(waker);
                }
            }
        }
    }
}

impl Others {
    fn get_mut(&mut self, id: u64, slot: usize) -> Option<&mut Waker> {
        let is_it = |(other, _): &&mut Entry| *other == id;
        let entry = match id & POLLED {
            0 => self.entries.get_mut(slot).filter(is_it),
            _ => self.polled.iter_mut().find(is_it),
        };
        entry.map(|(_, waker)| waker)
    }

    #[cold]
    fn take_waiters(self, first: Option<Entry>, wakers: &mut VecDeque<Waker>) {
        let entries = self.entries.into_iter().map(|(_, entry)| entry);
        let mut all: Vec<_> = first.into_iter().chain(entries).chain(self.polled).collect();
        // Who waits longest is woken first.
        all.sort_unstable_by_key(|(id, _)| id & !POLLED);
        wakers.extend(all.into_iter().map(|(_, waker)| waker));
    }
}

impl Deferred {
    #[inline]
    pub(crate) fn take(&self) -> Option<u64> {
        Some(self.0.replace(u64::MAX)).filter(|poll| *poll != u64::MAX)
    }

    #[inline]
    pub(crate) fn set(&self, poll: Option<u64>) {
        self.0.set(poll.unwrap_or(u64::MAX));
    }
}

impl Waiter<'_> {
    #[inline]
    pub(crate) fn is_listed(&self) -> bool {
        self.look(|_| ()).is_some()
    }

    /// Only the latest waker counts: the future may have moved to another task.
    #[inline]
    pub(crate) fn list(&self, waker: &Waker) {
        if self.look(|listed| listed.will_wake(waker)) == Some(true) {
            return;
        }
        // The clone and, at the end, the drop of a waker may run user code: nothing is taken out meanwhile.
        let mut waker = waker.clone();
        if self.look(|listed| mem::swap(listed, &mut waker)).is_none() {
            self.insert(waker);
        }
    }

    /// Shows the waker of this wait to `f`, if it is listed.
    #[inline]
    fn look<R>(&self, f: impl FnOnce(&mut Waker) -> R) -> Option<R> {
        let id = self.id.get();
        if id & !POLLED == 0 {
            return None;
        }
        let mut first = self.direction.first.take();
        if let Some((_, waker)) = first.as_mut().filter(|(first, _)| *first == id) {
            let result = f(waker);
            self.direction.first.set(first);
            return Some(result);
        }
        self.direction.first.set(first);
        let mut others = self.direction.others.take()?;
        let result = others.get_mut(id, self.slot.get()).map(f);
        self.direction.others.set(Some(others));
        result
    }

    #[inline]
    fn insert(&self, waker: Waker) {
        // It keeps its id, and so its place, when it has to wait again.
        if self.id.get() & !POLLED == 0 {
            self.id.set(self.id.get() | NEXT_ID.replace(NEXT_ID.get() + 1));
        }
        let id = self.id.get();
        let first = self.direction.first.take();
        if first.is_none() {
            return self.direction.first.set(Some((id, waker)));
        }
        self.direction.first.set(first);
        let mut others = self.direction.others.take().unwrap_or_default();
        match id & POLLED {
            0 => self.slot.set(others.entries.insert((id, waker))),
            _ => others.polled.push((id, waker)),
        }
        self.direction.others.set(Some(others));
    }

    /// Takes the waker out, for the caller to drop.
    fn remove(&self) -> Option<Waker> {
        let first = self.direction.first.take();
        match first {
            Some((id, waker)) if id == self.id.get() => return Some(waker),
            first => self.direction.first.set(first),
        }
        let mut others = self.direction.others.take()?;
        let is_listed = others.get_mut(self.id.get(), self.slot.get()).is_some();
        let removed = is_listed.then(|| others.entries.remove(self.slot.get()));
        self.direction.others.set(Some(others));
        removed.map(|(_, waker)| waker)
    }
}

impl Drop for Waiter<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.id.get() != 0 {
            drop(self.remove());
        }
    }
}

/// The registered sources, by their keys: a table, in which the place of a source is the remainder of its key. Keys count up,
/// and so sources that are registered one after the other have places side by side.
pub(crate) struct Sources<K, V> {
    /// Empty, or a power of two in length, and as long as there are sources.
    table: Vec<Option<V>>,
    /// Those whose place belonged to an older source.
    others: BTreeMap<K, V>,
    len: usize,
}

impl Default for Sources<usize, Rc<Source>> {
    fn default() -> Self {
        let (table, others) = (Vec::new(), BTreeMap::new());
        Self { table, others, len: 0 }
    }
}

impl Sources<usize, Rc<Source>> {
    #[inline]
    fn place(&self, key: usize) -> usize {
        key & self.table.len().wrapping_sub(1)
    }

    #[inline]
    pub(crate) fn get(&self, key: &usize) -> Option<&Rc<Source>> {
        let place = self.table.get(self.place(*key))?.as_ref();
        place
            .filter(|source| source.key == *key)
            .or_else(|| self.others.get(key))
    }

    pub(crate) fn insert(&mut self, key: usize, source: Rc<Source>) {
        if self.len == self.table.len() {
            let length = (2 * self.len).max(4);
            let old = mem::take(self);
            self.table.resize_with(length, || None);
            for source in old.table.into_iter().flatten().chain(old.others.into_values()) {
                self.put(source.key, source);
            }
        }
        self.put(key, source);
    }

    fn put(&mut self, key: usize, source: Rc<Source>) {
        let place = self.place(key);
        self.len += 1;
        match &mut self.table[place] {
            Some(_) => drop(self.others.insert(key, source)),
            place => *place = Some(source),
        }
    }

    pub(crate) fn remove(&mut self, key: &usize) -> Option<Rc<Source>> {
        let place = self.place(*key);
        let removed = self.table.get_mut(place)?.take_if(|source| source.key == *key);
        let removed = removed.or_else(|| self.others.remove(key))?;
        self.len -= 1;
        Some(removed)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Rc<Source>> {
        self.table.iter().flatten().chain(self.others.values())
    }
}
