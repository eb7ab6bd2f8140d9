//! Memory is given back, also where tasks, wakers and handles hold each other. The allocator counts it.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::allocator::in_use;
use crate::sched::{JoinHandle, Scheduler, sleep, timeout, yield_now};
use shared_testutil::{in_own_process, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Rounds of a test. A leak of one task a round is far more than what else may change meanwhile.
const ROUNDS: usize = 500;
const TOLERANCE: usize = 32 * 1024;

/// Asserts that many rounds leave no more in use than one.
#[track_caller]
fn assert_no_leak(mut round: impl FnMut()) {
    let _watchdog = watchdog(LIMIT);
    // What is made once and kept.
    round();
    let before = in_use();
    for _ in 0..ROUNDS {
        round();
    }
    let left = in_use().saturating_sub(before);
    assert!(left < TOLERANCE, "{left} bytes more in use after {ROUNDS} rounds");
}

/// So much memory for a future that a leak of one is seen.
type Ballast = [u8; 256];

async fn keep<T>(value: T) {
    let ballast: Ballast = [1; 256];
    pending::<()>().await;
    drop((value, ballast));
}

/// Lets all tasks be polled once or more.
async fn a_few_ticks() {
    for _ in 0..5 {
        yield_now().await;
    }
}

#[test]
fn the_count_sees_a_leak() {
    in_own_process(|| {
        let leaking = std::panic::catch_unwind(|| assert_no_leak(|| std::mem::forget(Box::new([1_u8; 256]))));
        assert!(leaking.is_err());
    });
}

#[test]
fn tasks_that_end_are_given_back() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            let ballast: Ballast = [1; 256];
            let handle = scheduler.spawn(async move {
                yield_now().await;
                ballast
            });
            scheduler.spawn(async move { ballast });
            assert!(scheduler.block_on(handle).is_ok());
            scheduler.run();
        });
    });
}

#[test]
fn tasks_that_are_aborted_or_panic_are_given_back() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            let aborted = scheduler.spawn(keep(()));
            let panicked = scheduler.spawn(async { std::panic::resume_unwind(Box::new([1_u8; 256])) });
            let panicked: JoinHandle<()> = panicked;
            scheduler.block_on(a_few_ticks());
            aborted.abort();
            scheduler.run();
            assert!(panicked.is_finished());
        });
    });
}

#[test]
fn unfinished_tasks_are_given_back_with_their_scheduler() {
    in_own_process(|| {
        assert_no_leak(|| {
            let scheduler = Scheduler::new();
            scheduler.spawn(keep(()));
            scheduler.spawn(sleep(HOUR));
            let handle = scheduler.spawn(keep(()));
            scheduler.block_on(a_few_ticks());
            scheduler.spawn(keep(()));
            drop(scheduler);
            drop(handle);
        });
    });
}

#[test]
fn tasks_that_hold_their_own_wakers_are_given_back() {
    in_own_process(|| {
        assert_no_leak(|| {
            let scheduler = Scheduler::new();
            let slot: Rc<RefCell<Option<Waker>>> = Rc::default();
            scheduler.spawn(async move {
                poll_fn(|cx| {
                    *slot.borrow_mut() = Some(cx.waker().clone());
                    Poll::Ready(())
                })
                .await;
                keep(slot).await;
            });
            scheduler.block_on(a_few_ticks());
            drop(scheduler);
        });
    });
}

#[test]
fn tasks_that_hold_their_own_and_each_others_handles_are_given_back() {
    in_own_process(|| {
        assert_no_leak(|| {
            let scheduler = Scheduler::new();
            let slots: [Rc<RefCell<Option<JoinHandle<()>>>>; 2] = [Rc::default(), Rc::default()];
            let (own, other) = (Rc::clone(&slots[0]), Rc::clone(&slots[1]));
            let first = scheduler.spawn(async move {
                let own = own.borrow_mut().take();
                let other = other.borrow_mut().take().expect("the other's handle");
                drop(other.await);
                drop(own);
            });
            let second = scheduler.spawn(keep(Rc::clone(&slots[0])));
            *slots[0].borrow_mut() = Some(first);
            *slots[1].borrow_mut() = Some(second);
            scheduler.block_on(a_few_ticks());
            drop(scheduler);
        });
    });
}

#[test]
fn cancelled_sleeps_are_given_back() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            scheduler.block_on(async {
                for _ in 0..10 {
                    timeout(HOUR, yield_now()).await.expect("in time");
                }
            });
        });
    });
}

