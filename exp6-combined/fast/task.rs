//! A task: one allocation that the table, the run queue, the task's wakers and its handle share.
//!
//! For speed. Wakers may be on any thread, and so may the allocation; the future and the result may not. So only the loop
//! touches the future, and drops it in place when the task ends. The result belongs to the loop and the handle, which are on
//! one thread. What is left then is memory, and a waker on another thread may free it. `run_queue.rs` counts who refers to it.
//!
//! Two invariants of `scheduler.rs` are wider here. A task that is polled stays in the table (1), marked as `polled`; and the
//! future is polled and dropped where it lies (4), where nobody else looks meanwhile.

#![allow(unsafe_code)]

use std::alloc::Layout;
use std::any::type_name;
use std::cell::UnsafeCell;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use crate::join_error::JoinError;
use crate::run_queue::{ABORTED, DETACHED, ENDED, Header, NEW, Owned, Plain, RunQueue, TAKEN, TaskId, Vtable};

/// The waker of the future that `block_on` runs. It has a header as a task has, so that its id can be queued.
pub(crate) struct TaskWaker {
    pub(crate) id: TaskId,
}

/// It is not in the table: so nobody polls it, and it has no result.
static NO_TASK: Vtable = Vtable {
    poll: |_| true,
    take: |_, _| (),
    layout: Layout::new::<Header>(),
    name: type_name::<Header>,
};

impl TaskWaker {
    /// Begins as queued, as if it had just been woken: the caller pushes the id, or polls at once.
    pub(crate) fn new(run_queue: &Arc<RunQueue>) -> Arc<Self> {
        // SAFETY: a header begins with a header, and `NO_TASK` has its layout. The caller has the run queue, and so the thread.
        let owned = unsafe { run_queue.make(|| Header::new(run_queue, &NO_TASK)) };
        // This has a waker's share, and a second owner's until `unschedule`.
        let _waker = ManuallyDrop::new(Waker::clone(&owned.waker()));
        owned.queue();
        Arc::new(Self { id: owned.into_id() })
    }

    /// Returns whether `id` is this one. If so, it counts as not queued from here on. To be called before the poll: a wake
    /// between the poll and a later call would be lost.
    #[inline]
    pub(crate) fn clear(&self, id: TaskId) -> bool {
        // SAFETY: what was queued has an owner's share, and the loop has it now.
        id == self.id && unsafe { Owned::from_id(id) }.begin_poll()
    }

    /// Takes the id out of the run queue, where it may be twice: local and remote. Later wakes push nothing.
    pub(crate) fn unschedule(&self) {
        // SAFETY: `block_on` calls this once, on the scheduler's thread. `new` has left the share for it.
        unsafe { Owned::from_id(self.id) }.end_queued();
    }
}

impl Drop for TaskWaker {
    fn drop(&mut self) {
        // SAFETY: `new` has left the share for it.
        unsafe { self.id.drop_waker() };
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Queues the future, and never polls it: the caller may hold a lock that the future needs.
    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: this has a waker's share.
        unsafe { self.id.schedule() };
    }
}

/// The unfinished tasks.
#[derive(Default)]
pub(crate) struct Tasks {
    /// In no order. Each task has its index.
    pub(crate) table: RefCell<Vec<Owned>>,
    /// The index of the task that is being polled, or was the last. The task stays in the table. If it does not come
    /// back, it is taken out before the next is.
    pub(crate) polled: Cell<Option<u32>>,
}

/// The index of a task that has been taken out of the table.
const UNLISTED: u32 = NEW - 1;

