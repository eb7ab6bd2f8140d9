//! Sources: registered descriptors, and who waits for them.
//!
//! For speed the selector is not asked again: it reports each change once, in both directions. One wait takes no allocation,
//! and the waker of a poll function is cloned only if it is not listed yet. A report finds its source without a tree. And a
//! stream that is known to be empty is not read.
//!
//! Waiters are in `Cell`s, which take no borrow flag. They are taken out, looked at and put back, and no user code runs in
//! between: it would find no waiter.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::task::Waker;

use rustix::net::ipproto;
use rustix::net::sockopt::socket_protocol;
use socket2::SockRef;

use crate::poller::Event;

/// The registered sources, by key.
pub(crate) type Sources<K, V> = HashMap<K, V, BuildHasherDefault<KeyHasher>>;

/// A key is its own hash. Keys count up, so sources that are registered one after the other have places side by side.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write_usize(&mut self, key: usize) {
        self.0 = key as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is a `usize`")
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

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
    /// for TCP only, where the end is reported by a flag of its own: a terminal gives a line at a time, and a Unix stream stops
    /// at descriptors that are sent along. It is not so when the stream has ended: the end was reported together with the
    /// data, and the next read has to find it.
    pub(crate) short_read_empties: Cell<bool>,
    /// A short read has emptied the source. The next report clears this.
    pub(crate) empty: Cell<bool>,
}

/// Reading or writing.
#[derive(Default)]
pub(crate) struct Direction {
    waiters: Cell<Waiters>,
    /// The number of the poll in which the last operation was deferred, if it was.
    pub(crate) deferred: Deferred,
    /// Whether the selector is to report what is there already.
    pub(crate) asks: Cell<bool>,
}

/// Who waits. Mostly there is one at most, and that takes no allocation.
pub(crate) enum Waiters {
    One(u64, Waker),
    /// Several tasks may wait. Those in poll functions come last: `POLLED` is the highest bit.
    Many(Option<Box<Entries>>),
}

/// The wakers, by the ids of the waits.
pub(crate) type Entries = BTreeMap<u64, Waker>;

/// A `Cell<Option<u64>>` of half the size. Zero is `None`: the first poll has the number one.
#[derive(Default)]
pub(crate) struct Deferred(Cell<u64>);

/// One wait. An event takes its entry out, or the drop of this.
pub(crate) struct Waiter<'a> {
    pub(crate) direction: &'a Direction,
    /// Zero, beside `POLLED`, until it is listed.
    id: Cell<u64>,
}

impl Source {
    pub(crate) fn new(key: usize, io: SockRef<'static>) -> Self {
        let short_read_empties = Cell::new(socket_protocol(&*io) == Ok(Some(ipproto::TCP)));
        let empty = Cell::new(false);
        let (read, write) = Default::default();
        Self {
            key,
            io,
            read,
            write,
            short_read_empties,
            empty,
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
}

impl Direction {
    #[inline]
    pub(crate) fn waiter(&self) -> Waiter<'_> {
        let (direction, id) = (self, Cell::new(0));
        Waiter { direction, id }
    }

    /// The wait of a poll function that has this waker. If none is listed and `limit` or more others are, it gives these to
    /// `evict`.
    #[inline]
    pub(crate) fn polled_waiter(&self, waker: &Waker, limit: usize, evict: impl FnOnce(Entries)) -> Waiter<'_> {
        let (direction, listed) = (self, self.look(|waiters| waiters.find_polled(waker)));
        let evicted = self.look(|waiters| match waiters {
            Waiters::Many(Some(many)) if listed.is_none() && many.range(POLLED..).count() >= limit => {
                Some(many.split_off(&POLLED))
            }
            _ => None,
        });
        evicted.map(evict);
        let id = Cell::new(listed.unwrap_or(POLLED));
        Waiter { direction, id }
    }

