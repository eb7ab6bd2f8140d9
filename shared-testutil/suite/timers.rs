//! Sleeps never end early, and they end in the order of their deadlines.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::{assert_at_least, assert_took, needs_real_time, now};
use super::sched::{Scheduler, Sleep, sleep, sleep_until, timeout, yield_now};
use futures::future::join_all;
use futures::{join, poll};
use shared_testutil::{CountingWaker, OrderLog, line_of_panic, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// Time enough to register many sleeps, on a busy machine as well, before the first is over.
const AHEAD: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(3600);
const SECONDS: Duration = Duration::from_secs(20);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Runs one task in a scheduler of its own, and returns its output.
fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let output = Rc::new(Cell::new(None));
    let slot = Rc::clone(&output);
    let scheduler = Scheduler::new();
    scheduler.spawn(async move { slot.set(Some(future.await)) });
    scheduler.run();
    output.take().expect("the task does not panic")
}

/// The latest instant that can be told.
fn last_instant() -> Instant {
    let mut last = now();
    let mut step = Duration::MAX;
    while step > Duration::ZERO {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    last
}

#[test]
fn a_sleep_lasts_as_long_as_it_is_told_at_least() {
    let _watchdog = watchdog(LIMIT);
    for duration in [
        Duration::from_nanos(1),
        Duration::from_micros(100),
        ms(1),
        ms(7),
        ms(100),
    ] {
        let start = now();
        run(async move { sleep(duration).await });
        assert_took("the sleep", start, duration, SECONDS);
    }
}

#[test]
fn sleep_until_lasts_until_its_deadline_at_least() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    run(async move { sleep_until(start + ms(50)).await });
    assert_took("the sleep", start, ms(50), SECONDS);
}

#[test]
fn sleeps_of_two_tasks_overlap() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for name in ["a", "b"] {
        let log = log.clone();
        scheduler.spawn(async move {
            log.note(format!("{name} starts"));
            sleep(ms(100)).await;
            log.note(format!("{name} ends"));
        });
    }
    scheduler.run();
    log.assert_overlap(("a starts", "a ends"), ("b starts", "b ends"));
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let base = now() + AHEAD;
    for number in [3, 1, 4, 0, 2] {
        let log = log.clone();
        scheduler.spawn(async move {
            sleep_until(base + number * ms(3)).await;
            log.note(number.to_string());
        });
    }
    scheduler.run();
    log.assert_is(&["0", "1", "2", "3", "4"]);
}

#[test]
fn deadlines_within_a_millisecond_are_kept_in_order_too() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let base = now() + AHEAD;
    for number in [3, 1, 4, 0, 2] {
        let log = log.clone();
        scheduler.spawn(async move {
            sleep_until(base + number * Duration::from_nanos(1)).await;
            log.note(number.to_string());
        });
    }
    scheduler.run();
    log.assert_is(&["0", "1", "2", "3", "4"]);
}

#[test]
fn equal_deadlines_end_first_in_first_out() {
    let _watchdog = watchdog(LIMIT);
    let order = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    let deadline = now() + AHEAD;
    for number in 0..200 {
        let order = Rc::clone(&order);
        scheduler.spawn(async move {
            sleep_until(deadline).await;
            order.borrow_mut().push(number);
        });
    }
    scheduler.run();
    assert_eq!(*order.borrow(), (0..200).collect::<Vec<i32>>());
}

#[test]
fn of_equal_deadlines_the_sleep_that_was_made_first_ends_first() {
    let _watchdog = watchdog(LIMIT);
    let order = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    let deadline = now() + AHEAD;
    let sleeps: Vec<_> = (0..10).map(|number| (number, sleep_until(deadline))).collect();
    // They are polled for the first time in the opposite order.
    for (number, sleep) in sleeps.into_iter().rev() {
        let order = Rc::clone(&order);
        scheduler.spawn(async move {
            sleep.await;
            order.borrow_mut().push(number);
        });
    }
    scheduler.run();
    assert_eq!(*order.borrow(), (0..10).collect::<Vec<i32>>());
}

