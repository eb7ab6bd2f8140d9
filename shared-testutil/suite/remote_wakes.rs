//! Wakes from other threads: they end the park, whenever they come: invariant 3 of `scheduler.rs`.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::hint;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, sleep_until, yield_now};
use futures::channel::oneshot;
use futures::poll;
use shared_testutil::{OrderLog, assert_took, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const SECONDS: Duration = Duration::from_secs(20);
/// Long enough for the loop to find nothing to do, and to block.
const IDLE: Duration = Duration::from_millis(50);

/// Runs one task in a scheduler of its own, and returns its output.
fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let output = Rc::new(Cell::new(None));
    let slot = Rc::clone(&output);
    let scheduler = Scheduler::new();
    scheduler.spawn(async move { slot.set(Some(future.await)) });
    scheduler.run();
    output.take().expect("the task does not panic")
}

/// Waits until `done`, and sends its waker away at its first poll.
fn until(done: &Arc<AtomicBool>, wakers: mpsc::Sender<Waker>) -> impl Future<Output = ()> + use<> {
    let (done, mut wakers) = (Arc::clone(done), Some(wakers));
    poll_fn(move |cx| {
        if let Some(wakers) = wakers.take() {
            wakers.send(cx.waker().clone()).expect("a receiver");
        }
        match done.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
}

/// Opens `done` for the waker that arrives, when the loop is idle.
fn wake_later(done: &Arc<AtomicBool>, wakers: mpsc::Receiver<Waker>) -> thread::JoinHandle<()> {
    let done = Arc::clone(done);
    thread::spawn(move || {
        let waker = wakers.recv().expect("a waker");
        thread::sleep(IDLE);
        done.store(true, Ordering::Release);
        waker.wake();
    })
}

#[test]
fn a_wake_from_another_thread_ends_an_idle_wait() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let done = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let waker = wake_later(&done, receiver);
    run(until(&done, sender));
    assert_took("the wait", start, IDLE, SECONDS);
    waker.join().expect("the waking thread");
}

#[test]
fn a_wake_from_another_thread_ends_a_wait_for_a_deadline() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let done = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let waker = wake_later(&done, receiver);
    let scheduler = Scheduler::new();
    let sleeper = log.clone();
    scheduler.spawn(async move {
        sleep(10 * IDLE).await;
        sleeper.note("slept");
    });
    let (woken, until) = (log.clone(), until(&done, sender));
    scheduler.spawn(async move {
        until.await;
        woken.note("woken");
    });
    scheduler.run();
    log.assert_is(&["woken", "slept"]);
    waker.join().expect("the waking thread");
}

#[test]
fn a_wake_ends_a_wait_for_the_last_instant_there_is() {
    let _watchdog = watchdog(LIMIT);
    let mut last = Instant::now();
    let mut step = Duration::MAX;
    while step > Duration::ZERO {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    let done = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let waker = wake_later(&done, receiver);
    let until = until(&done, sender);
    let pending = run(async move {
        let mut naps = [sleep_until(last), sleep(Duration::MAX)];
        let [last, never] = &mut naps;
        let before = poll!(&mut *last).is_pending() && poll!(&mut *never).is_pending();
        until.await;
        before && poll!(last).is_pending() && poll!(never).is_pending()
    });
    assert!(pending);
    waker.join().expect("the waking thread");
}

#[test]
fn a_wake_from_another_thread_during_the_poll_is_not_lost() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    run(poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        if counted.get() == 2 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || waker.wake()).join().expect("the waking thread");
        Poll::Pending
    }));
    assert_eq!(polls.get(), 2);
}

#[test]
fn a_wake_without_an_event_makes_one_poll_and_ends_nothing() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel::<Waker>();
    let (counted, seen) = (Rc::clone(&polls), Arc::clone(&done));
    let waking = thread::spawn(move || {
        let waker = receiver.recv().expect("a waker");
        for _ in 0..3 {
            thread::sleep(IDLE);
            waker.wake_by_ref();
        }
        thread::sleep(IDLE);
        done.store(true, Ordering::Release);
        waker.wake();
    });
    let mut until = Box::pin(until(&seen, sender));
    run(poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        until.as_mut().poll(cx)
    }));
    waking.join().expect("the waking thread");
    // Fewer if the loop was slow, because two wakes may make one poll; never more.
    assert!((2..=5).contains(&polls.get()), "{} polls", polls.get());
}

