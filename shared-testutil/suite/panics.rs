//! A panic ends its own task, and the handle has it. A panic at another place loses nothing and hides nothing.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::{Future, pending, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::sched::{JoinError, JoinHandle, Scheduler, sleep, spawn, yield_now};
use shared_testutil::{DropFlag, HomeThread, OrderLog, message_in, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Scheduler::new().block_on(future)
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

/// Ready at once, or never; and owns something until it is dropped.
struct Owning<T, O>(Option<T>, O);

impl<T: Unpin, O: Unpin> Future for Owning<T, O> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<T> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

#[track_caller]
fn message_of<T>(result: Result<T, JoinError>) -> String {
    let error = result.err().expect("a panic");
    assert!(error.is_panic() && !error.is_cancelled());
    message_in(error.into_panic().as_ref()).expect("a text").to_owned()
}

#[test]
fn a_panic_in_a_poll_reaches_the_joiner() {
    let _watchdog = watchdog(LIMIT);
    let result = block_on(async {
        let handle = spawn(async {
            yield_now().await;
            panic!("number {}", 7);
        });
        handle.await
    });
    let result: Result<(), JoinError> = result;
    assert_eq!(message_of(result), "number 7");
}

#[test]
fn a_panic_leaves_run_and_the_other_tasks_alone() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for name in ["a", "b", "c"] {
        let log = log.clone();
        scheduler.spawn(async move {
            yield_now().await;
            log.note(name);
            assert!(name != "b", "on purpose");
            yield_now().await;
            log.note(format!("{name} ends"));
        });
    }
    scheduler.run();
    log.assert_is(&["a", "b", "c", "a ends", "c ends"]);
}

#[test]
fn a_panicked_task_is_finished_and_dropped_before_its_joiner_goes_on() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let seen = flag.clone();
    let (finished, dropped) = block_on(async move {
        let mut handle = spawn(poll_fn(move |_| -> Poll<()> {
            let _owned = &value;
            panic!("on purpose");
        }));
        let result = (&mut handle).await;
        assert!(result.is_err());
        (handle.is_finished(), seen.is_dropped())
    });
    assert!(finished && dropped);
}

#[test]
fn an_error_tells_what_happened() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let panicked = scheduler.spawn(async { panic!("on purpose") });
    let odd = scheduler.spawn(async { panic_any(7) });
    let cancelled = scheduler.spawn(pending::<()>());
    cancelled.abort();
    scheduler.run();

    let panicked: Result<(), JoinError> = scheduler.block_on(panicked);
    let error = panicked.expect_err("a panic");
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.to_string(), "the task panicked: on purpose");
    assert!(format!("{error:?}").contains("on purpose"), "{error:?}");
    let payload = error.try_into_panic().expect("a panic");
    assert_eq!(message_in(payload.as_ref()), Some("on purpose"));

    let odd: Result<(), JoinError> = scheduler.block_on(odd);
    let error = odd.expect_err("a panic");
    assert_eq!(error.to_string(), "the task panicked");
    assert!(format!("{error:?}").contains("panicked"), "{error:?}");
    assert_eq!(error.into_panic().downcast_ref::<i32>(), Some(&7));

    let error = scheduler.block_on(cancelled).expect_err("an abort");
    assert!(error.is_cancelled() && !error.is_panic());
    assert_eq!(error.to_string(), "the task was cancelled");
    assert!(format!("{error:?}").contains("cancelled"), "{error:?}");
    let error = error.try_into_panic().expect_err("no panic");
    assert!(error.is_cancelled());
    let message = message_of_panic(|| error.into_panic());
    assert!(message.contains("into_panic"), "{message}");
}

#[test]
fn an_error_can_be_boxed_like_any_other() {
    let _watchdog = watchdog(LIMIT);
    let error = block_on(async {
        let joined: Result<(), JoinError> = spawn(async { panic!("on purpose") }).await;
        let boxed: Result<(), Box<dyn Error + Send + Sync>> = joined.map_err(Into::into);
        boxed.expect_err("a panic")
    });
    assert!(error.source().is_none());
    assert!(error.downcast::<JoinError>().is_ok_and(|error| error.is_panic()));
}

