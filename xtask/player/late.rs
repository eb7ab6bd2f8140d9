//! Deadlines pass while a task computes.

use exp2_sleep as sched;

use std::thread;
use std::time::{Duration, Instant};

use sched::{Scheduler, sleep_until};

fn after(start: Instant, milliseconds: u64) -> Instant {
    start + Duration::from_millis(milliseconds)
}

async fn first(start: Instant) {
    sleep_until(after(start, 10)).await;
    println!("first: 10 ms");
    sleep_until(after(start, 20)).await;
    println!("first: 20 ms");
}

async fn second(start: Instant) {
    sleep_until(after(start, 30)).await;
    println!("second: 30 ms");
}

async fn computes(start: Instant) {
    thread::sleep(after(start, 40) - Instant::now());
    println!("computes: done");
}

fn main() {
    let start = Instant::now();
    let scheduler = Scheduler::new();
    scheduler.spawn(first(start));
    scheduler.spawn(second(start));
    scheduler.spawn(computes(start));
    scheduler.run();
}
