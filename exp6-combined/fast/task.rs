//! A task: one allocation that the table, the task's wakers and its handle share.
//!
//! For speed. Wakers may be on any thread, and so may the allocation; the future and the result may not. So only the loop
//! touches the future, and drops it in place before the last `Arc` can be dropped on another thread. The result and the `Cell`s
//! belong to the loop and the handle, which are on one thread. Other threads touch `waker` alone.
//!
//! Two invariants of `scheduler.rs` are wider here. An id may be in the run queue twice (2), local and remote, and one of the
//! two is polled. And the future is polled and dropped under the borrow of `state` (4), for which nobody else waits.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell, RefMut};
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use crate::join_error::JoinError;
use crate::run_queue::{REMOTE, RunQueue};

/// The generation of the next task. An id in the run queue is, from the highest bit down: `REMOTE`, 31 bits of generation, 32
/// bits of slot. Slots are used again: a late id finds another generation in its slot, and no task is polled for it. A
/// generation comes again after 2,147,483,648 tasks.
static NEXT_GENERATION: AtomicU64 = AtomicU64::new(0);

/// Stands for "no slot": `block_on`'s future is in no table.
const NO_SLOT: u32 = u32::MAX;

/// The task has no remote id in the run queue.
const ABSENT: u8 = 0;
/// It has one, and a wake has not been served.
const WOKEN: u8 = 1;
/// It has one, but a poll since then, for the local id, has served the wake.
const SERVED: u8 = 2;

/// Puts a task's id into the run queue.
pub(crate) struct TaskWaker {
    /// The generation, and no slot. It stands for what is in the run queue but in no table.
    pub(crate) id: u64,
    /// Set once, before the first wake.
    slot: AtomicU32,
    /// Whether the id is in the local queue. Read and written on the scheduler's thread only, which takes no atomic
    /// read-modify-write; atomic because wakers are `Sync`.
    queued: AtomicBool,
    /// The same for the remote queue: `ABSENT`, `WOKEN` or `SERVED`.
    remote: AtomicU8,
    run_queue: Arc<RunQueue>,
}

impl TaskWaker {
    /// Begins as queued, as if it had just been woken: the caller pushes the id, or polls at once.
    pub(crate) fn new(run_queue: &Arc<RunQueue>) -> Arc<Self> {
        Arc::new(Self::unshared(run_queue))
    }

    fn unshared(run_queue: &Arc<RunQueue>) -> Self {
        let generation = NEXT_GENERATION.fetch_add(1, Ordering::Relaxed);
        Self {
            id: (generation << 32 | u64::from(NO_SLOT)) & !REMOTE,
            slot: AtomicU32::new(NO_SLOT),
            queued: AtomicBool::new(true),
            remote: AtomicU8::new(ABSENT),
            run_queue: Arc::clone(run_queue),
        }
    }

    /// What is in the run queue for the task.
    #[inline]
    fn queue_id(&self) -> u64 {
        self.id & !u64::from(NO_SLOT) | u64::from(self.slot.load(Ordering::Relaxed))
    }

    /// Returns whether `id` is this one and was queued. If so, it counts as not queued from here on. To be called before the
    /// poll: a wake between the poll and a later call would be lost. The remote flag is swapped, because a swap sees what the
    /// waking thread wrote before the wake; after a store, the poll could miss that. Of a task that is in both queues, the
    /// local id is polled, and the remote one is not.
    #[inline]
    pub(crate) fn clear(&self, id: u64) -> bool {
        if id == self.queue_id() {
            let was_queued = self.queued.load(Ordering::Relaxed);
            self.queued.store(false, Ordering::Relaxed);
            // The remote id stays queued, and so its flag stays set: otherwise the next wake would queue a second one.
            if self.remote.load(Ordering::Relaxed) == WOKEN {
                self.remote.swap(SERVED, Ordering::AcqRel);
            }
            return was_queued;
        }
        id == self.queue_id() | REMOTE
            && self.remote.swap(ABSENT, Ordering::AcqRel) == WOKEN
            && !self.queued.load(Ordering::Relaxed)
    }

    /// Queues the task, and never polls it: the caller may hold a lock that the task needs.
    #[inline]
    pub(crate) fn schedule(&self) {
        if self.run_queue.is_local() {
            if !self.queued.load(Ordering::Relaxed) {
                self.queued.store(true, Ordering::Relaxed);
                self.run_queue.push(self.queue_id());
            }
        } else if self.remote.swap(WOKEN, Ordering::AcqRel) == ABSENT {
            self.run_queue.push_remote(self.queue_id());
        }
    }

