//! A list of a scheduler's tasks: what each does, or what it waits for.
//!
//! The loop does nothing for it. The tables hold the wakers of those who wait, and the data pointer of a waker says whose it
//! is. To look at a pointer runs no user code; the clone or the drop of a waker might. A task whose waker is in none of the
//! tables waits for something that the scheduler does not know. What the tables do not know of a task, `named` records.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::ptr;
use std::rc::{Rc, Weak};
#[cfg(not(feature = "fast-tasks"))]
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use polling::AsRawSource;

#[cfg(feature = "fast-tasks")]
use self::TaskState::{Job, Join};
use self::TaskState::{Other, Queued, Readable, Running, Timer, Writable};
#[cfg(feature = "fast-tasks")]
use crate::run_queue::{ENDED, Owned, QUEUED};
use crate::scheduler::{Core, Scheduler, current, try_current};
use crate::source::Direction;
#[cfg(all(feature = "fast-io", target_os = "linux"))]
use crate::source::Waiters;
#[cfg(not(feature = "fast-tasks"))]
use crate::task::Task;
#[cfg(feature = "fast-timers")]
use crate::timers::instant;
use crate::timers::now;

thread_local! {
    /// What `named` records on this thread, the oldest first.
    static NAMED: RefCell<Vec<Weak<RefCell<TaskDump>>>> = const { RefCell::new(Vec::new()) };
}

/// The tasks of a scheduler at one moment, by [`Scheduler::dump`] or [`dump`]. It is printed as a table, with a line for each.
#[derive(Clone, Debug)]
pub struct Dump {
    /// In the order of their names. The future of [`block_on`](Scheduler::block_on) is no task, and is here only while it runs, if
    /// it is [`named`].
    pub tasks: Vec<TaskDump>,
}

/// What is known of a task.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TaskDump {
    /// An address, which tells the task from all others that have not ended.
    pub id: usize,
    /// What [`named`] was given. Otherwise the type of the future, which says where it is written; without the feature
    /// `fast-tasks` nobody knows it, and this is empty.
    pub name: String,
    /// Where [`named`] was called.
    pub location: Option<&'static Location<'static>>,
    /// What the task does, or what it waits for: all that is known.
    pub states: Vec<TaskState>,
    /// How many polls have ended. Zero if it is not [`named`].
    pub polls: u64,
    /// How long these polls have taken in all. Zero if it is not [`named`].
    pub busy: Duration,
}

/// What a task does, or what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled. Without the feature `fast-tasks` this is known of [`named`] tasks only, and another that runs is
    /// not listed.
    Running,
    /// It can run: it waits for its turn.
    Queued,
    /// It sleeps for this long yet. Zero if the time is up, and the loop has not woken it.
    Timer(Duration),
    /// It waits until it can read from this descriptor.
    Readable(usize),
    /// It waits until it can write to this descriptor.
    Writable(usize),
    /// It awaits the task of this name. Known with the feature `fast-tasks`.
    Join(String),
    /// It awaits a job on the pool, or is the task that takes the job's result. Known with the feature `fast-tasks`.
    Job,
    /// It waits for what the scheduler does not know: a channel, a lock, a combinator that has wakers of its own. Or for nothing:
    /// nobody has its waker.
    Other,
}

impl Scheduler {
    /// Lists the tasks that have not ended, and what each waits for. It takes about a microsecond a task; until it is
    /// called it costs nothing. [`dump`] is the same for the scheduler that runs.
    ///
    /// ```
    /// # use exp6_combined::{Scheduler, TaskState, named, sleep};
    /// # use std::time::Duration;
    /// let scheduler = Scheduler::new();
    /// scheduler.spawn(named("nap", sleep(Duration::from_secs(60))));
    /// let dump = scheduler.dump();
    /// assert_eq!(dump.tasks[0].states, [TaskState::Queued]);
    /// println!("{dump}");
    /// ```
    #[must_use]
    pub fn dump(&self) -> Dump {
        collect(&self.core)
    }
}

