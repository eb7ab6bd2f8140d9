//! Which of these awaits lets the other task run?

use exp1_simplest as sched;

use std::future::ready;

use sched::{Scheduler, yield_now};

async fn first() {
    println!("first 1");
    ready(()).await;
    println!("first 2");
    async { println!("inner") }.await;
    println!("first 3");
    yield_now().await;
    println!("first 4");
}

async fn second() {
    println!("second 1");
    yield_now().await;
    println!("second 2");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(first());
    scheduler.spawn(second());
    scheduler.run();
}
