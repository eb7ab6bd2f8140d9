//! A job is aborted while it runs.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep, spawn_blocking};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn main_task() {
    let job = spawn_blocking(|| {
        thread::sleep(ms(100));
        println!("the job is done");
    });
    sleep(ms(30)).await;
    println!("abort");
    job.abort();
    match job.await {
        Ok(()) => println!("it gave its result"),
        Err(error) => println!("{error}"),
    }
    sleep(ms(150)).await;
    println!("the end");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
