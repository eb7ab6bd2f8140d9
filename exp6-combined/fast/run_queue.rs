//! The run queue: first in, first out.
//!
//! For speed it has two halves. Most wakes come from the scheduler's own thread: those use the local queue, and take neither
//! a lock nor an atomic read-modify-write. Wakes from other threads use the remote queue, behind a mutex; the loop moves them
//! behind the local ones. A local wake never calls `unpark` (invariant 3): the loop is not parked then, and looks again.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::mem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::park::Unparker;

/// The bit that tells an id from the remote queue from one that was local from the start.
pub(crate) const REMOTE: u64 = 1 << 63;

static NEXT_THREAD: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// A number that no other thread ever has. To read it takes less time than `thread::current`.
    static THREAD: u64 = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
}

pub(crate) struct RunQueue {
    /// The scheduler's thread.
    owner: u64,
    local: UnsafeCell<VecDeque<u64>>,
    remote: Mutex<Remote>,
    /// Whether the loop has to look at the remote queue: for an id, or to clear `parks`. Only a hint, which spares the loop
    /// the lock at each poll: before the loop parks, it looks in any case.
    look: AtomicBool,
    unparker: Unparker,
}

#[derive(Default)]
struct Remote {
    ids: VecDeque<u64>,
    /// The loop parks, or is about to. The next push unparks it.
    parks: bool,
}

// SAFETY: all fields but `local` are `Sync`. `local` is reached through the function of that name alone, which is called on
// the owner's thread alone. The last reference may be dropped on another thread; that only frees numbers.
unsafe impl Sync for RunQueue {}

impl RunQueue {
    /// To be called on the scheduler's thread.
    pub(crate) fn new(unparker: Unparker) -> Self {
        Self {
            owner: THREAD.with(|thread| *thread),
            local: UnsafeCell::default(),
            remote: Mutex::default(),
            look: AtomicBool::new(false),
            unparker,
        }
    }

    /// Whether this is the scheduler's thread.
    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        THREAD.with(|thread| *thread) == self.owner
    }

    #[inline]
    fn local<R>(&self, f: impl FnOnce(&mut VecDeque<u64>) -> R) -> R {
        debug_assert!(self.is_local());
        // SAFETY: only the owner's thread comes here. `pop`, `push` and `remove` are the loop's, `Core` has the loop, and
        // `Core` is not `Send`; `TaskWaker::schedule` asks `is_local` first. So nobody else has a reference; and `f` only
        // calls methods of the queue, so it does not come here again.
        f(unsafe { &mut *self.local.get() })
    }

    /// Takes the id that has waited longest. After `None` the loop may park: the next push unparks it.
    #[inline]
    pub(crate) fn pop(&self) -> Option<u64> {
        if self.look.load(Ordering::Relaxed) {
            self.take_remote();
        }
        self.local(VecDeque::pop_front).or_else(|| self.pop_or_park())
    }

    /// The second look, under the lock: an id that was pushed before it is seen, and a push after it finds `parks`.
    #[cold]
    fn pop_or_park(&self) -> Option<u64> {
        let mut remote = self.remote.lock().unwrap();
        self.append(&mut remote.ids);
        let id = self.local(VecDeque::pop_front);
        remote.parks = id.is_none();
        // So that the next `pop` clears `parks`, even if no id comes.
        self.look.store(remote.parks, Ordering::Relaxed);
        id
    }

    /// Moves the remote ids behind the local ones.
    #[cold]
    fn take_remote(&self) {
        let mut remote = self.remote.lock().unwrap();
        remote.parks = false;
        self.look.store(false, Ordering::Relaxed);
        self.append(&mut remote.ids);
    }

    fn append(&self, ids: &mut VecDeque<u64>) {
        // Mostly there is none: the loop looks for `parks` as well.
        if !ids.is_empty() {
            self.local(|local| local.append(ids));
        }
    }

    /// Puts an id at the back. To be called on the scheduler's thread, where the loop cannot be parked.
    #[inline]
    pub(crate) fn push(&self, id: u64) {
        self.local(|local| local.push_back(id));
    }

    /// Puts an id at the back, from any thread. Unparks the loop only if it parks, or is about to.
    #[cold]
    pub(crate) fn push_remote(&self, id: u64) {
        let mut remote = self.remote.lock().unwrap();
        remote.ids.push_back(id | REMOTE);
        self.look.store(true, Ordering::Relaxed);
        let parks = mem::take(&mut remote.parks);
        drop(remote);
        if parks {
            self.unparker.unpark();
        }
    }

    /// Takes an id out. Looks from the back, where an id that was pushed last is found at once.
    pub(crate) fn remove(&self, id: u64) {
        self.take_remote();
        self.local(|local| {
            let index = local.iter().rposition(|queued| *queued == id);
            index.map(|index| local.remove(index));
        });
    }
}
