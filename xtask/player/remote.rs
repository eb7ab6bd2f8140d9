//! Another thread wakes three tasks. A fourth sleeps for longer than they wait.

use exp2_sleep as sched;

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep};

/// Whether the thread has come, and who waits for it.
type Door = Arc<Mutex<(bool, Vec<Waker>)>>;

async fn through(door: Door) {
    let open = poll_fn(|cx| {
        let mut door = door.lock().unwrap();
        if door.0 {
            return Poll::Ready(());
        }
        door.1.push(cx.waker().clone());
        Poll::Pending
    });
    open.await;
}

async fn a(door: Door) {
    through(door).await;
    println!("a: the thread has come");
}

async fn b(door: Door) {
    through(door).await;
    println!("b: the thread has come");
}

async fn c(door: Door) {
    through(door).await;
    println!("c: the thread has come");
}

async fn sleeper() {
    sleep(Duration::from_millis(60)).await;
    println!("sleeper: done");
}

fn main() {
    let door = Door::default();
    let scheduler = Scheduler::new();
    scheduler.spawn(a(Arc::clone(&door)));
    scheduler.spawn(b(Arc::clone(&door)));
    scheduler.spawn(c(Arc::clone(&door)));
    scheduler.spawn(sleeper());
    let other = move || {
        thread::sleep(Duration::from_millis(20));
        let wakers = {
            let mut door = door.lock().unwrap();
            door.0 = true;
            std::mem::take(&mut door.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    };
    let thread = thread::Builder::new().name("other".to_owned());
    thread.spawn(other).expect("a thread");
    scheduler.run();
}
