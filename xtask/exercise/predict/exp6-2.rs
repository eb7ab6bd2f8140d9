//! Another thread wakes a task, while the loop waits for a timer.

use exp6_combined as sched;

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn wakes(waker: Waker) {
    thread::sleep(ms(50));
    println!("the thread wakes");
    waker.wake();
}

async fn waits() {
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        println!("poll {polls}");
        if polls == 1 {
            let waker = cx.waker().clone();
            thread::spawn(|| wakes(waker));
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
    println!("it ends");
}

async fn sleeps() {
    sleep(ms(150)).await;
    println!("the sleep ends");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(sleeps());
    scheduler.spawn(waits());
    scheduler.run();
}