    /// Takes the id out of the run queue, where it may be twice: local and remote. It counts as queued from here on, so that
    /// later wakes push nothing.
    pub(crate) fn unschedule(&self) {
        if self.queued.load(Ordering::Relaxed) {
            self.run_queue.remove(self.id);
        }
        self.queued.store(true, Ordering::Relaxed);
        if self.remote.swap(WOKEN, Ordering::AcqRel) != ABSENT {
            self.run_queue.remove(self.id | REMOTE);
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.schedule();
    }
}

/// The unfinished tasks. Each has a slot, which its id names.
#[derive(Default)]
pub(crate) struct Tasks {
    table: RefCell<Table>,
}

#[derive(Default)]
struct Table {
    slots: Slab<Option<Arc<dyn Entry>>>,
    /// The slot of the task that is being polled, or was the last. It stays reserved; if the task does not come back, the next
    /// `remove` frees it.
    polled: Option<usize>,
    /// `pop` has emptied the slots below this one.
    popped: usize,
}

impl Tasks {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let table = self.table.borrow();
        table.slots.len() == usize::from(table.polled.is_some())
    }

    /// Returns the task's id. Inlined, so that a task that comes back from its poll stays in registers.
    #[inline(always)]
    pub(crate) fn insert(&self, task: Task) -> u64 {
        let (entry, id) = task.into_parts();
        if id == NEW {
            return self.insert_new(entry);
        }
        let mut table = self.table.borrow_mut();
        table.polled = None;
        if let Some(slot) = table.slots.get_mut(id as u32 as usize) {
            *slot = entry;
        }
        id
    }

    fn insert_new(&self, entry: Option<Arc<dyn Entry>>) -> u64 {
        let mut table = self.table.borrow_mut();
        let slot = u32::try_from(table.slots.vacant_key()).expect("fewer than 4,294,967,295 tasks");
        let waker = entry.as_ref().expect("a new task has not ended").waker();
        waker.slot.store(slot, Ordering::Relaxed);
        let id = waker.queue_id();
        table.slots.insert(entry);
        id
    }

    /// Takes a task out, if it has not ended and is to be polled for this id.
    #[inline(always)]
    pub(crate) fn remove(&self, id: u64) -> Option<Task> {
        let mut table = self.table.borrow_mut();
        if let Some(polled) = table.polled.take() {
            table.slots.remove(polled);
        }
        let slot = id as u32 as usize;
        let entry = table.slots.get_mut(slot)?.take_if(|entry| entry.waker().clear(id));
        entry.as_ref()?;
        table.polled = Some(slot);
        let id = id & !REMOTE;
        Some(Task { entry, id })
    }

    /// Takes out a task, for the drop of the scheduler. No task may be inserted any more.
    pub(crate) fn pop(&self) -> Option<Task> {
        let mut table = self.table.borrow_mut();
        table.polled = None;
        while table.popped < table.slots.capacity() {
            let slot = table.popped;
            table.popped += 1;
            if let Some(entry) = table.slots.try_remove(slot).flatten() {
                let (entry, id) = (Some(entry), NEW);
                return Some(Task { entry, id });
            }
        }
        None
    }
}

/// The id of a task that is in no slot.
const NEW: u64 = u64::MAX;

/// What the scheduler handles.
pub(crate) struct Task {
    /// Empty only while the task is taken apart, because what has a `Drop` cannot be moved out of.
    entry: Option<Arc<dyn Entry>>,
    id: u64,
}

impl Task {
    pub(crate) fn new<F: Future + 'static>(shared: Arc<Shared<F>>) -> Self {
        let (entry, id): (Option<Arc<dyn Entry>>, _) = (Some(shared), NEW);
        Self { entry, id }
    }

    /// Returns the task if it has not ended.
    #[inline(always)]
    pub(crate) fn poll(self) -> Option<Self> {
        let (entry, id) = self.into_parts();
        let entry = Some(entry?.poll()?);
        Some(Self { entry, id })
    }

    /// Takes the task apart. Without the `forget`, each poll would call `drop`, only to find that there is nothing to drop.
    #[inline(always)]
    fn into_parts(mut self) -> (Option<Arc<dyn Entry>>, u64) {
        let parts = (self.entry.take(), self.id);
        mem::forget(self);
        parts
    }
}

impl Drop for Task {
    #[inline]
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.cancel();
        }
    }
}

/// A task whose future's type is not known.
trait Entry {
    fn waker(&self) -> &TaskWaker;
    /// Polls the task, and returns it if it has not ended.
    fn poll(self: Arc<Self>) -> Option<Arc<dyn Entry>>;
    fn cancel(&self);
}

/// What a handle asks of its task. It does not know the future's type, and it is not `Send`.
pub(crate) trait Join<T> {
    fn abort(&self);
    fn is_finished(&self) -> bool;
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>>;
    fn detach(&self);
}

/// A future, and what its wakers and its handle need beside it.
pub(crate) struct Shared<F: Future> {
    waker: TaskWaker,
    /// Whether `abort` was called.
    aborted: Cell<bool>,
    /// The handle is gone: nobody wants the result.
    detached: Cell<bool>,
    /// The future, and later the result in its place.
    state: RefCell<State<F>>,
    /// The waker of the task that awaits the handle.
    joiner: Cell<Option<Waker>>,
}

enum State<F: Future> {
    /// Only the loop touches the future, and polls it in place.
    Running(F),
    Ended(Outcome<F>),
}

/// A task's result, until the handle takes it.
type Outcome<F> = Option<Result<<F as Future>::Output, JoinError>>;