#[test]
fn a_late_loop_does_things_in_the_order_of_their_deadlines() {
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let base = now() + AHEAD;
    let first = log.clone();
    scheduler.spawn(async move {
        sleep_until(base).await;
        for step in ["first, 1", "first, 2", "first, 3"] {
            first.note(step);
            yield_now().await;
        }
    });
    let second = log.clone();
    scheduler.spawn(async move {
        sleep_until(base + ms(10)).await;
        second.note("second");
    });
    let blocker = log.clone();
    scheduler.spawn(async move {
        // The sleeping tasks cannot know that the loop was busy.
        thread::sleep((base + ms(20)).saturating_duration_since(now()));
        blocker.note("blocked until both were due");
    });
    scheduler.run();
    log.assert_is(&[
        "blocked until both were due",
        "first, 1",
        "first, 2",
        "first, 3",
        "second",
    ]);
}

#[test]
fn deadlines_that_have_passed_keep_their_order() {
    let _watchdog = watchdog(LIMIT);
    let base = now();
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for (name, ago) in [("earlier", 10), ("earliest", 20)] {
        let log = log.clone();
        let deadline = base.checked_sub(ms(ago)).expect("the machine has run for longer");
        scheduler.spawn(async move {
            sleep_until(deadline).await;
            log.note(name);
        });
    }
    scheduler.run();
    log.assert_is(&["earliest", "earlier"]);
}

#[test]
fn a_sleep_that_is_due_at_its_first_poll_lets_others_run_first() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    for number in 1..=2 {
        let log = log.clone();
        scheduler.spawn(async move {
            log.note(format!("{number} sleeps"));
            sleep(Duration::ZERO).await;
            log.note(format!("{number} goes on"));
        });
    }
    scheduler.run();
    log.assert_is(&["1 sleeps", "2 sleeps", "1 goes on", "2 goes on"]);
}

/// Runs a task that awaits only what is due, and counts how often two others run meanwhile: one that yields, one that sleeps.
fn polls_beside(mut due: impl FnMut() -> Sleep + 'static) -> (u32, u32) {
    const SLEEPS: u32 = 1_000;
    let scheduler = Scheduler::new();
    let done = Rc::new(Cell::new(false));
    let counts: [Rc<Cell<u32>>; 2] = Default::default();
    let [yields, naps] = counts.clone();
    let busy = Rc::clone(&done);
    scheduler.spawn(async move {
        for _ in 0..SLEEPS {
            due().await;
        }
        // Time for the task that sleeps, however fast that was.
        let start = now();
        while start.elapsed() < ms(20) {
            due().await;
        }
        busy.set(true);
    });
    let over = Rc::clone(&done);
    scheduler.spawn(async move {
        while !over.get() {
            yield_now().await;
            yields.set(yields.get() + 1);
        }
    });
    scheduler.spawn(async move {
        while !done.get() {
            sleep(ms(1)).await;
            naps.set(naps.get() + 1);
        }
    });
    scheduler.run();
    let [yields, naps] = counts;
    assert!(yields.get() >= SLEEPS, "{} polls beside {SLEEPS} sleeps", yields.get());
    (yields.get(), naps.get())
}

#[test]
fn a_task_that_sleeps_for_no_time_again_and_again_lets_others_run() {
    if needs_real_time("while a task can always run, virtual time stands still") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let (_, naps) = polls_beside(|| sleep(Duration::ZERO));
    assert!(naps >= 2, "a sleeper has run {naps} times");
}

#[test]
fn a_ticker_that_has_fallen_behind_lets_others_run() {
    if needs_real_time("while a task can always run, virtual time stands still") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let mut next = now();
    let (_, naps) = polls_beside(move || {
        // Each tick is due before it begins.
        next += Duration::from_nanos(1);
        sleep_until(next)
    });
    assert!(naps >= 2, "a sleeper has run {naps} times");
}

