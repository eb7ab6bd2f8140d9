//! A watchdog: a test that hangs fails.

use std::io::{self, Write};
use std::panic::Location;
use std::process;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Ends the process with exit code 101 and the test's name on standard error, if the guard is still there after `limit`.
///
/// A test that hangs cannot be ended alone, and so the other tests of its program end with it. Make the guard first in a test:
/// `let _watchdog = watchdog(limit);`. Then it is dropped last, and covers the drops as well, also when the test panics.
///
/// # Panics
///
/// If the system gives no thread.
#[track_caller]
#[must_use = "the watchdog ends when the guard is dropped"]
pub fn watchdog(limit: Duration) -> Watchdog {
    // The test harness names a test's thread after the test. With one thread for all tests it does not; then the place helps.
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    let place = Location::caller();
    // An interpreter such as Miri is slow.
    let limit = if cfg!(miri) { 20 * limit } else { limit };
    let (done, watched) = channel();
    let watch = move || {
        if watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`: the harness captures what that prints, and would never show it.
            let message = format!("\nthe test `{name}` hangs: not done within {limit:?} ({place})\n");
            let _told_or_not = io::stderr().write_all(message.as_bytes());
            process::exit(101);
        }
    };
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(watch)
        .expect("a thread for the watchdog");
    Watchdog { _done: done }
}

/// The guard of [`watchdog`].
#[derive(Debug)]
pub struct Watchdog {
    /// Its drop tells the watchdog's thread that the test has ended.
    _done: Sender<()>,
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::panic::catch_unwind;
    use std::process::{Command, Output};

    use super::*;

    const ROLE: &str = "WATCHDOG_TEST";

    /// Runs one of the tests below in a process of its own, where it does what its name says.
    fn run_alone(test: &str) -> Output {
        let tests = env::current_exe().expect("the path of this program");
        Command::new(tests)
            .args(["--exact", test])
            .env(ROLE, "hang")
            .output()
            .expect("this program can be run")
    }

    #[test]
    fn a_hang_ends_the_process_and_names_the_test() {
        let name = "watchdog::tests::a_hang_ends_the_process_and_names_the_test";
        if env::var_os(ROLE).is_some() {
            let _watchdog = watchdog(Duration::from_millis(10));
            loop {
                thread::park();
            }
        }
        let output = run_alone(name);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(101), "{stderr}");
        assert!(stderr.contains(name) || stderr.contains(file!()), "{stderr}");
        assert!(stderr.contains("hangs: not done within 10ms"), "{stderr}");
    }

    #[test]
    fn a_test_that_ends_in_time_is_left_alone() {
        drop(watchdog(Duration::from_millis(50)));
        thread::sleep(Duration::from_millis(200));
    }

    #[test]
    fn a_test_that_panics_is_left_alone() {
        let panicked = catch_unwind(|| {
            let _watchdog = watchdog(Duration::from_millis(50));
            panic!("on purpose");
        });
        panicked.expect_err("it panics");
        thread::sleep(Duration::from_millis(200));
    }
}
