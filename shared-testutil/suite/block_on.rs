//! Running the scheduler until one future is ready. That future may borrow.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, spawn, yield_now};
use shared_testutil::{DropFlag, HomeThread, OrderLog, assert_took, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SECONDS: Duration = Duration::from_secs(20);

/// Lets all tasks be polled once or more.
async fn a_few_ticks() {
    for _ in 0..5 {
        yield_now().await;
    }
}

#[test]
fn it_returns_the_output() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    assert_eq!(scheduler.block_on(async { "output" }), "output");
    let shared = Rc::new(7);
    let same = scheduler.block_on(async { Rc::clone(&shared) });
    assert!(Rc::ptr_eq(&shared, &same));
}

#[test]
fn the_future_may_borrow_and_change_what_it_borrows() {
    let _watchdog = watchdog(LIMIT);
    let text = String::from("lent");
    let mut lengths = Vec::new();
    let scheduler = Scheduler::new();
    let borrowed = scheduler.block_on(async {
        for _ in 0..3 {
            yield_now().await;
            lengths.push(text.len());
        }
        text.as_str()
    });
    assert_eq!(borrowed, "lent");
    assert_eq!(lengths, [4, 4, 4]);
}

#[test]
fn the_future_is_polled_first_before_the_tasks_that_wait() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for name in ["a", "b"] {
        let log = log.clone();
        scheduler.spawn(async move {
            for round in 1..=2 {
                log.note(format!("{name}{round}"));
                yield_now().await;
            }
        });
    }
    scheduler.block_on(async {
        log.note("first");
        yield_now().await;
        log.note("again");
        yield_now().await;
        log.note("last");
    });
    log.assert_is(&["first", "a1", "b1", "again", "a2", "b2", "last"]);
}

#[test]
fn a_future_that_is_ready_polls_no_task() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let task = log.clone();
    scheduler.spawn(async move { task.note("task") });
    assert_eq!(scheduler.block_on(async { 7 }), 7);
    log.assert_is(&[]);
    scheduler.run();
    log.assert_is(&["task"]);
}

#[test]
fn it_returns_as_soon_as_the_future_is_done() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let never = scheduler.spawn(sleep(HOUR));
    for name in ["a", "b"] {
        let log = log.clone();
        scheduler.spawn(async move {
            log.note(format!("{name}1"));
            yield_now().await;
            log.note(format!("{name}2"));
        });
    }
    scheduler.block_on(async {
        while log.count("b1") == 0 {
            yield_now().await;
        }
    });
    // The next poll of both is left for the next run.
    log.assert_is(&["a1", "b1"]);
    assert_took("the future", start, Duration::ZERO, SECONDS);
    never.abort();
    scheduler.run();
    log.assert_is(&["a1", "b1", "a2", "b2"]);
}

#[test]
fn tasks_go_on_while_the_future_waits() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let task = log.clone();
    scheduler.spawn(async move {
        task.note("task starts");
        sleep(Duration::from_millis(50)).await;
        task.note("task ends");
    });
    scheduler.block_on(async {
        log.note("future starts");
        sleep(Duration::from_millis(200)).await;
        log.note("future ends");
    });
    log.assert_is(&["future starts", "task starts", "task ends", "future ends"]);
}

#[test]
fn tasks_that_are_not_done_go_on_in_the_next_call() {
    let _watchdog = watchdog(LIMIT);
    let rounds = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let counted = Rc::clone(&rounds);
    let handle = scheduler.spawn(async move {
        for _ in 0..10 {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
        "done"
    });
    for call in 1..=5 {
        scheduler.block_on(async {
            while rounds.get() < call {
                yield_now().await;
            }
        });
        assert_eq!(rounds.get(), call);
    }
    assert_eq!(scheduler.block_on(handle).expect("no panic"), "done");
}

#[test]
fn a_sleep_goes_on_between_two_calls() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(sleep(Duration::from_millis(100)));
    scheduler.block_on(a_few_ticks());
    // The time passes while no scheduler runs.
    thread::sleep(Duration::from_millis(120));
    assert!(!handle.is_finished());
    scheduler.block_on(handle).expect("no panic");
    assert_took("the sleep", start, Duration::from_millis(120), SECONDS);
}

#[test]
fn a_wake_between_two_calls_counts_in_the_next() {
    let _watchdog = watchdog(LIMIT);
    let (waker, polls): (Rc<RefCell<Option<Waker>>>, _) = (Rc::default(), Rc::new(Cell::new(0)));
    let scheduler = Scheduler::new();
    let (slot, counted) = (Rc::clone(&waker), Rc::clone(&polls));
    scheduler.spawn(poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        *slot.borrow_mut() = Some(cx.waker().clone());
        match counted.get() {
            3 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }));
    scheduler.block_on(a_few_ticks());
    // On this thread, and on another.
    waker.borrow().as_ref().expect("polled").wake_by_ref();
    assert_eq!(polls.get(), 1);
    scheduler.block_on(a_few_ticks());
    assert_eq!(polls.get(), 2);
    let late = waker.borrow().clone().expect("polled");
    thread::spawn(move || late.wake()).join().expect("a wake");
    scheduler.run();
    assert_eq!(polls.get(), 3);
}

#[test]
fn the_future_may_spawn_and_join() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let output = scheduler.block_on(async {
        let handles = [1, 2, 3].map(|number| {
            spawn(async move {
                yield_now().await;
                number
            })
        });
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.expect("no panic");
        }
        sum
    });
    assert_eq!(output, 6);
}

