//! The run queue: first in, first out.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::park::Unparker;

/// Names a task.
pub(crate) type TaskId = u64;

/// The ids of the tasks that can run. Only ids, because wakers may be on any thread, and most futures may not.
pub(crate) struct RunQueue {
    ids: Mutex<VecDeque<TaskId>>,
    unparker: Unparker,
}

impl RunQueue {
    pub(crate) fn new(unparker: Unparker) -> Self {
        let ids = Mutex::default();
        Self { ids, unparker }
    }

    /// Takes the id that has waited longest. After `None` the loop may park: the next push unparks it.
    pub(crate) fn pop(&self) -> Option<TaskId> {
        self.ids.lock().unwrap().pop_front()
    }

    /// Puts an id at the back. Unparks the loop only if the queue was empty: if not, an earlier push has unparked it or is about
    /// to, and the loop empties the queue before it parks.
    pub(crate) fn push(&self, id: TaskId) {
        let mut ids = self.ids.lock().unwrap();
        let was_empty = ids.is_empty();
        ids.push_back(id);
        drop(ids);
        if was_empty {
            self.unparker.unpark();
        }
    }

    /// Takes an id out. Looks from the back, where an id that was pushed last is found at once.
    pub(crate) fn remove(&self, id: TaskId) {
        let mut ids = self.ids.lock().unwrap();
        let index = ids.iter().rposition(|queued| *queued == id);
        index.map(|index| ids.remove(index));
    }
}
