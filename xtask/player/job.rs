//! A task awaits a job.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, spawn_blocking};

fn main() {
    Scheduler::new().block_on(async {
        let eight = || {
            thread::sleep(Duration::from_millis(10));
            3 + 5
        };
        let result = spawn_blocking(eight).await;
        println!("main: {}", result.expect("it does not panic"));
    });
}
