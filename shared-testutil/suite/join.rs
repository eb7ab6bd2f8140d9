//! Spawning tasks, and waiting for their results.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::sched::{JoinHandle, Scheduler, sleep, spawn, timeout, yield_now};
use futures::future::join_all;
use futures::poll;
use shared_testutil::{
    CountingWaker, DropFlag, HomeThread, OrderLog, assert_took, line_of_panic, message_of_panic, watchdog,
};

const LIMIT: Duration = Duration::from_secs(60);
const SECONDS: Duration = Duration::from_secs(20);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Scheduler::new().block_on(future)
}

#[test]
fn a_handle_gives_the_tasks_output() {
    let _watchdog = watchdog(LIMIT);
    let output = block_on(async {
        let handle = spawn(async {
            sleep(ms(10)).await;
            "output".to_owned()
        });
        handle.await.expect("the task does not panic")
    });
    assert_eq!(output, "output");
}

#[test]
fn a_handle_of_the_scheduler_itself_gives_the_output_after_run() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async { 7 });
    assert!(!handle.is_finished());
    scheduler.run();
    assert!(handle.is_finished());
    assert_eq!(scheduler.block_on(handle).expect("no panic"), 7);
}

#[test]
fn an_output_need_not_be_send() {
    let _watchdog = watchdog(LIMIT);
    let output = block_on(async {
        let shared = Rc::new(Cell::new(1));
        let theirs = Rc::clone(&shared);
        let returned = spawn(async move { theirs }).await.expect("no panic");
        returned.set(2);
        shared.get()
    });
    assert_eq!(output, 2);
}

#[test]
fn a_task_that_has_ended_is_joined_at_the_first_poll() {
    let _watchdog = watchdog(LIMIT);
    let polled = block_on(async {
        let mut handle = spawn(async { 7 });
        let before = poll!(&mut handle).is_pending();
        yield_now().await;
        (before, handle.is_finished(), poll!(handle).map(Result::unwrap))
    });
    assert_eq!(polled, (true, true, Poll::Ready(7)));
}

#[test]
fn a_handle_tells_whether_its_task_has_ended() {
    let _watchdog = watchdog(LIMIT);
    let told = block_on(async {
        let handle = spawn(async {
            yield_now().await;
            yield_now().await;
        });
        let mut told = Vec::new();
        for _ in 0..4 {
            told.push(handle.is_finished());
            yield_now().await;
        }
        told
    });
    assert_eq!(told, [false, false, false, true]);
}

#[test]
fn a_spawned_task_goes_behind_those_that_are_ready() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let parent = log.clone();
    scheduler.spawn(async move {
        let child = parent.clone();
        spawn(async move { child.note("child") });
        parent.note("parent, 1");
        yield_now().await;
        parent.note("parent, 2");
    });
    let other = log.clone();
    scheduler.spawn(async move { other.note("other") });
    scheduler.run();
    log.assert_is(&["parent, 1", "other", "child", "parent, 2"]);
}

#[test]
fn spawn_outside_a_scheduler_panics_and_says_what_to_do() {
    let _watchdog = watchdog(LIMIT);
    let message = message_of_panic(|| spawn(async {}));
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
    for place in ["`Scheduler::run`", "`block_on`", "`Scheduler::spawn`"] {
        assert!(message.contains(place), "{message}");
    }
    // The panic names the caller's line.
    let line = line_of_panic(|| spawn(async {}));
    assert_eq!(line, line!() - 1);
    // Nor is there one after a run.
    block_on(async {});
    message_of_panic(|| spawn(async {}));
}

#[test]
fn tasks_spawn_tasks_that_spawn_tasks() {
    fn tree(depth: u32) -> Pin<Box<dyn Future<Output = u64>>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            let (left, right) = (spawn(tree(depth - 1)), spawn(tree(depth - 1)));
            left.await.expect("no panic") + right.await.expect("no panic")
        })
    }
    let _watchdog = watchdog(LIMIT);
    assert_eq!(block_on(tree(12)), 1 << 12);
}

#[test]
fn run_ends_when_the_last_spawned_task_has_ended() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let parent = log.clone();
    scheduler.spawn(async move {
        let child = parent.clone();
        spawn(async move {
            sleep(ms(20)).await;
            child.note("child ends");
        });
        parent.note("parent ends");
    });
    scheduler.run();
    log.note("run ends");
    log.assert_is(&["parent ends", "child ends", "run ends"]);
}

#[test]
fn a_dropped_handle_detaches_its_task() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let task = log.clone();
    let handle = scheduler.spawn(async move {
        task.note("starts");
        sleep(ms(10)).await;
        task.note("ends");
    });
    drop(handle);
    log.note("detached");
    scheduler.run();
    log.assert_is(&["detached", "starts", "ends"]);
}

