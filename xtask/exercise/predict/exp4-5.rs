//! A limit of time for a job.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, spawn_blocking, timeout};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn main_task() {
    let mut job = spawn_blocking(|| {
        thread::sleep(ms(100));
        println!("the job is done");
        7
    });
    match timeout(ms(50), &mut job).await {
        Ok(_) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    println!("finished: {}", job.is_finished());
    println!("the result: {}", job.await.expect("it does not panic"));
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
