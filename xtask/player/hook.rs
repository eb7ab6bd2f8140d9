//! What the hooks call. `cargo xtask player` puts this file, and the calls, into a copy of a step's plain sources.
//!
//! Each event is a line: what happens, in which file and line, to which task, by whom, a word more about it, and then the run
//! queue, the pending timers, and who waits for a source.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::env;
use std::fmt::Write;
use std::fs;
use std::pin::Pin;
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// A run in which nothing happens for this long waits for ever.
const QUIET: Duration = Duration::from_millis(800);

/// The key of the self-socket's receiver in exp6.
const RECEIVER: usize = usize::MAX - 1;

/// The file and the line of the source that has no hooks.
pub(crate) type At = (&'static str, u32);

#[derive(Default)]
struct Record {
    text: String,
    events: usize,
    queue: String,
    timers: String,
    /// Who waits, by source and direction.
    sources: BTreeMap<(usize, char), Vec<u64>>,
    /// The tasks by the address that their wakers hold.
    wakers: HashMap<usize, u64>,
    names: HashMap<u64, String>,
    /// The task of each sleep, and for how many milliseconds it was set.
    sleeps: HashMap<u64, (u64, u128)>,
    /// The sources by the address of each direction.
    directions: HashMap<usize, (usize, char)>,
    is_parked: bool,
    /// Whether an `unpark` waits for the park that it ends, or has ended it, and whether the loop was parked then.
    unparked: Option<bool>,
    last: Option<Instant>,
}

static RECORD: LazyLock<Mutex<Record>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Whether this is the scheduler's thread.
    static IS_LOOP: Cell<bool> = const { Cell::new(false) };
    /// The tasks that are being polled, the innermost last.
    static POLLED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn record() -> MutexGuard<'static, Record> {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Runs the program on this thread, and saves what was recorded.
pub(crate) fn run<T>(program: impl FnOnce() -> T) {
    IS_LOOP.set(true);
    record().last = Some(Instant::now());
    thread::spawn(|| {
        loop {
            thread::sleep(QUIET / 20);
            let record = record();
            if record.last.is_some_and(|last| last.elapsed() > QUIET) {
                finish(record, "quiet");
            }
        }
    });
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(program));
    finish(record(), if ended.is_ok() { "" } else { "panic" });
}

fn finish(mut record: MutexGuard<'_, Record>, cut: &str) -> ! {
    if !cut.is_empty() {
        record.line(("", 0), "cut", None, cut);
    }
    let saved = env::var("PLAYER_FILE").map(|file| fs::write(file, &record.text));
    process::exit(i32::from(!matches!(saved, Ok(Ok(())))));
}

impl Record {
    fn line(&mut self, (file, line): At, kind: &str, task: Option<u64>, note: &str) {
        let polled = POLLED.with_borrow(|polled| polled.last().copied());
        let by = match (IS_LOOP.get(), polled) {
            (true, Some(task)) => task.to_string(),
            (true, None) => String::new(),
            (false, _) => thread::current().name().unwrap_or("a thread").to_owned(),
        };
        let task = task.map(|task| task.to_string()).unwrap_or_default();
        let note = &note.replace(['\t', '\n'], " ");
        let sources: Vec<_> = self
            .sources
            .iter()
            .flat_map(|((key, direction), waiters)| waiters.iter().map(move |task| format!("{key}{direction}{task}")))
            .collect();
        let fields = [
            kind,
            file,
            &line.to_string(),
            &task,
            &by,
            note,
            &self.queue,
            &self.timers,
            &sources.join(","),
        ];
        writeln!(self.text, "{}", fields.join("\t")).expect("a string takes all");
        self.events += 1;
        self.last = Some(Instant::now());
    }
}

fn put(mut record: MutexGuard<'_, Record>, at: At, kind: &str, task: Option<u64>, note: &str) {
    record.line(at, kind, task, note);
    if number("PLAYER_EVENTS").is_some_and(|most| record.events as u64 >= most) {
        finish(record, "many");
    }
}

pub(crate) fn say(at: At, kind: &str, task: Option<u64>, note: &str) {
    put(record(), at, kind, task, note);
}

macro_rules! said {
    ($at:expr, $($words:tt)*) => { $crate::hook::say($at, "print", None, &format!($($words)*)) };
}

// ---- Tasks.

/// Wakers hold the address of the task's waker. So the hooks find out whose a waker is.
pub(crate) fn name(task: u64, address: usize, name: &str) {
    let mut record = record();
    record.wakers.insert(address, task);
    record.names.insert(task, name.to_owned());
}

pub(crate) fn spawn(at: At, task: u64) {
    let record = record();
    let name = record.names.get(&task).cloned().unwrap_or_default();
    put(record, at, "spawn", Some(task), &name);
}

/// The run queue as it is after the event.
pub(crate) fn queue<'a>(at: At, kind: &str, task: u64, ids: impl IntoIterator<Item = &'a u64>) {
    let mut record = record();
    record.queue = words(ids);
    put(record, at, kind, Some(task), "");
}

