//! Tasks that do anything at random, against a model: spawn, wake, block, join, abort, detach and panic.
//!
//! The model is a scheduler of a few lines that has no futures, no wakers and no memory to share. Both follow the same
//! program and write down what happens; the two logs must be equal, event by event, and so must the order of polls.
//!
//! `MODEL_PROGRAMS` is how many programs each test runs, `MODEL_SEED` where it begins: a failure says which seed gave it.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::env;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::sched::{JoinError, JoinHandle, Scheduler, sleep, sleep_until, spawn, timeout, yield_now};
use shared_testutil::{DropFlag, HomeThread, watchdog};

/// Programs a test, unless told otherwise: about a second of each. A full run has four times as many.
pub(crate) const PROGRAMS: u64 = 500;

/// Tasks a program at most.
const TASKS: usize = 40;

/// A task's steps at most.
const TASK_STEPS: usize = 25;

/// A root's steps at most. After the last root the scheduler is dropped, with whatever is left.
const ROOT_STEPS: usize = 150;

/// A generator of pseudo-random numbers: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// What a task does next. Other tasks are named by their number; one that does not exist (yet) makes the step do nothing.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Lets the others run.
    Yield,
    /// Starts the next task of the program.
    Spawn,
    /// Calls the latest waker of a task, which may have ended, or not wait at all.
    Wake(usize),
    /// Calls it twice, once by a clone.
    WakeTwice(usize),
    /// Waits until somebody opens the gate of this task.
    Block,
    /// Opens the gate of a task, and wakes it.
    Open(usize),
    /// Awaits the handle of a task, unless it is gone.
    Join(usize),
    /// Polls the handle of a task once, and puts it back: the next to await it replaces the waker.
    Peek(usize),
    Abort(usize),
    /// Drops the handle of a task.
    Detach(usize),
    IsFinished(usize),
    Panic,
    /// From here on, the drop of this task's future panics.
    Trap,
    /// From here on, the drop of this task's output panics.
    TrapOutput,
}

/// What can be observed. The number is the task's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Polled(usize),
    Dropped(usize),
    OutputDropped(usize),
    Spawned(usize, usize),
    Joined(usize, usize, Outcome),
    Peeked(usize, usize, Option<Outcome>),
    Finished(usize, usize, bool),
    RootPolled(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Output(usize),
    Cancelled,
    Panicked(&'static str),
}

/// The tasks' steps, by number, and those of the roots, one `block_on` each.
struct Program {
    tasks: Vec<Vec<Step>>,
    roots: Vec<Vec<Step>>,
}

impl Program {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let count = 1 + random.below(TASKS);
        let mut steps = |longest: usize, of: fn(&mut Random, usize) -> Step| {
            let length = random.below(longest);
            (0..length).map(|_| of(&mut random, count)).collect()
        };
        let tasks = (0..count).map(|_| steps(TASK_STEPS, Step::of_task)).collect();
        let roots = (0..3).map(|_| steps(ROOT_STEPS, Step::of_root)).collect();
        Self { tasks, roots }
    }
}

impl Step {
    fn of_task(random: &mut Random, tasks: usize) -> Self {
        let task = random.below(tasks);
        match random.below(60) {
            0..14 => Self::Yield,
            14..23 => Self::Spawn,
            23..26 => Self::Wake(task),
            26 => Self::WakeTwice(task),
            27..31 => Self::Block,
            31..38 => Self::Open(task),
            38..48 => Self::Join(task),
            48..50 => Self::Peek(task),
            50..52 => Self::Abort(task),
            52..54 => Self::Detach(task),
            54..56 => Self::IsFinished(task),
            56 => Self::Panic,
            57..59 => Self::Trap,
            _ => Self::TrapOutput,
        }
    }

