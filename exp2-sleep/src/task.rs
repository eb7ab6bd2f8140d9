//! A task: its future, which stays on this thread, and its waker, which may go anywhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::ready::Home;

/// A future and what its wakers share.
pub(crate) struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Arc<TaskWaker>,
}

/// What a waker holds. No more than an id of the task, because wakers are `Send + Sync` and most futures are not.
struct TaskWaker {
    id: u64,
    /// Whether the task stands in the ready queue: a task woken twice is polled once.
    scheduled: AtomicBool,
    /// The ready queue to go to.
    home: Arc<Home>,
}

impl Task {
    /// Makes a task that the caller queues.
    pub(crate) fn new(id: u64, home: &Arc<Home>, future: impl Future<Output = ()> + 'static) -> Self {
        Self {
            future: Box::pin(future),
            waker: Arc::new(TaskWaker {
                id,
                scheduled: AtomicBool::new(true),
                home: Arc::clone(home),
            }),
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<()> {
        // Before the poll, or a wake during it would be lost; and by a swap, because a store would let the poll read the
        // event before the flag is seen to be clear.
        self.waker.scheduled.swap(false, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(&self.waker));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Queues the task, and never polls it: the caller may hold a lock that the task wants.
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            self.home.push(self.id);
        }
    }
}
