//! A task panics. (What the panic itself reports goes to standard error, and does not count.)

use exp3_spawn as sched;

use sched::{Scheduler, spawn, yield_now};

async fn panics() {
    println!("it begins");
    yield_now().await;
    panic!("too bad");
}

async fn parent() {
    let handle = spawn(panics());
    match handle.await {
        Ok(()) => println!("it is well"),
        Err(error) => println!("{error}"),
    }
    println!("parent ends");
}

async fn other() {
    for round in 1..=4 {
        println!("other {round}");
        yield_now().await;
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(parent());
    scheduler.spawn(other());
    scheduler.run();
}