    /// A root neither blocks nor joins, so that a program always ends.
    fn of_root(random: &mut Random, tasks: usize) -> Self {
        let task = random.below(tasks);
        match random.below(40) {
            0..12 => Self::Yield,
            12..17 => Self::Spawn,
            17..20 => Self::Wake(task),
            20 => Self::WakeTwice(task),
            21..34 => Self::Open(task),
            34..36 => Self::Peek(task),
            36 => Self::Abort(task),
            37 => Self::Detach(task),
            _ => Self::IsFinished(task),
        }
    }
}

/// The model.
mod oracle {
    use super::*;

    #[derive(Default)]
    struct Task {
        /// The next step.
        place: usize,
        /// Where it is in a step that takes several polls.
        state: State,
        scheduled: bool,
        aborted: bool,
        ended: bool,
        detached: bool,
        open: bool,
        trap: bool,
        trap_output: bool,
        /// There is a handle that nobody awaits.
        handle: bool,
        result: Option<Outcome>,
        joiner: Option<Who>,
        /// It has been polled, and so its waker is known.
        polled: bool,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum State {
        #[default]
        Next,
        Yielded,
        Blocked,
        Joining(usize),
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Who {
        Root(usize),
        Task(usize),
    }

    pub(super) struct Model<'a> {
        program: &'a Program,
        tasks: Vec<Task>,
        roots_scheduled: Vec<bool>,
        queue: VecDeque<Who>,
        pub(super) log: Vec<Event>,
    }

    impl<'a> Model<'a> {
        pub(super) fn new(program: &'a Program) -> Self {
            Self {
                program,
                tasks: Vec::new(),
                roots_scheduled: vec![false; program.roots.len()],
                queue: VecDeque::new(),
                log: Vec::new(),
            }
        }

        /// Runs the tasks up to the root's end.
        pub(super) fn block_on(&mut self, root: usize) {
            let mut steps = self.program.roots[root].iter();
            // The root is polled at once, and a poll goes up to the next yield.
            while !self.poll_root(root, &mut steps) {
                loop {
                    match self.queue.pop_front().expect("the root has yielded, and so is queued") {
                        Who::Root(popped) => {
                            self.roots_scheduled[popped] = false;
                            // An old root may have been left in the queue.
                            if popped == root {
                                break;
                            }
                        }
                        Who::Task(task) => self.poll(task),
                    }
                }
            }
        }

        /// Drops the scheduler.
        pub(super) fn close(&mut self) {
            for task in 0..self.tasks.len() {
                if !self.tasks[task].ended {
                    self.end(task, Outcome::Cancelled);
                }
            }
        }

        /// What the handles that are left say.
        pub(super) fn results(&self) -> Vec<(usize, Outcome)> {
            let handles = self.tasks.iter().enumerate().filter(|(_, task)| task.handle);
            handles
                .map(|(number, task)| (number, task.result.expect("all tasks have ended")))
                .collect()
        }

        fn poll_root<'s>(&mut self, root: usize, steps: &mut impl Iterator<Item = &'s Step>) -> bool {
            self.log.push(Event::RootPolled(root));
            for &step in steps {
                if let Step::Yield = step {
                    self.wake(Who::Root(root));
                    return false;
                }
                self.step(Who::Root(root), step);
            }
            true
        }

        fn poll(&mut self, task: usize) {
            if self.tasks[task].ended {
                return;
            }
            self.tasks[task].scheduled = false;
            if self.tasks[task].aborted {
                return self.end(task, Outcome::Cancelled);
            }
            self.log.push(Event::Polled(task));
            self.tasks[task].polled = true;
            loop {
                match self.tasks[task].state {
                    State::Next => {}
                    State::Yielded => {}
                    State::Blocked if !self.tasks[task].open => return,
                    State::Blocked => self.tasks[task].open = false,
                    State::Joining(other) => {
                        let Some(outcome) = self.take(other, Who::Task(task)) else {
                            return;
                        };
                        self.log.push(Event::Joined(task, other, outcome));
                        self.drop_output(other, outcome);
                    }
                }
                self.tasks[task].state = State::Next;
                let Some(&step) = self.program.tasks[task].get(self.tasks[task].place) else {
                    return self.end(task, Outcome::Output(task));
                };
                self.tasks[task].place += 1;
                match step {
                    Step::Yield => {
                        self.wake(Who::Task(task));
                        self.tasks[task].state = State::Yielded;
                        return;
                    }
                    Step::Block => self.tasks[task].state = State::Blocked,
                    Step::Join(other) => {
                        if self.has_handle(other) {
                            self.tasks[other].handle = false;
                            self.tasks[task].state = State::Joining(other);
                        }
                    }
                    Step::Panic => return self.end(task, Outcome::Panicked("step")),
                    Step::Trap => self.tasks[task].trap = true,
                    Step::TrapOutput => self.tasks[task].trap_output = true,
                    step => self.step(Who::Task(task), step),
                }
            }
        }

