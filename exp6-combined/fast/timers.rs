//! The timer queue: which wakers to call, and when. It knows nothing of tasks.
//!
//! For speed it is a heap whose entries know their places. A table has for each sleep its waker, and where in the heap it
//! is; and a key knows its slot in the table. So a sleep that is dropped is found without a search and leaves nothing behind.
//! An entry of the heap is 16 bytes, so that a node and its children are few cache lines; a time in it is a count of
//! nanoseconds. This must not break the order: equal counts are told apart by the numbers of their keys.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::extra::clock;

/// How many children a node of the heap has. With four the heap is half as deep as with two.
const CHILDREN: usize = 4;

/// The number of the next key. One counter for all schedulers: a sleep that is dropped under another scheduler than its own
/// does not find, by accident, another sleep's key there.
static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The last look of this thread at the real clock. It is never later than that now.
    static SEEN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The clock that deadlines are compared with. A function, so that another clock can take its place here alone.
pub(crate) fn now() -> Instant {
    clock::virtual_now().unwrap_or_else(|| {
        let now = Instant::now();
        SEEN.set(Some(now));
        now
    })
}

/// Nanoseconds since the first key was made; negative for a deadline before that. They last for 292 years in both directions,
/// and what is further away counts as that.
pub(crate) type Ticks = i64;

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn ticks(instant: Instant) -> Ticks {
    let start = start();
    let count = |span: Duration| Ticks::try_from(span.as_nanos()).unwrap_or(Ticks::MAX);
    match instant.checked_duration_since(start) {
        Some(after) => count(after),
        None => -count(start - instant),
    }
}

pub(crate) fn instant(ticks: Ticks) -> Instant {
    let span = Duration::from_nanos(ticks.unsigned_abs());
    if ticks < 0 { start() - span } else { start() + span }
}

/// A deadline, a number that tells equal deadlines apart, and a slot in the table: that of this key only if the number there
/// is the same. It is atomic only because a sleep is `Sync`: who polls or drops a sleep has it alone.
#[derive(Debug)]
pub(crate) struct Key {
    deadline: Ticks,
    number: u64,
    slot: AtomicUsize,
}

impl Key {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self {
            deadline: ticks(deadline),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            slot: AtomicUsize::new(usize::MAX),
        }
    }

    /// A sleep that has been woken is due at the loop's last look, and takes no other. Virtual time may be earlier than that
    /// look, or later: it is not remembered, because schedulers of both kinds may run on one thread in turn.
    pub(crate) fn is_due(&self) -> bool {
        let by = |time| self.deadline <= ticks(time);
        clock::virtual_now().or(SEEN.get()).is_some_and(by) || by(now())
    }
}

/// The wakers of the sleeps.
#[derive(Default)]
pub(crate) struct Timers {
    pub(crate) queue: RefCell<Queue>,
}

#[derive(Default)]
pub(crate) struct Queue {
    /// No node is earlier than its parent. The parent of node `n` is `(n - 1) / CHILDREN`.
    pub(crate) heap: Vec<Node>,
    pub(crate) table: Slab<Entry>,
}

#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub(crate) deadline: Ticks,
    pub(crate) slot: usize,
}

pub(crate) struct Entry {
    pub(crate) waker: Waker,
    number: u64,
    /// Where in the heap its node is.
    place: usize,
}

impl Timers {
    /// Returns the waker that was there before. The caller drops it: the drop of a waker may run user code.
    pub(crate) fn insert(&self, key: &Key, waker: Waker) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        if let Some(slot) = queue.find(key) {
            return Some(mem::replace(&mut queue.table[slot].waker, waker));
        }
        key.slot.store(queue.insert(key, waker), Ordering::Relaxed);
        None
    }

    /// Returns the waker that was there, for the caller to drop.
    pub(crate) fn remove(&self, key: &Key) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        queue.find(key).map(|slot| queue.remove(slot))
    }

    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.queue.borrow().heap.first().map(|node| instant(node.deadline))
    }

    /// Wakes those whose deadline is not after `until`, in order.
    pub(crate) fn wake_until(&self, until: Instant) {
        let until = ticks(until);
        while let Some(waker) = self.pop(until) {
            waker.wake();
        }
    }

    fn pop(&self, until: Ticks) -> Option<Waker> {
        let mut queue = self.queue.borrow_mut();
        let slot = queue.heap.first().filter(|node| node.deadline <= until)?.slot;
        Some(queue.remove(slot))
    }
}

impl Drop for Timers {
    /// Wakes all who wait: nobody looks at the clock for them any more, and their next poll finds that out.
    fn drop(&mut self) {
        while let Some(waker) = self.pop(Ticks::MAX) {
            waker.wake();
        }
    }
}

impl Queue {
    /// The slot of a key, unless it has been taken out, or is another scheduler's: then the slot is free or another key's.
    fn find(&self, key: &Key) -> Option<usize> {
        let slot = key.slot.load(Ordering::Relaxed);
        self.table.get(slot).filter(|entry| entry.number == key.number)?;
        Some(slot)
    }

    fn insert(&mut self, key: &Key, waker: Waker) -> usize {
        let (deadline, number, place) = (key.deadline, key.number, self.heap.len());
        let slot = self.table.insert(Entry { waker, number, place });
        let node = Node { deadline, slot };
        self.heap.push(node);
        self.move_up(place, node);
        slot
    }

    /// The last node of the heap gets the place of the one that goes. It may have to go down from there, or up: it comes from
    /// another branch, and may be earlier than its new parent.
    fn remove(&mut self, slot: usize) -> Waker {
        let last = self.heap.pop().expect("what is in the table is in the heap");
        let place = self.table[slot].place;
        if place < self.heap.len() {
            let place = self.move_down(place, last);
            self.move_up(place, last);
        }
        self.table.remove(slot).waker
    }

    /// Moves later nodes down, from a free place on upwards, until `node` can be put into the free place.
    fn move_up(&mut self, mut place: usize, node: Node) {
        while let Some(below) = place.checked_sub(1)
            && self.is_before(node, self.heap[below / CHILDREN])
        {
            self.put(place, self.heap[below / CHILDREN]);
            place = below / CHILDREN;
        }
        self.put(place, node);
    }

    /// Moves earlier nodes up, from a free place on downwards, until `node` can be put into the free place, which it returns.
    fn move_down(&mut self, mut place: usize, node: Node) -> usize {
        while let Some(child) = self.first_child(place)
            && self.is_before(self.heap[child], node)
        {
            self.put(place, self.heap[child]);
            place = child;
        }
        place
    }

    /// The place of the earliest of a node's children.
    fn first_child(&self, place: usize) -> Option<usize> {
        let from = place * CHILDREN + 1;
        let children = from..self.heap.len().min(from + CHILDREN);
        children.reduce(|one, other| {
            let is_earlier = self.is_before(self.heap[other], self.heap[one]);
            if is_earlier { other } else { one }
        })
    }

    fn put(&mut self, place: usize, node: Node) {
        self.heap[place] = node;
        self.table[node.slot].place = place;
    }

    /// The numbers lie elsewhere, and are compared only if they have to be.
    fn is_before(&self, one: Node, other: Node) -> bool {
        let number = |node: Node| self.table[node.slot].number;
        one.deadline < other.deadline || one.deadline == other.deadline && number(one) < number(other)
    }
}
