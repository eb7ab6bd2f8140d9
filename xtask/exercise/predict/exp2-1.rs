//! Three tasks sleep.

use exp2_sleep as sched;

use std::time::Duration;

use sched::{Scheduler, sleep};

async fn sleeps(name: &str, milliseconds: u64) {
    println!("{name} begins");
    sleep(Duration::from_millis(milliseconds)).await;
    println!("{name} ends");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(sleeps("a", 150));
    scheduler.spawn(sleeps("b", 50));
    scheduler.spawn(sleeps("c", 100));
    scheduler.run();
    println!("run is over");
}