        /// The steps that a root may take as well.
        fn step(&mut self, who: Who, step: Step) {
            let number = match who {
                Who::Root(root) => ROOTS + root,
                Who::Task(task) => task,
            };
            match step {
                Step::Spawn => {
                    let child = self.tasks.len();
                    if child < self.program.tasks.len() {
                        self.tasks.push(Task {
                            handle: true,
                            ..Task::default()
                        });
                        self.wake(Who::Task(child));
                        self.log.push(Event::Spawned(number, child));
                    }
                }
                Step::Wake(other) | Step::WakeTwice(other) => self.call(other),
                Step::Open(other) => {
                    if let Some(other) = self.tasks.get_mut(other) {
                        other.open = true;
                    }
                    self.call(other);
                }
                Step::Peek(other) if self.has_handle(other) => {
                    let outcome = self.take(other, who);
                    self.log.push(Event::Peeked(number, other, outcome));
                    if let Some(outcome) = outcome {
                        self.tasks[other].handle = false;
                        self.drop_output(other, outcome);
                    }
                }
                Step::Abort(other) if self.has_handle(other) => {
                    self.tasks[other].aborted = true;
                    self.wake(Who::Task(other));
                }
                Step::Detach(other) if self.has_handle(other) => {
                    self.tasks[other].handle = false;
                    self.detach(other);
                }
                Step::IsFinished(other) if self.has_handle(other) => {
                    let ended = self.tasks[other].ended;
                    self.log.push(Event::Finished(number, other, ended));
                }
                _ => {}
            }
        }

        fn has_handle(&self, task: usize) -> bool {
            self.tasks.get(task).is_some_and(|task| task.handle)
        }

        /// Calls the waker that a task has left.
        fn call(&mut self, task: usize) {
            if self.tasks.get(task).is_some_and(|task| task.polled) {
                self.wake(Who::Task(task));
            }
        }

        fn wake(&mut self, who: Who) {
            let scheduled = match who {
                Who::Root(root) => &mut self.roots_scheduled[root],
                Who::Task(task) if self.tasks[task].ended => return,
                Who::Task(task) => &mut self.tasks[task].scheduled,
            };
            if !*scheduled {
                *scheduled = true;
                self.queue.push_back(who);
            }
        }

        fn end(&mut self, task: usize, outcome: Outcome) {
            self.tasks[task].ended = true;
            // The future is dropped, and with it the handle that it awaits.
            if let State::Joining(other) = self.tasks[task].state {
                self.detach(other);
            }
            self.log.push(Event::Dropped(task));
            let outcome = match outcome {
                Outcome::Cancelled if self.tasks[task].trap => Outcome::Panicked("trap"),
                outcome => outcome,
            };
            if self.tasks[task].detached {
                self.drop_output(task, outcome);
            } else {
                self.tasks[task].result = Some(outcome);
            }
            if let Some(joiner) = self.tasks[task].joiner.take() {
                self.wake(joiner);
            }
        }

        fn take(&mut self, task: usize, who: Who) -> Option<Outcome> {
            let outcome = self.tasks[task].result.take();
            if outcome.is_none() {
                self.tasks[task].joiner = Some(who);
            }
            outcome
        }

