//! A task blocks the thread for 200 ms, and so the loop is late.

use exp2_sleep as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn blocks() {
    println!("the thread is blocked");
    thread::sleep(ms(200));
    println!("the thread goes on");
}

async fn sleeps(name: &str, milliseconds: u64) {
    sleep(ms(milliseconds)).await;
    println!("{name}: {milliseconds} ms");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(sleeps("a", 100));
    scheduler.spawn(sleeps("b", 50));
    scheduler.spawn(blocks());
    scheduler.spawn(sleeps("c", 10));
    scheduler.run();
}
