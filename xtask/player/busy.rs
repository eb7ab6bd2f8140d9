//! A task that can always run, and one that sleeps.

use exp2_sleep as sched;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sched::{Scheduler, sleep, yield_now};

async fn busy(is_over: Rc<Cell<bool>>) {
    while !is_over.get() {
        yield_now().await;
    }
}

async fn sleeper(is_over: Rc<Cell<bool>>) {
    sleep(Duration::from_micros(100)).await;
    println!("sleeper: done");
    is_over.set(true);
}

fn main() {
    let is_over = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    scheduler.spawn(busy(Rc::clone(&is_over)));
    scheduler.spawn(sleeper(is_over));
    scheduler.run();
}