#[test]
fn a_panic_can_be_passed_on() {
    let _watchdog = watchdog(LIMIT);
    let message = message_of_panic(|| {
        block_on(async {
            let joined: Result<(), JoinError> = spawn(async { panic!("on purpose") }).await;
            if let Err(error) = joined {
                resume_unwind(error.into_panic());
            }
        });
    });
    assert_eq!(message, "on purpose");
}

#[test]
fn a_panic_in_the_drop_of_an_aborted_future_is_told_as_a_panic() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(Owning(None::<()>, Bomb("in the drop")));
    handle.abort();
    scheduler.run();
    assert_eq!(message_of(scheduler.block_on(handle)), "in the drop");
}

#[test]
fn a_panic_in_the_drop_of_a_future_that_is_done_leaves_its_output() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(Owning(Some(7), Bomb("in the drop")));
    scheduler.run();
    assert_eq!(scheduler.block_on(handle).expect("the output stands"), 7);
}

#[test]
fn of_two_panics_the_first_is_told() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let bomb = Bomb("in the drop");
    let handle = scheduler.spawn(poll_fn(move |_| -> Poll<()> {
        let _owned = &bomb;
        panic!("in the poll");
    }));
    scheduler.run();
    assert_eq!(message_of(scheduler.block_on(handle)), "in the poll");
}

#[test]
fn a_panic_in_the_drop_of_a_detached_output_is_swallowed() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    drop(scheduler.spawn(async { Bomb("detached") }));
    let other = log.clone();
    scheduler.spawn(async move {
        yield_now().await;
        other.note("other");
    });
    scheduler.run();
    log.assert_is(&["other"]);
}

#[test]
fn a_panic_in_the_drop_of_an_output_is_swallowed_with_its_handle() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async { Bomb("nobody takes this") });
    scheduler.run();
    drop(handle);

    // If it left the drop while the thread unwinds, the process would end.
    let handle = scheduler.spawn(async { Bomb("nobody takes this") });
    scheduler.run();
    let unwound = message_of_panic(|| {
        let _dropped = handle;
        panic!("first");
    });
    assert_eq!(unwound, "first");

    // An output that has been taken panics where it is dropped.
    let handle = scheduler.spawn(async { Bomb("the joiner's") });
    let joiner = scheduler.spawn(async move { drop(handle.await) });
    scheduler.run();
    assert_eq!(message_of(scheduler.block_on(joiner)), "the joiner's");
}

/// A panic's payload that panics when it is dropped, and whose panic's payload does so again, and so on for a while.
struct Again(u32);

impl Drop for Again {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Again(self.0 - 1));
        }
    }
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_does_no_harm_to_a_detached_task() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    drop(scheduler.spawn(async { panic_any(Bomb("the payload")) }));
    drop(scheduler.spawn(async { panic_any(Again(5)) }));
    let other = log.clone();
    scheduler.spawn(async move {
        yield_now().await;
        other.note("other");
    });
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| scheduler.run())) {
        // The test harness cannot handle it.
        mem::forget(payload);
        panic!("a panic has left `run`");
    }
    log.assert_is(&["other"]);
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_is_the_joiners() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async { panic_any(Bomb("the payload")) });
    scheduler.run();
    let result: Result<(), JoinError> = scheduler.block_on(handle);
    let error = result.expect_err("a panic");
    assert_eq!(message_of_panic(|| drop(error)), "the payload");
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_does_no_harm_if_there_is_an_output() {
    let _watchdog = watchdog(LIMIT);
    struct PanicsWith<P: Any + Send + Clone>(P);
    impl<P: Any + Send + Clone> Drop for PanicsWith<P> {
        fn drop(&mut self) {
            panic_any(self.0.clone());
        }
    }
    #[derive(Clone)]
    struct Nasty(std::sync::Arc<Bomb>);
    let scheduler = Scheduler::new();
    let nasty = Nasty(std::sync::Arc::new(Bomb("the payload")));
    assert_eq!(nasty.0.0, "the payload");
    let handle = scheduler.spawn(Owning(Some(7), PanicsWith(nasty)));
    // The drop of the future panics with a payload whose drop panics.
    scheduler.run();
    assert_eq!(scheduler.block_on(handle).expect("the output stands"), 7);
}

