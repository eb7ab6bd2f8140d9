//! The same work twice: in a task, and in a job.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep, spawn_blocking};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn work(place: &str) {
    thread::sleep(ms(150));
    println!("the work is done {place}");
}

async fn main_task() {
    sleep(ms(20)).await;
    work("in a task");
    spawn_blocking(|| work("in a job")).await.expect("it does not panic");
}

async fn ticks() {
    for tick in 1..=3 {
        sleep(ms(100)).await;
        println!("tick {tick}");
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.spawn(ticks());
    scheduler.run();
}
