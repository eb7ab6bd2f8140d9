//! A step's crate under its own name, with each task and each job recorded. `cargo xtask trace` builds a step's demo with
//! this in the place of the step. The features say what the step has.

use std::any::type_name;
use std::env;
use std::fs;
use std::ops::Deref;
use std::process;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use shared_testutil::Recorder;
use shared_testutil::recorder::Recorded;

pub use real::*;

/// A program that never ends fills no disk.
const EVENTS: usize = 200_000;

static RECORDER: LazyLock<Recorder> = LazyLock::new(|| {
    std::thread::spawn(cut_off);
    Recorder::with_limit(EVENTS)
});

/// The step's scheduler. What is not here goes to it. It is dropped first, and then what it has cancelled is saved.
#[derive(Debug)]
pub struct Scheduler(real::Scheduler, Save);

impl Scheduler {
    pub fn new() -> Self {
        LazyLock::force(&RECORDER);
        Self(real::Scheduler::new(), Save)
    }

    #[cfg(feature = "sockets")]
    pub fn try_new() -> std::io::Result<Self> {
        LazyLock::force(&RECORDER);
        Ok(Self(real::Scheduler::try_new()?, Save))
    }

    #[cfg(not(feature = "join"))]
    pub fn spawn<F: Future<Output = ()> + 'static>(&self, future: F) {
        self.0.spawn(task(future));
    }

    #[cfg(feature = "join")]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        self.0.spawn(task(future))
    }

    pub fn run(&self) {
        let _saved = Save;
        self.0.run();
    }

    #[cfg(feature = "join")]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _saved = Save;
        self.0.block_on(task(future))
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Scheduler {
    type Target = real::Scheduler;

    fn deref(&self) -> &real::Scheduler {
        &self.0
    }
}

#[cfg(feature = "join")]
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    real::spawn(task(future))
}

#[cfg(feature = "pool")]
pub fn spawn_blocking<F, T>(job: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    real::spawn_blocking(RECORDER.job(&format!("job of {}", name_of::<F>()), job))
}

/// For programs that have a thread besides the loop's.
pub mod thread {
    pub use std::thread::*;

    pub fn spawn<F, T>(body: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = format!("thread {}", super::name_of::<F>());
        std::thread::spawn(super::RECORDER.job(&name, body))
    }
}

fn task<F: Future>(future: F) -> Recorded<F> {
    RECORDER.task(name_of::<F>(), future)
}

/// The function whose future or closure this is.
fn name_of<T>() -> &'static str {
    let name = type_name::<T>().split('<').next().unwrap_or_default();
    let name = name.trim_end_matches("::{{closure}}");
    name.rsplit("::").next().unwrap_or(name)
}

/// When it is dropped, what has been recorded is saved: also after a panic.
#[derive(Debug)]
struct Save;

impl Drop for Save {
    fn drop(&mut self) {
        save(false);
    }
}

/// Ends the program after the time that it may take.
fn cut_off() {
    let limit = env::var("TRACE_LIMIT").ok().and_then(|limit| limit.parse().ok());
    std::thread::sleep(Duration::from_secs_f64(limit.unwrap_or(10.0)));
    save(true);
    process::exit(0);
}

fn save(cut: bool) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(file) = env::var("TRACE_FILE") else { return };
    let text = format!("{{\"cut\":{cut},\"record\":{}}}", RECORDER.record().json());
    if let Err(error) = fs::write(&file, text) {
        eprintln!("{file}: {error}");
    }
}
