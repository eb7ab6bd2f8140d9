//! When is dropped what a task holds?

use exp1_simplest as sched;

use sched::{Scheduler, yield_now};

struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        println!("{} is dropped", self.0);
    }
}

async fn short() {
    let _held = Held("short");
    yield_now().await;
    println!("short ends");
}

async fn long() {
    let _held = Held("long");
    for round in 1..=3 {
        println!("long {round}");
        yield_now().await;
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(short());
    scheduler.spawn(long());
    scheduler.run();
    println!("run is over");
}
