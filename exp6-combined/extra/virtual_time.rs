//! Virtual time, for tests: a clock that stands still while a task can run or a job is on the pool, and otherwise jumps to the
//! next deadline.
//!
//! The loop knows nothing of it. Before each park that has a deadline, the loop asks for the time. Then the clock puts a
//! waker of its own among those that the next park calls. So that park does not block, and calls it after its look at the
//! selector. What the look has reported is polled after that. Hence the clock jumps at the second call in a row without a
//! poll in between: then the loop has found nobody who can run, and the selector has reported nobody.
//!
//! While a job is on the pool, the waker parks for a moment itself. The end of a job may wake nobody, if its task was aborted,
//! and the pool still counts a job when the job wakes its task. So the waker looks at the pool again after that moment.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use super::clock;
use crate::scheduler::{Core, Scheduler, try_current};

/// How long the loop parks, at most, before it looks at the pool again.
const MOMENT: Duration = Duration::from_millis(1);

thread_local! {
    /// The clocks of this thread's schedulers. The weak reference keeps the address of a scheduler that was dropped from
    /// being another's.
    static CLOCKS: RefCell<Vec<(Weak<Core>, Arc<Clock>)>> = const { RefCell::new(Vec::new()) };
}

/// It is also the waker that looks whether it is time to jump. Only the scheduler's thread uses `state`.
struct Clock {
    state: Mutex<State>,
}

struct State {
    now: Instant,
    /// Whether the next park calls the waker.
    deferred: bool,
    /// The number of the last poll when the waker was last called.
    poll: Option<u64>,
    /// Whether no job was on the pool then.
    quiet: bool,
}

impl Scheduler {
    /// Makes a scheduler for tests, whose time is virtual: a test that sleeps for an hour takes milliseconds, and does the same
    /// in the same order each time. While a task can run, the clock stands still. When none can run and no job of
    /// [`spawn_blocking`](crate::spawn_blocking) is on the pool, it jumps to the next deadline. [`now`](crate::now) tells the
    /// virtual time inside of this scheduler; it begins with the real time at this call.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use exp6_combined::{Scheduler, now, sleep, spawn_blocking, timeout};
    /// const HOUR: Duration = Duration::from_secs(3600);
    ///
    /// let real_start = Instant::now();
    /// let scheduler = Scheduler::with_virtual_time();
    /// let waited = scheduler.block_on(async {
    ///     let start = now();
    ///     sleep(HOUR).await;
    ///     assert!(timeout(HOUR, sleep(2 * HOUR)).await.is_err());
    ///     // A job takes no virtual time, however long it runs.
    ///     assert_eq!(timeout(HOUR, spawn_blocking(|| 7)).await.unwrap().unwrap(), 7);
    ///     now() - start
    /// });
    /// assert_eq!(waited, 2 * HOUR);
    /// assert!(real_start.elapsed() < HOUR);
    /// ```
    ///
    /// What to know:
    ///
    /// - **Real input** takes no virtual time, and the clock does not wait for it. Between two tasks of one scheduler, pipes
    ///   and pairs of Unix sockets work as always: what was written is there when the selector is looked at. For TCP this
    ///   is usually so, but the system may deliver later, also on the loopback interface. A peer on another thread or machine
    ///   nearly always answers later. Then the clock jumps meanwhile: a `timeout` around such an operation is over at once.
    ///   The same holds for wakes from threads that are not the pool's. Where that matters, do the work in a job, which
    ///   holds the clock.
    /// - **A task that can always run**, such as one that yields until a time has come, stops the clock for ever.
    /// - **The longest sleep ends, too**, when nobody waits for anything else.
    /// - **A sleep that is made outside** of the running scheduler is counted from the real time, and
    ///   [`Instant::now`] is always the real time. Make sleeps inside, and use [`now`](crate::now). In a job, which runs on
    ///   another thread, that is the real time as well.
    /// - **[`run_until_stalled`](Self::run_until_stalled)** never waits, and so the clock does not jump in it. Between two
    ///   calls, `scheduler.block_on(sleep_until(deadline))` moves the clock; to the next deadline, for example, which
    ///   [`next_deadline`](Self::next_deadline) tells. (`sleep_until` and not `sleep`: see the point before this one.)
    /// - `scheduler.block_on(async { now() })` gives the time at which `run` has ended.
    ///
    /// While it waits for a job and has a deadline, it looks at the pool every millisecond.
    ///
    /// # Panics
    ///
    /// If the system gives no selector: [`try_with_virtual_time`](Self::try_with_virtual_time) returns an error then.
    #[must_use]
    #[track_caller]
    pub fn with_virtual_time() -> Self {
        Self::try_with_virtual_time().expect("the system gives no selector")
    }

