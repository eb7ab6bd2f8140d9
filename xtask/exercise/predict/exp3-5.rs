//! One handle is dropped, one is kept, and a scheduler is dropped before its tasks have ended.

use exp3_spawn as sched;

use std::time::Duration;

use sched::{Scheduler, sleep};

struct Held(&'static str);

impl Drop for Held {
    fn drop(&mut self) {
        println!("{} is dropped", self.0);
    }
}

async fn sleeps(name: &'static str, milliseconds: u64) {
    let _held = Held(name);
    sleep(Duration::from_millis(milliseconds)).await;
    println!("{name} ends");
}

fn main() {
    let scheduler = Scheduler::new();
    drop(scheduler.spawn(sleeps("detached", 50)));
    let kept = scheduler.spawn(sleeps("kept", 5000));
    scheduler.block_on(sleep(Duration::from_millis(100)));
    println!("block_on is over");
    drop(scheduler);
    println!("the scheduler is gone; finished: {}", kept.is_finished());
}
