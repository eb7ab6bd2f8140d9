//! Stands in for `std::thread` and for the pool of threads.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use loom::sync::Notify;

pub use loom::thread::{Builder, ThreadId};
pub use std::thread::Result;

/// A thread, with the token of `park` and `unpark`.
///
/// Loom's own `unpark` is not a point at which it tries other orders. This one is; it orders what comes before it before
/// what comes after the `park` that it ends, and that may end early once.
#[derive(Clone)]
pub struct Thread {
    id: ThreadId,
    token: Arc<Notify>,
}

loom::thread_local! {
    static CURRENT: Thread = Thread {
        id: loom::thread::current().id(),
        token: Arc::new(Notify::new()),
    };
}

impl Thread {
    /// A number that no other thread has.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Ends the thread's `park`, or its next.
    #[track_caller]
    pub fn unpark(&self) {
        self.token.notify();
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").finish_non_exhaustive()
    }
}

/// The thread that runs.
#[must_use]
pub fn current() -> Thread {
    CURRENT.with(Clone::clone)
}

/// Blocks until there is a token, and takes it.
#[track_caller]
pub fn park() {
    current().token.wait();
}

/// Loom knows no time.
///
/// # Panics
///
/// Always.
pub fn park_timeout(_timeout: Duration) {
    panic!("a model has no deadlines");
}

/// There is one.
///
/// # Errors
///
/// None.
pub fn available_parallelism() -> io::Result<NonZero<usize>> {
    Ok(NonZero::<usize>::MIN)
}

/// Starts a thread for every job.
#[derive(Debug)]
pub struct ThreadPool;

impl ThreadPool {
    /// Makes a pool.
    #[must_use]
    pub fn with_name(_name: String, _threads: usize) -> Self {
        Self
    }

    /// It has a thread for every job anyway.
    pub fn set_num_threads(&mut self, _threads: usize) {}

    /// Runs a job.
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) {
        loom::thread::spawn(job);
    }
}