thread_local! {
    static HANDLE: RefCell<Option<JoinHandle<i32>>> = const { RefCell::new(None) };
    static FOUND: Cell<Option<i32>> = const { Cell::new(None) };
}

/// A payload that asks for the result of the task that it comes from.
struct Asks;

impl Drop for Asks {
    fn drop(&mut self) {
        let mut handle = HANDLE.take().expect("the handle");
        if let Poll::Ready(result) = Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())) {
            FOUND.set(result.ok());
        }
    }
}

struct PanicsAndAsks;

impl Drop for PanicsAndAsks {
    fn drop(&mut self) {
        panic_any(Asks);
    }
}

#[test]
fn a_payload_that_asks_for_the_result_when_it_is_dropped_finds_it() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    HANDLE.set(Some(scheduler.spawn(Owning(Some(7), PanicsAndAsks))));
    scheduler.run();
    assert_eq!(FOUND.get(), Some(7));
}

#[test]
fn a_panic_of_block_ons_future_reaches_the_caller_and_leaves_the_scheduler_usable() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let other = log.clone();
    let handle = scheduler.spawn(async move {
        for round in 1..=3 {
            other.note(format!("round {round}"));
            yield_now().await;
        }
        7
    });
    let message = message_of_panic(|| {
        scheduler.block_on(async {
            while log.count("round 1") == 0 {
                yield_now().await;
            }
            panic!("on purpose");
        });
    });
    assert_eq!(message, "on purpose");
    log.assert_is(&["round 1"]);
    assert_eq!(scheduler.block_on(handle).expect("no panic"), 7);
    log.assert_is(&["round 1", "round 2", "round 3"]);
    scheduler.run();
}

#[test]
fn a_panic_in_the_drop_of_block_ons_future_leaves_the_scheduler_usable() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let message = message_of_panic(|| scheduler.block_on(Owning(Some(7), Bomb("in the drop"))));
    assert_eq!(message, "in the drop");
    assert_eq!(scheduler.block_on(async { 8 }), 8);
}

#[test]
fn a_panic_loses_no_sleeper() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let sleeper = log.clone();
    scheduler.spawn(async move {
        sleep(Duration::from_millis(50)).await;
        sleeper.note("slept");
    });
    let caught = catch_unwind(AssertUnwindSafe(|| {
        scheduler.block_on(async {
            sleep(Duration::from_millis(10)).await;
            panic!("on purpose");
        });
    }));
    assert!(caught.is_err());
    scheduler.run();
    log.assert_is(&["slept"]);
}

#[test]
fn a_task_may_spawn_in_the_drop_that_panics() {
    let _watchdog = watchdog(LIMIT);
    struct SpawnsAndPanics(OrderLog);
    impl Drop for SpawnsAndPanics {
        fn drop(&mut self) {
            let log = self.0.clone();
            spawn(async move { log.note("spawned in the drop") });
            panic!("on purpose");
        }
    }
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(Owning(None::<()>, SpawnsAndPanics(log.clone())));
    handle.abort();
    scheduler.run();
    log.assert_is(&["spawned in the drop"]);
    assert_eq!(message_of(scheduler.block_on(handle)), "on purpose");
}

#[test]
fn a_thousand_tasks_may_panic() {
    let _watchdog = watchdog(LIMIT);
    let panics = block_on(async {
        let handles: Vec<_> = (0..1000)
            .map(|number| {
                spawn(async move {
                    yield_now().await;
                    assert!(number % 2 == 0, "odd");
                    Rc::new(number)
                })
            })
            .collect();
        let mut panics = 0;
        for handle in handles {
            panics += u32::from(handle.await.is_err_and(|error| error.is_panic()));
        }
        panics
    });
    assert_eq!(panics, 500);
}
