//! A sleep of no time, and a task that yields.

use exp2_sleep as sched;

use std::time::Duration;

use sched::{Scheduler, sleep, yield_now};

async fn sleeps() {
    println!("a1");
    sleep(Duration::ZERO).await;
    println!("a2");
}

async fn yields() {
    println!("b1");
    yield_now().await;
    println!("b2");
    yield_now().await;
    println!("b3");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(sleeps());
    scheduler.spawn(yields());
    scheduler.run();
}
