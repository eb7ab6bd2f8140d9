//! The watch: says on standard error which task has not given way for how long. The loop cannot say so, for it does not
//! go on either; so a thread looks in from time to time.
//!
//! It is off unless the environment has `EXP6_WATCH`, a number of milliseconds. Somebody has to read standard error then:
//! when a task gives way at last, the loop itself says so.

use std::cell::RefCell;
use std::env;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const VARIABLE: &str = "EXP6_WATCH";

/// From one look to the next, at most: as long as the thread may outlive its scheduler.
const PAUSE: Duration = Duration::from_millis(100);

/// The loop's side; empty if nobody watches.
pub(crate) struct Watch(Option<Watched>);

struct Watched {
    /// What the tasks are called, by place: the types of their futures, which say where they are written.
    names: RefCell<Vec<&'static str>>,
    limit: Duration,
    turn: Arc<Mutex<Option<Turn>>>,
}

/// What the loop is at.
struct Turn {
    name: &'static str,
    since: Instant,
    /// How long it may take until it is reported, and until it is reported again.
    limit: Duration,
}

impl Watch {
    /// Starts the thread, if the environment asks for it. It ends when the watch is gone.
    pub(crate) fn new() -> Self {
        let Some(value) = env::var_os(VARIABLE) else {
            return Self(None);
        };
        let milliseconds = value.to_str().and_then(|value| value.parse().ok());
        let Some(limit) = milliseconds.filter(|&limit| limit > 0).map(Duration::from_millis) else {
            say(format_args!(
                "nobody watches, for it is {value:?}, and not a number of milliseconds"
            ));
            return Self(None);
        };
        let turn = Arc::new(Mutex::new(None));
        let watched = Arc::downgrade(&turn);
        let look_in = move || {
            while let Some(turn) = watched.upgrade() {
                let report = lock(&turn).as_mut().and_then(Turn::report);
                report.inspect(|report| say(format_args!("{report}")));
                drop(turn);
                thread::sleep(PAUSE.min(limit / 4));
            }
        };
        if let Err(error) = thread::Builder::new().name("watch".to_owned()).spawn(look_in) {
            say(format_args!("nobody watches: {error}"));
            return Self(None);
        }
        let names = RefCell::default();
        Self(Some(Watched { names, limit, turn }))
    }

    /// Learns the name of the task in this place.
    #[inline]
    pub(crate) fn name(&self, id: u64, name: &'static str) {
        if let Some(watched) = &self.0 {
            watched.name(place(id), name);
        }
    }

    /// Watches a turn, until the guard is dropped. `None` is that of `block_on`'s future.
    #[inline]
    pub(crate) fn begin(&self, id: Option<u64>) -> Option<Watching<'_>> {
        self.0.as_ref().map(|watched| watched.begin(id))
    }
}

impl Watched {
    fn name(&self, place: usize, name: &'static str) {
        let mut names = self.names.borrow_mut();
        let length = names.len().max(place + 1);
        names.resize(length, name);
        names[place] = name;
    }

    fn begin(&self, id: Option<u64>) -> Watching<'_> {
        let name = id.and_then(|id| self.names.borrow().get(place(id)).copied());
        *lock(&self.turn) = Some(Turn {
            name: name.unwrap_or("the future of `block_on`"),
            since: Instant::now(),
            limit: self.limit,
        });
        Watching(self)
    }
}

impl Turn {
    fn report(&mut self) -> Option<String> {
        let time = self.since.elapsed();
        (time >= self.limit).then(|| {
            // Next time when it is twice as long, or a task without end would fill the screen.
            self.limit = time * 2;
            format!("{} has not given way for {time:.1?}", self.name)
        })
    }
}

/// A turn that is watched.
pub(crate) struct Watching<'a>(&'a Watched);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let turn = lock(&self.0.turn).take();
        if let Some(Turn { name, since, .. }) = turn.filter(|turn| turn.limit > self.0.limit) {
            say(format_args!("{name} gave way after {:.1?}", since.elapsed()));
        }
    }
}

fn place(id: u64) -> usize {
    id as u32 as usize
}

fn lock(turn: &Mutex<Option<Turn>>) -> MutexGuard<'_, Option<Turn>> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever closes standard error does not want to know.
fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{VARIABLE}: {what}");
}
