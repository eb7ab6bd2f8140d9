//! Limits of time.

use exp2_sleep as sched;

use std::time::Duration;

use sched::{Scheduler, sleep, timeout};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn works(name: &str, milliseconds: u64) {
    println!("{name} begins");
    sleep(ms(milliseconds)).await;
    println!("{name} is done");
}

async fn main_task() {
    match timeout(ms(100), works("short", 50)).await {
        Ok(()) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    match timeout(ms(50), works("long", 100)).await {
        Ok(()) => println!("in time"),
        Err(error) => println!("{error}"),
    }
    sleep(ms(100)).await;
    println!("the end");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