#[test]
fn calls_of_block_on_that_never_wait_are_given_back() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            for _ in 0..100 {
                scheduler.block_on(poll_fn(|cx| {
                    // Woken, and done before it can be polled for it.
                    cx.waker().wake_by_ref();
                    Poll::Ready(())
                }));
            }
        });
    });
}

#[test]
fn calls_of_block_on_that_panic_are_given_back() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            for _ in 0..100 {
                let panicked = catch_unwind(AssertUnwindSafe(|| {
                    scheduler.block_on(poll_fn(|cx| -> Poll<()> {
                        // Woken, and so in the run queue when the loop is left.
                        cx.waker().wake_by_ref();
                        // As a panic, but without its message.
                        resume_unwind(Box::new(()))
                    }));
                }));
                assert!(panicked.is_err());
            }
        });
    });
}

#[test]
fn wakes_of_calls_of_block_on_that_have_ended_pile_up_nowhere() {
    in_own_process(|| {
        let scheduler = Scheduler::new();
        assert_no_leak(|| {
            for _ in 0..100 {
                let waker = scheduler.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
                waker.wake();
            }
        });
    });
}

#[test]
fn wakers_that_outlive_the_scheduler_give_the_tasks_back() {
    in_own_process(|| {
        assert_no_leak(|| {
            let scheduler = Scheduler::new();
            let (sender, receiver) = mpsc::channel::<Waker>();
            scheduler.spawn(async move {
                poll_fn(|cx| {
                    sender.send(cx.waker().clone()).expect("a receiver");
                    Poll::Ready(())
                })
                .await;
                keep(()).await;
            });
            scheduler.block_on(a_few_ticks());
            let waker = receiver.recv().expect("a waker");
            // A wake of a task that is gone queues nothing.
            drop(scheduler);
            waker.wake_by_ref();
            waker.wake();
        });
    });
}

#[test]
fn wakes_from_another_thread_leak_nothing_while_the_scheduler_is_dropped() {
    in_own_process(|| {
        assert_no_leak(|| {
            let scheduler = Scheduler::new();
            let (sender, receiver) = mpsc::channel::<Waker>();
            for _ in 0..4 {
                let sender = sender.clone();
                scheduler.spawn(async move {
                    poll_fn(|cx| {
                        sender.send(cx.waker().clone()).expect("a receiver");
                        Poll::Ready(())
                    })
                    .await;
                    keep(()).await;
                });
            }
            drop(sender);
            scheduler.block_on(a_few_ticks());
            let wakers: Vec<Waker> = receiver.try_iter().collect();
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            let storm = thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    wakers.iter().for_each(Waker::wake_by_ref);
                }
            });
            drop(scheduler);
            stop.store(true, Ordering::Relaxed);
            storm.join().expect("the waking thread");
        });
    });
}

/// A future that is moved into its task by way of another one may take its room there twice.
#[test]
fn a_task_takes_the_room_of_its_future_once() {
    const SIZE: usize = 10_024;
    const TASKS: usize = 100;
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let large = [1_u8; SIZE];
        // The lists grow to their size.
        (0..TASKS).for_each(|_| drop(scheduler.spawn(async {})));
        scheduler.run();
        let before = in_use();
        let handles: Vec<_> = (0..TASKS)
            .map(|_| {
                scheduler.spawn(async move {
                    pending::<()>().await;
                    large.len()
                })
            })
            .collect();
        let room = (in_use() - before) / TASKS;
        assert!((SIZE..SIZE + 1_000).contains(&room), "{room} bytes a task");
        drop(handles);
    });
}

/// A waker may stay behind anywhere, such as in a channel. It must not keep the room that its task had.
#[test]
fn a_waker_that_is_left_does_not_keep_the_room_of_its_task() {
    const SIZE: usize = 64 * 1024;
    const TASKS: usize = 500;
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let wakers = Rc::new(RefCell::new(Vec::with_capacity(TASKS)));
        let before = in_use();
        for _ in 0..TASKS {
            let wakers = Rc::clone(&wakers);
            scheduler.spawn(async move {
                let large = [1_u8; SIZE];
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                wakers.borrow_mut().push(waker);
                yield_now().await;
                assert_eq!(large[SIZE - 1], 1);
            });
            scheduler.run();
        }
        let kept = in_use().saturating_sub(before);
        assert_eq!(wakers.borrow().len(), TASKS);
        assert!(kept < 2 * 1024 * TASKS, "{kept} bytes are kept for {TASKS} wakers");
    });
}
