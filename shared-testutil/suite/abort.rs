//! Abort only asks: the scheduler drops the future when it comes to the task. So anybody may ask, at any time.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::sched::{JoinError, JoinHandle, Scheduler, sleep, spawn, timeout, yield_now};
use futures::future::join_all;
use shared_testutil::{DropFlag, HomeThread, OrderLog, assert_took, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SECONDS: Duration = Duration::from_secs(20);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Scheduler::new().block_on(future)
}

/// Lets all tasks be polled once or more.
async fn a_few_ticks() {
    for _ in 0..5 {
        yield_now().await;
    }
}

fn is_cancelled<T>(result: Result<T, JoinError>) -> bool {
    result.is_err_and(|error| error.is_cancelled() && !error.is_panic())
}

#[test]
fn a_task_aborted_before_its_first_poll_is_never_polled() {
    let _watchdog = watchdog(LIMIT);
    let (flag, log) = (DropFlag::new(), OrderLog::new());
    let scheduler = Scheduler::new();
    let (value, task) = (HomeThread::new(&flag), log.clone());
    let handle = scheduler.spawn(async move {
        task.note("polled");
        drop(value);
    });
    handle.abort();
    // It has only been asked.
    flag.assert_not_dropped();
    assert!(!handle.is_finished());
    scheduler.run();
    flag.assert_dropped_at_home();
    assert!(handle.is_finished());
    assert!(is_cancelled(scheduler.block_on(handle)));
    log.assert_is(&[]);
}

#[test]
fn an_aborted_task_is_dropped_when_the_loop_comes_to_it_and_not_before() {
    let _watchdog = watchdog(LIMIT);
    let (flag, log) = (DropFlag::new(), OrderLog::new());
    let value = HomeThread::new(&flag);
    let (seen, noted) = (flag.clone(), log.clone());
    block_on(async move {
        let handle = spawn(async move {
            let _value = value;
            pending::<()>().await;
        });
        yield_now().await;
        handle.abort();
        noted.note(format!("right after the abort: {}", seen.is_dropped()));
        let result = handle.await;
        noted.note(format!("when it is joined: {}", seen.is_dropped()));
        assert!(is_cancelled(result));
    });
    log.assert_is(&["right after the abort: false", "when it is joined: true"]);
    flag.assert_dropped_at_home();
}

#[test]
fn a_task_aborted_while_it_is_queued_is_not_polled_again() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    let cancelled = block_on(async move {
        // Always in the queue.
        let handle = spawn(poll_fn(move |cx| -> Poll<()> {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        yield_now().await;
        handle.abort();
        is_cancelled(handle.await)
    });
    assert!(cancelled);
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_task_aborted_while_it_sleeps_ends_at_once() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(sleep(HOUR));
    let aborting = scheduler.spawn(async move {
        sleep(Duration::from_millis(20)).await;
        handle.abort();
        is_cancelled(handle.await)
    });
    scheduler.run();
    assert_took("the run", start, Duration::from_millis(20), SECONDS);
    assert!(scheduler.block_on(aborting).expect("no panic"));
}

#[test]
fn a_task_aborted_while_it_joins_leaves_the_other_alone() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    let inner = scheduler.spawn(async move {
        for _ in 0..5 {
            yield_now().await;
        }
        noted.note("inner ends");
    });
    let outer = scheduler.spawn(inner);
    scheduler.block_on(a_few_ticks());
    outer.abort();
    scheduler.run();
    assert!(is_cancelled(scheduler.block_on(outer)));
    log.assert_is(&["inner ends"]);
}

/// Spawns a task that is given its own handle.
fn spawn_with_own_handle<F: Future + 'static>(
    scheduler: &Scheduler,
    task: impl FnOnce(Rc<RefCell<Option<JoinHandle<F::Output>>>>) -> F,
) -> Rc<RefCell<Option<JoinHandle<F::Output>>>> {
    let slot: Rc<RefCell<Option<JoinHandle<F::Output>>>> = Rc::default();
    let handle = scheduler.spawn(task(Rc::clone(&slot)));
    *slot.borrow_mut() = Some(handle);
    slot
}

fn abort_own<T>(slot: &Rc<RefCell<Option<JoinHandle<T>>>>) {
    slot.borrow().as_ref().expect("its handle").abort();
}

#[test]
fn a_task_that_aborts_itself_ends_where_it_waits_next() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    let slot = spawn_with_own_handle(&scheduler, |own| async move {
        abort_own(&own);
        noted.note("goes on to the next await");
        yield_now().await;
        noted.note("not reached");
    });
    scheduler.run();
    log.assert_is(&["goes on to the next await"]);
    let handle = slot.borrow_mut().take().expect("the handle");
    assert!(is_cancelled(scheduler.block_on(handle)));
}

#[test]
fn a_task_that_ends_in_the_poll_in_which_it_is_aborted_keeps_its_output() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let slot = spawn_with_own_handle(&scheduler, |own| async move {
        yield_now().await;
        abort_own(&own);
        7
    });
    scheduler.run();
    let handle = slot.borrow_mut().take().expect("the handle");
    assert_eq!(scheduler.block_on(handle).expect("not cancelled"), 7);
}

#[test]
fn a_task_aborted_twice_is_cancelled_once() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let cancelled = block_on(async {
        let handle = spawn(async move {
            let _value = value;
            pending::<()>().await;
        });
        yield_now().await;
        handle.abort();
        handle.abort();
        yield_now().await;
        handle.abort();
        yield_now().await;
        is_cancelled(handle.await)
    });
    assert!(cancelled);
    flag.assert_dropped_at_home();
}

