//! To drop the scheduler drops every future at once, whatever the drops of the futures do: invariants 1 and 5 of
//! `scheduler.rs`.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use crate::sched::{JoinError, JoinHandle, Scheduler, sleep, spawn, yield_now};
use futures::poll;
use shared_testutil::{CountingWaker, DropFlag, HomeThread, OrderLog, message_in, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Never done; owns a value until it is dropped.
async fn keep<T>(value: T) {
    pending::<()>().await;
    drop(value);
}

/// Never done, and calls a function when it is dropped.
fn at_drop(function: impl FnMut()) -> impl Future<Output = ()> {
    keep(OnDrop(function))
}

/// Lets all tasks be polled once or more.
async fn a_few_ticks() {
    for _ in 0..5 {
        yield_now().await;
    }
}

fn is_cancelled<T>(result: Result<T, JoinError>) -> bool {
    result.is_err_and(|error| error.is_cancelled())
}

/// The result of a task that has ended, taken outside any scheduler.
fn result_of<T>(mut handle: JoinHandle<T>) -> Result<T, JoinError> {
    match Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the task has not ended"),
    }
}

#[test]
fn unfinished_futures_are_dropped_with_the_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let flags: Vec<DropFlag> = (0..4).map(|_| DropFlag::new()).collect();
    let scheduler = Scheduler::new();
    let [never, sleeping, queued, unpolled] = [0, 1, 2, 3].map(|number| HomeThread::new(&flags[number]));
    scheduler.spawn(keep(never));
    scheduler.spawn(async move {
        sleep(HOUR).await;
        drop(sleeping);
    });
    scheduler.spawn(async move {
        loop {
            yield_now().await;
            let _queued = &queued;
        }
    });
    scheduler.block_on(a_few_ticks());
    scheduler.spawn(keep(unpolled));
    flags.iter().for_each(DropFlag::assert_not_dropped);
    drop(scheduler);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
}

#[test]
fn handles_of_unfinished_tasks_say_cancelled() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(pending::<()>());
    let unpolled = scheduler.spawn(pending::<()>());
    scheduler.block_on(async {});
    drop(scheduler);
    assert!(handle.is_finished());
    assert!(is_cancelled(result_of(handle)));
    assert!(is_cancelled(result_of(unpolled)));
}

#[test]
fn handles_of_finished_tasks_keep_the_output() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let output = HomeThread::new(&flag);
    let handle = scheduler.spawn(async move { output });
    scheduler.run();
    drop(scheduler);
    flag.assert_not_dropped();
    drop(result_of(handle));
    flag.assert_dropped_at_home();
}

#[test]
fn a_task_that_awaits_a_handle_is_woken() {
    let _watchdog = watchdog(LIMIT);
    let counter = CountingWaker::new();
    let scheduler = Scheduler::new();
    let mut handle = scheduler.spawn(pending::<()>());
    let waker = counter.waker();
    assert!(
        Pin::new(&mut handle)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(scheduler);
    assert_eq!(counter.count(), 1);
    assert!(is_cancelled(result_of(handle)));
}

#[test]
fn a_spawn_in_a_drop_gives_a_cancelled_handle_and_polls_nothing() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    let polled = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    let (left, seen, mut value) = (Rc::clone(&slot), Rc::clone(&polled), Some(HomeThread::new(&flag)));
    scheduler.spawn(at_drop(move || {
        let (seen, value) = (Rc::clone(&seen), value.take());
        let handle = spawn(async move {
            seen.set(true);
            drop(value);
        });
        assert!(handle.is_finished());
        *left.borrow_mut() = Some(handle);
    }));
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    flag.assert_dropped_at_home();
    assert!(!polled.get());
    let handle = slot.borrow_mut().take().expect("the drop has spawned");
    assert!(is_cancelled(result_of(handle)));
}

#[test]
fn drops_that_spawn_what_spawns_in_its_drop_come_to_an_end() {
    fn level(depth: u32, log: OrderLog) {
        log.note(format!("drop {depth}"));
        if depth > 0 {
            spawn(at_drop(move || level(depth - 1, log.clone())));
        }
    }
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    scheduler.spawn(at_drop(move || level(3, noted.clone())));
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    log.assert_is(&["drop 3", "drop 2", "drop 1", "drop 0"]);
}

#[test]
fn sleeps_may_be_made_polled_and_dropped_in_a_drop() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    scheduler.spawn(at_drop(move || {
        let mut nap = sleep(HOUR);
        let polled = Pin::new(&mut nap).poll(&mut Context::from_waker(Waker::noop()));
        noted.note(format!("pending: {}", polled.is_pending()));
    }));
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    log.assert_is(&["pending: true"]);
}

#[test]
fn tasks_may_be_woken_aborted_and_asked_in_a_drop() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let polls = Rc::new(Cell::new(0));
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    // One that is dropped before the others, and one that is dropped after them.
    let mut others = Vec::new();
    for place in ["before", "after"] {
        let (counted, slot) = (Rc::clone(&polls), Rc::clone(&waker));
        let other = poll_fn(move |cx| -> Poll<()> {
            counted.set(counted.get() + 1);
            *slot.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        });
        if place == "before" {
            others.push(scheduler.spawn(other));
            let (noted, slot, mut handles) = (log.clone(), Rc::clone(&waker), others.split_off(0));
            scheduler.spawn(at_drop(move || {
                slot.borrow().as_ref().expect("polled").wake_by_ref();
                handles.iter().for_each(JoinHandle::abort);
                handles.clear();
                noted.note("dropped");
            }));
        } else {
            others.push(scheduler.spawn(other));
        }
    }
    scheduler.block_on(a_few_ticks());
    assert_eq!(polls.get(), 2);
    drop(scheduler);
    assert_eq!(polls.get(), 2, "nobody is polled any more");
    log.assert_is(&["dropped"]);
    assert!(others.into_iter().all(|handle| is_cancelled(result_of(handle))));
}