impl<F: Future> Shared<F> {
    pub(crate) fn new(future: F, run_queue: &Arc<RunQueue>) -> Self {
        Self {
            waker: TaskWaker::unshared(run_queue),
            aborted: Cell::new(false),
            detached: Cell::new(false),
            state: RefCell::new(State::Running(future)),
            joiner: Cell::new(None),
        }
    }

    /// Where the result is, when the future is gone. A task that asks this of itself holds the borrow, and has not ended.
    fn ended(&self) -> Option<RefMut<'_, Outcome<F>>> {
        let state = self.state.try_borrow_mut().ok()?;
        let result = RefMut::filter_map(state, |state| match state {
            State::Running(_) => None,
            State::Ended(result) => Some(result),
        });
        result.ok()
    }

    /// Drops the future, and only then gives the result. If the task was cancelled, a panic of that drop is the result.
    fn end(&self, result: Result<F::Output, JoinError>) {
        let dropped = catch_unwind(AssertUnwindSafe(|| *self.state.borrow_mut() = State::Ended(None)));
        let (result, unwanted) = match (result, dropped) {
            (Err(error), Err(payload)) if error.is_cancelled() => (Err(JoinError::panicked(payload)), Ok(())),
            both => both,
        };
        if self.detached.get() {
            discard_panic(|| drop(result));
        } else {
            *self.state.borrow_mut() = State::Ended(Some(result));
        }
        // Only now, because the drop of a payload may ask for the result.
        discard_panic(|| drop(unwanted));
        self.joiner.take().into_iter().for_each(Waker::wake);
    }

    fn poll_future(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut state = self.state.borrow_mut();
        let State::Running(future) = &mut *state else {
            unreachable!("a task that is polled has its future");
        };
        // SAFETY: the future is part of the task's allocation and is never moved out of it: `state` is private, is only
        // borrowed here, in `ended`, which gives away no future, and in `end`, whose assignments drop it in place.
        unsafe { Pin::new_unchecked(future) }.poll(cx)
    }
}

impl<F: Future + 'static> Entry for Shared<F> {
    fn waker(&self) -> &TaskWaker {
        &self.waker
    }

    fn poll(self: Arc<Self>) -> Option<Arc<dyn Entry>> {
        if self.aborted.get() {
            self.end(Err(JoinError::cancelled()));
            return None;
        }
        // SAFETY: the pointer is that of an `Arc`. This second one is not counted, and so must not be dropped. It is
        // not, and nobody has it when `poll` returns `self`. To count it would take two atomic read-modify-writes a poll.
        let waker = ManuallyDrop::new(Waker::from(unsafe { Arc::from_raw(Arc::as_ptr(&self)) }));
        let mut cx = Context::from_waker(&waker);
        match catch_unwind(AssertUnwindSafe(|| self.poll_future(&mut cx))) {
            Ok(Poll::Pending) => return Some(self),
            Ok(Poll::Ready(output)) => self.end(Ok(output)),
            Err(payload) => self.end(Err(JoinError::panicked(payload))),
        }
        None
    }

    fn cancel(&self) {
        self.end(Err(JoinError::cancelled()));
    }
}

impl<F: Future + 'static> Wake for Shared<F> {
    fn wake(self: Arc<Self>) {
        self.waker.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waker.schedule();
    }
}

impl<F: Future + 'static> Join<F::Output> for Shared<F> {
    /// Only asks: the loop drops the future when it comes to the task. So it does not matter who aborts, and when.
    fn abort(&self) {
        self.aborted.set(true);
        self.waker.schedule();
    }

    fn is_finished(&self) -> bool {
        self.ended().is_some()
    }

    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, JoinError>> {
        if self.ended().is_none() {
            drop(self.joiner.replace(Some(cx.waker().clone())));
        }
        // Only now: the clone or the drop of a waker may run user code, and so the scheduler.
        let Some(result) = self.ended().map(|mut result| result.take()) else {
            return Poll::Pending;
        };
        Poll::Ready(result.expect("a `JoinHandle` is polled after it gave its result"))
    }

    fn detach(&self) {
        self.detached.set(true);
        drop(self.joiner.take());
        let result = self.ended().and_then(|mut result| result.take());
        discard_panic(|| drop(result));
    }
}

/// Calls `f`, and discards its panic, which the panic hook has reported. The payload is leaked: its drop may panic, too.
pub(crate) fn discard_panic(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f)).map_err(mem::forget);
}

// SAFETY: other threads reach a task through wakers alone. Those touch the count of the `Arc`, and `waker`, which is
// `Send + Sync`: `block_on` makes a waker of one, so the compiler checks that. All else is touched by the loop and by the
// handle. The loop stays on its thread, because `Scheduler` is not `Send`, and neither is `JoinHandle`. Dropped elsewhere,
// a task has nothing left to drop but `waker`: the table, or the loop, holds an `Arc` until `end` has dropped the future,
// and the result is dropped by `end`, or taken or dropped by the handle; a handle that is forgotten keeps its `Arc`
// for ever. A joiner is a `Waker`, and so `Send`.
unsafe impl<F: Future> Send for Shared<F> {}

// SAFETY: as above.
unsafe impl<F: Future> Sync for Shared<F> {}
