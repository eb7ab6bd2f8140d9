//! Runs tests, each in a process of its own, and stops at the first that fails.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::cargo;
use crate::broken;
use crate::child;
use crate::stop::Result;
use crate::tree::Tree;

/// A test that takes longer hangs, unless it is a model.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// How much the larger tests do. Without them they do little.
const NUMBERS: [&str; 6] = [
    "STRESS_WAKES",
    "STRESS_TASKS",
    "MODEL_PROGRAMS",
    "MODEL_PREEMPTIONS",
    "SOAK_SECONDS",
    "SOAK_CONNECTIONS",
];

/// What uses less than this part of its time waits.
const IDLE: u32 = 50;

pub(super) struct Program {
    pub(super) binary: PathBuf,
    /// Where the tests run.
    pub(super) dir: PathBuf,
    /// For what they print.
    pub(super) logs: PathBuf,
    /// The longest that a test may take.
    pub(super) limit: Duration,
}

/// How a test has failed.
#[derive(Debug)]
pub(super) struct Failed {
    /// Among those that were to be run.
    pub(super) place: usize,
    pub(super) hangs: bool,
    /// It hangs, and was not idle meanwhile.
    computes: bool,
    /// What it said, or what is known of the hang.
    pub(super) said: String,
    /// All that it printed.
    pub(super) output: String,
}

impl Program {
    /// The suite of an exercise. What the compiler says appears.
    pub(super) fn build(tree: &Tree, dir: &Path) -> Result<Self> {
        let built = cargo::build(tree, dir, &["test", "--no-run", "--test", "suite"])?;
        Self::new(tree, cargo::program(&built, "suite")?, dir)
    }

    pub(super) fn new(tree: &Tree, binary: PathBuf, dir: &Path) -> Result<Self> {
        Ok(Self {
            binary,
            dir: dir.to_owned(),
            logs: cargo::target(tree)?.join("logs"),
            limit: LIMIT,
        })
    }

    pub(super) fn tests(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.binary)
            .arg("--list")
            .current_dir(&self.dir)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }

    /// The first of the tests that fails, in their order. One that computes for longer than the limit may only be slow beside
    /// others, and so it is run again, alone. With `alone` this is done with each that fails.
    pub(super) fn first_failure(&self, tests: &[String], alone: bool) -> Result<Option<Failed>> {
        let mut from = 0;
        while let Some(failure) = self.race(&tests[from..])? {
            let place = from + failure.place;
            let is_sure = tests.len() - from == 1 || !(alone || failure.computes);
            let again = if is_sure {
                Some(failure)
            } else {
                self.run(&tests[place], place)?
            };
            if let Some(failure) = again {
                return Ok(Some(Failed { place, ..failure }));
            }
            from = place + 1;
        }
        Ok(None)
    }

    /// Several run at once, because most of them wait.
    fn race(&self, tests: &[String]) -> Result<Option<Failed>> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (next, first) = (AtomicUsize::new(0), Mutex::new(Ok(None)));
        let is_before = |place: usize, first: &Result<Option<Failed>>| match first {
            Ok(None) => true,
            Ok(Some(Failed { place: failed, .. })) => place < *failed,
            Err(_) => false,
        };
        thread::scope(|scope| {
            for _ in 0..(2 * cores).min(8) {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        if place >= tests.len() || !is_before(place, &first.lock().unwrap()) {
                            return;
                        }
                        show(place, tests.len());
                        let outcome = self.run(&tests[place], place);
                        // The look and the change are under one lock: a later failure must not take the place of an earlier one.
                        let mut first = first.lock().unwrap();
                        if !matches!(outcome, Ok(None)) && is_before(place, &first) {
                            *first = outcome;
                        }
                    }
                });
            }
        });
        hide();
        first.into_inner().unwrap()
    }

    fn run(&self, test: &str, place: usize) -> Result<Option<Failed>> {
        fs::create_dir_all(&self.logs)?;
        let log = self.logs.join(format!("{}-{place}", std::process::id()));
        let file = File::create(&log)?;
        let mut command = Command::new(&self.binary);
        command
            .args(["--exact", test])
            .current_dir(&self.dir)
            .env("RUST_BACKTRACE", "0");
        // Numbers of a full run would take longer than the limit.
        for variable in NUMBERS {
            command.env_remove(variable);
        }
        // As Cargo sets them: tests look there for the program of the demo and for files.
        command.env("CARGO_MANIFEST_DIR", &self.dir);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let mut used = None;
        let status = child::run_and_see(&mut command, self.limit, |id| used = processor_time(id))?;
        let output = read(&log);
        fs::remove_file(&log)?;
        let (hangs, said) = match status {
            Some(status) if status.success() => return Ok(None),
            Some(status) => match broken::message(from_the_last_panic(&output)) {
                said if said == "fails" => (false, format!("its process has ended, with {status}")),
                said => (false, said),
            },
            None => (true, hang(self.limit, used)),
        };
        Ok(Some(Failed {
            place,
            hangs,
            computes: used.is_some_and(|used| used >= self.limit / IDLE),
            said,
            output,
        }))
    }
}

