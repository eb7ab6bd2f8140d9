//! Spawning a task, and waiting for its result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::scheduler::{Core, with_current};
use crate::task::{Entry, Task};

/// Adds a task to the scheduler that runs on this thread, at the back of the ready queue.
///
/// While the scheduler is being dropped, the future is dropped at once, and the handle says "cancelled".
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[track_caller]
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let Some(core) = with_current(Rc::clone) else {
        panic!("no scheduler runs on this thread: use `Scheduler::spawn`, or spawn inside `Scheduler::run`");
    };
    spawn_on(&core, future)
}

pub(crate) fn spawn_on<F: Future + 'static>(core: &Core, future: F) -> JoinHandle<F::Output> {
    let task = Arc::new(Task::new(core.next_link(), future));
    if core.closed.get() {
        // A closed scheduler's tasks end when they are polled.
        Arc::clone(&task).poll(core);
    } else {
        core.list(Arc::clone(&task) as _);
        task.link().schedule();
    }
    JoinHandle { task }
}

/// What a handle asks of its task. It does not know the future's type, and it is not `Send`.
pub(crate) trait Join<T> {
    fn abort(&self);
    fn is_finished(&self) -> bool;
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>>;
    fn detach(&self);
}

/// Waits for a task's result, which is an error if the task panicked or was aborted.
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
    task: Arc<dyn Join<T>>,
}

impl<T> JoinHandle<T> {
    /// Asks the task to end. Its future is dropped when the scheduler comes to it, and the handle says "cancelled" then. A
    /// task that ends in the very poll in which it is aborted keeps its output; one that has ended is not changed.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task has ended, in whatever way.
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

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        self.task.detach();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.is_finished();
        f.debug_struct("JoinHandle").field("finished", &finished).finish()
    }
}

/// Why a task gave no output.
pub struct JoinError {
    /// What it panicked with; `None` if it was cancelled. Boxed twice, because every task has room for an error and few
    /// have one; and in a mutex that nobody contends for, because an error ought to be `Sync`.
    payload: Option<Box<Mutex<Box<dyn Any + Send>>>>,
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        Self { payload: None }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let payload = Some(Box::new(Mutex::new(payload)));
        Self { payload }
    }

    /// Whether the task was aborted, or its scheduler dropped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.payload.is_some()
    }

    /// What the task panicked with, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// If it did not panic.
    #[track_caller]
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.try_into_panic()
            .expect("`into_panic` is for errors that are panics")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// The error itself, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.payload {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The message, where the payload is text, as that of `panic!` is.
    fn message(&self) -> Option<String> {
        let payload = self.payload.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.payload, self.message()) {
            (None, _) => f.write_str("the task was cancelled"),
            (Some(_), None) => f.write_str("the task panicked"),
            (Some(_), Some(message)) => write!(f, "the task panicked: {message}"),
        }
    }
}

impl Error for JoinError {}
