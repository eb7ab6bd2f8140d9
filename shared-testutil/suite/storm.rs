//! A storm of signals: they interrupt the waits of the loop, a thousand times a second, and no task notices that.

#![cfg(unix)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, sleep_until, timeout, yield_now};
use shared_testutil::{SignalStorm, assert_took, in_own_process, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn interrupted_waits_end_neither_early_nor_in_another_order() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let storm = SignalStorm::new();
        let scheduler = Scheduler::new();
        let ended = Rc::new(RefCell::new(Vec::new()));
        let start = Instant::now();
        let first = start + Duration::from_millis(50);
        for task in 0..100_u32 {
            let deadline = first + Duration::from_millis(u64::from(task * 37 % 100) * 5);
            let ended = Rc::clone(&ended);
            scheduler.spawn(async move {
                sleep_until(deadline).await;
                assert!(Instant::now() >= deadline, "a sleep ends early");
                ended.borrow_mut().push((deadline, task));
            });
        }
        scheduler.run();
        let ended = ended.take();
        assert_eq!(ended.len(), 100, "a sleep is lost");
        assert!(ended.is_sorted(), "not in the order of deadlines");
        assert!(storm.has_arrived() && storm.sent() > 20, "there was no storm");
    });
}

#[test]
fn an_interrupted_wait_goes_on_to_its_end() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let storm = SignalStorm::new();
        let scheduler = Scheduler::new();
        let start = Instant::now();
        scheduler.spawn(async {
            let long = sleep(Duration::from_secs(3_600));
            let short = Duration::from_millis(700);
            timeout(short, long).await.expect_err("an hour has not passed");
            yield_now().await;
        });
        scheduler.run();
        let (least, most) = (Duration::from_millis(700), Duration::from_secs(20));
        assert_took("the wait", start, least, most);
        assert!(storm.has_arrived() && storm.sent() > 20, "there was no storm");
    });
}