        /// The panic of an output that is dropped with its handle is discarded.
        fn detach(&mut self, task: usize) {
            self.tasks[task].detached = true;
            self.tasks[task].joiner = None;
            if let Some(outcome) = self.tasks[task].result.take() {
                self.drop_output(task, outcome);
            }
        }

        fn drop_output(&mut self, task: usize, outcome: Outcome) {
            if let Outcome::Output(_) = outcome {
                self.log.push(Event::OutputDropped(task));
            }
        }
    }
}

/// Roots are numbered from here, apart from the tasks.
const ROOTS: usize = 1_000;

/// The same with the scheduler. What tasks share.
#[derive(Default)]
struct World {
    log: RefCell<Vec<Event>>,
    handles: RefCell<Vec<Option<JoinHandle<Output>>>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    open: RefCell<Vec<bool>>,
    traps: RefCell<Vec<bool>>,
    /// Whether futures and outputs have been dropped, and where.
    flags: RefCell<Vec<DropFlag>>,
}

/// What a program's tasks panic with.
struct OnPurpose(&'static str);

/// Panics without the hook, which would print thousands of messages.
fn panic_on_purpose(what: &'static str) -> ! {
    resume_unwind(Box::new(OnPurpose(what)))
}

impl World {
    fn note(&self, event: Event) {
        self.log.borrow_mut().push(event);
    }

    fn home_thread(&self) -> HomeThread {
        let flag = DropFlag::new();
        self.flags.borrow_mut().push(flag.clone());
        HomeThread::new(&flag)
    }

    fn take_handle(&self, task: usize) -> Option<JoinHandle<Output>> {
        self.handles.borrow_mut().get_mut(task)?.take()
    }

    fn put_back(&self, task: usize, handle: JoinHandle<Output>) {
        self.handles.borrow_mut()[task] = Some(handle);
    }

    fn waker(&self, task: usize) -> Option<Waker> {
        self.wakers.borrow().get(task)?.clone()
    }

    /// The steps that the root may take as well.
    fn step(self: &Rc<Self>, program: &Rc<Program>, number: usize, step: Step, cx: &mut Context<'_>) {
        match step {
            Step::Spawn => {
                let child = self.wakers.borrow().len();
                if child < program.tasks.len() {
                    self.wakers.borrow_mut().push(None);
                    self.open.borrow_mut().push(false);
                    self.traps.borrow_mut().push(false);
                    let handle = spawn(Watched::new(
                        self,
                        child,
                        script(Rc::clone(self), Rc::clone(program), child),
                    ));
                    self.handles.borrow_mut().push(Some(handle));
                    self.note(Event::Spawned(number, child));
                }
            }
            Step::Wake(other) => {
                if let Some(waker) = self.waker(other) {
                    waker.wake_by_ref();
                }
            }
            Step::WakeTwice(other) => {
                if let Some(waker) = self.waker(other) {
                    let by_value = waker.clone();
                    by_value.wake();
                    waker.wake();
                }
            }
            Step::Open(other) => {
                if let Some(open) = self.open.borrow_mut().get_mut(other) {
                    *open = true;
                }
                if let Some(waker) = self.waker(other) {
                    waker.wake();
                }
            }
            Step::Peek(other) => {
                let Some(mut handle) = self.take_handle(other) else {
                    return;
                };
                match Pin::new(&mut handle).poll(cx) {
                    Poll::Pending => {
                        self.note(Event::Peeked(number, other, None));
                        self.put_back(other, handle);
                    }
                    Poll::Ready(result) => self.take(result, |outcome| Event::Peeked(number, other, Some(outcome))),
                }
            }
            Step::Abort(other) => {
                if let Some(handle) = self.take_handle(other) {
                    handle.abort();
                    self.put_back(other, handle);
                }
            }
            Step::Detach(other) => {
                drop(self.take_handle(other));
            }
            Step::IsFinished(other) => {
                if let Some(handle) = self.take_handle(other) {
                    self.note(Event::Finished(number, other, handle.is_finished()));
                    self.put_back(other, handle);
                }
            }
            step => unreachable!("{step:?} is not for the root"),
        }
    }

    /// Notes a result, and drops it.
    fn take(&self, result: Result<Output, JoinError>, event: impl FnOnce(Outcome) -> Event) {
        match result {
            Ok(output) => {
                self.note(event(Outcome::Output(output.task)));
                let _panicked = catch_unwind(AssertUnwindSafe(|| drop(output)));
            }
            Err(error) if error.is_cancelled() => self.note(event(Outcome::Cancelled)),
            Err(error) => self.note(event(Outcome::Panicked(message(&*error.into_panic())))),
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &'static str {
    payload
        .downcast_ref::<OnPurpose>()
        .map_or("of its own accord", |on_purpose| on_purpose.0)
}

/// A task's output, which stays on its thread.
struct Output {
    task: usize,
    trap: bool,
    world: Rc<World>,
    _home: HomeThread,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.world.note(Event::OutputDropped(self.task));
        if self.trap {
            panic_on_purpose("output");
        }
    }
}

/// A task's future: notes its polls and its drop, and leaves its waker for others to call.
struct Watched<F> {
    task: usize,
    future: Option<Pin<Box<F>>>,
    world: Rc<World>,
    _home: HomeThread,
}

impl<F> Watched<F> {
    fn new(world: &Rc<World>, task: usize, future: F) -> Self {
        Self {
            task,
            future: Some(Box::pin(future)),
            world: Rc::clone(world),
            _home: world.home_thread(),
        }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.world.note(Event::Polled(self.task));
        let replaced = self.world.wakers.borrow_mut()[self.task].replace(cx.waker().clone());
        drop(replaced);
        self.future
            .as_mut()
            .expect("polled before it is dropped")
            .as_mut()
            .poll(cx)
    }
}

impl<F> Drop for Watched<F> {
    fn drop(&mut self) {
        let dropped = catch_unwind(AssertUnwindSafe(|| self.future = None));
        self.world.note(Event::Dropped(self.task));
        if let Err(payload) = dropped {
            resume_unwind(payload);
        }
        if self.world.traps.borrow()[self.task] {
            panic_on_purpose("trap");
        }
    }
}

async fn script(world: Rc<World>, program: Rc<Program>, task: usize) -> Output {
    let mut trap_output = false;
    for &step in &program.tasks[task] {
        match step {
            Step::Yield => yield_now().await,
            Step::Block => {
                poll_fn(|_| match world.open.borrow_mut()[task] {
                    ref mut open if *open => {
                        *open = false;
                        Poll::Ready(())
                    }
                    _ => Poll::Pending,
                })
                .await;
            }
            Step::Join(other) => {
                if let Some(handle) = world.take_handle(other) {
                    let result = handle.await;
                    world.take(result, |outcome| Event::Joined(task, other, outcome));
                }
            }
            Step::Panic => panic_on_purpose("step"),
            Step::Trap => world.traps.borrow_mut()[task] = true,
            Step::TrapOutput => trap_output = true,
            step => {
                poll_fn(|cx| {
                    world.step(&program, task, step, cx);
                    Poll::Ready(())
                })
                .await;
            }
        }
    }
    Output {
        task,
        trap: trap_output,
        _home: world.home_thread(),
        world,
    }
}

async fn root(world: Rc<World>, program: Rc<Program>, root: usize) {
    let mut steps = program.roots[root].iter();
    poll_fn(|cx| {
        world.note(Event::RootPolled(root));
        for &step in steps.by_ref() {
            if let Step::Yield = step {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            world.step(&program, ROOTS + root, step, cx);
        }
        Poll::Ready(())
    })
    .await;
}

/// Names the seed if a program fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the program of this seed fails: MODEL_SEED={} MODEL_PROGRAMS=1", self.0);
        }
    }
}

