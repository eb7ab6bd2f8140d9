//! A wake from another thread does not end the wait in the selector: its task runs when something else has ended the wait.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{Async, Scheduler, sleep, spawn};
use shared_testutil::{OrderLog, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// A gate that another thread opens.
#[derive(Clone, Default)]
struct Gate {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_open: bool,
    waiter: Option<Waker>,
}

impl Gate {
    async fn passed(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            state.waiter = Some(cx.waker().clone());
            if state.is_open { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn open(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_open = true;
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

/// If wakes do not end the wait, most attempts show that: not one in which the loop blocks only after the wake. If wakes do end
/// it, no attempt shows it. So one is enough.
#[track_caller]
fn assert_shown(attempt: impl Fn() -> bool) {
    assert!((0..5).any(|_| attempt()), "a wake from another thread ends the wait");
}

#[test]
fn a_wake_from_another_thread_waits_until_a_descriptor_ends_the_wait() {
    let _watchdog = watchdog(LIMIT);
    assert_shown(|| {
        let log = OrderLog::new();
        Scheduler::new().block_on(async {
            let gate = Gate::default();
            let (near, mut far) = stream_pair().unwrap();
            let near = Async::new(near).unwrap();
            let waiter = spawn({
                let (gate, log) = (gate.clone(), log.clone());
                async move {
                    gate.passed().await;
                    log.note("the task goes on");
                }
            });
            let other = thread::spawn({
                let log = log.clone();
                move || {
                    // Until the loop blocks.
                    thread::sleep(Duration::from_millis(50));
                    log.note("the task is woken");
                    gate.open();
                    // If the wake ended the wait, the task would go on at once.
                    thread::sleep(Duration::from_millis(200));
                    log.note("a byte is sent");
                    far.write_all(b"x").unwrap();
                    far
                }
            });
            near.readable().await.unwrap();
            // Late, but not lost.
            waiter.await.unwrap();
            other.join().unwrap();
        });
        log.events() == ["the task is woken", "a byte is sent", "the task goes on"]
    });
}

#[test]
fn a_wake_from_another_thread_waits_until_a_deadline_ends_the_wait() {
    let _watchdog = watchdog(LIMIT);
    let deadline = Duration::from_millis(300);
    assert_shown(|| {
        Scheduler::new().block_on(async {
            let gate = Gate::default();
            let start = Instant::now();
            let waiter = spawn({
                let gate = gate.clone();
                async move {
                    gate.passed().await;
                    start.elapsed()
                }
            });
            let other = thread::spawn(move || {
                thread::sleep(Duration::from_millis(50));
                gate.open();
            });
            sleep(deadline).await;
            other.join().unwrap();
            waiter.await.unwrap() >= deadline
        })
    });
}

#[test]
fn a_wake_from_another_thread_that_comes_while_the_loop_is_at_work_is_seen_before_it_blocks() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let gate = Gate::default();
        let waiter = spawn({
            let gate = gate.clone();
            async move { gate.passed().await }
        });
        let (asked, ask) = channel();
        let (answer, answered) = channel();
        let other = thread::spawn(move || {
            ask.recv().unwrap();
            gate.open();
            answer.send(()).unwrap();
        });
        let worker = spawn(async move {
            // It has been polled after the task that waits, and keeps the loop at work until that is woken.
            asked.send(()).unwrap();
            answered.recv().unwrap();
        });
        // No descriptor and no deadline would end a wait.
        waiter.await.unwrap();
        worker.await.unwrap();
        other.join().unwrap();
    });
}

#[test]
fn no_wake_from_another_thread_is_lost() {
    const GATES: usize = 1000;
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let gates: Vec<_> = (0..GATES).map(|_| Gate::default()).collect();
        let waiters: Vec<_> = gates
            .iter()
            .map(|gate| {
                let gate = gate.clone();
                spawn(async move { gate.passed().await })
            })
            .collect();
        let others: Vec<_> = gates
            .chunks(GATES / 4)
            .map(|gates| {
                let gates = gates.to_vec();
                thread::spawn(move || {
                    for (number, gate) in gates.iter().enumerate() {
                        gate.open();
                        if number % 10 == 0 {
                            thread::sleep(Duration::from_micros(100));
                        }
                    }
                })
            })
            .collect();
        // The wait ends now and then.
        let ticks = spawn(async {
            loop {
                sleep(Duration::from_millis(1)).await;
            }
        });
        for waiter in waiters {
            waiter.await.unwrap();
        }
        ticks.abort();
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_thread_can_end_the_wait_by_a_write_to_a_socket() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        let worker = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            far.write_all(b"8").unwrap();
        });
        let mut answer = [0];
        near.read_with(|mut stream| stream.read(&mut answer)).await.unwrap();
        assert_eq!(answer, *b"8");
        worker.join().unwrap();
    });
}
