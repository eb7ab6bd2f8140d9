//! The watch, in a process of its own for each test, for it is the environment that asks for it.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, spawn, yield_now};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(60);
const BUSY: Duration = Duration::from_millis(400);

/// What the program `name` says on standard error.
fn said(name: &str, watch: Option<&str>) -> String {
    let mut program = Command::new(env::current_exe().unwrap());
    program
        .args(["--exact", &format!("watch::{name}"), "--ignored", "--nocapture"])
        .env_remove("EXP6_WATCH");
    if let Some(value) = watch {
        program.env("EXP6_WATCH", value);
    }
    let output = program.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn never_yields() {
    let start = Instant::now();
    while start.elapsed() < BUSY {}
    yield_now().await;
}

#[test]
#[ignore = "run by the tests below"]
fn a_task_that_never_yields() {
    let scheduler = Scheduler::new();
    scheduler.spawn(async { sleep(Duration::from_millis(1)).await });
    // Its place is used again, and its name must not be.
    scheduler.run();
    scheduler.spawn(never_yields());
    scheduler.run();
}

#[test]
#[ignore = "run by the tests below"]
fn a_future_that_never_yields() {
    Scheduler::new().block_on(never_yields());
}

#[test]
#[ignore = "run by the tests below"]
fn tasks_that_give_way() {
    Scheduler::new().block_on(async {
        let handles: Vec<_> = (0..100).map(|_| spawn(sleep(Duration::from_millis(1)))).collect();
        for handle in handles {
            handle.await.unwrap();
        }
        // While the loop waits, no task is at work.
        sleep(5 * BUSY).await;
    });
}

#[test]
fn a_task_that_does_not_give_way_is_named_while_it_runs_and_when_it_is_over() {
    let _watchdog = watchdog(LIMIT);
    let said = said("a_task_that_never_yields", Some("50"));
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("EXP6_WATCH: ")).collect();
    let (reports, ends): (Vec<&str>, Vec<&str>) = lines
        .iter()
        .copied()
        .partition(|line| line.contains(" has not given way for "));
    // Each after twice the time, so they are few.
    assert!((1..=4).contains(&reports.len()), "{said}");
    assert!(ends.len() == 1 && ends[0].contains(" gave way after "), "{said}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("watch::never_yields::{{closure}} ")),
        "{said}"
    );
}

#[test]
fn the_future_of_block_on_is_watched_as_well() {
    let _watchdog = watchdog(LIMIT);
    let said = said("a_future_that_never_yields", Some("50"));
    assert!(
        said.contains("EXP6_WATCH: the future of `block_on` has not given way for "),
        "{said}"
    );
}

#[test]
fn tasks_that_give_way_are_not_reported() {
    let _watchdog = watchdog(LIMIT);
    assert_eq!(said("tasks_that_give_way", Some("1500")), "");
}

#[test]
fn nobody_watches_unasked() {
    let _watchdog = watchdog(LIMIT);
    assert_eq!(said("a_task_that_never_yields", None), "");
}

#[test]
fn what_is_not_a_number_of_milliseconds_is_said_and_watches_nobody() {
    let _watchdog = watchdog(LIMIT);
    for value in ["", "0", "-1", "soon", "50ms", "1e3"] {
        let expected = format!("EXP6_WATCH: nobody watches, for it is {value:?}, and not a number of milliseconds\n");
        assert_eq!(said("a_task_that_never_yields", Some(value)), expected);
    }
}