    #[inline]
    fn take_waiters(&self, wakers: &mut VecDeque<Waker>) {
        match self.waiters.take() {
            Waiters::One(_, waker) => wakers.push_back(waker),
            Waiters::Many(None) => {}
            Waiters::Many(Some(many)) => {
                // Who waits longest is woken first.
                let by_age = many.into_iter().map(|(id, waker)| (id & !POLLED, waker));
                wakers.extend(BTreeMap::from_iter(by_age).into_values());
            }
        }
    }

    #[inline]
    fn insert(&self, id: u64, waker: Waker) {
        self.waiters.set(match self.waiters.take() {
            Waiters::Many(None) => Waiters::One(id, waker),
            Waiters::One(one, first) => Waiters::Many(Some(Box::new(BTreeMap::from([(one, first), (id, waker)])))),
            Waiters::Many(Some(mut many)) => {
                many.insert(id, waker);
                Waiters::Many(Some(many))
            }
        });
    }

    /// Takes the waker out, for the caller to drop.
    #[inline]
    fn remove(&self, id: u64) -> Option<Waker> {
        match self.waiters.take() {
            Waiters::One(one, waker) if one == id => return Some(waker),
            waiters => self.waiters.set(waiters),
        }
        self.look(|waiters| match waiters {
            Waiters::Many(Some(many)) => many.remove(&id),
            _ => None,
        })
    }

    /// Shows the waiters to `f`, which must not run user code.
    #[inline]
    pub(crate) fn look<R>(&self, f: impl FnOnce(&mut Waiters) -> R) -> R {
        let mut waiters = self.waiters.take();
        let result = f(&mut waiters);
        // Nobody has been put there meanwhile, so there is nothing to drop.
        mem::forget(self.waiters.replace(waiters));
        result
    }
}

impl Default for Waiters {
    fn default() -> Self {
        Self::Many(None)
    }
}

impl Waiters {
    #[inline]
    fn get(&self, id: u64) -> Option<&Waker> {
        match self {
            Self::One(one, waker) => (*one == id).then_some(waker),
            Self::Many(many) => many.as_ref()?.get(&id),
        }
    }

    #[inline]
    fn find_polled(&self, waker: &Waker) -> Option<u64> {
        match self {
            Self::One(id, one) => (id & POLLED != 0 && one.will_wake(waker)).then_some(*id),
            Self::Many(many) => {
                let mut polled = many.as_ref()?.range(POLLED..);
                polled.find(|(_, other)| other.will_wake(waker)).map(|(id, _)| *id)
            }
        }
    }
}

impl Deferred {
    #[inline]
    pub(crate) fn take(&self) -> Option<u64> {
        Some(self.0.take()).filter(|poll| *poll != 0)
    }

    #[inline]
    pub(crate) fn set(&self, poll: Option<u64>) {
        self.0.set(poll.unwrap_or(0));
    }
}

impl Waiter<'_> {
    #[inline]
    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed_with(|_| true)
    }

    /// Only the latest waker counts: the future may have moved to another task.
    #[inline]
    pub(crate) fn list(&self, waker: &Waker) {
        if self.is_listed_with(|listed| listed.will_wake(waker)) {
            return;
        }
        // The clone and, at the end, the drop of a waker may run user code: nothing is taken out meanwhile.
        let waker = waker.clone();
        let _replaced = (!self.is_new()).then(|| self.direction.remove(self.id.get()));
        // It keeps its id, and so its place, when it has to wait again.
        if self.is_new() {
            self.id.set(self.id.get() | NEXT_ID.replace(NEXT_ID.get() + 1));
        }
        self.direction.insert(self.id.get(), waker);
    }

    #[inline]
    fn is_new(&self) -> bool {
        self.id.get() & !POLLED == 0
    }

    #[inline]
    fn is_listed_with(&self, test: impl FnOnce(&Waker) -> bool) -> bool {
        let is_it = |waiters: &mut Waiters| waiters.get(self.id.get()).is_some_and(test);
        !self.is_new() && self.direction.look(is_it)
    }
}

impl Drop for Waiter<'_> {
    #[inline]
    fn drop(&mut self) {
        drop(self.direction.remove(self.id.get()));
    }
}
