//! Wakes from many threads at once. None of them is lost, whether the loop is at work or is about to block.
//!
//! `STRESS_WAKES` is how many wakes each of the 16 threads does: 20,000 unless given; a full run takes 1,000,000.

use std::cell::Cell;
use std::env;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, yield_now};
use shared_testutil::watchdog;
#[cfg(unix)]
use shared_testutil::{SignalStorm, in_own_process};

const THREADS: usize = 16;

/// A hang is what a lost wake looks like.
const LIMIT: Duration = Duration::from_secs(600);

fn wakes() -> u64 {
    env::var("STRESS_WAKES").map_or(20_000, |wakes| wakes.parse().expect("a number"))
}

/// An event that other threads signal: a counter, and the waker of the task that waits until it grows.
#[derive(Default)]
struct Signal {
    sent: AtomicU64,
    heard: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// The counter grows before the wake, so the poll after the wake has to see it. Returns the count.
    fn send(&self) -> u64 {
        let count = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
        count
    }

    /// Every hundredth time, waits until the task has seen it. Otherwise the next wake would hide one that is lost.
    fn send_often(&self, times: u64) {
        for time in 1..=times {
            let count = self.send();
            if time % 100 == 0 || time == times {
                while self.heard.load(Ordering::Acquire) < count {
                    thread::yield_now();
                }
            }
        }
    }

    /// Waits until more than `seen` were sent. The waker is stored before the look.
    async fn more_than(&self, seen: u64) -> u64 {
        poll_fn(|cx| {
            let replaced = self
                .waker
                .lock()
                .expect("no panic under the lock")
                .replace(cx.waker().clone());
            drop(replaced);
            match self.sent.load(Ordering::Relaxed) {
                sent if sent > seen => {
                    self.heard.store(sent, Ordering::Release);
                    Poll::Ready(sent)
                }
                _ => Poll::Pending,
            }
        })
        .await
    }
}

#[test]
fn no_wake_is_lost_when_sixteen_threads_wake_one_task_each() {
    let _watchdog = watchdog(LIMIT);
    let wakes = wakes();
    let start = Arc::new(Barrier::new(THREADS));
    let scheduler = Scheduler::new();
    let polls = Rc::new(Cell::new(0));
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let signal = Arc::new(Signal::default());
        let polls = Rc::clone(&polls);
        let received = Arc::clone(&signal);
        scheduler.spawn(async move {
            let mut seen = 0;
            while seen < wakes {
                seen = received.more_than(seen).await;
                polls.set(polls.get() + 1);
            }
        });
        let start = Arc::clone(&start);
        threads.push(thread::spawn(move || {
            start.wait();
            signal.send_often(wakes);
        }));
    }
    scheduler.run();
    for thread in threads {
        thread.join().expect("the thread only wakes");
    }
    println!(
        "{} wakes by {THREADS} threads, {} polls for them, 0 lost",
        wakes * THREADS as u64,
        polls.get()
    );
}

#[test]
fn no_wake_is_lost_when_sixteen_threads_wake_all_the_same_task() {
    let _watchdog = watchdog(LIMIT);
    let wakes = wakes();
    let total = wakes * THREADS as u64;
    let signal = Arc::new(Signal::default());
    let scheduler = Scheduler::new();
    let received = Arc::clone(&signal);
    scheduler.spawn(async move {
        let mut seen = 0;
        while seen < total {
            seen = received.more_than(seen).await;
        }
        assert_eq!(seen, total);
    });
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let signal = Arc::clone(&signal);
            thread::spawn(move || signal.send_often(wakes))
        })
        .collect();
    scheduler.run();
    for thread in threads {
        thread.join().expect("the thread only wakes");
    }
}

/// Each wake is waited for before the next is sent, so a single one that is lost is a hang. The loop blocks between
/// them, or is just about to: that moment is what this test is for.
#[test]
fn no_wake_is_lost_when_each_is_answered_before_the_next() {
    let _watchdog = watchdog(LIMIT);
    let rounds = wakes() / 10;
    let pairs = 4;
    let scheduler = Scheduler::new();
    let mut threads = Vec::new();
    for pair in 0..pairs {
        let signal = Arc::new(Signal::default());
        let answered = Arc::new(AtomicU64::new(0));
        let (received, answer) = (Arc::clone(&signal), Arc::clone(&answered));
        scheduler.spawn(async move {
            for seen in 0..rounds {
                assert_eq!(received.more_than(seen).await, seen + 1);
                answer.store(seen + 1, Ordering::Release);
            }
        });
        threads.push(thread::spawn(move || {
            for round in 0..rounds {
                signal.send();
                while answered.load(Ordering::Acquire) <= round {
                    thread::yield_now();
                }
                // Now at once, now a little later: when the loop has gone to block, or is on its way.
                for _ in 0..(round * (pair + 3)) % 97 {
                    std::hint::spin_loop();
                }
            }
        }));
    }
    scheduler.run();
    for thread in threads {
        thread.join().expect("the thread only wakes");
    }
}

