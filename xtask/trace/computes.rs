//! A task computes for a while, and another wants to do something every 20 ms. `docs/trace` has what exp3 and exp4 do with it.

use exp4_threadpool as sched;

use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep};

const PERIOD: Duration = Duration::from_millis(20);
const START: Duration = Duration::from_millis(30);
const WORK: Duration = Duration::from_millis(80);

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(ticks());
    scheduler.spawn(computes());
    scheduler.run();
}

async fn ticks() {
    for number in 1..=5 {
        sleep(PERIOD).await;
        println!("tick {number}");
    }
}

#[cfg(feature = "pool")]
async fn computes() {
    sleep(START).await;
    let z = sched::spawn_blocking(|| add(3, 5)).await.expect("addition does not panic");
    println!("z={z}");
}

/// The same where there is no other thread to do it.
#[cfg(not(feature = "pool"))]
async fn computes() {
    sleep(START).await;
    println!("z={}", add(3, 5));
}

/// Blocks its thread for a while.
fn add(x: u32, y: u32) -> u32 {
    thread::sleep(WORK);
    x + y
}
