//! A task is aborted. When is its future dropped?

use exp3_spawn as sched;

use std::time::Duration;

use sched::{Scheduler, sleep, spawn};

struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        println!("the future is dropped");
    }
}

async fn sleeper() {
    let _held = Held;
    println!("sleeper begins");
    sleep(Duration::from_secs(10)).await;
    println!("sleeper ends");
}

async fn parent() {
    let handle = spawn(sleeper());
    sleep(Duration::from_millis(50)).await;
    println!("abort");
    handle.abort();
    println!("finished: {}", handle.is_finished());
    let error = handle.await.expect_err("it is aborted");
    println!("{error}");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(parent());
    scheduler.run();
}