#[test]
fn a_deadline_in_the_past_is_over_without_a_wait() {
    let _watchdog = watchdog(LIMIT);
    let past = now();
    run(sleep_until(past));
    let longer_past = past.checked_sub(ms(10)).unwrap_or(past);
    run(sleep_until(longer_past));
}

#[test]
fn a_sleep_of_the_longest_duration_never_ends() {
    let _watchdog = watchdog(LIMIT);
    let polls = run(async {
        let mut never = sleep(Duration::MAX);
        let before = poll!(&mut never);
        sleep(ms(50)).await;
        (before, poll!(&mut never))
    });
    assert_eq!(polls, (Poll::Pending, Poll::Pending));
    assert!(run(async { timeout(ms(20), sleep(Duration::MAX)).await }).is_err());
}

#[test]
fn a_deadline_at_the_end_of_time_is_waited_for_like_any_other() {
    let _watchdog = watchdog(LIMIT);
    let polls = run(async {
        let mut last = sleep_until(last_instant());
        let before = poll!(&mut last);
        // It is the earliest deadline for many ticks of the loop.
        for _ in 0..1000 {
            yield_now().await;
        }
        sleep(ms(20)).await;
        (before, poll!(&mut last))
    });
    assert_eq!(polls, (Poll::Pending, Poll::Pending));
}

#[test]
fn a_task_woken_before_its_deadline_goes_on_waiting() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let scheduler = Scheduler::new();
    let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
    let polls = Rc::new(Cell::new(0));
    let (slot, counted) = (Rc::clone(&waker), Rc::clone(&polls));
    scheduler.spawn(async move {
        let mut nap = sleep(AHEAD);
        poll_fn(|cx| {
            counted.set(counted.get() + 1);
            *slot.borrow_mut() = Some(cx.waker().clone());
            Pin::new(&mut nap).poll(cx)
        })
        .await;
        assert_at_least("the sleep", start, AHEAD);
        counted.set(1000 + counted.get());
    });
    scheduler.spawn(async move {
        for _ in 0..10 {
            let early = waker.borrow().clone();
            early.expect("the sleeper was polled first").wake();
            yield_now().await;
        }
    });
    scheduler.run();
    assert_at_least("the run", start, AHEAD);
    // Once at first, once for each early wake, once at the end; and it came to its end.
    assert_eq!(polls.get(), 1012);
}

#[test]
fn a_wait_that_ends_early_loses_no_sleeper() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let ended = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    for number in 1..=5 {
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            sleep_until(start + number * ms(50)).await;
            ended.set(ended.get() + 1);
        });
    }
    // Any code that has a `Thread` may unpark it.
    let (this, done) = (thread::current(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                this.unpark();
                thread::sleep(Duration::from_micros(50));
            }
        });
        scheduler.run();
        done.store(true, Ordering::Relaxed);
    });
    assert_at_least("the run", start, ms(250));
    assert_eq!(ended.get(), 5);
}

#[test]
fn a_dropped_sleep_does_not_keep_run_alive() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    run(async {
        let mut long = sleep(HOUR);
        assert!(poll!(&mut long).is_pending());
        drop(long);
        sleep(ms(20)).await;
    });
    assert_took("the run", start, ms(20), SECONDS);
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    let _watchdog = watchdog(LIMIT);
    let dropped = CountingWaker::new();
    let counter = dropped.clone();
    run(async move {
        let mut nap = pin!(sleep(AHEAD));
        let waker = counter.waker();
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        nap.set(sleep(HOUR));
        sleep(AHEAD + ms(50)).await;
    });
    assert_eq!(dropped.count(), 0);
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_sleep_that_ends_wakes_no_later_one() {
    let _watchdog = watchdog(LIMIT);
    let (scheduler, polls) = (Scheduler::new(), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&polls);
    let start = now();
    scheduler.spawn(async move {
        let mut late = pin!(sleep_until(start + ms(300)));
        poll_fn(|cx| {
            counted.set(counted.get() + 1);
            late.as_mut().poll(cx)
        })
        .await;
    });
    for milliseconds in 1..=10 {
        scheduler.spawn(sleep_until(start + ms(milliseconds)));
    }
    scheduler.run();
    assert_eq!(polls.get(), 2, "the first poll, and the one after the deadline");
}