#[test]
fn a_wake_and_a_deadline_at_the_same_moment_both_count() {
    let _watchdog = watchdog(LIMIT);
    let rounds = wakes() / 200;
    let signal = Arc::new(Signal::default());
    let answered = Arc::new(AtomicU64::new(0));
    let (received, answer) = (Arc::clone(&signal), Arc::clone(&answered));
    let done = Rc::new(Cell::new(false));
    let told = Rc::clone(&done);
    let scheduler = Scheduler::new();
    scheduler.spawn(async move {
        for seen in 0..rounds {
            assert_eq!(received.more_than(seen).await, seen + 1);
            answer.store(seen + 1, Ordering::Release);
        }
        told.set(true);
    });
    let naps = Rc::new(Cell::new(0));
    let slept = Rc::clone(&naps);
    scheduler.spawn(async move {
        while !done.get() {
            let start = Instant::now();
            let nap = Duration::from_micros(50 + slept.get() % 200);
            sleep(nap).await;
            assert!(start.elapsed() >= nap);
            slept.set(slept.get() + 1);
        }
    });
    let thread = thread::spawn(move || {
        for round in 0..rounds {
            signal.send();
            while answered.load(Ordering::Acquire) <= round {
                thread::yield_now();
            }
            thread::sleep(Duration::from_micros(round % 150));
        }
    });
    scheduler.run();
    thread.join().expect("the thread only wakes");
    assert!(naps.get() > 0, "no sleep has ended");
}

/// Wakes of one task from the scheduler's thread and from others, in all orders. After each wake it must be polled, but never
/// by two at a time and never after its end.
#[test]
fn local_and_remote_wakes_do_not_hide_each_other() {
    const THREADS: u64 = 4;
    let _watchdog = watchdog(LIMIT);
    let rounds = wakes() / 20;
    let shared = Arc::new(Signal::default());
    let over = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (shared, over) = (Arc::clone(&shared), Arc::clone(&over));
            thread::spawn(move || {
                shared.send_often(rounds);
                over.fetch_add(1, Ordering::Relaxed);
                shared.send();
            })
        })
        .collect();
    let scheduler = Scheduler::new();
    let (sent_here, heard_here) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (received, sent, heard) = (Arc::clone(&shared), Rc::clone(&sent_here), Rc::clone(&heard_here));
    scheduler.spawn(async move {
        let (polling, ended) = (Cell::new(false), Cell::new(false));
        poll_fn(|cx| {
            assert!(!polling.replace(true), "polled while it is polled");
            assert!(!ended.get(), "polled after its end");
            let replaced = received
                .waker
                .lock()
                .expect("no panic under the lock")
                .replace(cx.waker().clone());
            drop(replaced);
            received
                .heard
                .store(received.sent.load(Ordering::Relaxed), Ordering::Release);
            heard.set(sent.get());
            polling.set(false);
            if heard.get() < rounds || over.load(Ordering::Relaxed) < THREADS {
                return Poll::Pending;
            }
            ended.set(true);
            Poll::Ready(())
        })
        .await;
    });
    // Each step of this task wakes the other, and waits until the other has seen it.
    scheduler.spawn(async move {
        for round in 1..=rounds {
            sent_here.set(round);
            let waker = shared.waker.lock().expect("no panic under the lock").clone();
            waker.expect("the other task is polled first").wake();
            while heard_here.get() < round {
                yield_now().await;
            }
        }
    });
    scheduler.run();
    for thread in threads {
        thread.join().expect("it only wakes");
    }
}

#[cfg(unix)]
#[test]
fn no_wake_is_lost_in_a_storm_of_signals() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let storm = SignalStorm::new();
        let rounds = 1_000;
        let signal = Arc::new(Signal::default());
        let received = Arc::clone(&signal);
        let scheduler = Scheduler::new();
        let (answer, answered) = std::sync::mpsc::channel();
        scheduler.spawn(async move {
            for seen in 0..rounds {
                assert_eq!(received.more_than(seen).await, seen + 1);
                answer.send(()).expect("the thread listens");
            }
        });
        let thread = thread::spawn(move || {
            for round in 0..rounds {
                // At another point of each signal's millisecond.
                thread::sleep(Duration::from_micros(round % 10 * 100));
                signal.send();
                answered.recv().expect("the task answers");
            }
        });
        scheduler.run();
        thread.join().expect("the thread only wakes");
        assert!(storm.has_arrived() && storm.sent() > 20, "there was no storm");
    });
}
