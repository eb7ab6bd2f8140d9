//! Spawning a task, and waiting for its result.
//!
//! For speed the handle shares the task's one allocation, so that the task needs no channel to it. That allocation lives as long
//! as the last waker. So a large future has one of its own, which ends with the future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::join_error::JoinError;
use crate::scheduler::{Core, Scheduler, current};
use crate::task::{Handle, Task};

/// The size, in bytes, from which on a future is boxed. For a small future the second allocation would take longer than the
/// rest of its task.
const LARGE: usize = 1024;

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
    // `const`, so that only one of the two is compiled.
    if const { size_of::<F>() < LARGE } {
        spawn_small(core, future)
    } else {
        spawn_small(core, Box::pin(future))
    }
}

fn spawn_small<F: Future + 'static>(core: &Core, future: F) -> JoinHandle<F::Output> {
    let (task, handle) = Task::new(future, &core.run_queue);
    core.add(task);
    JoinHandle { task: handle }
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
    task: Handle<T>,
}

impl<T> JoinHandle<T> {
    /// Asks the task to end. The scheduler drops its future when it comes to the task, and then the handle says "cancelled".
    /// It is not dropped here, because the caller may be that very task, in the middle of its poll. A task that is ready in
    /// the very poll in which it is aborted keeps its output; one that has ended does not change.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task has ended: with an output, with a panic, or cancelled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.poll_join(cx)
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle {{ finished: {} }}", self.is_finished())
    }
}
