//! The scheduler: a table of tasks, and a loop that polls those that can go on and blocks when none can.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ready::{Link, Ready};
use crate::task::Task;
use crate::timers::Timers;
use crate::wait::Wait;

/// Polls a turn at most, so that tasks that are always ready cannot keep timers from firing.
const POLLS_A_TURN: usize = 64;

thread_local! {
    /// The scheduler that runs on this thread: how a future finds it without being handed a reference.
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// A co-routine scheduler for one thread.
pub struct Scheduler {
    pub(crate) core: Rc<Core>,
}

/// What the scheduler, the loop and the current futures share.
pub(crate) struct Core {
    /// The unfinished tasks by id, but for the one that is being polled. A queue no longer does: a waker can name an id
    /// and nothing more, since the futures must not leave this thread.
    tasks: RefCell<BTreeMap<u64, Task>>,
    /// The id of the next task. Never used again: a late waker must not hit a stranger.
    next_id: Cell<u64>,
    /// The tasks that can go on.
    pub(crate) ready: Ready,
    /// The tasks that wait for a deadline.
    pub(crate) timers: Timers,
    /// Where the loop blocks.
    pub(crate) wait: Wait,
}

impl Scheduler {
    /// Makes a scheduler without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self {
            core: Rc::new(Core::new(Wait::new())),
        }
    }

    /// Adds a task behind those that wait already. It is polled by [`run`](Self::run), never here.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let id = self.core.next_id.replace(self.core.next_id.get() + 1);
        let link = Arc::new(Link::new(id, self.core.ready.home()));
        let task = Task::new(Arc::clone(&link), future);
        self.core.tasks.borrow_mut().insert(id, task);
        link.schedule();
    }

    /// Runs until no task is left.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler, or while the thread's locals are destroyed; and with the panic of a task, which is
    /// dropped. The next `run` goes on with the others.
    #[track_caller]
    pub fn run(&self) {
        let _entered = Core::enter(&self.core);
        self.core.drive(|| self.core.tasks.borrow().is_empty());
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    fn new(wait: Wait) -> Self {
        Self {
            tasks: RefCell::default(),
            next_id: Cell::default(),
            ready: Ready::new(wait.notifier()),
            timers: Timers::default(),
            wait,
        }
    }

    /// The loop. Turn after turn, until `done`:
    ///
    /// 1. Wake the tasks whose deadline has passed.
    /// 2. Poll tasks until none is ready, those that become ready meanwhile included, 64 at most.
    /// 3. Wait: until the next deadline, or until a waker notifies; not at all while a task is ready.
    pub(crate) fn drive(&self, mut done: impl FnMut() -> bool) {
        if done() {
            return;
        }
        let mut idle = true;
        loop {
            // (1)
            self.timers.fire(idle);
            // (2)
            for _ in 0..POLLS_A_TURN {
                let Some(id) = self.ready.pop() else { break };
                self.poll(id);
                if done() {
                    return;
                }
            }
            // (3)
            idle = self.ready.is_idle();
            self.wait.wait(self.patience(idle));
        }
    }

    /// How long phase 3 may block; `None` is for ever.
    fn patience(&self, idle: bool) -> Option<Duration> {
        if !idle {
            return Some(Duration::ZERO);
        }
        let deadline = self.timers.earliest()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Polls a task. It is out of the table meanwhile: if it panics, it is unlisted and dropped already.
    fn poll(&self, id: u64) {
        // It may have woken itself in its last poll.
        let Some(mut task) = self.tasks.borrow_mut().remove(&id) else {
            return;
        };
        if task.poll().is_pending() {
            self.tasks.borrow_mut().insert(id, task);
        }
    }

    /// Makes this the current scheduler of the thread, until the guard is dropped.
    #[track_caller]
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        let free = CURRENT.try_with(|current| current.borrow().is_none());
        assert!(
            free.expect("no scheduler runs while the thread's locals are destroyed"),
            "a scheduler runs on this thread already: await a future instead of running it"
        );
        Entered(replace_current(Some(Rc::clone(self))))
    }
}

/// Puts back the scheduler that was current before.
pub(crate) struct Entered(Option<Rc<Core>>);

impl Drop for Entered {
    fn drop(&mut self) {
        replace_current(self.0.take());
    }
}

/// `None` also while the thread's locals are destroyed: a future may be dropped as late as that.
fn replace_current(core: Option<Rc<Core>>) -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.replace(core)).ok()?
}

/// Calls `f` with the current scheduler. `None` if none runs on this thread, or if the thread's locals are destroyed.
/// `f` must not call what users wrote, for `CURRENT` is borrowed meanwhile.
pub(crate) fn with_current<R>(f: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_ref().map(f)).ok()?
}