impl Tasks {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.table.borrow().len() == usize::from(self.polled.get().is_some())
    }

    /// Returns the task's id, with a share for the run queue if the task is new.
    #[inline(always)]
    pub(crate) fn insert(&self, task: Task) -> TaskId {
        let owned = task.into_owned();
        let (id, index) = (owned.id(), owned.header().index.get());
        if index < UNLISTED {
            self.polled.set(None);
            return id;
        }
        // If it is not new, its poll has run this scheduler once more.
        if index == NEW {
            owned.queue();
        }
        let mut table = self.table.borrow_mut();
        let index = u32::try_from(table.len()).ok().filter(|index| *index < UNLISTED);
        owned.header().index.set(index.expect("fewer than 4,294,967,294 tasks"));
        table.push(owned);
        id
    }

    /// Takes a task out, if it has not ended and is not being polled. Takes over the share of the id.
    #[inline(always)]
    pub(crate) fn remove(&self, id: TaskId) -> Option<Task> {
        // SAFETY: what was queued has an owner's share, and the loop has it now.
        let owned = unsafe { Owned::from_id(id) };
        if self.polled.get().is_some() {
            self.forget_polled();
        }
        let index = owned.header().index.get();
        if !owned.begin_poll() || index >= UNLISTED {
            return None;
        }
        self.polled.set(Some(index));
        Some(Task(owned))
    }

    /// Takes out a task, for the drop of the scheduler. No task may be inserted any more.
    pub(crate) fn pop(&self) -> Option<Task> {
        self.forget_polled();
        let owned = self.table.borrow_mut().pop()?;
        owned.header().index.set(UNLISTED);
        Some(Task(owned))
    }

    /// Takes out the task that was polled last. If it is still polled, because a poll runs this scheduler once more, the loop
    /// has a share.
    fn forget_polled(&self) {
        if let Some(index) = self.polled.take() {
            let mut table = self.table.borrow_mut();
            let owned = table.swap_remove(index as usize);
            owned.header().index.set(UNLISTED);
            if let Some(moved) = table.get(index as usize) {
                moved.header().index.set(index);
            }
        }
    }
}

/// What the scheduler handles.
pub(crate) struct Task(Owned);

impl Task {
    /// Makes a task and its handle.
    #[inline]
    pub(crate) fn new<F: Future + 'static>(future: F, run_queue: &RunQueue) -> (Self, Handle<F::Output>) {
        let block = || Block {
            header: Header::new(run_queue, const { &Block::<F>::VTABLE }),
            state: UnsafeCell::new(State::Running(future)),
        };
        // SAFETY: a block begins with a header, and has its layout in its vtable. The caller has the run queue, and so the
        // thread.
        let owned = unsafe { run_queue.make(block) };
        let (task, output) = (Self(owned.clone()), PhantomData);
        (task, Handle { owned, output })
    }

    /// Returns the task if it has not ended.
    #[inline(always)]
    pub(crate) fn poll(self) -> Option<Self> {
        // SAFETY: the function is for this task. It is not being polled, because there is one `Task` of it at a time.
        let ended = unsafe { (self.0.vtable().poll)(self.0.id()) };
        (!ended).then_some(self)
    }

    #[inline(always)]
    fn into_owned(self) -> Owned {
        let task = ManuallyDrop::new(self);
        // SAFETY: it is moved out of what is not dropped.
        unsafe { ptr::read(&raw const task.0) }
    }
}

impl Drop for Task {
    #[inline]
    fn drop(&mut self) {
        if !self.0.plain().has(ENDED) {
            self.0.plain().set(ABORTED);
            // SAFETY: as in `poll`. It only drops the future.
            unsafe { (self.0.vtable().poll)(self.0.id()) };
        }
    }
}

/// What a task's handle has: an owner's share, and the type of the output.
pub(crate) struct Handle<T> {
    owned: Owned,
    output: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// Only asks: the loop drops the future when it comes to the task. So it does not matter who aborts, and when.
    pub(crate) fn abort(&self) {
        self.owned.plain().set(ABORTED);
        self.owned.schedule();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.owned.plain().has(ENDED)
    }

    pub(crate) fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let plain = self.owned.plain();
        if !plain.has(ENDED) {
            drop(plain.joiner.replace(Some(cx.waker().clone())));
            // Only now: the clone or the drop of a waker may run user code, and so the scheduler.
            if !plain.has(ENDED) {
                return Poll::Pending;
            }
            // If it was the clone, nobody has taken the waker.
            drop(plain.joiner.take());
        }
        assert!(!plain.has(TAKEN), "a `JoinHandle` is polled after it gave its result");
        plain.set(TAKEN);
        self.take()
    }

    /// Takes the result of a task that has ended. It may be gone.
    fn take(&self) -> Poll<Result<T, JoinError>> {
        let mut result = Poll::Pending;
        // SAFETY: the function is for this task, whose output is a `T`, and the task has ended.
        unsafe { (self.owned.vtable().take)(self.owned.id(), (&raw mut result).cast()) };
        result
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        let plain = self.owned.plain();
        if plain.has(TAKEN) {
            return;
        }
        plain.set(DETACHED);
        drop(plain.joiner.take());
        if plain.has(ENDED) {
            discard_panic(|| drop(self.take()));
        }
    }
}

/// A task. `repr(C)`, so that a pointer to its header is a pointer to it.
#[repr(C)]
struct Block<F: Future> {
    header: Header,
    /// The future, and later the result in its place.
    state: UnsafeCell<State<F>>,
}