#[test]
fn a_task_that_yields_while_other_threads_wake_it_is_polled_in_order() {
    const YIELDS: usize = 300;
    let _watchdog = watchdog(LIMIT);
    let log = Rc::new(RefCell::new(String::new()));
    let scheduler = Scheduler::new();
    for name in ["a", "b", "c"] {
        let log = Rc::clone(&log);
        scheduler.spawn(async move {
            for round in 0..YIELDS {
                log.borrow_mut().push_str(name);
                if name == "a" && round % 20 == 0 {
                    // It yields in this poll, and so is ready in any case.
                    let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                    thread::spawn(move || waker.wake()).join().expect("the waking thread");
                }
                yield_now().await;
            }
        });
    }
    scheduler.run();
    assert_eq!(*log.borrow(), "abc".repeat(YIELDS));
}

#[test]
fn a_task_woken_here_and_by_another_thread_is_polled_once() {
    let _watchdog = watchdog(LIMIT);
    for here_first in [true, false] {
        let polls = Rc::new(Cell::new(0));
        let slot: Rc<RefCell<Option<Waker>>> = Rc::default();
        let scheduler = Scheduler::new();
        let (counted, left) = (Rc::clone(&polls), Rc::clone(&slot));
        scheduler.spawn(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            *left.borrow_mut() = Some(cx.waker().clone());
            match counted.get() {
                3 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        let (counted, seen) = (Rc::clone(&polls), Rc::new(Cell::new(0)));
        let before = Rc::clone(&seen);
        scheduler.spawn(async move {
            let waker = slot.take().expect("the other task is polled first");
            let remote = waker.clone();
            if here_first {
                waker.wake_by_ref();
            }
            thread::spawn(move || remote.wake()).join().expect("the waking thread");
            waker.wake_by_ref();
            for _ in 0..200 {
                yield_now().await;
            }
            before.set(counted.get());
            waker.wake();
        });
        scheduler.run();
        assert_eq!((seen.get(), polls.get()), (2, 3), "here first: {here_first}");
    }
}

/// A thread that answers each request, at another moment after it each time.
fn responder(requests: mpsc::Receiver<oneshot::Sender<u32>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for (number, request) in requests.iter().enumerate() {
            for _ in 0..number % 199 {
                hint::spin_loop();
            }
            request.send(number as u32).expect("the task waits");
        }
    })
}

async fn ask(requests: mpsc::Sender<oneshot::Sender<u32>>, count: u32) {
    for number in 0..count {
        let (sender, receiver) = oneshot::channel();
        requests.send(sender).expect("the thread answers");
        assert_eq!(receiver.await, Ok(number));
    }
}

#[test]
fn no_wake_is_lost_however_it_meets_the_loop_on_its_way_to_block() {
    let _watchdog = watchdog(LIMIT);
    let (requests, received) = mpsc::channel();
    let responder = responder(received);
    run(ask(requests, 20_000));
    responder.join().expect("the responder");
}

#[test]
fn no_wake_is_lost_when_many_threads_wake_many_tasks() {
    const PAIRS: u32 = 8;
    let _watchdog = watchdog(LIMIT);
    let ended = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let mut responders = Vec::new();
    for _ in 0..PAIRS {
        let (requests, received) = mpsc::channel();
        responders.push(responder(received));
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            ask(requests, 1000).await;
            ended.set(ended.get() + 1);
        });
    }
    scheduler.run();
    assert_eq!(ended.get(), PAIRS);
    for responder in responders {
        responder.join().expect("a responder");
    }
}