#[test]
fn a_dropped_sleep_is_gone_with_its_waker() {
    let _watchdog = watchdog(LIMIT);
    let counts = run(async {
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(Arc::clone(&nobody));
        let mut sleeps: Vec<Sleep> = (0..1000).map(|_| sleep(HOUR)).collect();
        for nap in &mut sleeps {
            assert!(Pin::new(nap).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let registered = Arc::strong_count(&nobody);
        drop(sleeps);
        (registered, Arc::strong_count(&nobody))
    });
    assert_eq!(counts, (1002, 2));
}

#[test]
fn a_sleep_outside_a_scheduler_panics_and_says_what_to_do() {
    let _watchdog = watchdog(LIMIT);
    let message = message_of_panic(|| {
        let mut nap = sleep(HOUR);
        Pin::new(&mut nap).poll(&mut Context::from_waker(Waker::noop()))
    });
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
    assert!(message.contains("inside `Scheduler::run`"), "{message}");

    // The panic names the line of the `await`.
    let mut naps = Box::pin(async {
        sleep(HOUR).await;
    });
    let line = line!() - 2;
    let panicked = line_of_panic(|| naps.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    assert_eq!(panicked, line);
}

#[test]
fn a_sleep_made_outside_can_be_awaited_inside() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let nap = sleep(ms(50));
    run(nap);
    assert_took("the sleep", start, ms(50), SECONDS);
}

#[test]
fn a_sleep_counts_from_the_call_and_not_from_the_first_poll() {
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let nap = sleep(ms(30));
    thread::sleep(ms(40));
    let start = now();
    let mut nap = nap;
    run(async move {
        assert!(poll!(&mut nap).is_pending());
        yield_now().await;
        // The second poll comes when it has been woken.
        nap.await;
    });
    assert_took("the rest of it", start, Duration::ZERO, SECONDS);
}

#[test]
fn a_sleep_made_on_another_thread_can_be_awaited_here() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let nap = thread::spawn(|| sleep(ms(50))).join().expect("a sleep");
    run(nap);
    assert_took("the sleep", start, ms(50), SECONDS);
}

#[test]
fn only_the_latest_waker_is_woken() {
    let _watchdog = watchdog(LIMIT);
    let (first, latest) = (CountingWaker::new(), CountingWaker::new());
    let wakers = [first.waker(), latest.waker()];
    run(async move {
        let mut nap = sleep(AHEAD);
        for waker in &wakers {
            assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(waker)).is_pending());
        }
        sleep(AHEAD + ms(50)).await;
    });
    assert_eq!((first.count(), latest.count()), (0, 1));
}

#[test]
fn polling_a_sleep_often_wakes_its_task_once() {
    let _watchdog = watchdog(LIMIT);
    let counter = CountingWaker::new();
    let waker = counter.waker();
    run(async move {
        let mut nap = sleep(AHEAD);
        for _ in 0..100 {
            assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        sleep(AHEAD + ms(50)).await;
    });
    assert_eq!(counter.count(), 1);
}

#[test]
fn a_sleep_that_moves_to_another_task_wakes_that_one() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let slot: Rc<RefCell<Option<Sleep>>> = Rc::default();
    let (left, giver) = (Rc::clone(&slot), log.clone());
    scheduler.spawn(async move {
        let mut nap = sleep(AHEAD);
        assert!(poll!(&mut nap).is_pending());
        *left.borrow_mut() = Some(nap);
        giver.note("left behind");
    });
    let taker = log.clone();
    scheduler.spawn(async move {
        let nap = slot.borrow_mut().take().expect("the other task was polled first");
        nap.await;
        taker.note("over");
    });
    scheduler.run();
    assert_took("the sleep", start, AHEAD, SECONDS);
    log.assert_is(&["left behind", "over"]);
}

