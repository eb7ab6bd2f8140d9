//! Running the scheduler until one future is ready. That future may borrow.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::scheduler::{Core, Scheduler};
use crate::task::TaskWaker;

impl Scheduler {
    /// Runs until `future` is ready, and returns its output. It is polled first, before the tasks that wait already; if it is
    /// ready then, nothing else happens. Tasks that have not ended by then stay for the next `run` or `block_on`.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler; and with the panic of `future`, which leaves the scheduler usable.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        // Entered before the future is pinned, and so left after it is dropped: its drop may still spawn.
        let _entered = Core::enter(&self.core);
        // The future has an id in the run queue as a task has. But it is not in the table, which outlives this call, and
        // whose futures must be `'static` for that. It is dropped before this call returns, and so it may borrow.
        let main = Main(TaskWaker::new(&self.core.run_queue));
        let waker = Waker::from(Arc::clone(&main.0));
        let mut future = pin!(future);
        // It begins with its own id, as if the run queue had given it.
        let mut id = main.0.id;
        loop {
            if !main.0.clear(id) {
                self.core.poll(id);
            } else if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            id = self.core.next();
        }
    }
}

/// The future's waker. At the end its id leaves the run queue, also after a panic. Otherwise such ids would pile up.
struct Main(Arc<TaskWaker>);

impl Drop for Main {
    fn drop(&mut self) {
        self.0.unschedule();
    }
}