#[test]
fn many_threads_may_wake_one_task() {
    const THREADS: u32 = 8;
    const WAKES: u32 = 2000;
    let _watchdog = watchdog(LIMIT);
    let events = Arc::new(AtomicU32::new(0));
    let (sender, receiver) = mpsc::channel::<Waker>();
    let counter = Arc::clone(&events);
    let waking = thread::spawn(move || {
        let waker = receiver.recv().expect("a waker");
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..WAKES {
                        counter.fetch_add(1, Ordering::Release);
                        waker.wake_by_ref();
                    }
                });
            }
        });
    });
    let mut sender = Some(sender);
    let seen = Arc::clone(&events);
    run(poll_fn(move |cx| {
        if let Some(sender) = sender.take() {
            sender.send(cx.waker().clone()).expect("a receiver");
        }
        // The last event's wake must bring a poll that sees it.
        match seen.load(Ordering::Acquire) == THREADS * WAKES {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
    waking.join().expect("the waking threads");
}

#[test]
fn a_busy_loop_hears_other_threads_too() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let stop = Rc::new(Cell::new(false));
    let stopped = Rc::clone(&stop);
    scheduler.spawn(async move {
        while !stopped.get() {
            yield_now().await;
        }
    });
    let done = Arc::default();
    let (sender, receiver) = mpsc::channel();
    let waker = wake_later(&done, receiver);
    let until = until(&done, sender);
    scheduler.spawn(async move {
        until.await;
        stop.set(true);
    });
    scheduler.run();
    waker.join().expect("the waking thread");
}

#[test]
fn sleepers_are_woken_in_time_however_many_wakes_there_are() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let done = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel::<Waker>();
    let storming = Arc::clone(&done);
    let storm = thread::spawn(move || {
        let waker = receiver.recv().expect("a waker");
        while !storming.load(Ordering::Relaxed) {
            waker.wake_by_ref();
        }
        waker.wake();
    });
    let start = Instant::now();
    scheduler.spawn(until(&done, sender));
    scheduler.spawn(async move {
        for _ in 0..5 {
            sleep(Duration::from_millis(20)).await;
        }
        done.store(true, Ordering::Release);
    });
    scheduler.run();
    assert_took("the sleeps", start, Duration::from_millis(100), SECONDS);
    storm.join().expect("the waking thread");
}

#[test]
fn a_wake_from_another_thread_after_the_end_does_nothing() {
    let _watchdog = watchdog(LIMIT);
    let (sender, receiver) = mpsc::channel::<Waker>();
    let scheduler = Scheduler::new();
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    scheduler.spawn(poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        sender.send(cx.waker().clone()).expect("a receiver");
        Poll::Ready(())
    }));
    scheduler.run();
    let waker = receiver.recv().expect("a waker");
    thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join()).expect("a harmless wake");
    scheduler.spawn(async { sleep(Duration::from_millis(1)).await });
    scheduler.run();
    assert_eq!(polls.get(), 1);
    // And when the scheduler is gone; the last of all the wakers goes with the thread.
    drop(scheduler);
    thread::spawn(move || waker.wake()).join().expect("a harmless wake");
    assert_eq!(polls.get(), 1);
}

#[test]
fn wakes_from_other_threads_may_meet_the_end_of_the_scheduler() {
    let _watchdog = watchdog(LIMIT);
    for _ in 0..200 {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel::<Waker>();
        let stopped = Arc::clone(&stop);
        let storm = thread::spawn(move || {
            let waker = receiver.recv().expect("a waker");
            while !stopped.load(Ordering::Relaxed) {
                waker.wake_by_ref();
            }
        });
        let scheduler = Scheduler::new();
        let mut polls = 0;
        scheduler.spawn(poll_fn(move |cx| {
            if polls == 0 {
                sender.send(cx.waker().clone()).expect("a receiver");
            }
            polls += 1;
            match polls == 3 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        scheduler.run();
        drop(scheduler);
        stop.store(true, Ordering::Relaxed);
        storm.join().expect("the waking thread");
    }
}

#[test]
fn two_schedulers_on_two_threads_wake_each_other() {
    const ROUNDS: u32 = 5000;
    let _watchdog = watchdog(LIMIT);
    let (to_b, from_a) = async_channel::bounded(1);
    let (to_a, from_b) = async_channel::bounded(1);
    let other = thread::spawn(move || {
        run(async move {
            while let Ok(number) = from_a.recv().await {
                let _closed_at_the_end = to_a.send(number + 1).await;
            }
        });
    });
    let last = run(async move {
        let mut number = 0;
        for _ in 0..ROUNDS {
            to_b.send(number).await.expect("the other scheduler listens");
            number = from_b.recv().await.expect("the other scheduler answers");
        }
        number
    });
    assert_eq!(last, ROUNDS);
    other.join().expect("the other scheduler");
}

#[test]
fn tasks_woken_from_another_thread_are_polled_in_the_order_of_the_wakes() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    for number in 0..4 {
        let (log, wakers) = (log.clone(), Rc::clone(&wakers));
        scheduler.spawn(async move {
            let mut woken = false;
            poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            })
            .await;
            log.note(number.to_string());
        });
    }
    scheduler.spawn(async move {
        let wakers = wakers.take();
        // All four wakes are there before the loop goes on.
        let waking = thread::spawn(move || {
            for number in [2, 0, 3, 1] {
                wakers[number].wake_by_ref();
            }
        });
        waking.join().expect("the waking thread");
    });
    scheduler.run();
    log.assert_is(&["2", "0", "3", "1"]);
}
