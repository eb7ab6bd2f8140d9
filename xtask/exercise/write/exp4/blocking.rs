//! Background work: jobs that run on threads of a pool, each awaited by an ordinary task.

use crate::join::JoinHandle;

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
    drop(job);
    todo!("a job on a thread of the pool")
}