fn words<'a>(ids: impl IntoIterator<Item = &'a u64>) -> String {
    ids.into_iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

pub(crate) fn polled<T>(at: At, task: u64, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
    say(at, "poll", Some(task), "");
    POLLED.with_borrow_mut(|polled| polled.push(task));
    let result = poll();
    POLLED.with_borrow_mut(|polled| polled.pop());
    say(at, if result.is_ready() { "ready" } else { "pending" }, Some(task), "");
    result
}

pub(crate) fn wake(at: At, task: u64, is_queued: bool) {
    say(at, "wake", Some(task), if is_queued { "queued" } else { "" });
}

/// What the holder of a waker asks for.
pub(crate) fn waker(at: At, kind: &str, address: usize) {
    let record = record();
    let task = record.wakers.get(&address).copied();
    put(record, at, kind, task, "");
}

/// The tasks of exp1 have no ids: their futures' addresses stand for them.
pub(crate) type Boxes = VecDeque<Pin<Box<dyn Future<Output = ()>>>>;

pub(crate) fn address(future: &Pin<Box<dyn Future<Output = ()>>>) -> u64 {
    std::ptr::from_ref(&**future).cast::<()>() as u64
}

pub(crate) fn boxes(at: At, kind: &str, future: u64, all: &Boxes, name: &str) {
    let mut record = record();
    let next = record.wakers.len() as u64;
    let mut id = |address: u64| *record.wakers.entry(address as usize).or_insert(next);
    let task = id(future);
    let ids: Vec<_> = all.iter().map(|future| id(address(future))).collect();
    record.queue = words(&ids);
    put(record, at, kind, Some(task), name);
}

pub(crate) fn box_id(future: u64) -> u64 {
    record().wakers[&(future as usize)]
}

// ---- The loop.

/// A run of the loop.
pub(crate) struct Run(At);

impl Run {
    pub(crate) fn begin(at: At) -> Self {
        say(at, "begin", None, "");
        Self(at)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        POLLED.with_borrow_mut(Vec::clear);
        say(self.0, if thread::panicking() { "panic" } else { "end" }, None, "");
    }
}

pub(crate) fn park(at: At, timeout: Option<Duration>) {
    let mut record = record();
    record.is_parked = true;
    let note = match timeout {
        None => "ever",
        Some(Duration::ZERO) => "look",
        Some(_) => "time",
    };
    put(record, at, "park", None, note);
}

/// With the keys that the selector reports.
pub(crate) fn unparked(at: At, timeout: Option<Duration>, keys: &[usize]) {
    let mut record = record();
    record.is_parked = false;
    let note = match (record.unparked.take(), keys) {
        (_, [.., RECEIVER] | [RECEIVER, ..]) => "byte",
        (_, [_, ..]) => "report",
        (Some(true), _) => "unpark",
        (Some(false), _) => "token",
        (None, _) if timeout == Some(Duration::ZERO) => "nothing",
        (None, _) => "time",
    };
    put(record, at, "parked", None, note);
}

/// `kind` is what a wake does to end the park.
pub(crate) fn unpark(at: At, kind: &str) {
    let mut record = record();
    record.unparked = Some(record.is_parked);
    put(record, at, kind, None, "");
}

/// Another thread waits a while, if `PLAYER_PAUSE` says so, and the loop goes on: on a busy machine this may happen.
pub(crate) fn pause() {
    if !IS_LOOP.get() {
        thread::sleep(Duration::from_millis(number("PLAYER_PAUSE").unwrap_or(0)));
    }
}

// ---- Timers.

/// The sleeps in the timer queue: each with the number of its key, and its waker's address.
pub(crate) type Sleeps = Vec<(u64, usize)>;

pub(crate) fn sleeps(at: At, sleep: u64, deadline: Instant, all: Sleeps) {
    let mut record = record();
    let waker = all.iter().find(|(key, _)| *key == sleep).map(|(_, waker)| *waker);
    let task = waker
        .and_then(|waker| record.wakers.get(&waker).copied())
        .unwrap_or_default();
    let rest = deadline
        .saturating_duration_since(Instant::now())
        .as_micros()
        .div_ceil(1000);
    let is_there = record.sleeps.contains_key(&sleep);
    record.sleeps.entry(sleep).or_insert((task, rest)).0 = task;
    record.timers(all);
    put(record, at, "sleep", Some(task), if is_there { "again" } else { "" });
}

pub(crate) fn slept(at: At, kind: &str, sleep: u64, rest: Sleeps) {
    let mut record = record();
    let task = record.sleeps.get(&sleep).map(|(task, _)| *task);
    record.timers(rest);
    put(record, at, kind, task, "");
}

impl Record {
    fn timers(&mut self, all: Sleeps) {
        let sleep = |(key, _): &(u64, usize)| self.sleeps.get(key).map(|(task, rest)| format!("{task}:{rest}"));
        let all: Vec<_> = all.iter().filter_map(sleep).collect();
        self.timers = all.join(",");
    }
}

// ---- Sources.

pub(crate) fn source(key: usize, read: usize, write: usize) {
    let mut record = record();
    record.directions.insert(read, (key, 'r'));
    record.directions.insert(write, (key, 'w'));
}

/// Who waits for a direction now: its address, and their wakers' addresses.
pub(crate) fn waiters((direction, wakers): (usize, Vec<usize>)) -> Option<(usize, char)> {
    let mut record = record();
    let source = *record.directions.get(&direction)?;
    let tasks = wakers
        .iter()
        .filter_map(|waker| record.wakers.get(waker).copied())
        .collect();
    record.sources.insert(source, tasks);
    Some(source)
}

pub(crate) fn waits(at: At, now: (usize, Vec<usize>)) {
    if let Some((key, direction)) = waiters(now) {
        let task = POLLED.with_borrow(|polled| polled.last().copied());
        say(at, "wait", task, &format!("{key}{direction}"));
    }
}

pub(crate) fn report(at: At, key: usize, readable: bool, writable: bool) {
    let directions = [(readable, "r"), (writable, "w")].map(|(is, sign)| if is { sign } else { "" });
    say(at, "report", None, &format!("{key}{}", directions.concat()));
}