#[test]
fn the_output_of_a_detached_task_is_dropped_when_the_task_ends() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let output = HomeThread::new(&flag);
    drop(scheduler.spawn(async move { output }));
    let seen = flag.clone();
    let dropped = scheduler.block_on(async move {
        let before = seen.is_dropped();
        for _ in 0..5 {
            yield_now().await;
        }
        (before, seen.is_dropped())
    });
    assert_eq!(dropped, (false, true));
    flag.assert_dropped_at_home();
}

#[test]
fn an_output_that_is_not_taken_is_dropped_with_the_handle() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let output = HomeThread::new(&flag);
    let handle = scheduler.spawn(async move { output });
    scheduler.run();
    flag.assert_not_dropped();
    drop(handle);
    flag.assert_dropped_at_home();
}

#[test]
fn a_future_is_dropped_before_its_joiner_goes_on() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let seen = flag.clone();
    let dropped = block_on(async move {
        let mut left = 2;
        // The future owns the value to its end.
        let handle = spawn(poll_fn(move |cx| {
            let _owned = &value;
            left -= 1;
            cx.waker().wake_by_ref();
            match left {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        handle.await.expect("no panic");
        seen.is_dropped()
    });
    assert!(dropped);
}

#[test]
fn the_joiner_is_woken_once_and_only_the_latest() {
    let _watchdog = watchdog(LIMIT);
    let (first, latest) = (CountingWaker::new(), CountingWaker::new());
    let scheduler = Scheduler::new();
    let mut handle = scheduler.spawn(yield_now());
    for waker in [first.waker(), latest.waker(), latest.waker()] {
        assert!(
            Pin::new(&mut handle)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    scheduler.run();
    assert_eq!((first.count(), latest.count()), (0, 1));
    drop(handle);
    assert_eq!((first.count(), latest.count()), (0, 1));
}

#[test]
fn a_handle_may_move_to_another_task_between_polls() {
    let _watchdog = watchdog(LIMIT);
    let output = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<JoinHandle<u32>>>> = Rc::default();
    let left = Rc::clone(&slot);
    scheduler.spawn(async move {
        let mut handle = spawn(async {
            for _ in 0..10 {
                yield_now().await;
            }
            7
        });
        assert!(poll!(&mut handle).is_pending());
        *left.borrow_mut() = Some(handle);
    });
    let taken = Rc::clone(&output);
    scheduler.spawn(async move {
        let handle = slot.borrow_mut().take().expect("left behind");
        taken.set(handle.await.expect("no panic"));
    });
    scheduler.run();
    assert_eq!(output.get(), 7);
}

#[test]
fn a_handle_polled_after_its_result_panics_with_a_message() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let mut handle = scheduler.spawn(async { 7 });
    assert_eq!(scheduler.block_on(&mut handle).expect("no panic"), 7);
    assert!(handle.is_finished());
    let message = message_of_panic(|| scheduler.block_on(&mut handle));
    assert!(message.contains("polled after it gave its result"), "{message}");
}

#[test]
fn a_join_that_is_given_up_loses_nothing() {
    let _watchdog = watchdog(LIMIT);
    let (in_time, output) = block_on(async {
        let mut handle = spawn(async {
            sleep(ms(200)).await;
            7
        });
        let in_time = timeout(ms(10), &mut handle).await.is_ok();
        (in_time, handle.await.expect("no panic"))
    });
    assert!(!in_time);
    assert_eq!(output, 7);
}

#[test]
fn a_task_may_ask_poll_and_drop_its_own_handle() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    let (own, noted) = (Rc::clone(&slot), log.clone());
    let handle = scheduler.spawn(async move {
        let mut own = own.borrow_mut().take().expect("its handle");
        noted.note(format!("finished: {}", own.is_finished()));
        noted.note(format!("pending: {}", poll!(&mut own).is_pending()));
        assert!(format!("{own:?}").contains("false"));
        drop(own);
        yield_now().await;
        noted.note("goes on");
    });
    *slot.borrow_mut() = Some(handle);
    scheduler.run();
    log.assert_is(&["finished: false", "pending: true", "goes on"]);
}

#[test]
fn a_task_that_holds_its_own_handle_ends_like_any_other() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<JoinHandle<HomeThread>>>> = Rc::default();
    let (own, output) = (Rc::clone(&slot), HomeThread::new(&flag));
    let handle = scheduler.spawn(async move {
        let _own = own.borrow_mut().take();
        yield_now().await;
        output
    });
    *slot.borrow_mut() = Some(handle);
    scheduler.run();
    // The handle went with the future, and the output with the handle.
    flag.assert_dropped_at_home();
    assert_eq!(Rc::strong_count(&slot), 1);
}

#[test]
fn tasks_may_wait_for_each_other_in_a_circle_and_be_dropped() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
    let later = Rc::clone(&slot);
    let first = scheduler.spawn(async move {
        let _value = value;
        let second = later.borrow_mut().take().expect("the second's handle");
        drop(second.await);
    });
    let second = scheduler.spawn(async { drop(first.await) });
    *slot.borrow_mut() = Some(second);
    scheduler.block_on(async {
        for _ in 0..5 {
            yield_now().await;
        }
    });
    flag.assert_not_dropped();
    drop(scheduler);
    flag.assert_dropped_at_home();
}

#[test]
fn a_result_can_be_taken_when_the_scheduler_is_gone() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async { 7 });
    scheduler.run();
    drop(scheduler);
    // A handle is a future like any other: to poll it needs no scheduler.
    let output = futures::executor::block_on(handle);
    assert_eq!(output.expect("no panic"), 7);
}