/// Runs `check` with one seed after the other.
pub(crate) fn for_every_seed(programs: u64, check: impl Fn(u64)) {
    let _watchdog = watchdog(Duration::from_secs(600));
    let number = |name| env::var(name).ok().map(|text: String| text.parse().expect("a number"));
    let first: u64 = number("MODEL_SEED").unwrap_or(1);
    let programs = number("MODEL_PROGRAMS").unwrap_or(programs);
    for seed in first..first.saturating_add(programs) {
        let _seed = Seed(seed);
        check(seed);
    }
}

/// Shows the first difference and what led to it, not thousands of events.
#[track_caller]
fn assert_same<T: Debug + PartialEq>(what: &str, real: &[T], model: &[T]) {
    let place = real.iter().zip(model).take_while(|(real, model)| real == model).count();
    let before = &real[place.saturating_sub(10)..place];
    assert!(
        real == model,
        "{what}: after {before:?}\nthe scheduler has {:?}\nthe model has {:?}",
        real.get(place),
        model.get(place)
    );
}

fn sorted(events: &[Event]) -> Vec<String> {
    let mut events: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
    events.sort();
    events
}

/// What can be seen of a program.
#[derive(Debug)]
pub(crate) struct History {
    running: Vec<Event>,
    /// The order in which a dropped scheduler drops its tasks is not promised: so these are sorted.
    at_the_drop: Vec<String>,
    results: Vec<(usize, Outcome)>,
}

