//! A million sleeps at once.
//!
//! `STRESS_TASKS` is how many: 30,000 unless given; a full run takes 1,000,000.

use std::cell::Cell;
use std::env;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, sleep_until, timeout};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(300);

fn tasks() -> u32 {
    env::var("STRESS_TASKS").map_or(30_000, |tasks| tasks.parse().expect("a number"))
}

#[test]
fn a_million_sleeps_end_in_the_order_of_their_deadlines() {
    let _watchdog = watchdog(LIMIT);
    let tasks = tasks();
    let scheduler = Scheduler::new();
    let ended = Rc::new(Cell::new(0_u32));
    let latest = Rc::new(Cell::new(Instant::now()));
    let first = Instant::now() + Duration::from_micros(10) * tasks;
    for task in 0..tasks {
        let (ended, latest) = (Rc::clone(&ended), Rc::clone(&latest));
        // Neighbours are far from each other.
        let deadline = first + Duration::from_micros(u64::from(task.wrapping_mul(0x9e37_79b1) >> 12));
        scheduler.spawn(async move {
            let mut sleep = pin!(sleep_until(deadline));
            let mut waited = false;
            poll_fn(|cx| {
                let polled = sleep.as_mut().poll(cx);
                waited |= Instant::now() < deadline;
                polled
            })
            .await;
            assert!(Instant::now() >= deadline, "a sleep ends early");
            // One that is late for its own deadline does not wait, and takes part in no order.
            if waited {
                assert!(latest.replace(deadline) <= deadline, "not in the order of deadlines");
            }
            ended.set(ended.get() + 1);
        });
    }
    scheduler.run();
    assert_eq!(ended.get(), tasks);
    assert_eq!(Rc::strong_count(&ended), 1, "something of a task is left");
}

#[test]
fn a_million_sleeps_are_cancelled_by_their_limit_and_keep_nobody() {
    let _watchdog = watchdog(LIMIT);
    let tasks = tasks();
    let scheduler = Scheduler::new();
    let ended = Rc::new(Cell::new(0));
    for _ in 0..tasks {
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            let hour = sleep(Duration::from_secs(3_600));
            timeout(Duration::from_millis(50), hour)
                .await
                .expect_err("an hour has not passed");
            ended.set(ended.get() + 1);
        });
    }
    scheduler.run();
    assert_eq!(ended.get(), tasks);
    assert_eq!(Rc::strong_count(&ended), 1, "something of a task is left");
}