/// Lists the tasks of the scheduler that runs on this thread, and what each waits for. Meant for a server that seems to hang: a
/// task of it can wait for a signal, and then print this. On standard error it looks like this:
///
/// ```text
///    polls      busy  state                    task
///        3   228.6µs  [Readable(6)]            accept at examples/echo6.rs:143:28
///        1    11.0µs  [Running]                dump at examples/echo6.rs:139:15
///       37     3.6ms  [Timer(9.3s), Readable(12)] echo 127.0.0.1:56528 at examples/echo6.rs:195:23
///        ?         ?  [Job]                    exp6_combined::blocking::spawn_blocking<…>::{{closure}}
/// ```
///
/// ```
/// # use exp6_combined::{Scheduler, TaskState, dump, spawn, yield_now};
/// Scheduler::new().block_on(async {
///     spawn(std::future::pending::<()>());
///     yield_now().await;
///     assert_eq!(dump().tasks[0].states, [TaskState::Other]);
/// });
/// ```
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[must_use]
#[track_caller]
pub fn dump() -> Dump {
    collect(&current())
}

/// Wraps a future, so that a [`Dump`] tells its name, where this was called, its polls and how long they have taken. Meant for
/// the future that is given to `spawn`:
///
/// ```
/// # use std::{thread, time::Duration};
/// # use exp6_combined::{Scheduler, dump, named, spawn, yield_now};
/// Scheduler::new().block_on(async {
///     spawn(named("worker", async {
///         thread::sleep(Duration::from_millis(5)); // a long computation
///         std::future::pending::<()>().await
///     }));
///     yield_now().await;
///     let worker = &dump().tasks[0];
///     assert!(worker.busy >= Duration::from_millis(5));
///     println!("{} at {}", worker.name, worker.location.unwrap());
/// });
/// ```
///
/// A task has its name from its first poll on. Of several names in one task the outermost counts. A future that is polled with
/// another waker than its task's, as in `FuturesUnordered`, is not listed. Each poll takes two looks at the clock more.
///
/// # Panics
///
/// As `future` does; and while the thread's locals are destroyed.
///
/// # Cancel safety
///
/// Dropping it drops `future`.
#[track_caller]
pub fn named<F: Future>(name: &str, future: F) -> impl Future<Output = F::Output> + use<F> {
    let mut task = TaskDump::default();
    (task.name, task.location) = (name.to_owned(), Some(Location::caller()));
    let task = Rc::new(RefCell::new(task));
    NAMED.with_borrow_mut(|named| {
        // Before it grows, those go whose futures are gone.
        if named.len() == named.capacity() {
            named.retain(|task| task.strong_count() > 0);
        }
        named.push(Rc::downgrade(&task));
    });
    // Boxed: an `async` block would keep the future twice, as it was given and pinned.
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        let start = Instant::now();
        task.borrow_mut().id = id(cx.waker());
        task.borrow_mut().states.push(Running);
        let poll = future.as_mut().poll(cx);
        let mut task = task.borrow_mut();
        task.states.clear();
        (task.polls, task.busy) = (task.polls + 1, task.busy + start.elapsed());
        poll
    })
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} {:>9}  {:<24} task", "polls", "busy", "state")?;
        self.tasks.iter().try_for_each(|task| {
            let TaskDump { name, polls, busy, .. } = task;
            let states = format!("{:.1?}", task.states);
            match task.location {
                Some(at) => write!(f, "\n{polls:>8} {busy:>9.1?}  {states:<24} {name} at {at}"),
                None => write!(f, "\n{:>8} {:>9}  {states:<24} {name}", "?", "?"),
            }
        })
    }
}

/// What the owners of wakers do or wait for, by their addresses.
type States = HashMap<usize, Vec<TaskState>>;

/// The address of what a waker wakes. It tells those apart that have not ended.
fn id(waker: &Waker) -> usize {
    waker.data().addr()
}

fn collect(core: &Core) -> Dump {
    let mut states = waits(core);
    let named = NAMED.with_borrow(|named| Vec::from_iter(named.iter().filter_map(Weak::upgrade)));
    // Of several in one task, the outermost is the oldest, and it stays.
    let named = named.iter().rev().map(|task| task.borrow().clone());
    let mut named = HashMap::from_iter(named.map(|task| (task.id, task)));
    let mut tasks = list(core, &mut states, &mut named);
    if try_current().is_some_and(|current| ptr::eq(&*current, core)) {
        // The one that runs may not be in the table.
        tasks.extend(named.into_values().filter(|task| task.states == [Running]));
    }
    for task in &mut tasks {
        task.states.extend(states.remove(&task.id).unwrap_or_default());
        if task.states.is_empty() {
            task.states.push(Other);
        }
    }
    tasks.sort_by(|one, other| one.name.cmp(&other.name));
    Dump { tasks }
}

