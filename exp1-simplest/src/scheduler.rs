//! The scheduler: a queue of tasks, and a loop that polls them in turn.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

/// A co-routine scheduler for one thread.
#[derive(Default)]
pub struct Scheduler {
    /// The unfinished tasks, the next one to poll in front. Boxed, because their types differ; pinned, because a future
    /// may hold references into itself, and so must not move once it has been polled.
    tasks: RefCell<VecDeque<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl Scheduler {
    /// Makes a scheduler without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task behind those that wait already. It is polled by [`run`](Self::run), never here.
    ///
    /// # Panics
    ///
    /// Inside `run`: a task cannot add another.
    #[track_caller]
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let Ok(mut tasks) = self.tasks.try_borrow_mut() else {
            panic!("a task cannot spawn another: spawn before `run`");
        };
        tasks.push_back(Box::pin(future));
    }

    /// Runs until no task is left.
    ///
    /// # Panics
    ///
    /// Inside `run`; and with the panic of a task, which is dropped. The next `run` goes on with the others.
    #[track_caller]
    pub fn run(&self) {
        let Ok(mut tasks) = self.tasks.try_borrow_mut() else {
            panic!("`run` inside a running scheduler: await the future instead");
        };
        // Every task is polled again and again, so nobody needs to be told that one can go on.
        let mut cx = Context::from_waker(Waker::noop());
        while let Some(mut task) = tasks.pop_front() {
            if task.as_mut().poll(&mut cx).is_pending() {
                tasks.push_back(task);
            }
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}
