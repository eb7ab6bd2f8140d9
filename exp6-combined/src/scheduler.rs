//! The scheduler: a table of tasks, and a loop that polls those that can run and parks when none can.
//!
//! Invariants. Tests cite their numbers:
//!
//! 1. A task is in the table, or is being polled, or has been dropped.
//! 2. A task's id is in the run queue at most once. A wake after the poll began puts it there again: no wake is lost.
//! 3. The loop blocks only after it has found the run queue empty. The first push after that calls `unpark`.
//! 4. Futures and wakers are polled, woken, cloned and dropped while no lock is held and nothing is borrowed.
//! 5. A task's future is dropped on the scheduler's thread, and before the result can be seen.
//! 6. While somebody waits for a source, the selector has been asked to report it.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::park::Parker;
use crate::pool::ThreadPool;
use crate::run_queue::{RunQueue, TaskId};
use crate::source::Direction;
use crate::task::{Task, Tasks, discard_panic};
use crate::timers::{Timers, now};

/// How many operations a task may do in one poll. After that, other tasks run first.
const IO_BUDGET: u32 = 16;

thread_local! {
    /// The scheduler that runs on this thread. A future finds it here, and needs no reference to it.
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// A co-routine scheduler for one thread.
pub struct Scheduler {
    pub(crate) core: Rc<Core>,
}

/// What the scheduler, its loop and the futures share.
pub(crate) struct Core {
    /// The unfinished tasks, except the one that is being polled.
    pub(crate) tasks: Tasks,
    /// The ids of the tasks that can run.
    pub(crate) run_queue: Arc<RunQueue>,
    /// The sleeps, with their wakers.
    pub(crate) timers: Timers,
    /// Where the loop blocks.
    pub(crate) parker: Parker,
    /// Polls since the last park, or since part (1) of `next` last ran.
    polls: Cell<u32>,
    /// Whether the scheduler is being dropped. What is spawned then is dropped at once.
    closed: Cell<bool>,
    /// The number of the current poll, and what is left of its I/O budget.
    pub(crate) io_budget: Cell<(u64, u32)>,
    /// The threads for jobs. They start with the first job.
    pub(crate) pool: OnceCell<ThreadPool>,
}

impl Scheduler {
    /// Makes a scheduler without tasks.
    ///
    /// # Panics
    ///
    /// If the system gives no selector: [`try_new`](Self::try_new) returns an error then.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::try_new().expect("the system gives no selector")
    }

    /// Makes a scheduler without tasks.
    ///
    /// # Errors
    ///
    /// If the system gives no selector, for example because the process has no descriptors left.
    pub fn try_new() -> io::Result<Self> {
        let parker = Parker::new()?;
        let core = Rc::new(Core {
            tasks: Tasks::default(),
            run_queue: Arc::new(RunQueue::new(parker.unparker())),
            timers: Timers::default(),
            parker,
            polls: Cell::new(0),
            closed: Cell::new(false),
            io_budget: Cell::new((0, IO_BUDGET)),
            pool: OnceCell::new(),
        });
        Ok(Self { core })
    }

    /// Runs until no task is left. A task that waits for what never happens keeps it from returning.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler. The panic of a task stays in the task: its [`JoinHandle`](crate::JoinHandle) has it.
    #[track_caller]
    pub fn run(&self) {
        let _entered = Core::enter(&self.core);
        // What other threads have spawned may be all that there is to run: `extra/remote.rs` spawns it after this look.
        self.core.parker.park(Some(Duration::ZERO));
        while !self.core.tasks.is_empty() {
            self.core.poll(self.core.next());
        }
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scheduler {
    /// Drops the tasks that have not ended, one by one, because the drop of each may panic. It is the current scheduler
    /// meanwhile: what a drop spawns comes here, and a sleep that is dropped leaves the timer queue.
    fn drop(&mut self) {
        let _entered = Entered(replace_current(Some(Rc::clone(&self.core))));
        self.core.closed.set(true);
        while let Some(task) = self.core.tasks.pop() {
            discard_panic(|| drop(task));
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

impl Core {
    /// Adds a task at the back of the run queue.
    pub(crate) fn add(&self, task: Task) {
        if self.closed.get() {
            return discard_panic(|| drop(task));
        }
        self.run_queue.push(self.tasks.insert(task));
    }

    /// Returns the id of the task to poll next: of those that can run, the one that has waited longest. Parks while none can.
    pub(crate) fn next(&self) -> TaskId {
        loop {
            // (1) After each 64 polls without a park: wake all sleeps that are due. Tasks that can always run would otherwise
            // starve them. They would starve sources as well, so look at the selector without waiting.
            if self.polls.get() == 64 {
                self.polls.set(0);
                self.timers.wake_until(now());
                self.parker.park(Some(Duration::ZERO));
            }
            // (2) Take the next id.
            if let Some(id) = self.run_queue.pop() {
                self.polls.set(self.polls.get() + 1);
                self.io_budget.update(|(poll, _)| (poll + 1, IO_BUDGET));
                return id;
            }
            // (3) No task can run. If a deadline has passed, wake the sleeps of the earliest one, and only those: their tasks
            // may begin sleeps that end before the next deadline. So the order is kept even when the loop is late. Otherwise
            // park until the earliest deadline.
            let earliest = self.timers.earliest();
            let timeout = earliest.map(|deadline| deadline.saturating_duration_since(now()));
            if let (Some(deadline), Some(Duration::ZERO)) = (earliest, timeout) {
                self.timers.wake_until(deadline);
            } else {
                self.polls.set(0);
                self.parker.park(timeout);
            }
        }
    }

    /// Polls a task. It is out of the table meanwhile: so the table is not borrowed, and if the poll panics, the task is dropped.
    pub(crate) fn poll(&self, id: TaskId) {
        // The task may have ended: a waker can outlive it, and a task can be woken in its last poll.
        if let Some(task) = self.tasks.remove(id).and_then(Task::poll) {
            self.tasks.insert(task);
        }
    }

    /// To be called before each operation. When the I/O budget is spent, the task is woken after the next look at the
    /// selector. Otherwise a task whose sources are always ready would starve all other tasks. An operation is free if one in
    /// the same direction was deferred in an earlier poll: otherwise, if one part of a task always spends the budget, another
    /// part would never make progress.
    pub(crate) fn poll_budget(&self, cx: &Context<'_>, direction: &Direction) -> Poll<()> {
        let (poll, rest) = self.io_budget.get();
        let deferred_before = direction.deferred.take().is_some_and(|earlier| earlier != poll);
        if let Some(rest) = rest.checked_sub(u32::from(!deferred_before)) {
            self.io_budget.set((poll, rest));
            return Poll::Ready(());
        }
        direction.deferred.set(Some(poll));
        self.parker.defer(cx.waker().clone());
        Poll::Pending
    }

    /// Makes this the current scheduler of the thread, until the guard is dropped.
    #[track_caller]
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        assert!(
            try_current().is_none(),
            "a scheduler runs on this thread already: await a future instead of running it"
        );
        // For the first poll of `block_on`, which comes before the loop.
        self.io_budget.update(|(poll, _)| (poll + 1, IO_BUDGET));
        Entered(replace_current(Some(Rc::clone(self))))
    }
}

/// Restores the scheduler that was current before.
pub(crate) struct Entered(Option<Rc<Core>>);

impl Drop for Entered {
    fn drop(&mut self) {
        replace_current(self.0.take());
    }
}

/// Makes `core` the current scheduler, and returns the one before.
fn replace_current(core: Option<Rc<Core>>) -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.replace(core)).ok()?
}

/// The scheduler that runs on this thread, if one does. `None` while the thread's locals are destroyed: a future may be
/// dropped as late as that.
pub(crate) fn try_current() -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok()?
}

/// The scheduler that runs on this thread.
#[track_caller]
pub(crate) fn current() -> Rc<Core> {
    let core = try_current();
    core.expect("no scheduler runs on this thread: use this inside `Scheduler::run`/`block_on`, or `Scheduler::spawn`")
}