#[test]
fn an_abort_after_the_end_changes_nothing() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async { 7 });
    scheduler.run();
    handle.abort();
    scheduler.run();
    assert_eq!(scheduler.block_on(handle).expect("not cancelled"), 7);
    // And when the result has been taken, or the scheduler is gone.
    let mut handle = scheduler.spawn(async { 7 });
    assert!(scheduler.block_on(&mut handle).is_ok());
    handle.abort();
    drop(scheduler);
    handle.abort();
    assert!(handle.is_finished());
}

#[test]
fn an_aborted_and_detached_task_ends_too() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let value = HomeThread::new(&flag);
    let handle = scheduler.spawn(async move {
        let _value = value;
        pending::<()>().await;
    });
    handle.abort();
    drop(handle);
    scheduler.run();
    flag.assert_dropped_at_home();
}

#[test]
fn an_abort_between_two_runs_counts() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(pending::<()>());
    scheduler.block_on(a_few_ticks());
    handle.abort();
    assert!(!handle.is_finished());
    scheduler.run();
    assert!(is_cancelled(scheduler.block_on(handle)));
}

#[test]
fn an_abort_under_another_scheduler_counts_in_the_next_run() {
    let _watchdog = watchdog(LIMIT);
    let (first, second) = (Scheduler::new(), Scheduler::new());
    let handle = first.spawn(pending::<()>());
    first.block_on(a_few_ticks());
    second.block_on(async {
        handle.abort();
        yield_now().await;
    });
    assert!(!handle.is_finished());
    first.run();
    assert!(handle.is_finished());
}

/// The usual way to tie a task to its handle.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[test]
fn an_abort_in_the_drop_of_another_future_counts() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let value = HomeThread::new(&flag);
    let outer = scheduler.spawn(async move {
        let inner = AbortOnDrop(spawn(async move {
            let _value = value;
            pending::<()>().await;
        }));
        pending::<()>().await;
        drop(inner);
    });
    scheduler.block_on(async {
        a_few_ticks().await;
        outer.abort();
    });
    flag.assert_not_dropped();
    scheduler.run();
    flag.assert_dropped_at_home();
}

#[test]
fn a_task_may_abort_itself_in_the_drop_of_its_future() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let slot = spawn_with_own_handle(&scheduler, |own| {
        let aborting = AbortSlotOnDrop(own);
        async move {
            let _aborting = aborting;
            yield_now().await;
        }
    });
    scheduler.run();
    let handle = slot.borrow_mut().take().expect("the handle");
    assert!(scheduler.block_on(handle).is_ok());
}

struct AbortSlotOnDrop(Rc<RefCell<Option<JoinHandle<()>>>>);

impl Drop for AbortSlotOnDrop {
    fn drop(&mut self) {
        abort_own(&self.0);
    }
}

#[test]
fn a_wake_after_the_abort_brings_no_other_poll() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let scheduler = Scheduler::new();
    let (counted, slot) = (Rc::clone(&polls), Rc::clone(&waker));
    let handle = scheduler.spawn(poll_fn(move |cx| -> Poll<()> {
        counted.set(counted.get() + 1);
        *slot.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }));
    scheduler.block_on(async {
        a_few_ticks().await;
        let waker = waker.take().expect("the task has been polled");
        waker.wake_by_ref();
        handle.abort();
        waker.wake_by_ref();
        a_few_ticks().await;
        waker.wake();
    });
    scheduler.run();
    assert!(is_cancelled(scheduler.block_on(handle)));
    assert_eq!(polls.get(), 1);
}

#[test]
fn an_abort_wakes_the_joiner() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let handle = Rc::new(RefCell::new(scheduler.spawn(pending::<()>())));
    let (joining, noted) = (Rc::clone(&handle), log.clone());
    scheduler.spawn(async move {
        let result = poll_fn(|cx| pin!(&mut *joining.borrow_mut()).poll(cx)).await;
        noted.note(format!("cancelled: {}", is_cancelled(result)));
    });
    scheduler.block_on(async {
        a_few_ticks().await;
        log.note("aborts");
        handle.borrow().abort();
    });
    scheduler.run();
    log.assert_is(&["aborts", "cancelled: true"]);
}

#[test]
fn a_timeout_and_an_abort_end_a_task_that_takes_too_long() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let cancelled = block_on(async move {
        let mut handle = spawn(async move {
            let _value = value;
            sleep(HOUR).await;
        });
        let late = timeout(Duration::from_millis(20), &mut handle).await;
        assert!(late.is_err());
        handle.abort();
        is_cancelled(handle.await)
    });
    assert!(cancelled);
    flag.assert_dropped_at_home();
}

#[test]
fn ten_thousand_tasks_are_aborted_at_once() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let cancelled = block_on(async {
        let handles: Vec<_> = (0..10_000).map(|_| spawn(sleep(HOUR))).collect();
        yield_now().await;
        handles.iter().for_each(JoinHandle::abort);
        let results = join_all(handles).await;
        results
            .into_iter()
            .map(is_cancelled)
            .filter(|&cancelled| cancelled)
            .count()
    });
    assert_eq!(cancelled, 10_000);
    assert_took("the aborts", start, Duration::ZERO, SECONDS);
}
