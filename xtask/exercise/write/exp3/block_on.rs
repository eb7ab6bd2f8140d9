//! Running the scheduler until one future is ready. That future may borrow.

use crate::scheduler::Scheduler;

impl Scheduler {
    /// Runs until `future` is ready, and returns its output. It is polled first, before the tasks that wait already; if it is
    /// ready then, nothing else happens. Tasks that have not ended by then stay for the next `run` or `block_on`.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler; and with the panic of `future`, which leaves the scheduler usable.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        drop(future);
        todo!("a future that runs beside the tasks")
    }
}
