//! Background work: jobs on threads of their own, each awaited by an ordinary task.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, available_parallelism};

use threadpool::ThreadPool;

use crate::join::{JoinHandle, spawn_on};
use crate::scheduler::with_current;
use crate::task::quietly;

/// The threads for jobs, started with the first one. Dropping the pool waits for nobody.
#[derive(Default)]
pub(crate) struct Pool {
    threads: OnceCell<ThreadPool>,
}

impl Pool {
    /// Some more than there are cores, for jobs that block rather than compute.
    fn threads(&self) -> &ThreadPool {
        self.threads.get_or_init(|| {
            let cores = available_parallelism().map_or(1, usize::from);
            ThreadPool::with_name("blocking".to_owned(), (cores + 4).min(32))
        })
    }
}

/// Runs `job` on a thread of the pool. It starts at once, awaited or not; more jobs than threads wait for a free one.
///
/// The handle is that of an ordinary task: it has the job's panic, detaches when it is dropped, and its
/// [`abort`](JoinHandle::abort) gives up a job that has not started. One that has runs to its end, and its result is
/// dropped. The same goes for the jobs of a scheduler that is dropped.
///
/// # Panics
///
/// If no scheduler runs on this thread, or if the system gives no threads.
#[track_caller]
pub fn spawn_blocking<F, T>(job: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let Some(core) = with_current(Rc::clone) else {
        panic!("no scheduler runs on this thread: use `spawn_blocking` inside `Scheduler::run`");
    };
    let answer = Arc::new(Answer(Mutex::new(State::Open(None))));
    if !core.closed.get() {
        let answer = Arc::clone(&answer);
        core.pool.threads().execute(move || {
            // Alone with the answer means that the task is gone already.
            if Arc::strong_count(&answer) > 1 {
                answer.give(catch_unwind(AssertUnwindSafe(job)));
            } else {
                quietly(|| drop(job));
            }
            quietly(|| drop(answer));
        });
    }
    spawn_on(&core, async move {
        match poll_fn(|cx| answer.poll(cx)).await {
            Ok(output) => output,
            Err(payload) => resume_unwind(payload),
        }
    })
}

/// A job's result, on its way from the pool to the task.
struct Answer<T>(Mutex<State<T>>);

enum State<T> {
    /// The job is not done; whom to wake when it is.
    Open(Option<Waker>),
    Given(thread::Result<T>),
    Taken,
}

impl<T> Answer<T> {
    fn give(&self, result: thread::Result<T>) {
        let before = self.replace(State::Given(result));
        // Outside the lock, and so after the result is there: a wake may run anybody's code.
        if let State::Open(Some(waker)) = before {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let waker = cx.waker().clone();
        let mut state = self.state();
        // One look under the lock: the job either has given its result, or finds the waker.
        let before = match *state {
            State::Given(_) => mem::replace(&mut *state, State::Taken),
            State::Open(_) | State::Taken => mem::replace(&mut *state, State::Open(Some(waker))),
        };
        drop(state);
        match before {
            State::Given(result) => Poll::Ready(result),
            State::Open(_) | State::Taken => Poll::Pending,
        }
    }

    fn replace(&self, state: State<T>) -> State<T> {
        mem::replace(&mut self.state(), state)
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
