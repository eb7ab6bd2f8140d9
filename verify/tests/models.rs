//! What must hold in whatever order the threads get on. Loom runs a model again and again: in every order of the threads'
//! steps that can make a difference, and with every value that a load may see.
//!
//! A wake that is lost leaves the loop blocked for ever, and loom reports that as a deadlock. `-- --nocapture` shows how
//! many runs there were.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Poll, Waker};
use std::thread::current;

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::spawn;

/// Runs a model in all orders.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    run(Builder::new(), model);
}

/// Runs a larger model in all orders in which at most three times a thread has to stop where it could go on: there are too
/// many others. `LOOM_MAX_PREEMPTIONS` asks for more.
fn explore_within_bounds(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(3);
    run(builder, model);
}

fn run(builder: Builder, model: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let name = current().name().unwrap_or_default().to_owned();
    println!("{name}: {} runs", runs.load(Ordering::Relaxed));
}

/// What a task waits for. Relaxed, so that nothing but the wake makes the task see it.
#[derive(Clone)]
struct Event(Arc<AtomicBool>);

impl Event {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn poll(&self) -> Poll<()> {
        if self.0.load(Ordering::Relaxed) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Waits for an event that another thread, started at the first poll, brings about with `act`.
fn event_from(act: impl FnOnce(&Event, &Waker) + 'static) -> impl Future<Output = ()> {
    let event = Event::new();
    let mut act = Some(act);
    poll_fn(move |cx| {
        if let Some(act) = act.take() {
            let (event, waker) = (event.clone(), cx.waker().clone());
            spawn(move || act(&event, &waker));
        }
        event.poll()
    })
}

fn event_and_wake() -> impl Future<Output = ()> {
    event_from(|event, waker| {
        event.set();
        waker.wake_by_ref();
    })
}

/// The models of all steps that hear other threads.
macro_rules! wakes {
    ($step:ident) => {
        use verify::$step::{Scheduler, yield_now};

        use super::*;

        #[test]
        fn a_wake_is_not_lost_whenever_it_comes() {
            explore(|| {
                let scheduler = Scheduler::new();
                scheduler.spawn(event_and_wake());
                scheduler.run();
            });
        }

        /// The second wake finds the task queued, and leaves it at that. So the poll that comes next has to see the event.
        #[test]
        fn a_wake_of_a_task_that_is_queued_already_is_seen() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                scheduler.spawn(event_from(|event, waker| {
                    waker.wake_by_ref();
                    event.set();
                    waker.wake_by_ref();
                }));
                scheduler.run();
            });
        }

        /// It wakes itself as well, so it may stand in the queue for either wake, or be polled between the two.
        #[test]
        fn a_wake_of_a_task_that_wakes_itself_is_seen() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                let mut event = Box::pin(event_from(|event, waker| {
                    waker.wake_by_ref();
                    event.set();
                    waker.wake_by_ref();
                }));
                let mut is_first = true;
                scheduler.spawn(poll_fn(move |cx| {
                    let polled = event.as_mut().poll(cx);
                    if mem::take(&mut is_first) {
                        cx.waker().wake_by_ref();
                    }
                    polled
                }));
                scheduler.run();
            });
        }

        #[test]
        fn two_tasks_woken_by_two_threads_are_both_polled() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                scheduler.spawn(event_and_wake());
                scheduler.spawn(event_and_wake());
                scheduler.run();
            });
        }

        /// Both come before the second poll. The third is for the other task's wake; if the task stood in the queue twice,
        /// it would come earlier.
        #[test]
        fn two_wakes_at_once_make_one_poll() {
            explore(|| {
                let polls = Rc::new(Cell::new(0));
                let waiting = Rc::new(Cell::new(None));
                let polls_until_wake = Rc::new(Cell::new(0));
                let scheduler = Scheduler::new();
                scheduler.spawn({
                    let (polls, waiting) = (Rc::clone(&polls), Rc::clone(&waiting));
                    poll_fn(move |cx| {
                        polls.set(polls.get() + 1);
                        match polls.get() {
                            1 => {
                                let wakers = [cx.waker().clone(), cx.waker().clone()];
                                for thread in wakers.map(|waker| spawn(|| waker.wake())) {
                                    thread.join().expect("a wake does not panic");
                                }
                            }
                            2 => waiting.set(Some(cx.waker().clone())),
                            _ => return Poll::Ready(()),
                        }
                        Poll::Pending
                    })
                });
                scheduler.spawn({
                    let (polls, polls_until_wake) = (Rc::clone(&polls), Rc::clone(&polls_until_wake));
                    async move {
                        while polls.get() < 2 {
                            yield_now().await;
                        }
                        yield_now().await;
                        yield_now().await;
                        polls_until_wake.set(polls.get());
                        let waker: Option<Waker> = waiting.take();
                        waker.expect("the task is waiting").wake();
                    }
                });
                scheduler.run();
                assert_eq!((polls_until_wake.get(), polls.get()), (2, 3));
            });
        }

        #[test]
        fn a_wake_may_meet_the_end_of_the_task() {
            explore(|| {
                let scheduler = Scheduler::new();
                scheduler.spawn(event_from(|event, waker| {
                    event.set();
                    waker.wake_by_ref();
                    waker.wake_by_ref();
                }));
                scheduler.run();
                scheduler.spawn(async {});
                scheduler.run();
            });
        }
    };
}

