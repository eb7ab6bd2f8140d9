//! Three tasks take turns.

use exp1_simplest as sched;

use sched::{Scheduler, yield_now};

async fn counts(name: &str, rounds: u32) {
    for round in 1..=rounds {
        println!("{name}{round}");
        yield_now().await;
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(counts("a", 3));
    scheduler.spawn(counts("b", 1));
    scheduler.spawn(counts("c", 2));
    scheduler.run();
}