    /// As [`with_virtual_time`](Self::with_virtual_time), without the panic.
    ///
    /// ```
    /// # use exp6_combined::{Scheduler, sleep};
    /// let scheduler = Scheduler::try_with_virtual_time()?;
    /// scheduler.block_on(async { sleep(std::time::Duration::from_secs(3600)).await });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the system gives no selector, for example because the process has no descriptors left.
    pub fn try_with_virtual_time() -> io::Result<Self> {
        let scheduler = Self::try_new()?;
        let state = State {
            now: Instant::now(),
            deferred: false,
            poll: None,
            quiet: false,
        };
        let state = Mutex::new(state);
        let clock = Arc::new(Clock { state });
        CLOCKS.with_borrow_mut(|clocks| {
            clocks.retain(|(core, _)| core.strong_count() > 0);
            clocks.push((Rc::downgrade(&scheduler.core), clock));
        });
        clock::set_hook(virtual_now);
        Ok(scheduler)
    }
}

fn clock_of(core: &Rc<Core>) -> Option<Arc<Clock>> {
    let find = |clocks: &RefCell<Vec<(Weak<Core>, Arc<Clock>)>>| {
        let clocks = clocks.borrow();
        let found = clocks.iter().find(|(other, _)| other.as_ptr() == Rc::as_ptr(core));
        found.map(|(_, clock)| Arc::clone(clock))
    };
    CLOCKS.try_with(find).ok()?
}

/// The time of the scheduler that runs on this thread. Sees to it that the clock looks whether it can jump.
fn virtual_now() -> Option<Instant> {
    let core = try_current()?;
    let clock = clock_of(&core)?;
    let mut state = clock.state.lock().unwrap();
    let now = state.now;
    let deferred = mem::replace(&mut state.deferred, true);
    drop(state);
    if !deferred {
        core.parker.defer(Waker::from(clock));
    }
    Some(now)
}

/// A job that a thread takes counts as active first, and then as queued no more. So this looks the other way round.
fn has_jobs(core: &Core) -> bool {
    core.pool
        .get()
        .is_some_and(|pool| pool.queued_count() > 0 || pool.active_count() > 0)
}

impl Wake for Clock {
    fn wake(self: Arc<Self>) {
        // The parker of a scheduler that is dropped calls its wakers as well, and then another scheduler may run here.
        let is_own = |core: &Rc<Core>| clock_of(core).is_some_and(|clock| Arc::ptr_eq(&clock, &self));
        let Some(core) = try_current().filter(is_own) else {
            return;
        };
        let (poll, quiet) = (core.io_budget.get().0, !has_jobs(&core));
        let mut state = self.state.lock().unwrap();
        state.deferred = false;
        let nothing_polled = state.poll.replace(poll) == Some(poll);
        // The pool counts a job as done only after the job's wake. So if there was no job at the last call either, the wakes of
        // all jobs have come before that, and their tasks have been polled.
        let was_quiet = mem::replace(&mut state.quiet, quiet);
        if nothing_polled && quiet && was_quiet {
            let earliest = core.timers.earliest();
            state.now = earliest.map_or(state.now, |deadline| deadline.max(state.now));
        }
        drop(state);
        // This look is over: a park in it is like the next one. A wake or a source ends it.
        if nothing_polled && !quiet {
            core.parker.park(Some(MOMENT));
        }
    }
}
