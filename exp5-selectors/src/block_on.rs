//! Running the scheduler for the sake of one future, which may borrow.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::scheduler::{Core, Scheduler};

impl Scheduler {
    /// Runs until `future` is done, and returns its output. It is polled first, before the tasks that wait already; if it is
    /// ready then, nothing else happens. Tasks that are not done by then stay for the next `run` or `block_on`.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler, or while the thread's locals are destroyed; and with the panic of `future`, which leaves
    /// the scheduler usable.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        // Entered before the future is pinned, and so left after it is dropped: its drop may still spawn.
        let _entered = Core::enter(&self.core);
        // The future stands in the ready queue like any task, but only its link does: so its wakers may outlive it, and it
        // may borrow from the caller.
        let link = Arc::new(self.core.unlisted_link());
        let waker = Waker::from(Arc::clone(&link));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        let mut output = None;
        self.core.drive(|id| {
            let due = id.is_none_or(|id| link.clear(id));
            if due && let Poll::Ready(ready) = future.as_mut().poll(&mut cx) {
                output = Some(ready);
            }
            output.is_some()
        });
        // It may be queued still, after a wake in its last poll: such ids would pile up.
        self.core.ready.remove(&link);
        output.expect("the loop ends when there is an output")
    }
}