#[test]
fn two_sleeps_in_one_task_end_one_by_one() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let noted = log.clone();
    run(async move {
        let base = now() + AHEAD;
        let later = async {
            sleep_until(base + ms(20)).await;
            noted.note("later");
        };
        let earlier = async {
            sleep_until(base).await;
            noted.note("earlier");
        };
        // If the loop is late, both are due: so in this order.
        join!(earlier, later);
    });
    log.assert_is(&["earlier", "later"]);
}

#[test]
fn a_sleep_can_go_on_under_another_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let [nap] = run(async {
        let mut nap = sleep(AHEAD);
        assert!(poll!(&mut nap).is_pending());
        [nap]
    });
    run(nap);
    assert_took("the sleep", start, AHEAD, SECONDS);
}

#[test]
fn a_sleep_dropped_under_another_scheduler_takes_nobody_elses_place() {
    let _watchdog = watchdog(LIMIT);
    let deadline = now() + AHEAD;
    // Registered under the first scheduler, and then dropped under the second, where others have the same deadline.
    let first = Scheduler::new();
    let slot: Rc<RefCell<Vec<Sleep>>> = Rc::default();
    let left = Rc::clone(&slot);
    first.spawn(async move {
        let mut naps: Vec<Sleep> = (0..10).map(|_| sleep_until(deadline)).collect();
        for nap in &mut naps {
            assert!(poll!(nap).is_pending());
        }
        *left.borrow_mut() = naps;
    });
    first.run();
    assert_eq!(slot.borrow().len(), 10);
    let ended = Rc::new(Cell::new(0));
    let second = Scheduler::new();
    for _ in 0..10 {
        let ended = Rc::clone(&ended);
        second.spawn(async move {
            sleep_until(deadline).await;
            ended.set(ended.get() + 1);
        });
    }
    second.spawn(async move { drop(slot.take()) });
    second.run();
    assert_eq!(ended.get(), 10);
}

#[test]
fn a_sleep_is_woken_when_its_scheduler_is_dropped() {
    let _watchdog = watchdog(LIMIT);
    let counter = CountingWaker::new();
    let scheduler = Scheduler::new();
    let nap = Rc::new(RefCell::new(sleep(HOUR)));
    let (polled, waker) = (Rc::clone(&nap), counter.waker());
    scheduler.spawn(async move {
        let mut nap = polled.borrow_mut();
        assert!(Pin::new(&mut *nap).poll(&mut Context::from_waker(&waker)).is_pending());
    });
    scheduler.run();
    assert_eq!(counter.count(), 0);
    drop(scheduler);
    assert_eq!(counter.count(), 1);
    // And it can go on under another.
    let again = counter.waker();
    run(async move {
        let mut nap = nap.borrow_mut();
        assert!(Pin::new(&mut *nap).poll(&mut Context::from_waker(&again)).is_pending());
    });
}

#[test]
fn a_sleep_outlives_its_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let [mut nap] = run(async {
        let mut nap = sleep(HOUR);
        assert!(poll!(&mut nap).is_pending());
        [nap]
    });
    let message = message_of_panic(|| Pin::new(&mut nap).poll(&mut Context::from_waker(Waker::noop())));
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
    drop(nap);
}

/// A waker that drops a sleep when it wakes, or when it is dropped itself.
struct Dropper(Mutex<Option<Sleep>>);

impl Wake for Dropper {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().expect("no poison").take());
    }
}

