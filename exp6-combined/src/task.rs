//! A task: one allocation that the scheduler's list, the task's wakers and its handle share.
//!
//! Wakers may go to any thread, and so the allocation does; what the task is made of may not. So: only the loop touches
//! the future, and drops it in place before the last `Arc` can be dropped elsewhere. The result and the `Cell`s are for the
//! loop and the handle, which are on the same thread. All that another thread may touch is `link`.

#![allow(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::join::{Join, JoinError};
use crate::ready::Link;
use crate::scheduler::Core;

/// What the scheduler's list of tasks holds.
pub(crate) trait Entry {
    fn link(&self) -> &Link;
    /// Polls the task, and returns it if it has not ended.
    fn poll(self: Arc<Self>, core: &Core) -> Option<Arc<dyn Entry>>;
}

/// A future, and what its wakers and its handle need beside it.
pub(crate) struct Task<F: Future> {
    /// The way into the ready queue.
    link: Link,
    /// The handle asked for the end.
    aborted: Cell<bool>,
    /// The handle is gone: nobody wants the result.
    detached: Cell<bool>,
    /// The future, and later the result in its room.
    stage: RefCell<Stage<F>>,
    /// Who awaits the handle.
    joiner: Cell<Option<Waker>>,
}

enum Stage<F: Future> {
    /// Only the loop touches the future, and polls it in place.
    Running(F),
    Ended(Outcome<F>),
}

/// A task's result, until the handle takes it.
type Outcome<F> = Option<Result<<F as Future>::Output, JoinError>>;

impl<F: Future> Task<F> {
    /// Makes a task that the caller lists and schedules.
    pub(crate) fn new(link: Link, future: F) -> Self {
        Self {
            link,
            aborted: Cell::new(false),
            detached: Cell::new(false),
            stage: RefCell::new(Stage::Running(future)),
            joiner: Cell::new(None),
        }
    }

    /// Where the result is, when the future is gone. A task that asks this of itself holds the borrow, and has not ended.
    fn ended(&self) -> Option<RefMut<'_, Outcome<F>>> {
        let stage = self.stage.try_borrow_mut().ok()?;
        let result = RefMut::filter_map(stage, |stage| match stage {
            Stage::Running(_) => None,
            Stage::Ended(result) => Some(result),
        });
        result.ok()
    }

    /// The order matters: from here on nobody polls the task and `run` does not count it, and whoever awaits the handle
    /// finds the future dropped.
    fn end(&self, core: &Core, result: Result<F::Output, JoinError>) {
        core.unlist(self.link.id);
        let dropped = catch_unwind(AssertUnwindSafe(|| *self.stage.borrow_mut() = Stage::Ended(None)));
        // An abort that panics is a panic; but an output stands, and so does the first of two panics.
        let (result, unwanted) = match (result, dropped.err()) {
            (Err(error), Some(payload)) if error.is_cancelled() => (Err(JoinError::panicked(payload)), None),
            both => both,
        };
        if self.detached.get() {
            quietly(|| drop(result));
        } else {
            *self.stage.borrow_mut() = Stage::Ended(Some(result));
        }
        quietly(|| drop(unwanted));
        if let Some(joiner) = self.joiner.take() {
            joiner.wake();
        }
    }
}

impl<F: Future + 'static> Entry for Task<F> {
    fn link(&self) -> &Link {
        &self.link
    }

    fn poll(self: Arc<Self>, core: &Core) -> Option<Arc<dyn Entry>> {
        if self.aborted.get() || core.closed.get() {
            self.end(core, Err(JoinError::cancelled()));
            return None;
        }
        // SAFETY: the pointer is that of an `Arc`. This second one is not counted, and so must not be dropped: nor is it,
        // and nobody has it when `poll` returns `self`. Counting it would take two locked instructions a poll.
        let waker = ManuallyDrop::new(Waker::from(unsafe { Arc::from_raw(Arc::as_ptr(&self)) }));
        let mut cx = Context::from_waker(&waker);
        match catch_unwind(AssertUnwindSafe(|| self.poll_future(&mut cx))) {
            Ok(Poll::Pending) => return Some(self),
            Ok(Poll::Ready(output)) => self.end(core, Ok(output)),
            Err(payload) => self.end(core, Err(JoinError::panicked(payload))),
        }
        None
    }
}

impl<F: Future + 'static> Wake for Task<F> {
    fn wake(self: Arc<Self>) {
        self.link.schedule();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.link.schedule();
    }
}

impl<F: Future + 'static> Join<F::Output> for Task<F> {
    /// Only asks: the loop drops the future when it comes to the task. So it does not matter who aborts, and when.
    fn abort(&self) {
        self.aborted.set(true);
        self.link.schedule();
    }

    fn is_finished(&self) -> bool {
        self.ended().is_some()
    }

    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, JoinError>> {
        if self.ended().is_none() {
            drop(self.joiner.replace(Some(cx.waker().clone())));
        }
        // Only now, for to clone or drop a waker may run anybody's code, and so the scheduler.
        let Some(result) = self.ended().map(|mut result| result.take()) else {
            return Poll::Pending;
        };
        Poll::Ready(result.expect("a `JoinHandle` is polled after it gave its result"))
    }

    fn detach(&self) {
        self.detached.set(true);
        drop(self.joiner.take());
        drop(self.ended().and_then(|mut result| result.take()));
    }
}

/// Calls `f`, and swallows its panic, which the panic hook has reported. So is one in the drop of the panic's payload.
pub(crate) fn quietly(f: impl FnOnce()) {
    let caught: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(f));
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(caught))) {
        mem::forget(again);
    }
}

impl<F: Future> Task<F> {
    fn poll_future(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut stage = self.stage.borrow_mut();
        let Stage::Running(future) = &mut *stage else {
            unreachable!("a task that is polled has its future");
        };
        // SAFETY: the future is part of the task's allocation and is never moved out of it: `stage` is private, is only
        // borrowed here, in `ended`, which gives away no future, and in `end`, whose assignment drops it in place.
        unsafe { Pin::new_unchecked(future) }.poll(cx)
    }
}

// SAFETY: other threads reach a task through wakers alone. Those touch the count of the `Arc`, and `link`, which is
// `Send + Sync`: `block_on` makes a waker of one, so the compiler checks that. All else is touched by the loop and by the
// handle. The loop stays on its thread, because `Scheduler` is not `Send`, and neither is `JoinHandle`. Dropped elsewhere,
// a task has nothing left to drop but `link`: the loop holds an `Arc` until `end` has dropped the future, and the result is
// dropped by `end`, or taken or dropped by the handle. A joiner is a `Waker`, and so `Send`.
unsafe impl<F: Future> Send for Task<F> {}

// SAFETY: as above.
unsafe impl<F: Future> Sync for Task<F> {}
