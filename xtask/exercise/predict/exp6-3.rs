//! A job that nobody awaits any more.

use exp6_combined as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, spawn_blocking, timeout};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn main_task() {
    let job = spawn_blocking(|| {
        thread::sleep(ms(100));
        println!("the job is done");
    });
    match timeout(ms(50), job).await {
        Ok(_) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    println!("the task ends");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
    println!("run is over");
}
