//! Tasks are polled first in, first out. Each runs until it yields or waits.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::sched::{Scheduler, yield_now};
use shared_testutil::{DropFlag, HomeThread, OrderLog, message_in, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// Runs until no task is left. The panic of a task may leave `run`, or stay in the task.
fn run_to_the_end(scheduler: &Scheduler) {
    while catch_unwind(AssertUnwindSafe(|| scheduler.run())).is_err() {}
}

#[test]
fn tasks_are_polled_in_the_order_of_their_spawns() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for name in ["a", "b", "c"] {
        let log = log.clone();
        scheduler.spawn(async move {
            for round in 1..=3 {
                log.note(format!("{name}{round}"));
                yield_now().await;
            }
        });
    }
    scheduler.run();
    log.assert_is(&["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
}

#[test]
fn a_task_runs_until_it_yields() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let a = log.clone();
    scheduler.spawn(async move {
        a.note("a1");
        // Awaiting what is ready is no reason to stop.
        std::future::ready(()).await;
        async {}.await;
        a.note("a2");
        yield_now().await;
        a.note("a3");
    });
    let b = log.clone();
    scheduler.spawn(async move { b.note("b") });
    scheduler.run();
    log.assert_is(&["a1", "a2", "b", "a3"]);
}

#[test]
fn tasks_that_end_leave_the_others_in_order() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for (name, yields) in [("a", 1), ("b", 3), ("c", 2), ("d", 0)] {
        let log = log.clone();
        scheduler.spawn(async move {
            for _ in 0..yields {
                log.note(name);
                yield_now().await;
            }
            log.note(format!("{name} ends"));
        });
    }
    scheduler.run();
    log.assert_is(&["a", "b", "c", "d ends", "a ends", "b", "c", "b", "c ends", "b ends"]);
}

#[test]
fn spawn_polls_nothing() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let task = log.clone();
    scheduler.spawn(async move { task.note("polled") });
    log.note("spawned");
    scheduler.run();
    log.assert_is(&["spawned", "polled"]);
}

#[test]
fn a_task_is_polled_once_a_round() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let counted = Rc::clone(&polls);
    scheduler.spawn(async move {
        let mut three = Box::pin(async {
            for _ in 0..3 {
                yield_now().await;
            }
        });
        poll_fn(|cx| {
            counted.set(counted.get() + 1);
            three.as_mut().poll(cx)
        })
        .await;
    });
    scheduler.run();
    assert_eq!(polls.get(), 4);
}

#[test]
fn run_without_tasks_returns() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().run();
    Scheduler::default().run();
}

#[test]
fn run_can_be_called_again_with_new_tasks() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for round in ["first", "second", "third"] {
        let log = log.clone();
        scheduler.spawn(async move {
            yield_now().await;
            log.note(round);
        });
        scheduler.run();
    }
    log.assert_is(&["first", "second", "third"]);
    scheduler.run();
}

#[test]
fn tasks_may_share_what_is_not_send() {
    let _watchdog = watchdog(LIMIT);
    let words = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    for word in ["one", "two"] {
        let words = Rc::clone(&words);
        scheduler.spawn(async move {
            yield_now().await;
            words.borrow_mut().push(word);
        });
    }
    scheduler.run();
    assert_eq!(*words.borrow(), ["one", "two"]);
    assert_eq!(Rc::strong_count(&words), 1, "the tasks are gone, and what they held");
}

#[test]
fn a_future_is_dropped_when_it_is_done_and_not_at_the_end_of_run() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    // The future owns the value and never moves it, so the two are dropped together.
    let value = HomeThread::new(&flag);
    let mut left = 1;
    scheduler.spawn(poll_fn(move |cx| {
        let _owned = &value;
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let (seen, note) = (flag.clone(), log.clone());
    scheduler.spawn(async move {
        for round in 1..=2 {
            note.note(format!("round {round}: {}", seen.is_dropped()));
            yield_now().await;
        }
    });
    scheduler.run();
    log.assert_is(&["round 1: false", "round 2: true"]);
    flag.assert_dropped_at_home();
}

#[test]
fn tasks_that_never_ran_are_dropped_with_the_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let flags = [DropFlag::new(), DropFlag::new()];
    let scheduler = Scheduler::new();
    for flag in &flags {
        let value = HomeThread::new(flag);
        scheduler.spawn(async move { drop(value) });
    }
    flags.iter().for_each(DropFlag::assert_not_dropped);
    drop(scheduler);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
}

/// Checks at each poll that it is where it was at the first.
struct Unmoved {
    at: Option<*const Self>,
    left: u32,
    _pinned: PhantomPinned,
}

impl Future for Unmoved {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let here: *const Self = &raw const *self;
        assert_eq!(self.at.unwrap_or(here), here, "the future was moved");
        // The fields are replaced by a new value in place, which safe code may do with `Pin::set`.
        let left = self.left;
        self.set(Self {
            at: Some(here),
            left: left.saturating_sub(1),
            _pinned: PhantomPinned,
        });
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_future_is_not_moved_from_its_first_poll_on() {
    let _watchdog = watchdog(LIMIT);
    let ended = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    // As many as make every table and queue grow on the way.
    for number in 0..100 {
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            let unmoved = Unmoved {
                at: None,
                left: number,
                _pinned: PhantomPinned,
            };
            unmoved.await;
            ended.set(ended.get() + 1);
        });
    }
    scheduler.run();
    assert_eq!(ended.get(), 100);
}