#[test]
fn a_drop_that_panics_loses_no_other_and_is_told_to_its_handle() {
    let _watchdog = watchdog(LIMIT);
    let flags = [DropFlag::new(), DropFlag::new()];
    let scheduler = Scheduler::new();
    scheduler.spawn(keep(HomeThread::new(&flags[0])));
    let bomb = scheduler.spawn(at_drop(|| panic!("on purpose")));
    drop(scheduler.spawn(at_drop(|| panic!("detached"))));
    scheduler.spawn(keep(HomeThread::new(&flags[1])));
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
    let error = result_of(bomb).expect_err("a panic");
    assert!(error.is_panic());
    assert_eq!(message_in(error.into_panic().as_ref()), Some("on purpose"));
}

/// A waker that panics.
struct Nasty;

impl Wake for Nasty {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn a_joiner_whose_waker_panics_loses_no_other() {
    let _watchdog = watchdog(LIMIT);
    let flags = [DropFlag::new(), DropFlag::new()];
    let scheduler = Scheduler::new();
    let nasty = Waker::from(Arc::new(Nasty));
    let mut handles: Vec<JoinHandle<()>> = Vec::new();
    for flag in &flags {
        let mut handle = scheduler.spawn(keep(HomeThread::new(flag)));
        assert!(
            Pin::new(&mut handle)
                .poll(&mut Context::from_waker(&nasty))
                .is_pending()
        );
        handles.push(handle);
    }
    drop(scheduler);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
    assert!(handles.into_iter().all(|handle| is_cancelled(result_of(handle))));
}

#[test]
fn a_scheduler_may_be_dropped_by_a_panic() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let scheduler = Scheduler::new();
        scheduler.spawn(at_drop(|| panic!("in the middle of another panic")));
        scheduler.spawn(keep(value));
        scheduler.block_on(async {
            yield_now().await;
            panic!("on purpose");
        });
    }));
    let payload = caught.expect_err("a panic");
    assert_eq!(message_in(payload.as_ref()), Some("on purpose"));
    flag.assert_dropped_at_home();
}

#[test]
fn a_scheduler_dropped_inside_another_is_the_current_one_meanwhile() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let (inner, outer) = (Scheduler::new(), Scheduler::new());
    let noted = log.clone();
    inner.spawn(at_drop(move || {
        // On the outer one it would run.
        let never = noted.clone();
        let handle = spawn(async move { never.note("not reached") });
        noted.note(format!("cancelled: {}", handle.is_finished()));
    }));
    inner.block_on(a_few_ticks());
    let noted = log.clone();
    outer.spawn(async move {
        drop(inner);
        let child = noted.clone();
        spawn(async move { child.note("the outer one is current again") });
    });
    outer.run();
    log.assert_is(&["cancelled: true", "the outer one is current again"]);
}

#[test]
fn a_task_may_own_another_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let (inner, outer) = (Scheduler::new(), Scheduler::new());
    inner.spawn(keep(HomeThread::new(&flag)));
    outer.spawn(keep(inner));
    outer.block_on(a_few_ticks());
    flag.assert_not_dropped();
    drop(outer);
    flag.assert_dropped_at_home();
}

#[test]
fn tasks_that_hold_each_others_handles_are_dropped() {
    let _watchdog = watchdog(LIMIT);
    let flags = [DropFlag::new(), DropFlag::new()];
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    let (value, later) = (HomeThread::new(&flags[0]), Rc::clone(&slot));
    let first = scheduler.spawn(async move {
        let mut second = later.borrow_mut().take().expect("the second's handle");
        assert!(poll!(&mut second).is_pending());
        keep((value, second)).await;
    });
    let value = HomeThread::new(&flags[1]);
    let second = scheduler.spawn(keep((value, first)));
    *slot.borrow_mut() = Some(second);
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
}

#[test]
fn wakers_of_unfinished_tasks_outlive_the_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let polls = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let (slot, counted) = (Rc::clone(&waker), Rc::clone(&polls));
    scheduler.spawn(poll_fn(move |cx| -> Poll<()> {
        counted.set(counted.get() + 1);
        *slot.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }));
    scheduler.block_on(a_few_ticks());
    drop(scheduler);
    let waker = waker.take().expect("polled");
    waker.wake_by_ref();
    thread::spawn(move || waker.wake()).join().expect("a harmless wake");
    assert_eq!(polls.get(), 1);
}

#[test]
fn wakes_from_another_thread_at_that_moment_do_no_harm() {
    let _watchdog = watchdog(LIMIT);
    for _ in 0..200 {
        let flags: Vec<DropFlag> = (0..10).map(|_| DropFlag::new()).collect();
        let scheduler = Scheduler::new();
        let (sender, receiver) = mpsc::channel::<Waker>();
        for flag in &flags {
            let (value, sender) = (HomeThread::new(flag), sender.clone());
            scheduler.spawn(poll_fn(move |cx| -> Poll<()> {
                let _owned = &value;
                let _nobody_may_listen = sender.send(cx.waker().clone());
                Poll::Pending
            }));
        }
        scheduler.block_on(a_few_ticks());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let wakers: Vec<Waker> = receiver.try_iter().collect();
        assert_eq!(wakers.len(), flags.len());
        let storm = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
        drop(scheduler);
        flags.iter().for_each(DropFlag::assert_dropped_at_home);
        stop.store(true, Ordering::Relaxed);
        storm.join().expect("the waking thread");
    }
}
