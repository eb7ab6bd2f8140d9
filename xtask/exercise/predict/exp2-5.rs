//! Which wakes lead to a poll? The second task has the waker of the first.

use exp2_sleep as sched;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use sched::{Scheduler, yield_now};

type Slot = Rc<RefCell<Option<Waker>>>;

async fn waits(slot: Slot) {
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        println!("poll {polls}");
        *slot.borrow_mut() = Some(cx.waker().clone());
        if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    println!("it ends");
}

async fn wakes(slot: Slot) {
    let waker = slot.borrow().clone().expect("the other task was polled first");
    println!("wake");
    waker.wake_by_ref();
    println!("wake again");
    waker.wake_by_ref();
    yield_now().await;
    println!("wake once more");
    waker.wake_by_ref();
    println!("done");
}

fn main() {
    let slot = Slot::default();
    let scheduler = Scheduler::new();
    scheduler.spawn(waits(Rc::clone(&slot)));
    scheduler.spawn(wakes(slot));
    scheduler.run();
}
