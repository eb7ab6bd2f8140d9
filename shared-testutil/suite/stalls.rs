//! The stall detector. It reports on standard error, so each test starts a program of its own and reads its output.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, detect_stalls, sleep, spawn, yield_now};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(60);
const BUSY: Duration = Duration::from_millis(400);
const SOON: Duration = Duration::from_millis(50);

/// What the program `name` says on standard error.
fn said(name: &str) -> String {
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["--exact", &format!("stalls::{name}"), "--ignored", "--nocapture"]);
    let output = program.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn blocks() {
    let start = Instant::now();
    while start.elapsed() < BUSY {}
    yield_now().await;
}

/// The lines that say that a poll goes on, and those that say that it is over.
fn reports(said: &str) -> (Vec<&str>, Vec<&str>) {
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("stalls: ")).collect();
    lines
        .iter()
        .partition(|line| line.contains(" has blocked the thread for "))
}

#[test]
#[ignore = "run by the tests below"]
fn a_task_that_blocks() {
    let scheduler = Scheduler::new();
    scheduler.spawn(detect_stalls(SOON, sleep(Duration::from_millis(1))));
    scheduler.spawn(detect_stalls(SOON, blocks()));
    scheduler.run();
}

#[test]
#[ignore = "run by the tests below"]
fn a_poll_within_a_poll() {
    Scheduler::new().block_on(detect_stalls(SOON, async {
        detect_stalls(SOON, async {}).await;
        blocks().await;
    }));
}

#[test]
#[ignore = "run by the tests below"]
fn tasks_that_do_not_block() {
    let long = 4 * BUSY;
    Scheduler::new().block_on(detect_stalls(long, async move {
        let handles: Vec<_> = (0..100)
            .map(|_| spawn(detect_stalls(long, sleep(Duration::from_millis(1)))))
            .collect();
        for handle in handles {
            handle.await.unwrap();
        }
        // While the loop is parked, no poll goes on.
        sleep(long + BUSY).await;
    }));
}

#[test]
#[ignore = "run by the tests below"]
fn a_task_that_is_not_wrapped() {
    Scheduler::new().block_on(blocks());
}

#[test]
fn a_poll_that_blocks_is_named_while_it_goes_on_and_when_it_is_over() {
    let _watchdog = watchdog(LIMIT);
    let said = said("a_task_that_blocks");
    let (going_on, over) = reports(&said);
    // Each after twice the time, so they are few.
    assert!((1..=4).contains(&going_on.len()), "{said}");
    assert!(
        over.len() == 1 && over[0].contains(" blocked the thread for "),
        "{said}"
    );
    let mut lines = going_on.iter().chain(&over);
    assert!(
        lines.all(|line| line.contains("stalls::blocks::{{closure}} ")),
        "{said}"
    );
}

#[test]
fn a_poll_is_reported_also_if_there_was_one_within_it() {
    let _watchdog = watchdog(LIMIT);
    let said = said("a_poll_within_a_poll");
    let (going_on, over) = reports(&said);
    assert!(!going_on.is_empty() && over.len() == 1, "{said}");
    assert!(over[0].contains("stalls::a_poll_within_a_poll::{{closure}} "), "{said}");
}

#[test]
fn tasks_that_do_not_block_are_not_reported() {
    let _watchdog = watchdog(LIMIT);
    assert_eq!(said("tasks_that_do_not_block"), "");
}

#[test]
fn what_is_not_wrapped_is_not_reported() {
    let _watchdog = watchdog(LIMIT);
    assert_eq!(said("a_task_that_is_not_wrapped"), "");
}

#[test]
fn the_output_and_the_panic_of_the_future_pass() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let output = scheduler.spawn(detect_stalls(Duration::ZERO, async { 1 }));
    let panics = scheduler.spawn(detect_stalls(LIMIT, async { panic!("passes") }));
    assert_eq!(scheduler.block_on(output).unwrap(), 1);
    assert!(scheduler.block_on(panics).unwrap_err().is_panic());
}