#[test]
fn a_hundred_thousand_tasks_yield() {
    const TASKS: usize = 100_000;
    let _watchdog = watchdog(LIMIT);
    let order = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    for number in 0..TASKS {
        let order = Rc::clone(&order);
        scheduler.spawn(async move {
            order.borrow_mut().push(number);
            yield_now().await;
            order.borrow_mut().push(number);
        });
    }
    scheduler.run();
    let expected: Vec<usize> = (0..TASKS).chain(0..TASKS).collect();
    assert!(*order.borrow() == expected, "the order of the polls");
}

#[test]
fn a_task_that_panics_takes_no_other_with_it() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for name in ["a", "b", "c"] {
        let log = log.clone();
        scheduler.spawn(async move {
            for round in 1..=3 {
                log.note(format!("{name}{round}"));
                assert!(name != "b" || round < 2, "on purpose");
                yield_now().await;
            }
        });
    }
    run_to_the_end(&scheduler);
    log.assert_is(&["a1", "b1", "c1", "a2", "b2", "c2", "a3", "c3"]);
}

#[test]
fn a_task_that_panics_is_dropped_and_not_polled_again() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let polls = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let value = HomeThread::new(&flag);
    let counted = Rc::clone(&polls);
    scheduler.spawn(poll_fn(move |cx| -> Poll<()> {
        let _owned = &value;
        counted.set(counted.get() + 1);
        cx.waker().wake_by_ref();
        panic!("on purpose");
    }));
    run_to_the_end(&scheduler);
    flag.assert_dropped_at_home();
    assert_eq!(polls.get(), 1);
}

#[test]
fn every_task_may_panic_and_run_still_comes_to_its_end() {
    let _watchdog = watchdog(LIMIT);
    let polled = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    for _ in 0..100 {
        let polled = Rc::clone(&polled);
        scheduler.spawn(async move {
            yield_now().await;
            polled.set(polled.get() + 1);
            panic!("on purpose");
        });
    }
    run_to_the_end(&scheduler);
    assert_eq!(polled.get(), 100);
}

#[test]
fn run_inside_run_panics_with_a_message_and_both_runs_survive() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Rc::new(Scheduler::new());
    let (nested, task) = (Rc::clone(&scheduler), log.clone());
    scheduler.spawn(async move {
        let message = message_of_panic(|| nested.run());
        assert!(message.contains("await a future instead of running it"), "{message}");
        task.note("refused");
        yield_now().await;
        task.note("goes on");
    });
    let other = log.clone();
    scheduler.spawn(async move { other.note("other") });
    scheduler.run();
    log.assert_is(&["refused", "other", "goes on"]);

    let later = log.clone();
    scheduler.spawn(async move { later.note("later") });
    scheduler.run();
    assert_eq!(log.count("later"), 1);
}

#[test]
fn run_inside_run_ends_the_task_that_does_not_catch_the_panic_and_no_other() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Rc::new(Scheduler::new());
    let (nested, task) = (Rc::clone(&scheduler), log.clone());
    scheduler.spawn(async move {
        nested.run();
        task.note("not reached");
    });
    let other = log.clone();
    scheduler.spawn(async move { other.note("other") });
    run_to_the_end(&scheduler);
    log.assert_is(&["other"]);
}

#[test]
fn a_spawn_inside_a_task_is_done_or_refused_with_a_message() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Rc::new(Scheduler::new());
    let (inner, outer) = (Rc::clone(&scheduler), log.clone());
    scheduler.spawn(async move {
        let child = outer.clone();
        let spawned = catch_unwind(AssertUnwindSafe(|| {
            inner.spawn(async move { child.note("child") });
        }));
        outer.note("parent");
        if let Err(payload) = spawned {
            let message = message_in(payload.as_ref()).unwrap_or_default();
            assert!(message.contains("spawn before `run`"), "{message}");
            outer.note("child");
        }
    });
    scheduler.run();
    log.assert_is(&["parent", "child"]);
}

#[test]
fn a_scheduler_can_be_printed() {
    assert!(format!("{:?}", Scheduler::new()).contains("Scheduler"));
}
