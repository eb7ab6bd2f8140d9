//! A task waits for a value, but not for ever. Another task wakes it twice.

use exp2_sleep as sched;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use sched::{Scheduler, sleep, timeout, yield_now};

/// The value, and who waits for it.
#[derive(Default)]
struct Slot {
    value: Option<u32>,
    waker: Option<Waker>,
}

fn wake(slot: &RefCell<Slot>) {
    let waker = slot.borrow_mut().waker.take();
    waker.into_iter().for_each(Waker::wake);
}

async fn receiver(slot: Rc<RefCell<Slot>>) {
    let value = poll_fn(|cx| {
        let mut slot = slot.borrow_mut();
        slot.waker = Some(cx.waker().clone());
        slot.value.take().map_or(Poll::Pending, Poll::Ready)
    });
    match timeout(Duration::from_millis(30), value).await {
        Ok(value) => println!("receiver: {value}"),
        Err(elapsed) => println!("receiver: {elapsed}"),
    }
}

async fn sender(slot: Rc<RefCell<Slot>>) {
    println!("sender: wakes the receiver, but has no value");
    wake(&slot);
    yield_now().await;
    slot.borrow_mut().value = Some(7);
    println!("sender: wakes the receiver");
    wake(&slot);
    sleep(Duration::from_millis(60)).await;
    println!("sender: done");
}

fn main() {
    let slot = Rc::new(RefCell::new(Slot::default()));
    let scheduler = Scheduler::new();
    scheduler.spawn(receiver(Rc::clone(&slot)));
    scheduler.spawn(sender(slot));
    scheduler.run();
}
