//! The scheduler: a table of tasks, and a loop that polls those that can go on and blocks when none can.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::blocking::Pool;
use crate::join::{JoinHandle, spawn_on};
use crate::ready::{Link, Ready};
use crate::source::begin_turn;
use crate::task::{Entry, Task, quietly};
use crate::timers::Timers;
use crate::wait::Wait;
use crate::watch::Watch;

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
    /// The unfinished tasks: those to be dropped with the scheduler, whoever else holds them. A task's place is the lower
    /// half of its id; `None` stands for the one that is being polled.
    tasks: RefCell<Slab<Option<Arc<dyn Entry>>>>,
    /// The upper half of the next task's id. Places are used again, ids only when this comes round: a late waker should not
    /// hit a stranger, though it would do no more than poll it once too often.
    next_id: Cell<u64>,
    /// The scheduler is being dropped.
    pub(crate) closed: Cell<bool>,
    /// The tasks that can go on.
    pub(crate) ready: Ready,
    /// The tasks that wait for a deadline.
    pub(crate) timers: Timers,
    /// Where the loop blocks.
    pub(crate) wait: Wait,
    /// The threads for background work.
    pub(crate) pool: Pool,
    /// Who reports tasks that do not give way.
    watch: Watch,
}

impl Scheduler {
    /// Makes a scheduler without tasks.
    ///
    /// # Panics
    ///
    /// If the system gives no selector, as [`try_new`](Self::try_new) returns an error.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        match Self::try_new() {
            Ok(scheduler) => scheduler,
            Err(error) => panic!("the system gives no selector: {error}"),
        }
    }

    /// Makes a scheduler without tasks.
    ///
    /// # Errors
    ///
    /// If the system gives no selector, for want of descriptors.
    pub fn try_new() -> io::Result<Self> {
        Ok(Self {
            core: Rc::new(Core::new(Wait::new()?)),
        })
    }

    /// Adds a task behind those that wait already. It is polled by [`run`](Self::run), never here.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        spawn_on(&self.core, future)
    }

    /// Runs until no task is left.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler, while the thread's locals are destroyed, or if the selector fails. The panic of a task
    /// stays in the task: its [`JoinHandle`] has it.
    #[track_caller]
    pub fn run(&self) {
        let _entered = Core::enter(&self.core);
        self.core.drive(|_| self.core.tasks.borrow().is_empty());
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
            closed: Cell::default(),
            ready: Ready::new(wait.notifier()),
            timers: Timers::default(),
            wait,
            pool: Pool::default(),
            watch: Watch::new(),
        }
    }

    /// The loop. Turn after turn, until `done`:
    ///
    /// 0. Take in the tasks that other threads have woken.
    /// 1. Wake the tasks whose deadline has passed.
    /// 2. Poll tasks until none is ready, those that become ready meanwhile included, 64 at most.
    /// 3. Wait: until the next deadline, until a source is ready, or until a waker notifies; not at all while a task is
    ///    ready, but sources are heard all the same.
    pub(crate) fn drive(&self, mut done: impl FnMut(Option<u64>) -> bool) {
        // What was woken before this call comes before what the future of `block_on` wakes.
        self.ready.take_foreign();
        begin_turn();
        let watching = self.watch.begin(None);
        if done(None) {
            return;
        }
        drop(watching);
        let mut idle = true;
        loop {
            // (0)
            self.ready.take_foreign();
            // (1)
            self.timers.fire(idle);
            // (2)
            for _ in 0..POLLS_A_TURN {
                let Some(id) = self.ready.pop() else { break };
                begin_turn();
                let _watching = self.watch.begin(Some(id));
                self.poll(id);
                if done(Some(id)) {
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

    /// Polls a task. It is out of the list meanwhile, but keeps its place.
    fn poll(&self, id: u64) {
        let place = id as u32 as usize;
        let Some(task) = self.tasks.borrow_mut().get_mut(place).and_then(Option::take) else {
            return;
        };
        // It may have woken itself in its last poll, and another may have its place.
        let task = if task.link().clear(id) {
            task.poll(self)
        } else {
            Some(task)
        };
        if let Some(task) = task
            && let Some(place) = self.tasks.borrow_mut().get_mut(place)
        {
            *place = Some(task);
        }
    }

    /// Makes the link of the task that is to be listed next.
    // Inlined, as `list` and `unlist` are: a task's code stands in the crate that spawns it, and not here.
    #[inline]
    pub(crate) fn next_link(&self) -> Link {
        self.new_link(self.tasks.borrow().vacant_key())
    }

    /// Makes the link of what is not to be listed, in a place where no task is.
    pub(crate) fn unlisted_link(&self) -> Link {
        self.new_link(u32::MAX as usize)
    }

    fn new_link(&self, place: usize) -> Link {
        let upper = self.next_id.replace(self.next_id.get() + 1);
        Link::new(upper << 32 | place as u64, self.ready.home())
    }

    #[inline]
    pub(crate) fn list<F: Future + 'static>(&self, task: Arc<Task<F>>) {
        self.watch.name(task.link().id, type_name::<F>());
        self.tasks.borrow_mut().insert(Some(task));
    }

    /// Tolerates an id that is gone, as all are when the scheduler is dropped.
    #[inline]
    pub(crate) fn unlist(&self, id: u64) {
        let _place = self.tasks.borrow_mut().try_remove(id as u32 as usize);
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

    /// Drops every future, here and now: later, the last to hold a task may be another thread. A closed scheduler's tasks
    /// end when they are polled.
    fn close(&self) {
        self.closed.set(true);
        for task in self.tasks.take().into_iter().filter_map(|(_, task)| task) {
            quietly(|| drop(task.poll(self)));
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        let _entered = Entered(replace_current(Some(Rc::clone(&self.core))));
        self.core.close();
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
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_ref().map(f)).ok()?
}
