//! Running the scheduler for the sake of one future, which may borrow.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::ready::{Entry, Home, Link};
use crate::scheduler::{Core, Scheduler};

/// Stands in the ready queue for the future, and never touches it: so its wakers may outlive the future, and the future
/// may borrow from the caller.
struct Root {
    /// As a task's.
    link: Link,
    /// Its turn has come. Only the loop's thread reads and writes it; atomic because wakers are `Sync`.
    due: AtomicBool,
}

impl Scheduler {
    /// Runs until `future` is done, and returns its output. It is polled first, before the tasks that wait already. Tasks
    /// that are not done by then stay for the next `run` or `block_on`.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler; and with the panic of `future`, which leaves the scheduler usable.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        // Entered before the future is pinned, and so left after it is dropped: its drop may still spawn.
        let _entered = Core::enter(&self.core);
        let root = Arc::new(Root {
            link: Link::new(self.core.ready.home()),
            due: AtomicBool::new(true),
        });
        let waker = Waker::from(Arc::clone(&root));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        let mut output = None;
        self.core.drive(|| {
            // Asked after every poll of any task, so no swap: a locked instruction each time is felt.
            if root.due.load(Ordering::Relaxed) {
                root.due.store(false, Ordering::Relaxed);
                if let Poll::Ready(ready) = future.as_mut().poll(&mut cx) {
                    output = Some(ready);
                }
            }
            output.is_some()
        });
        output.expect("the loop ends when there is an output")
    }
}

impl Entry for Root {
    fn link(&self) -> &Link {
        &self.link
    }

    fn poll(self: Arc<Self>, _core: &Core) {
        self.link.clear();
        self.due.store(true, Ordering::Relaxed);
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        Home::push(self);
    }
}