fn read(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hang(limit: Duration, used: Option<Duration>) -> String {
    let how = match used {
        Some(used) if used < limit / IDLE => "so it waits",
        Some(used) if used > limit / 2 => "so a loop goes round",
        _ => "",
    };
    let used = used.map(|used| format!("; it used {:.1} s of processor time", used.as_secs_f64()));
    let comma = if how.is_empty() { "" } else { ", " };
    let seconds = limit.as_secs();
    format!(
        "it hangs: not done within {seconds} s{}{comma}{how}",
        used.unwrap_or_default()
    )
}

/// What a process has used up to now, where the system tells it in a file.
fn processor_time(id: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in brackets may hold anything. The two numbers are ticks of 10 ms.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// A line that is written over again and again, for who waits at a terminal.
fn show(done: usize, all: usize) {
    if io::stderr().is_terminal() {
        let _nobody_sees_it = write!(io::stderr(), "\r  {} {done} of {all}", super::overview::bar(done, all));
    }
}

fn hide() {
    if io::stderr().is_terminal() {
        let _nobody_sees_it = write!(io::stderr(), "\r{:60}\r", "");
    }
}

const PANIC: &str = " panicked at ";

/// A test may catch panics that are as they should be. The one that it fails with comes after these.
fn from_the_last_panic(output: &str) -> &str {
    // A test that runs in a process of its own panics with that one's output, whose last panic it is then. Its own first line
    // has nothing but that output below it.
    let last = output.rfind(PANIC).unwrap_or(0);
    let line = output[..last].rfind('\n').map_or(0, |newline| newline + 1);
    &output[line..]
}

/// The sentence that a test's name is.
pub(super) fn sentence(test: &str) -> String {
    let name = test.rsplit("::").next().unwrap_or(test).replace('_', " ");
    let mut letters = name.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

impl Failed {
    /// What was to be true, and what happened.
    pub(super) fn tell(&self, test: &str, sentence: &str, out: &mut impl Write) -> Result {
        writeln!(out, "this is to be true:  {sentence}")?;
        writeln!(out, "  test: {test}")?;
        let last = from_the_last_panic(&self.output);
        let mut places = last.lines().filter_map(|line| line.split_once(PANIC));
        if let Some((_, place)) = places.next() {
            writeln!(out, "  at:   {}", place.trim_end_matches(':'))?;
        }
        Ok(writeln!(out, "  it:   {}", self.said)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{broken, from_the_last_panic};

    #[test]
    fn a_panic_that_the_test_has_caught_is_not_shown_as_the_fault() {
        let output = "\n---- a stdout ----\n\nthread 'a' (1) panicked at src/scheduler.rs:7:9:\nrefused as it should be\n\n\
            thread 'a' (1) panicked at tests/a.rs:9:5:\nit is lost\nnote: run with\n\n\nfailures:\n    a\n";
        let last = from_the_last_panic(output);
        assert!(last.starts_with("thread 'a' (1) panicked at tests/a.rs:9:5:"), "{last}");
        assert_eq!(broken::message(last), "it is lost");
        assert_eq!(from_the_last_panic("killed"), "killed");
    }
}