enum State<F: Future> {
    /// Only the loop touches the future, and polls it in place.
    Running(F),
    /// The result, until the handle takes it.
    Ended(Outcome<F>),
}

type Outcome<F> = Option<Result<<F as Future>::Output, JoinError>>;

impl<F: Future + 'static> Block<F> {
    const VTABLE: Vtable = Vtable {
        poll: Self::poll,
        take: Self::take,
        layout: Layout::new::<Self>(),
        name: type_name::<F>,
    };

    /// # Safety
    ///
    /// On the scheduler's thread. The task is of this type, has not ended, and is not being polled. The caller has an owner's
    /// share.
    unsafe fn poll(id: TaskId) -> bool {
        // SAFETY: the caller's share is lent for this call.
        let owned = ManuallyDrop::new(unsafe { Owned::from_id(id) });
        // SAFETY: the task is of this type.
        let state = unsafe { id.as_ptr().cast::<Self>().as_ref() }.state.get();
        // Not counted: most polls keep no waker, or a clone.
        let waker = owned.waker();
        let mut cx = Context::from_waker(&waker);
        // SAFETY: the future is part of the task's allocation, is never moved out of it, and is dropped in place, by `end`.
        // Only the loop touches it, and the task is not being polled.
        let poll = || unsafe { Self::poll_future(state, &mut cx) };
        let result = match owned.plain().has(ABORTED) {
            true => Err(JoinError::cancelled()),
            false => match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(Poll::Pending) => return false,
                Ok(Poll::Ready(output)) => Ok(output),
                Err(payload) => Err(JoinError::panicked(payload)),
            },
        };
        // SAFETY: the caller promises all of it.
        unsafe { Self::end(&owned, state, result) };
        true
    }

    /// # Safety
    ///
    /// Nobody else touches the state, and the future is not moved before it is dropped.
    #[inline]
    unsafe fn poll_future(state: *mut State<F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nobody else touches it.
        let State::Running(future) = (unsafe { &mut *state }) else {
            unreachable!("a task that is polled has its future");
        };
        // SAFETY: it is not moved.
        unsafe { Pin::new_unchecked(future) }.poll(cx)
    }

    /// Drops the future, and only then gives the result. If the task was cancelled, a panic of that drop is the result.
    ///
    /// # Safety
    ///
    /// As for `poll`, and the state is that of the task.
    unsafe fn end(owned: &Owned, state: *mut State<F>, result: Result<F::Output, JoinError>) {
        // SAFETY: only the loop touches the state of a task that has not ended, and it is not being polled. If the drop of what
        // was there panics, that is gone all the same.
        let clear = move || unsafe { *state = State::Ended(None) };
        let (result, unwanted) = match (result, catch_unwind(AssertUnwindSafe(clear))) {
            (Err(error), Err(payload)) if error.is_cancelled() => (Err(JoinError::panicked(payload)), Ok(())),
            both => both,
        };
        // SAFETY: as above.
        unsafe { *state = State::Ended(Some(result)) };
        if owned.plain().has(DETACHED) {
            discard_panic(clear);
        }
        has_ended(owned.plain(), unwanted);
    }

    /// # Safety
    ///
    /// On the scheduler's thread. The task is of this type, and has ended. The caller has an owner's share, and the pointer is
    /// that of a `Poll` of the task's `Result`.
    unsafe fn take(id: TaskId, to: *mut ()) {
        // SAFETY: the task is of this type.
        let state = unsafe { id.as_ptr().cast::<Self>().as_ref() }.state.get();
        // SAFETY: the loop does not touch the state of a task that has ended, and there is one handle.
        if let State::Ended(result) = unsafe { &mut *state } {
            let result = result.take().map_or(Poll::Pending, Poll::Ready);
            // SAFETY: the caller promises the type, and there is nothing to drop.
            unsafe { to.cast::<Poll<_>>().write(result) };
        }
    }
}

/// The rest of `Block::end`, which is the same for all futures: so it is compiled once.
fn has_ended(plain: &Plain, unwanted: thread::Result<()>) {
    plain.set(ENDED);
    // After the result is set: the drop of a payload is user code, and may look at the handle.
    discard_panic(|| drop(unwanted));
    plain.joiner.take().into_iter().for_each(Waker::wake);
}

/// Calls `f`, and discards its panic, which the panic hook has reported. The payload is leaked: its drop may panic, too.
pub(crate) fn discard_panic(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f)).map_err(mem::forget);
}
