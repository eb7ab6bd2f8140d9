//! More than one scheduler: one after the other on a thread, at once on two threads, and never one inside the other.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Barrier;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::sched::{Scheduler, Sleep, sleep, timeout, yield_now};
use futures::poll;
use shared_testutil::{OrderLog, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn two_schedulers_run_one_after_the_other_on_one_thread() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let schedulers = [("first", Scheduler::new()), ("second", Scheduler::new())];
    for round in 1..=2 {
        for (name, scheduler) in &schedulers {
            for task in ["a", "b"] {
                let log = log.clone();
                let event = format!("{name} {task}{round}");
                scheduler.spawn(async move {
                    sleep(ms(1)).await;
                    yield_now().await;
                    log.note(event);
                });
            }
        }
        for (_, scheduler) in schedulers.iter().rev() {
            scheduler.run();
        }
    }
    log.assert_is(&[
        "second a1",
        "second b1",
        "first a1",
        "first b1",
        "second a2",
        "second b2",
        "first a2",
        "first b2",
    ]);
}

#[test]
fn a_task_that_has_its_scheduler_may_add_another_to_it() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Rc::new(Scheduler::new());
    let (inner, first, added, second) = (Rc::clone(&scheduler), log.clone(), log.clone(), log.clone());
    scheduler.spawn(async move {
        inner.spawn(async move { added.note("added") });
        first.note("first");
    });
    scheduler.spawn(async move { second.note("second") });
    scheduler.run();
    log.assert_is(&["first", "second", "added"]);
}

#[test]
fn two_schedulers_run_at_once_on_two_threads() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for name in ["a", "b"] {
            let (log, both) = (log.clone(), &both);
            scope.spawn(move || {
                let scheduler = Scheduler::new();
                let noted = log.clone();
                scheduler.spawn(async move {
                    noted.note(format!("{name} starts"));
                    sleep(ms(20)).await;
                    noted.note(format!("{name} slept"));
                });
                // Neither gets past it alone, and both have more to do then.
                both.wait();
                scheduler.run();
                both.wait();
                let noted = log.clone();
                scheduler.spawn(async move {
                    yield_now().await;
                    noted.note(format!("{name} ends"));
                });
                scheduler.run();
            });
        }
    });
    log.assert_overlap(("a starts", "a ends"), ("b starts", "b ends"));
}

#[test]
fn a_scheduler_inside_another_panics_with_a_message_and_both_survive() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let (outer, inner) = (Scheduler::new(), Rc::new(Scheduler::new()));
    let in_inner = log.clone();
    inner.spawn(async move {
        sleep(ms(1)).await;
        in_inner.note("inner task");
    });
    let (nested, in_outer) = (Rc::clone(&inner), log.clone());
    outer.spawn(async move {
        let message = message_of_panic(|| nested.run());
        assert!(message.contains("await a future instead of running it"), "{message}");
        in_outer.note("refused");
        // The outer one is still the current one.
        sleep(ms(1)).await;
        in_outer.note("outer task");
    });
    outer.run();
    log.assert_is(&["refused", "outer task"]);
    inner.run();
    assert_eq!(log.count("inner task"), 1);
}

#[test]
fn a_scheduler_may_be_made_filled_and_dropped_inside_another() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    scheduler.spawn(async move {
        let inner = Scheduler::new();
        let never = noted.clone();
        inner.spawn(async move { never.note("never polled") });
        drop(inner);
        sleep(ms(1)).await;
        noted.note("the outer one is still current");
    });
    scheduler.run();
    log.assert_is(&["the outer one is still current"]);
}

#[test]
fn a_thread_has_no_scheduler_after_run() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    scheduler.spawn(async { sleep(ms(1)).await });
    scheduler.run();
    let message = message_of_panic(|| {
        let mut nap = pin!(sleep(HOUR));
        nap.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
    });
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
}

#[test]
fn a_thousand_schedulers_come_and_go() {
    let _watchdog = watchdog(LIMIT);
    let ended = Rc::new(Cell::new(0));
    for _ in 0..1000 {
        let scheduler = Scheduler::new();
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            timeout(HOUR, yield_now()).await.expect("in time");
            ended.set(ended.get() + 1);
        });
        scheduler.run();
    }
    assert_eq!(ended.get(), 1000);
}

/// What a thread keeps until its locals are destroyed, and does then.
struct Kept {
    scheduler: Scheduler,
    waker: Waker,
    #[allow(dead_code, reason = "only its drop matters")]
    sleep: Sleep,
    log: OrderLog,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.waker.wake_by_ref();
        // A task that is never polled: it is dropped with the scheduler, and uses it in its drop.
        let on_drop = OnDrop(self.waker.clone(), self.log.clone());
        self.scheduler.spawn(async move { drop(on_drop) });
        self.log.note("the thread's locals are destroyed");
    }
}

struct OnDrop(Waker, OrderLog);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.wake_by_ref();
        drop(sleep(HOUR));
        self.1.note("the task is dropped");
    }
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

#[test]
fn a_scheduler_its_wakers_and_its_sleeps_may_be_dropped_with_the_locals_of_a_thread() {
    let _watchdog = watchdog(LIMIT);
    // A thread's locals are destroyed in the order of their first use, or the other way round: so both.
    for early in [false, true] {
        let log = OrderLog::new();
        let noted = log.clone();
        let thread = thread::spawn(move || {
            if early {
                KEPT.with_borrow(|kept| assert!(kept.is_none()));
            }
            let scheduler = Scheduler::new();
            let slot = Rc::new(RefCell::new(None));
            let left = Rc::clone(&slot);
            scheduler.spawn(async move {
                let mut nap = sleep(HOUR);
                assert!(poll!(&mut nap).is_pending());
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                *left.borrow_mut() = Some((waker, nap));
            });
            scheduler.run();
            let (waker, sleep) = slot.take().expect("the task has run");
            let log = noted;
            KEPT.set(Some(Kept {
                scheduler,
                waker,
                sleep,
                log,
            }));
        });
        thread.join().expect("the thread ends in peace");
        log.assert_is(&["the thread's locals are destroyed", "the task is dropped"]);
    }
}

/// Runs a scheduler inside a scheduler when the thread's locals are destroyed.
struct RunsLate(OrderLog);

impl Drop for RunsLate {
    fn drop(&mut self) {
        let scheduler = Rc::new(Scheduler::new());
        // Weak: the task may never be polled, and would keep the scheduler alive that keeps the task.
        let outer = Rc::downgrade(&scheduler);
        scheduler.spawn(async move { outer.upgrade().expect("it runs").run() });
        // A panic here would end the process.
        let _panicked_or_not = catch_unwind(AssertUnwindSafe(|| scheduler.run()));
        self.0.note("over");
    }
}

thread_local! {
    static RUNS_LATE: RefCell<Option<RunsLate>> = const { RefCell::new(None) };
}

#[test]
fn to_run_inside_run_does_not_hang_while_the_locals_of_a_thread_are_destroyed() {
    let _watchdog = watchdog(LIMIT);
    for early in [false, true] {
        let log = OrderLog::new();
        let noted = log.clone();
        let thread = thread::spawn(move || {
            if early {
                RUNS_LATE.with_borrow(|late| assert!(late.is_none()));
            }
            Scheduler::new().run();
            RUNS_LATE.set(Some(RunsLate(noted)));
        });
        thread.join().expect("the thread ends in peace");
        log.assert_is(&["over"]);
    }
}