/// Runs the program of a seed. Nothing of it is left, neither in a cycle nor in a waker. And nothing has left its thread.
pub(crate) fn history(seed: u64) -> History {
    let program = Rc::new(Program::new(seed));
    let world = Rc::new(World::default());
    let scheduler = Scheduler::new();
    for number in 0..program.roots.len() {
        scheduler.block_on(root(Rc::clone(&world), Rc::clone(&program), number));
    }
    let running = world.log.take();
    drop(scheduler);
    let at_the_drop = sorted(&world.log.take());
    let results = results(&world);
    world.wakers.borrow_mut().clear();
    let flags = world.flags.take();
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
    assert_eq!(Rc::strong_count(&world), 1, "something of a task is left");
    History {
        running,
        at_the_drop,
        results,
    }
}

#[test]
fn every_program_does_what_the_model_does() {
    for_every_seed(PROGRAMS, |seed| {
        let real = history(seed);
        let program = Rc::new(Program::new(seed));
        let mut model = oracle::Model::new(&program);
        (0..program.roots.len()).for_each(|number| model.block_on(number));
        let running = model.log.len();
        model.close();
        assert_same("while it runs", &real.running, &model.log[..running]);
        assert_same("when it is dropped", &real.at_the_drop, &sorted(&model.log[running..]));
        assert_same("in the end", &real.results, &model.results());
    });
}

/// What the handles that are left say.
fn results(world: &World) -> Vec<(usize, Outcome)> {
    let handles = world.handles.take();
    let left = handles
        .into_iter()
        .enumerate()
        .filter_map(|(task, handle)| Some((task, handle?)));
    left.map(|(task, mut handle)| {
        let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(result) = polled else {
            panic!("task {task} has no result, and its scheduler is gone");
        };
        let outcome = match result {
            Ok(output) => {
                let outcome = Outcome::Output(output.task);
                let _panicked = catch_unwind(AssertUnwindSafe(|| drop(output)));
                outcome
            }
            Err(error) if error.is_cancelled() => Outcome::Cancelled,
            Err(error) => Outcome::Panicked(message(&*error.into_panic())),
        };
        (task, outcome)
    })
    .collect()
}

/// What a task that sleeps does next, in tenths of a millisecond.
#[derive(Clone, Copy)]
enum Nap {
    Sleep(usize),
    /// Limits a sleep.
    Timeout(usize, usize),
    /// Limits a sleep that is dropped together with its limit.
    Cancel(usize),
    Abort(usize),
    Yield,
}

