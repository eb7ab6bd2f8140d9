//! The demo prints what `demo.stdout` says, also when the process is stopped in the middle of it.

use std::process::{Child, Command, Stdio};
#[cfg(unix)]
use std::thread;
use std::time::Duration;

use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(60);
const DEMO: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
const EXPECTED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo.stdout"));

fn start() -> Child {
    Command::new(DEMO)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the demo can be run")
}

#[track_caller]
fn assert_ends_well(demo: Child) {
    let output = demo.wait_with_output().expect("the demo's output");
    let stdout = String::from_utf8(output.stdout).expect("text");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(without_seconds(&stdout), EXPECTED, "standard error: {stderr}");
    assert_eq!(output.status.code(), Some(0), "standard error: {stderr}");
}

/// Replaces the seconds at the end of a line, which differ each time, by `N`.
fn without_seconds(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix(" s").and_then(|line| line.rsplit_once(' ')) {
        Some((rest, number)) if number.contains('.') && number.parse::<f64>().is_ok() => format!("{rest} N s\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(unix)]
fn signal(process: &Child, name: &str) {
    // The shell has a `kill` of its own, also where the command is missing.
    let script = format!("kill -{name} {}", process.id());
    let status = Command::new("sh").args(["-c", &script]).status();
    assert!(status.expect("a shell").success(), "{script}");
}

#[test]
fn the_demo_prints_exactly_what_it_ought_to() {
    let _watchdog = watchdog(LIMIT);
    assert_ends_well(start());
}

#[cfg(unix)]
#[test]
fn the_demo_prints_the_same_when_it_is_stopped_for_a_while_at_any_moment() {
    const MOMENTS: u32 = 10;
    const PAUSE: Duration = Duration::from_millis(150);
    let _watchdog = watchdog(LIMIT);
    let before = std::time::Instant::now();
    assert_ends_well(start());
    let run_time = before.elapsed();
    // All at the same time, because they mostly wait.
    thread::scope(|scope| {
        for moment in 0..MOMENTS {
            scope.spawn(move || {
                let demo = start();
                thread::sleep(run_time * (2 * moment + 1) / (2 * MOMENTS));
                signal(&demo, "STOP");
                thread::sleep(PAUSE);
                signal(&demo, "CONT");
                assert_ends_well(demo);
            });
        }
    });
}
