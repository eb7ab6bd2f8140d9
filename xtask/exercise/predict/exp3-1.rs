//! A task starts a task, and waits for it.

use exp3_spawn as sched;

use sched::{Scheduler, spawn, yield_now};

async fn child() -> u32 {
    println!("child begins");
    yield_now().await;
    println!("child ends");
    5
}

async fn parent() {
    println!("parent spawns");
    let handle = spawn(child());
    println!("parent awaits");
    let output = handle.await.expect("it does not panic");
    println!("parent has {output}");
}

async fn other() {
    println!("other 1");
    yield_now().await;
    println!("other 2");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(parent());
    scheduler.spawn(other());
    scheduler.run();
}