const UNIT: Duration = Duration::from_micros(100);

fn units(count: usize) -> Duration {
    UNIT * u32::try_from(count).expect("a small number")
}

async fn nap(naps: Vec<Nap>, handles: Rc<RefCell<Vec<JoinHandle<HomeThread>>>>, output: HomeThread) -> HomeThread {
    for nap in naps {
        let start = Instant::now();
        match nap {
            Nap::Sleep(duration) => {
                sleep(units(duration)).await;
                assert!(start.elapsed() >= units(duration), "a sleep ends early");
            }
            Nap::Timeout(limit, duration) => match timeout(units(limit), sleep(units(duration))).await {
                Ok(()) => assert!(start.elapsed() >= units(duration), "a limited sleep ends early"),
                // The time may pass between the look at the one deadline and at the other: so either may win.
                Err(_) => assert!(start.elapsed() >= units(limit), "a limit comes early"),
            },
            Nap::Cancel(limit) => {
                let never = timeout(Duration::MAX, sleep(Duration::from_secs(3_600)));
                timeout(units(limit), never).await.expect_err("an hour has not passed");
            }
            Nap::Abort(task) => {
                if let Some(handle) = handles.borrow().get(task) {
                    handle.abort();
                }
            }
            Nap::Yield => yield_now().await,
        }
    }
    output
}

#[test]
fn sleeping_tasks_end_in_time_or_by_abort_and_none_is_lost() {
    for_every_seed(PROGRAMS / 30, |seed| {
        let mut random = Random(seed);
        let scheduler = Scheduler::new();
        let tasks = 1 + random.below(100);
        let flags: Vec<DropFlag> = (0..tasks).map(|_| DropFlag::new()).collect();
        let handles = Rc::new(RefCell::new(Vec::new()));
        for flag in &flags {
            let naps = (0..random.below(6))
                .map(|_| match random.below(10) {
                    0..4 => Nap::Sleep(random.below(60)),
                    4..6 => Nap::Timeout(random.below(60), random.below(60)),
                    6 => Nap::Cancel(random.below(60)),
                    7 => Nap::Abort(random.below(tasks)),
                    _ => Nap::Yield,
                })
                .collect();
            let handle = scheduler.spawn(nap(naps, Rc::clone(&handles), HomeThread::new(flag)));
            handles.borrow_mut().push(handle);
        }
        scheduler.run();
        let handles = handles.take();
        assert!(handles.iter().all(JoinHandle::is_finished), "`run` leaves tasks behind");
        let results: Vec<_> = scheduler.block_on(async {
            let mut results = Vec::new();
            for handle in handles {
                results.push(handle.await);
            }
            results
        });
        for (result, flag) in results.into_iter().zip(&flags) {
            match result {
                Ok(output) => {
                    flag.assert_not_dropped();
                    drop(output);
                }
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
            flag.assert_dropped_at_home();
        }
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines_however_they_are_registered() {
    for_every_seed(PROGRAMS / 100, |seed| {
        let mut random = Random(seed);
        let scheduler = Scheduler::new();
        let ended = Rc::new(RefCell::new(Vec::new()));
        let start = Instant::now() + Duration::from_millis(5);
        for task in 0..300 {
            let deadline = start + units(random.below(100));
            let ended = Rc::clone(&ended);
            scheduler.spawn(async move {
                let mut sleep = pin!(sleep_until(deadline));
                let mut waited = false;
                poll_fn(|cx| {
                    let polled = sleep.as_mut().poll(cx);
                    waited |= Instant::now() < deadline;
                    polled
                })
                .await;
                // One that is late for its own deadline takes part in no order.
                if waited {
                    ended.borrow_mut().push((deadline, task));
                }
            });
        }
        scheduler.run();
        let ended = ended.take();
        assert!(ended.is_sorted(), "not in the order of deadlines, and of registration");
    });
}