#[test]
fn the_future_is_dropped_before_it_returns_and_may_spawn_in_its_drop() {
    let _watchdog = watchdog(LIMIT);
    struct Spawns(OrderLog);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let log = self.0.clone();
            spawn(async move { log.note("spawned in the drop") });
            self.0.note("dropped");
        }
    }
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    // It owns the value to its end.
    let spawns = Spawns(log.clone());
    let output = scheduler.block_on(poll_fn(move |_| {
        let _owned = &spawns;
        Poll::Ready(7)
    }));
    log.note("returned");
    assert_eq!(output, 7);
    scheduler.run();
    log.assert_is(&["dropped", "returned", "spawned in the drop"]);
}

#[test]
fn the_future_is_dropped_on_its_thread_and_so_is_what_it_leaves() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let scheduler = Scheduler::new();
    let output = scheduler.block_on(async move {
        yield_now().await;
        value
    });
    flag.assert_not_dropped();
    drop(output);
    flag.assert_dropped_at_home();
}

#[test]
fn its_wakers_may_outlive_it_and_do_nothing_then() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let mut wakers = Vec::new();
    scheduler.block_on(poll_fn(|cx| {
        wakers.push(cx.waker().clone());
        Poll::Ready(())
    }));
    // Late wakes. The next future is not polled because of them.
    wakers[0].wake_by_ref();
    let mut polls = 0;
    let mut rounds = Box::pin(async {
        for _ in 0..3 {
            yield_now().await;
        }
    });
    scheduler.block_on(poll_fn(|cx| {
        polls += 1;
        wakers[0].wake_by_ref();
        rounds.as_mut().poll(cx)
    }));
    assert_eq!(polls, 4);
    drop(scheduler);
    wakers.remove(0).wake();
}

#[test]
fn a_future_woken_twice_is_polled_once() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let slot = Rc::clone(&waker);
    scheduler.spawn(async move {
        let waker = slot.borrow().clone().expect("the future is polled first");
        waker.wake_by_ref();
        waker.wake_by_ref();
        for _ in 0..5 {
            yield_now().await;
        }
        waker.wake();
    });
    let mut polls = 0;
    scheduler.block_on(poll_fn(|cx| {
        polls += 1;
        *waker.borrow_mut() = Some(cx.waker().clone());
        match polls {
            3 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }));
    // At first, for the two wakes, for the last.
    assert_eq!(polls, 3);
    scheduler.run();
}

#[test]
fn the_future_is_not_polled_unless_it_is_woken() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let task = scheduler.spawn(async {
        for _ in 0..1000 {
            yield_now().await;
        }
    });
    let mut polls = 0;
    let mut task = Box::pin(task);
    scheduler.block_on(poll_fn(|cx| {
        polls += 1;
        task.as_mut().poll(cx).map(Result::unwrap)
    }));
    assert_eq!(polls, 2);
}

#[test]
fn inside_a_running_scheduler_it_panics_with_a_message_and_leaves_it_running() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Rc::new(Scheduler::new());
    let other = Scheduler::new();
    let (nested, noted) = (Rc::clone(&scheduler), log.clone());
    scheduler.block_on(async {
        for message in [
            message_of_panic(|| nested.block_on(async {})),
            message_of_panic(|| nested.run()),
            message_of_panic(|| other.block_on(async {})),
            message_of_panic(|| other.run()),
        ] {
            assert!(message.contains("await a future instead of running it"), "{message}");
        }
        spawn(async move { noted.note("spawned") });
        sleep(Duration::from_millis(1)).await;
        log.note("goes on");
    });
    log.assert_is(&["spawned", "goes on"]);
    other.block_on(async {});
}

#[test]
fn inside_a_task_it_panics_with_a_message_and_ends_that_task_alone() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Rc::new(Scheduler::new());
    let nested = Rc::clone(&scheduler);
    let handle = scheduler.spawn(async move { nested.block_on(async { 7 }) });
    let other = scheduler.spawn(async {
        yield_now().await;
        8
    });
    scheduler.run();
    let error = scheduler.block_on(handle).expect_err("a panic");
    assert!(
        error.to_string().contains("await a future instead of running it"),
        "{error}"
    );
    assert_eq!(scheduler.block_on(other).expect("no panic"), 8);
}

#[test]
fn ten_thousand_calls_leave_a_task_where_it_is() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(pending::<()>());
    let mut sum = 0;
    for number in 0..10_000 {
        sum += scheduler.block_on(async {
            yield_now().await;
            number
        });
    }
    assert_eq!(sum, 9_999 * 5_000);
    assert!(!handle.is_finished());
}

/// `block_on` again and again: with a future that is ready at once, with one that is woken in its last poll and so is in the
/// run queue when it ends, and with one that panics then. Returns how long that takes.
fn time_of_many(scheduler: &Scheduler) -> Duration {
    let start = Instant::now();
    for _ in 0..2000 {
        scheduler.block_on(async {});
        scheduler.block_on(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            scheduler.block_on(poll_fn(|cx| -> Poll<()> {
                cx.waker().wake_by_ref();
                resume_unwind(Box::new(()))
            }));
        }));
        assert!(panicked.is_err());
    }
    start.elapsed()
}

#[test]
fn it_takes_the_same_time_beside_many_queued_tasks() {
    let _watchdog = watchdog(LIMIT);
    let alone = time_of_many(&Scheduler::new());
    let scheduler = Scheduler::new();
    for _ in 0..200_000 {
        scheduler.spawn(async {});
    }
    let beside = time_of_many(&scheduler);
    // A look at each of the tasks would take a hundred times as long as the rest.
    assert!(
        beside < 10 * alone + Duration::from_millis(100),
        "{beside:?}, and {alone:?} alone"
    );
    scheduler.run();
}
