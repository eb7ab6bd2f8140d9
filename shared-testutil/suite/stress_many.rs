//! A million tasks at once.
//!
//! `STRESS_TASKS` is how many: 100,000 unless given; a full run takes 1,000,000.

use std::cell::Cell;
use std::env;
use std::rc::Rc;
use std::time::Duration;

use crate::sched::{Scheduler, yield_now};
use shared_testutil::watchdog;

const LIMIT: Duration = Duration::from_secs(300);

fn tasks() -> usize {
    env::var("STRESS_TASKS").map_or(100_000, |tasks| tasks.parse().expect("a number"))
}

#[test]
fn a_million_tasks_yield_and_all_end() {
    let _watchdog = watchdog(LIMIT);
    let tasks = tasks();
    let scheduler = Scheduler::new();
    let polls = Rc::new(Cell::new(0));
    let ended = Rc::new(Cell::new(0));
    for task in 0..tasks {
        let (polls, ended) = (Rc::clone(&polls), Rc::clone(&ended));
        scheduler.spawn(async move {
            for round in 0..3 {
                // First in, first out: each task is polled once before any is polled again.
                assert_eq!(polls.get(), round * tasks + task);
                polls.set(polls.get() + 1);
                yield_now().await;
            }
            ended.set(ended.get() + 1);
        });
    }
    scheduler.run();
    assert_eq!((polls.get(), ended.get()), (3 * tasks, tasks));
    // Nothing of them is left, and the scheduler goes on.
    assert_eq!(Rc::strong_count(&ended), 1);
    scheduler.spawn(async move { ended.set(0) });
    scheduler.run();
}

#[test]
fn a_million_tasks_are_dropped_with_their_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let tasks = tasks();
    let scheduler = Scheduler::new();
    let held = Rc::new(());
    for _ in 0..tasks {
        let held = Rc::clone(&held);
        scheduler.spawn(async move {
            yield_now().await;
            drop(held);
        });
    }
    assert_eq!(Rc::strong_count(&held), 1 + tasks);
    drop(scheduler);
    assert_eq!(Rc::strong_count(&held), 1);
}
