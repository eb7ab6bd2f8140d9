//! A test in a process of its own, which it may change as it likes.

use std::any;
use std::env;
use std::process::{Command, Stdio};

/// The test that a process has been started for, by its name.
const TEST: &str = "TEST_IN_OWN_PROCESS";

/// Runs `test` in a process of its own. So other tests do not see what it does to limits, signal handlers or the panic
/// hook. And what it counts in its process is its own.
///
/// `test` has to be a closure, and the whole body of the test. It needs a watchdog: nothing else ends it if it hangs. The
/// new process is this program again, and runs this test alone. It has the same environment, working directory and
/// standard error.
///
/// # Panics
///
/// If `test` panics, or its process ends in another way before the test has ended; and if this is not called in the body
/// of a test.
#[track_caller]
pub fn in_own_process<F: FnOnce()>(test: F) {
    let name = name_of::<F>();
    if env::var_os(TEST).is_some_and(|started_for| started_for == name) {
        return test();
    }
    let program = env::current_exe().expect("the path of this program");
    let output = Command::new(program)
        // With one test thread, the thread may not have the test's name, which the watchdog prints.
        .args(["--exact", name, "--include-ignored", "--test-threads=2"])
        .env(TEST, name)
        .stderr(Stdio::inherit())
        .output()
        .expect("this program can be run");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.contains("running 1 test"),
        "{name} is no test: call this in a test's own body"
    );
    let passed = output.status.success() && stdout.contains("1 passed");
    // The name comes last: the message of a panic begins with what the test says.
    assert!(passed, "{stdout}\n{name} in a process of its own: {}", output.status);
    print!("{stdout}");
}

/// A test's name, as the harness knows it, from the type of a closure in its body: `suite::timers::a_test::{{closure}}` is in
/// `timers::a_test`.
fn name_of<F>() -> &'static str {
    let path = any::type_name::<F>();
    let within = path.split_once("::").map_or(path, |(_krate, rest)| rest);
    within
        .split_once("::{{closure}}")
        .map_or(within, |(test, _closure)| test)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process;

    use super::*;
    use crate::message_of_panic;

    fn is_own_process() -> bool {
        env::var_os(TEST).is_some()
    }

    #[test]
    fn a_test_runs_once_and_there() {
        let mut runs = 0;
        in_own_process(|| runs += 1);
        assert_eq!(runs, u32::from(is_own_process()));
    }

    #[test]
    fn what_a_test_does_to_its_process_reaches_no_other() {
        in_own_process(|| env::set_current_dir("/").expect("there is one"));
        let here = env::current_dir().expect("there is one");
        assert_eq!(here == Path::new("/"), is_own_process());
    }

    #[test]
    fn a_panic_there_is_a_panic_here_that_has_the_message() {
        let test = || in_own_process(|| panic!("the seventh wave"));
        if is_own_process() {
            return test();
        }
        let message = message_of_panic(test);
        assert!(message.contains("the seventh wave"), "{message}");
        assert!(
            message.contains("a_panic_there_is_a_panic_here_that_has_the_message in a process of its own"),
            "{message}"
        );
    }

    #[test]
    fn a_process_that_ends_before_its_test_is_a_panic() {
        let test = || in_own_process(|| process::exit(0));
        if is_own_process() {
            return test();
        }
        let message = message_of_panic(test);
        assert!(message.contains("exit status: 0"), "{message}");
    }
}