#[test]
fn a_task_may_be_joined_under_another_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let (first, second) = (Scheduler::new(), Scheduler::new());
    let mut handle = first.spawn(async {
        yield_now().await;
        7
    });
    let pending = second.block_on(async { poll!(&mut handle).is_pending() });
    assert!(pending);
    let joined = Rc::new(Cell::new(0));
    let output = Rc::clone(&joined);
    second.spawn(async move { output.set(handle.await.expect("no panic")) });
    // The join is registered under one, fulfilled under the other, and goes on under the first.
    second.block_on(async {
        for _ in 0..5 {
            yield_now().await;
        }
    });
    first.run();
    assert_eq!(joined.get(), 0);
    second.run();
    assert_eq!(joined.get(), 7);
}

#[test]
fn many_joins_overlap() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let outputs = block_on(async {
        let tasks = (0..1000_u32).map(|number| {
            spawn(async move {
                sleep(ms(50)).await;
                number
            })
        });
        join_all(tasks).await
    });
    let outputs: Vec<u32> = outputs.into_iter().map(|output| output.expect("no panic")).collect();
    assert_eq!(outputs, (0..1000).collect::<Vec<u32>>());
    assert_took("a thousand sleeps of 50 ms", start, ms(50), SECONDS);
}

#[test]
fn a_hundred_thousand_tasks_are_spawned_and_joined() {
    let _watchdog = watchdog(LIMIT);
    let sum = block_on(async {
        let handles: Vec<_> = (0..100_000_u64).map(|number| spawn(async move { number })).collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.expect("no panic");
        }
        sum
    });
    assert_eq!(sum, 99_999 * 50_000);
}

/// A chain of tasks, each of which waits for the one before it.
fn chain(scheduler: &Scheduler, length: u32, first: impl Future<Output = u32> + 'static) -> JoinHandle<u32> {
    let mut last = scheduler.spawn(first);
    for _ in 1..length {
        let before = last;
        last = scheduler.spawn(async move { before.await.map_or(0, |number| number + 1) });
    }
    last
}

#[test]
fn a_long_chain_of_joins_comes_to_its_end_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let last = chain(&scheduler, 100_000, async {
        // All the others wait by then.
        sleep(ms(1)).await;
        1
    });
    assert_eq!(scheduler.block_on(last).expect("no panic"), 100_000);
}

#[test]
fn a_long_chain_of_joins_may_be_dropped_at_any_time() {
    let _watchdog = watchdog(LIMIT);
    for yields in [0, 1, 3] {
        let scheduler = Scheduler::new();
        let last = chain(&scheduler, 100_000, pending());
        scheduler.block_on(async {
            for _ in 0..yields {
                yield_now().await;
            }
        });
        assert!(!last.is_finished());
        drop(scheduler);
        assert!(last.is_finished());
    }
}

#[test]
fn a_handle_can_be_printed() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(async {});
    assert!(format!("{handle:?}").contains("false"));
    scheduler.run();
    assert!(format!("{handle:?}").contains("true"));
}

#[test]
fn a_dropped_handle_wakes_nobody() {
    let _watchdog = watchdog(LIMIT);
    let counter = CountingWaker::new();
    let scheduler = Scheduler::new();
    let handle = scheduler.spawn(yield_now());
    {
        // Polled and given up: the handle itself is still there, and so is the waker, until the handle goes.
        let mut handle = pin!(handle);
        let waker = counter.waker();
        assert!(handle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    scheduler.run();
    assert_eq!(counter.count(), 0);
}
