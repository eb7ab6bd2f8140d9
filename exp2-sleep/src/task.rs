//! A task: a boxed future and its waker; and the table of tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};

use crate::run_queue::{RunQueue, TaskId};

/// The id of the next task. No id is used again: otherwise a late waker would wake another task.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    pub(crate) waker: Arc<TaskWaker>,
}

impl Task {
    pub(crate) fn new(future: impl Future<Output = ()> + 'static, run_queue: &Arc<RunQueue>) -> Self {
        let (future, waker) = (Box::pin(future), TaskWaker::new(run_queue));
        Self { future, waker }
    }

    /// Returns the task if it has not ended.
    pub(crate) fn poll(mut self) -> Option<Self> {
        self.waker.clear(self.waker.id);
        let waker = Waker::from(Arc::clone(&self.waker));
        let poll = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        poll.is_pending().then_some(self)
    }
}

/// Puts a task's id into the run queue.
pub(crate) struct TaskWaker {
    pub(crate) id: TaskId,
    /// Whether the id is in the run queue: a task that is woken twice is polled once.
    pub(crate) queued: AtomicBool,
    run_queue: Arc<RunQueue>,
}

impl TaskWaker {
    /// Begins as queued, as if it had just been woken: the caller pushes the id, or polls at once.
    pub(crate) fn new(run_queue: &Arc<RunQueue>) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            queued: AtomicBool::new(true),
            run_queue: Arc::clone(run_queue),
        })
    }

    /// Returns whether `id` is this one and was queued. If so, it counts as not queued from here on. To be called before the
    /// poll: a wake between the poll and a later call would be lost. It is a swap: what the waking thread wrote before the wake
    /// is visible after a swap, and might not be after a store.
    pub(crate) fn clear(&self, id: TaskId) -> bool {
        id == self.id && self.queued.swap(false, Ordering::AcqRel)
    }

    /// Queues the task, and never polls it: the caller may hold a lock that the task needs.
    pub(crate) fn schedule(&self) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.run_queue.push(self.id);
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.schedule();
    }
}

/// The unfinished tasks, by id.
#[derive(Default)]
pub(crate) struct Tasks {
    pub(crate) by_id: RefCell<BTreeMap<TaskId, Task>>,
}

impl Tasks {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.borrow().is_empty()
    }

    /// Returns the task's id.
    pub(crate) fn insert(&self, task: Task) -> TaskId {
        let id = task.waker.id;
        self.by_id.borrow_mut().insert(id, task);
        id
    }

    /// Takes a task out, if it has not ended.
    pub(crate) fn remove(&self, id: TaskId) -> Option<Task> {
        self.by_id.borrow_mut().remove(&id)
    }
}