/// What the tables of timers and sources know.
fn waits(core: &Core) -> States {
    let mut states = States::new();
    let mut add = |waker: &Waker, state| states.entry(id(waker)).or_default().push(state);
    let (now, queue) = (now(), core.timers.queue.borrow());
    #[cfg(feature = "fast-timers")]
    let timers = (queue.heap.iter()).map(|node| (instant(node.deadline), &queue.table[node.slot].waker));
    #[cfg(not(feature = "fast-timers"))]
    let timers = queue.iter().map(|(key, waker)| (key.0, waker));
    timers.for_each(|(end, waker)| add(waker, Timer(end.saturating_duration_since(now))));
    for source in core.parker.sources.borrow().values() {
        let descriptor = (&*source.io).raw() as usize;
        each_waiter(&source.read, &mut |waker| add(waker, Readable(descriptor)));
        each_waiter(&source.write, &mut |waker| add(waker, Writable(descriptor)));
    }
    // They have spent their I/O budget.
    core.parker.wakers.borrow().iter().for_each(|waker| add(waker, Queued));
    states
}

/// Shows who waits.
fn each_waiter(direction: &Direction, f: &mut dyn FnMut(&Waker)) {
    #[cfg(not(all(feature = "fast-io", target_os = "linux")))]
    direction.waiters.borrow().values().for_each(f);
    #[cfg(all(feature = "fast-io", target_os = "linux"))]
    direction.look(|waiters| match waiters {
        Waiters::One(_, waker) => f(waker),
        Waiters::Many(many) => many.iter().flat_map(|many| many.values()).for_each(f),
    });
}

/// The tasks in the table. It knows neither what they are, nor who awaits them, nor the one that runs.
#[cfg(not(feature = "fast-tasks"))]
fn list(core: &Core, states: &mut States, named: &mut HashMap<usize, TaskDump>) -> Vec<TaskDump> {
    let list = |task: &Task| {
        let id = id(&Waker::from(Arc::clone(&task.waker)));
        let queued = task.waker.queued.load(Ordering::Relaxed).then_some(Queued);
        states.entry(id).or_default().extend(queued);
        let dump = named.remove(&id).unwrap_or_default();
        TaskDump { id, ..dump }
    };
    core.tasks.by_id.borrow().values().map(list).collect()
}

/// The tasks in the table.
#[cfg(feature = "fast-tasks")]
fn list(core: &Core, states: &mut States, named: &mut HashMap<usize, TaskDump>) -> Vec<TaskDump> {
    let mut list = |task: &Owned| {
        let (plain, header, name) = (task.plain(), task.header(), (task.vtable().name)());
        let mut dump = named.remove(&id(&task.waker())).unwrap_or_default();
        if dump.location.is_none() {
            (dump.id, dump.name) = (id(&task.waker()), name.to_owned());
        }
        let is_job = name.contains("::blocking::spawn_blocking<");
        if core.tasks.polled.get() == Some(header.index.get()) {
            dump.states = vec![Running];
        } else if plain.has(QUEUED) || header.remote.load(Ordering::Relaxed) {
            dump.states.push(Queued);
        } else if is_job {
            dump.states.push(Job);
        }
        // Nobody asks for it meanwhile: no user code runs here.
        let joiner = plain.joiner.take();
        if let Some(joiner) = &joiner {
            let state = if is_job { Job } else { Join(dump.name.clone()) };
            states.entry(id(joiner)).or_default().push(state);
        }
        plain.joiner.set(joiner);
        dump
    };
    // The one that was polled last may have ended, and still be there.
    let (table, live) = (core.tasks.table.borrow(), |task: &&Owned| !task.plain().has(ENDED));
    table.iter().filter(live).map(&mut list).collect()
}
