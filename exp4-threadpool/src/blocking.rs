//! Background work: jobs that run on threads of a pool, each awaited by an ordinary task.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread::{self, available_parallelism};

use crate::join::{JoinHandle, spawn_on};
use crate::pool::ThreadPool;
use crate::scheduler::current;
use crate::task::discard_panic;

/// A few more threads than cores, because jobs block more often than they compute.
fn new_pool() -> ThreadPool {
    let cores = available_parallelism().map_or(1, usize::from);
    // One thread at least: without it no job can run.
    let mut pool = ThreadPool::with_name("blocking".to_owned(), 1);
    // This panics if the system does not give all these threads. Then the pool works with those that it has.
    discard_panic(|| pool.set_num_threads((cores + 4).min(32)));
    pool
}

/// A channel for one value, as `Shared` in `join.rs`, but for two threads: a job's result, on its way to the task.
struct Channel<T> {
    result: Option<thread::Result<T>>,
    /// The waker to call when the result is there.
    waker: Option<Waker>,
}

/// Runs `job` on a thread of the pool, awaited or not. The pool has four threads more than there are cores, at most 32. If all
/// are busy, the job waits for one.
///
/// The handle is that of an ordinary task: it has the job's panic, and dropping it detaches the job. A job runs to its
/// end, unless the program ends first: [`abort`](JoinHandle::abort) and the drop of the scheduler do not wait for it, and only
/// drop its result. While the scheduler is being dropped, a new job runs all the same, and the handle says "cancelled".
///
/// If the system gives fewer threads than there should be, the pool works with those. If it gives none, the job is dropped,
/// and the handle has a panic that says so; the next job tries again.
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[track_caller]
pub fn spawn_blocking<F, T>(job: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core = current();
    let (result, waker) = (None, None);
    let channel = Arc::new(Mutex::new(Channel { result, waker }));
    let sender = Arc::clone(&channel);
    let job = move || {
        let result = catch_unwind(AssertUnwindSafe(job));
        // The result first: a poll between the two finds it, and then the wake is one too many.
        sender.lock().unwrap().result = Some(result);
        let waker = sender.lock().unwrap().waker.take();
        // If the task is gone, the result is dropped here, and that drop may panic.
        discard_panic(|| drop(sender));
        waker.into_iter().for_each(Waker::wake);
    };
    let started = catch_unwind(AssertUnwindSafe(|| core.pool.get_or_init(new_pool).execute(job)));
    spawn_on(&core, async move {
        assert!(started.is_ok(), "the system gives no thread for `spawn_blocking`");
        let receive = poll_fn(|cx| {
            // The waker first: a result that comes in between is found here, and then the wake is one too many. If the look
            // came first, nobody would be woken.
            let waker = cx.waker().clone();
            let _replaced = channel.lock().unwrap().waker.replace(waker);
            let result = channel.lock().unwrap().result.take();
            result.map_or(Poll::Pending, Poll::Ready)
        });
        receive.await.unwrap_or_else(|payload| resume_unwind(payload))
    })
}
