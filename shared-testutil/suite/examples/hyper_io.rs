//! What the examples need of hyper's traits stands in one file. Of it they do not use the executor.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use hyper::rt::{Executor, Timer};

use crate::sched::{Scheduler, now};

#[path = "../../../exp6-combined/examples/support/hyper_io.rs"]
mod adapters;

use adapters::{Clock, Tasks};

#[test]
fn the_executor_spawns_futures_that_are_not_send() {
    let done = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    scheduler.block_on(async {
        let done = Rc::clone(&done);
        Tasks.execute(async move { done.set(true) });
    });
    assert!(!done.get(), "it was polled by its spawn");
    scheduler.run();
    assert!(done.get());
}

#[test]
fn a_timer_that_is_reset_ends_at_its_new_deadline() {
    const HOUR: Duration = Duration::from_secs(3600);
    Scheduler::with_virtual_time().block_on(async {
        let start = now();
        let mut sleep = Clock.sleep(HOUR);
        Clock.reset(&mut sleep, start + 3 * HOUR);
        sleep.await;
        assert_eq!(now() - start, 3 * HOUR);
        Clock.sleep_until(start + 4 * HOUR).await;
        assert_eq!(Clock.now() - start, 4 * HOUR);
    });
}
