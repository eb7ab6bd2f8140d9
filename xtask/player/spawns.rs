//! A future spawns a task.

use exp3_spawn as sched;

use sched::{Scheduler, spawn, yield_now};

async fn child() {
    println!("child: starts");
    yield_now().await;
    println!("child: done");
}

fn main() {
    Scheduler::new().block_on(async {
        println!("main: spawns");
        let child = spawn(child());
        println!("main: has spawned");
        child.await.expect("it does not panic");
    });
}
