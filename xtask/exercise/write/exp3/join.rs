//! Spawning a task, and waiting for its result.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::join_error::JoinError;
use crate::scheduler::Scheduler;
use crate::task::Task;

impl Scheduler {
    /// Adds a task at the back of the run queue. It is polled by [`run`](Self::run), never here.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        // As in exp2, the task runs. But nobody gets its output.
        let task = async move { drop(future.await) };
        self.core.add(Task::new(task, &self.core.run_queue));
        JoinHandle { output: PhantomData }
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
    drop(future);
    todo!("a task that starts a task")
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
    /// A handle stays on its thread, as an `Rc` does.
    output: PhantomData<Rc<T>>,
}

impl<T> JoinHandle<T> {
    /// Asks the task to end. The scheduler drops its future when it comes to the task, and then the handle says "cancelled".
    /// It is not dropped here, because the caller may be that very task, in the middle of its poll. A task that is ready in
    /// the very poll in which it is aborted keeps its output; one that has ended does not change.
    pub fn abort(&self) {
        todo!("an abort")
    }

    /// Whether the task has ended: with an output, with a panic, or cancelled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        todo!("whether a task has ended")
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        todo!("the result of a task")
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}
