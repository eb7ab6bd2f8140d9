//! Two jobs, awaited one after the other.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, spawn_blocking};

fn job(name: &str, milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
    println!("{name} is done");
}

async fn main_task() {
    let slow = spawn_blocking(|| job("slow", 150));
    let quick = spawn_blocking(|| job("quick", 50));
    println!("both run");
    slow.await.expect("it does not panic");
    println!("slow was awaited");
    quick.await.expect("it does not panic");
    println!("quick was awaited");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
