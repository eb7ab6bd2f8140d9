//! Spawning a task, and waiting for its result.
//!
//! The scheduler only knows tasks without a result. So the user's future is wrapped in a future that polls it, and sends the
//! result to the handle.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::join_error::JoinError;
use crate::scheduler::{Core, Scheduler, current};
use crate::task::{Task, discard_panic};

impl Scheduler {
    /// Adds a task at the back of the run queue. It is polled by [`run`](Self::run), never here.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        spawn_on(&self.core, future)
    }
}

/// Adds a task to the scheduler that runs on this thread, at the back of the run queue.
///
/// While the scheduler is being dropped, the future is dropped at once, and the handle says "cancelled".
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[track_caller]
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    spawn_on(&current(), future)
}

pub(crate) fn spawn_on<F: Future + 'static>(core: &Core, future: F) -> JoinHandle<F::Output> {
    let shared = Rc::new(Shared {
        aborted: Cell::new(false),
        finished: Cell::new(false),
        result: Cell::new(None),
        joiner: Cell::new(None),
    });
    // The future is boxed here, because an `async fn` may keep an argument twice: `supervise` would take twice the room.
    let supervised = Supervised {
        future: Some(Box::pin(future)),
        shared: Rc::clone(&shared),
    };
    let task = Task::new(supervise(supervised), &core.run_queue);
    let waker = Waker::from(Arc::clone(&task.waker));
    core.add(task);
    JoinHandle { shared, waker }
}

/// What a task and its handle share: a channel for one value.
struct Shared<T> {
    /// Whether `abort` was called.
    aborted: Cell<bool>,
    /// Whether the task has ended. Stays set after the handle has taken the result.
    finished: Cell<bool>,
    /// The result, until the handle takes it.
    result: Cell<Option<Result<T, JoinError>>>,
    /// The waker of the task that awaits the handle.
    joiner: Cell<Option<Waker>>,
}

/// Polls the user's future until it is ready, panics or is aborted.
async fn supervise<F: Future>(mut supervised: Supervised<F>) {
    let result = poll_fn(|cx| match &mut supervised.future {
        Some(future) if !supervised.shared.aborted.get() => {
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(payload) => Poll::Ready(Err(JoinError::panicked(payload))),
            }
        }
        _ => Poll::Ready(Err(JoinError::cancelled())),
    })
    .await;
    supervised.end(result);
    // If the handle is gone, the result is dropped here, and that drop may panic.
    discard_panic(|| drop(supervised));
}

/// The user's future, and where its result goes. If the scheduler drops it with the task, the result is "cancelled".
struct Supervised<F: Future> {
    future: Option<Pin<Box<F>>>,
    shared: Rc<Shared<F::Output>>,
}

impl<F: Future> Supervised<F> {
    /// Drops the future, and only then gives the result. If the task was cancelled, a panic of that drop is the result;
    /// otherwise that panic is not wanted.
    fn end(&mut self, result: Result<F::Output, JoinError>) {
        let Some(future) = self.future.take() else { return };
        let (result, unwanted) = match (result, catch_unwind(AssertUnwindSafe(|| drop(future)))) {
            (Err(error), Err(payload)) if error.is_cancelled() => (Err(JoinError::panicked(payload)), Ok(())),
            (result, dropped) => (result, dropped),
        };
        self.shared.result.set(Some(result));
        self.shared.finished.set(true);
        // After the result is set: the drop of a payload is user code, and may look at the handle.
        discard_panic(|| drop(unwanted));
        self.shared.joiner.take().into_iter().for_each(Waker::wake);
    }
}

impl<F: Future> Drop for Supervised<F> {
    fn drop(&mut self) {
        self.end(Err(JoinError::cancelled()));
    }
}

/// Waits for a task's result, which is an error if the task panicked or was cancelled.
///
/// Dropping it detaches the task: it goes on, and its result is dropped.
///
/// # Panics
///
/// When it is polled after it gave its result.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing.
pub struct JoinHandle<T> {
    shared: Rc<Shared<T>>,
    waker: Waker,
}

impl<T> JoinHandle<T> {
    /// Asks the task to end. The scheduler drops its future when it comes to the task, and then the handle says "cancelled".
    /// It is not dropped here, because the caller may be that very task, in the middle of its poll. A task that is ready in
    /// the very poll in which it is aborted keeps its output; one that has ended does not change.
    pub fn abort(&self) {
        self.shared.aborted.set(true);
        self.waker.wake_by_ref();
    }

    /// Whether the task has ended: with an output, with a panic, or cancelled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.finished.get()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.shared.result.take() {
            Some(result) => return Poll::Ready(result),
            None => assert!(!self.is_finished(), "a `JoinHandle` is polled after it gave its result"),
        }
        // Only the latest waker counts: the handle may have moved to another task.
        self.shared.joiner.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl<T> Drop for JoinHandle<T> {
    /// Removes the joiner's waker. Otherwise the task would wake a task that does not wait for it any more. If the drop of a
    /// result that nobody took panics, that panic is discarded, as in a task whose handle is gone.
    fn drop(&mut self) {
        discard_panic(|| drop((self.shared.joiner.take(), self.shared.result.take())));
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle {{ finished: {} }}", self.is_finished())
    }
}
