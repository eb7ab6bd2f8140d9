//! `block_on` ends when its future is ready. What becomes of the other tasks?

use exp3_spawn as sched;

use sched::{Scheduler, yield_now};

async fn counts(name: &str, rounds: u32) {
    for round in 1..=rounds {
        println!("{name}{round}");
        yield_now().await;
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(counts("task ", 4));
    println!("block_on");
    scheduler.block_on(counts("main ", 2));
    println!("run");
    scheduler.run();
    println!("the end");
}