#[test]
fn a_waker_may_drop_other_sleeps_when_it_wakes() {
    let _watchdog = watchdog(LIMIT);
    let other = CountingWaker::new();
    let waker = other.waker();
    run(async move {
        let deadline = now() + AHEAD;
        let mut dropper = sleep_until(deadline);
        let mut dropped = sleep_until(deadline + Duration::from_nanos(1));
        assert!(
            Pin::new(&mut dropped)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let waker = Waker::from(Arc::new(Dropper(Mutex::new(Some(dropped)))));
        assert!(
            Pin::new(&mut dropper)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        sleep(AHEAD + ms(50)).await;
    });
    assert_eq!(other.count(), 0, "it was dropped before it could be woken");
}

#[test]
fn a_waker_may_drop_other_sleeps_when_it_is_dropped() {
    let _watchdog = watchdog(LIMIT);
    let wakers = run(async {
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(Arc::clone(&nobody));
        // Replaced by another waker, and taken out with its sleep.
        let (mut replaced, mut removed) = (sleep(HOUR), sleep(HOUR));
        for nap in [&mut replaced, &mut removed] {
            let mut other = sleep(HOUR);
            assert!(Pin::new(&mut other).poll(&mut Context::from_waker(&waker)).is_pending());
            let dropper = Waker::from(Arc::new(Dropper(Mutex::new(Some(other)))));
            assert!(Pin::new(nap).poll(&mut Context::from_waker(&dropper)).is_pending());
        }
        drop(waker);
        let before = Arc::strong_count(&nobody);
        assert!(poll!(&mut replaced).is_pending());
        let between = Arc::strong_count(&nobody);
        drop(removed);
        [before, between, Arc::strong_count(&nobody)]
    });
    assert_eq!(wakers, [3, 2, 1]);
}

#[test]
fn a_task_that_is_always_ready_does_not_keep_sleepers_waiting() {
    if needs_real_time("while a task can always run, virtual time stands still") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let over = Rc::new(Cell::new(false));
    let seen = Rc::clone(&over);
    scheduler.spawn(async move {
        while !seen.get() {
            yield_now().await;
        }
    });
    scheduler.spawn(async move {
        sleep(ms(50)).await;
        over.set(true);
    });
    scheduler.run();
}

#[test]
fn sleepers_that_are_due_do_not_wait_for_each_other_while_tasks_are_always_ready() {
    const SLEEPERS: u32 = 50;
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let base = now() + AHEAD;
    let awake = Rc::new(Cell::new(0));
    for number in 0..SLEEPERS {
        let awake = Rc::clone(&awake);
        scheduler.spawn(async move {
            sleep_until(base + ms(1) * number).await;
            awake.set(awake.get() + 1);
        });
    }
    let rounds = Rc::new(Cell::new(0));
    let counted = Rc::clone(&rounds);
    let seen = Rc::clone(&awake);
    scheduler.spawn(async move {
        thread::sleep((base + ms(1) * SLEEPERS).saturating_duration_since(now()));
        while seen.get() < SLEEPERS {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
    });
    // More than the loop polls before part (1).
    for _ in 0..100 {
        let seen = Rc::clone(&awake);
        scheduler.spawn(async move {
            while seen.get() < SLEEPERS {
                yield_now().await;
            }
        });
    }
    scheduler.run();
    assert!(rounds.get() <= 5, "{} rounds", rounds.get());
}

/// The deadlines of ten thousand sleeps, in the order in which they end; each task cancels another sleep before. `None` if
/// some were registered too late, so that more than `ahead` is needed.
fn ten_thousand_sleeps(ahead: Duration) -> Option<Vec<Instant>> {
    const SLEEPS: u32 = 10_000;
    let ended = Rc::new(RefCell::new(Vec::new()));
    let late = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    let base = now() + ahead;
    for number in 0..SLEEPS {
        let (ended, late) = (Rc::clone(&ended), Rc::clone(&late));
        scheduler.spawn(async move {
            // A stride without a common divisor visits each deadline once, in no order.
            let deadline = base + (number * 7919 % SLEEPS) * Duration::from_micros(20);
            let (mut cancelled, mut nap) = (sleep_until(deadline), sleep_until(deadline));
            assert!(poll!(&mut cancelled).is_pending() && poll!(&mut nap).is_pending());
            // What is due already takes part in no order.
            late.set(late.get() || now() >= deadline);
            drop(cancelled);
            nap.await;
            ended.borrow_mut().push(deadline);
        });
    }
    scheduler.run();
    let ended = ended.take();
    assert_eq!(ended.len(), SLEEPS as usize);
    (!late.get()).then_some(ended)
}

#[test]
fn ten_thousand_sleeps_end_in_order_and_the_cancelled_not_at_all() {
    let _watchdog = watchdog(LIMIT);
    let mut ahead = AHEAD;
    let ended = loop {
        if let Some(ended) = ten_thousand_sleeps(ahead) {
            break ended;
        }
        ahead *= 2;
    };
    assert!(ended.is_sorted());
}

/// Notes its delay when it is woken.
struct Noter(Duration, Arc<Mutex<Vec<Duration>>>);

impl Wake for Noter {
    fn wake(self: Arc<Self>) {
        self.1.lock().expect("no poison").push(self.0);
    }
}

#[test]
fn dropped_sleeps_leave_the_others_in_order() {
    const SLEEPS: u32 = 1_000;
    let _watchdog = watchdog(LIMIT);
    let woken: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let noted = Arc::clone(&woken);
    run(async move {
        let base = now() + AHEAD;
        // In no order, each delay twice.
        let delays = (0..2 * SLEEPS).map(|number| number * 7919 % SLEEPS * Duration::from_micros(10));
        let begin = |delay| {
            let mut nap = sleep_until(base + delay);
            let waker = Waker::from(Arc::new(Noter(delay, Arc::clone(&noted))));
            assert!(Pin::new(&mut nap).poll(&mut Context::from_waker(&waker)).is_pending());
            nap
        };
        let mut sleeps: Vec<Sleep> = delays.map(begin).collect();
        // Most are dropped, in no order either.
        for number in 0..3 * sleeps.len() / 4 {
            drop(sleeps.swap_remove(number * 7 % sleeps.len()));
        }
        sleep_until(base + ms(10)).await;
    });
    let woken = woken.lock().expect("no poison");
    assert_eq!(woken.len(), SLEEPS as usize / 2);
    assert!(woken.is_sorted());
}

#[test]
fn many_sleeps_in_one_task_work_as_well() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    run(async { join_all((1..=1000).map(|number| sleep(number * Duration::from_micros(100)))).await });
    assert_took("the longest", start, ms(100), SECONDS);
}

/// How long this thread has used a processor, or has waited for one, if the system tells.
#[cfg(target_os = "linux")]
fn busy() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut times = times.split_whitespace().map(str::parse::<u64>);
    let (used, waited) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(Duration::from_nanos(used + waited))
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_that_waits_uses_no_processor_time() {
    if needs_real_time("it measures a wait in real time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let Some(before) = busy() else { return };
    let start = now();
    run(sleep(ms(300)));
    // On a busy machine the rest of the time goes by with waiting for a processor, which a sleeper does not do either.
    let busy = busy().expect("the system tells") - before;
    assert!(2 * busy < start.elapsed(), "busy for {busy:?} in a sleep of 300 ms");
}

#[test]
fn a_sleep_is_plain_data() {
    fn assert_plain<T: Send + Sync + Unpin + std::fmt::Debug + 'static>(_: &T) {}
    let nap = sleep(HOUR);
    assert_plain(&nap);
    assert!(format!("{nap:?}").contains("Sleep"));
}
