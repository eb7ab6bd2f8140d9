//! Three tasks take turns.

use exp2_sleep as sched;

use sched::{Scheduler, yield_now};

async fn a() {
    yield_now().await;
    yield_now().await;
    println!("a: done");
}

async fn b() {
    yield_now().await;
    yield_now().await;
    println!("b: done");
}

async fn c() {
    yield_now().await;
    yield_now().await;
    println!("c: done");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(a());
    scheduler.spawn(b());
    scheduler.spawn(c());
    scheduler.run();
}
