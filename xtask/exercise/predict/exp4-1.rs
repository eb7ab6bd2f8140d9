//! A job runs on another thread for 100 ms, and a task goes on meanwhile.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep, spawn_blocking};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn waits() {
    println!("the job begins");
    let sum = spawn_blocking(|| {
        thread::sleep(ms(100));
        2 + 3
    });
    println!("the job is awaited");
    println!("the sum is {}", sum.await.expect("it does not panic"));
}

async fn ticks() {
    for tick in 1..=3 {
        sleep(ms(40)).await;
        println!("tick {tick}");
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(waits());
    scheduler.spawn(ticks());
    scheduler.run();
}
