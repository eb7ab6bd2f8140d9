//! Two futures in one task: the task polls both, until both are ready.

use exp1_simplest as sched;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use sched::{Scheduler, yield_now};

async fn counts(name: &str, rounds: u32) {
    for round in 1..=rounds {
        println!("{name}{round}");
        yield_now().await;
    }
}

async fn both() {
    let (mut a, mut b) = (pin!(counts("a", 1)), pin!(counts("b", 2)));
    let (mut a_done, mut b_done) = (false, false);
    poll_fn(|cx| {
        a_done = a_done || a.as_mut().poll(cx).is_ready();
        b_done = b_done || b.as_mut().poll(cx).is_ready();
        if a_done && b_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    println!("both are done");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(both());
    scheduler.spawn(counts("other", 3));
    scheduler.run();
}
