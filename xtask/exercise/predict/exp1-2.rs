//! When does a task begin?

use exp1_simplest as sched;

use sched::{Scheduler, yield_now};

async fn task() {
    println!("the task begins");
    yield_now().await;
    println!("the task ends");
}

fn main() {
    let scheduler = Scheduler::new();
    let future = task();
    println!("the future is made");
    scheduler.spawn(future);
    println!("it is spawned");
    scheduler.run();
    println!("run is over");
}