/// Those of the steps with handles.
macro_rules! handles {
    ($step:ident) => {
        #[test]
        fn a_wake_of_the_future_given_to_block_on_is_not_lost() {
            explore(|| Scheduler::new().block_on(event_and_wake()));
        }

        #[test]
        fn a_wake_may_meet_the_end_of_the_scheduler() {
            explore(|| {
                let (held, polled) = (Rc::new(()), Rc::new(Cell::new(false)));
                let scheduler = Scheduler::new();
                let handle = scheduler.spawn({
                    let (held, polled) = (Rc::clone(&held), Rc::clone(&polled));
                    async move {
                        polled.set(true);
                        event_and_wake().await;
                        drop(held);
                    }
                });
                scheduler.block_on(async {
                    while !polled.get() {
                        yield_now().await;
                    }
                });
                drop(scheduler);
                assert_eq!(Rc::strong_count(&held), 1, "the future has been dropped");
                assert!(handle.is_finished());
            });
        }

        #[test]
        fn a_task_is_joined_whenever_it_is_woken() {
            explore(|| {
                let scheduler = Scheduler::new();
                let handle = scheduler.spawn(event_and_wake());
                scheduler
                    .block_on(handle)
                    .expect("it neither panics nor is aborted");
            });
        }
    };
}

/// Those of the steps with a pool.
macro_rules! jobs {
    ($step:ident) => {
        use verify::$step::spawn_blocking;

        #[test]
        fn a_job_that_ends_at_any_moment_ends_the_wait_for_it() {
            explore(|| {
                let sum = Scheduler::new().block_on(async { spawn_blocking(|| 3 + 5).await });
                assert_eq!(sum.expect("the job does not panic"), 8);
            });
        }

        #[test]
        fn two_jobs_that_end_at_once_are_both_heard() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                let sum = scheduler.block_on(async {
                    let jobs = [spawn_blocking(|| 3), spawn_blocking(|| 5)];
                    let mut sum = 0;
                    for job in jobs {
                        sum += job.await.expect("the job does not panic");
                    }
                    sum
                });
                assert_eq!(sum, 8);
            });
        }
    };
}

mod exp2 {
    wakes!(exp2);
}

mod exp3 {
    wakes!(exp3);
    handles!(exp3);
}

mod exp4 {
    wakes!(exp4);
    handles!(exp4);
    jobs!(exp4);
}

/// The stand-in for the socket asserts that no more than one byte is in flight, in all of them.
mod exp6 {
    wakes!(exp6);
    handles!(exp6);
    jobs!(exp6);
}
