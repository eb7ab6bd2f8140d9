//! What must hold in whatever order the threads get on. Loom runs a model again and again: in every order of the threads'
//! steps that can make a difference, and with every value that a load may see.
//!
//! A wake that is lost leaves the loop blocked for ever, and loom reports that as a deadlock. `-- --nocapture` shows how
//! many runs there were.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once};
use std::task::{Poll, Waker};
use std::{env, mem, panic, thread};

use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{JoinHandle, ThreadId, current, spawn};

thread_local! {
    /// Whether there was a panic. No model has one of its own; a task's, a check of loom's included, stays in the task. All
    /// threads of a model are one thread of the system.
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a model in all orders.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    run(Builder::new(), model);
}

/// Runs a larger model in all orders in which at most twice a thread has to stop where it could go on: there are too many
/// others. `MODEL_PREEMPTIONS` asks for more.
fn explore_within_bounds(model: impl Fn() + Send + Sync + 'static) {
    let bound = env::var("MODEL_PREEMPTIONS").map(|bound| bound.parse().expect("MODEL_PREEMPTIONS is a number"));
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(bound.unwrap_or(2));
    run(builder, model);
}

fn run(builder: Builder, model: impl Fn() + Send + Sync + 'static) {
    watch_for_panics();
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    builder.check(move || {
        assert!(!PANICKED.get(), "the run before had a panic");
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    assert!(!PANICKED.get(), "the last run had a panic");
    let name = thread::current().name().unwrap_or_default().to_owned();
    println!("{name}: {} runs", runs.load(Ordering::Relaxed));
}

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.set(true);
            report(info);
        }));
    });
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

fn join(thread: JoinHandle<()>) {
    thread.join().expect("a wake does not panic");
}

/// What may be dropped on the thread that made it, and on no other.
struct ThreadBound(ThreadId);

impl ThreadBound {
    fn new() -> Self {
        Self(current().id())
    }
}

impl Drop for ThreadBound {
    fn drop(&mut self) {
        assert!(self.0 == current().id(), "it is dropped on another thread");
    }
}

/// The models of all steps whose park another thread ends.
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

        /// Runs a task that `act`, in another task, wakes after the first poll. Returns the number of its polls a while after
        /// that, and after one more wake: if the task stood in the queue twice, the first number would be higher.
        fn polls_after(act: impl AsyncFnOnce(Waker) + 'static) -> (u32, u32) {
            let polls = Rc::new(Cell::new(0));
            let waiting = Rc::new(Cell::new(None));
            let polls_until_wake = Rc::new(Cell::new(0));
            let scheduler = Scheduler::new();
            scheduler.spawn({
                let (polls, waiting) = (Rc::clone(&polls), Rc::clone(&waiting));
                poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    waiting.set(Some(cx.waker().clone()));
                    if polls.get() < 3 {
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
            });
            scheduler.spawn({
                let (polls, polls_until_wake) = (Rc::clone(&polls), Rc::clone(&polls_until_wake));
                async move {
                    let waker = || waiting.take().expect("the task is waiting");
                    act(waker()).await;
                    for _ in 0..3 {
                        yield_now().await;
                    }
                    polls_until_wake.set(polls.get());
                    waker().wake();
                }
            });
            scheduler.run();
            (polls_until_wake.get(), polls.get())
        }

        #[test]
        fn two_wakes_at_once_make_one_poll() {
            explore(|| {
                let polls = polls_after(async |waker| {
                    let threads = [waker.clone(), waker].map(|waker| spawn(|| waker.wake()));
                    threads.into_iter().for_each(join);
                });
                assert_eq!(polls, (2, 3));
            });
        }

        #[test]
        fn a_wake_by_a_task_and_then_one_by_a_thread_make_one_poll() {
            explore(|| {
                let polls = polls_after(async |waker| {
                    waker.wake_by_ref();
                    join(spawn(|| waker.wake()));
                });
                assert_eq!(polls, (2, 3));
            });
        }

        #[test]
        fn a_wake_by_a_thread_and_then_one_by_a_task_make_one_poll() {
            explore(|| {
                let polls = polls_after(async |waker| {
                    let by_thread = waker.clone();
                    join(spawn(|| by_thread.wake()));
                    waker.wake();
                });
                assert_eq!(polls, (2, 3));
            });
        }

        /// One poll is for both wakes, of the task itself and of a thread. The thread's entry in the queue may be left over,
        /// and must not stand in the way of the next wake.
        #[test]
        fn a_wake_after_the_poll_for_two_is_seen() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                let mut event = Box::pin(event_and_wake());
                let mut polls = 0;
                scheduler.spawn(poll_fn(move |cx| {
                    polls += 1;
                    if polls == 1 {
                        cx.waker().wake_by_ref();
                        let waker = cx.waker().clone();
                        join(spawn(|| waker.wake()));
                        return Poll::Pending;
                    }
                    let polled = event.as_mut().poll(cx);
                    assert!(polled.is_ready() || polls == 2);
                    polled
                }));
                scheduler.run();
            });
        }

        /// For either, the other's loop is another thread.
        #[test]
        fn a_task_of_another_scheduler_wakes_as_a_thread_does() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                scheduler.spawn(event_from(|event, waker| {
                    let (event, waker) = (event.clone(), waker.clone());
                    let other = Scheduler::new();
                    other.spawn(async move {
                        yield_now().await;
                        event.set();
                        waker.wake();
                    });
                    other.run();
                }));
                scheduler.run();
            });
        }

        #[test]
        fn a_wake_may_meet_the_end_of_the_task() {
            explore_within_bounds(|| {
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

        /// The wake comes before the future's last poll, or while its id is taken out of the queue, or after that. The task
        /// that waits meanwhile is not forgotten.
        #[test]
        fn a_wake_may_meet_the_end_of_block_on() {
            explore_within_bounds(|| {
                let scheduler = Scheduler::new();
                let handle = scheduler.spawn(event_and_wake());
                scheduler.block_on(async {
                    let mut event = pin!(event_and_wake());
                    let _polled = poll_fn(|cx| Poll::Ready(event.as_mut().poll(cx))).await;
                    yield_now().await;
                });
                scheduler
                    .block_on(handle)
                    .expect("it neither panics nor is aborted");
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

        /// The wake is not what the task waits for, so that nothing but the abort ends it.
        #[test]
        fn an_abort_may_meet_a_wake() {
            explore(|| {
                let scheduler = Scheduler::new();
                let bound = ThreadBound::new();
                let handle = scheduler.spawn(async {
                    event_from(|_, waker| waker.wake_by_ref()).await;
                    drop(bound);
                });
                let ended = scheduler.block_on(async {
                    // The task is polled before the first goes on, and may be polled again before the second does.
                    yield_now().await;
                    yield_now().await;
                    handle.abort();
                    handle.await
                });
                assert!(ended.is_err_and(|error| error.is_cancelled()));
            });
        }

        /// The thread's waker may be the last that holds the task.
        #[test]
        fn an_output_that_nobody_takes_is_dropped_on_the_schedulers_thread() {
            for is_kept in [true, false] {
                explore(move || {
                    let scheduler = Scheduler::new();
                    let bound = ThreadBound::new();
                    let handle = scheduler.spawn(async {
                        event_and_wake().await;
                        bound
                    });
                    let kept = is_kept.then_some(handle);
                    scheduler.run();
                    drop(scheduler);
                    drop(kept);
                });
            }
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

        #[test]
        fn an_abort_may_meet_the_end_of_a_job() {
            explore(|| {
                let ended = Scheduler::new().block_on(async {
                    let job = spawn_blocking(|| 3 + 5);
                    yield_now().await;
                    yield_now().await;
                    job.abort();
                    job.await
                });
                assert!(ended.map_or_else(|error| error.is_cancelled(), |sum| sum == 8));
            });
        }

        #[test]
        fn the_end_of_a_job_may_meet_the_end_of_the_scheduler() {
            explore(|| {
                let scheduler = Scheduler::new();
                let job = scheduler.block_on(async {
                    let job = spawn_blocking(|| 3 + 5);
                    yield_now().await;
                    job
                });
                drop(scheduler);
                assert!(job.is_finished());
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

/// The self-socket's own.
macro_rules! bytes {
    () => {
        /// Two bytes fill it, before the loop parks for the first time. If the bytes were read too late or too often, or if
        /// the write of one more blocked, the last wake would be lost.
        #[test]
        fn a_wake_is_not_lost_though_the_self_socket_is_full() {
            explore(|| {
                let scheduler = Scheduler::new();
                let mut event = Box::pin(event_and_wake());
                let mut polls = 0;
                scheduler.spawn(poll_fn(move |cx| {
                    polls += 1;
                    if polls <= 2 {
                        let waker = cx.waker().clone();
                        join(spawn(|| waker.wake()));
                        return Poll::Pending;
                    }
                    event.as_mut().poll(cx)
                }));
                scheduler.run();
            });
        }
    };
}

mod exp6 {
    wakes!(exp6);
    handles!(exp6);
    jobs!(exp6);
    bytes!();
}

/// The stand-in for the local queue's cell panics if another thread comes to it, in all of them.
mod exp6_fast {
    wakes!(exp6_fast);
    handles!(exp6_fast);
    jobs!(exp6_fast);
    bytes!();

    /// While the task that wakes yields, the loop moves the remote id into the local queue, where the local id follows it.
    #[test]
    fn a_task_whose_remote_id_comes_first_is_polled_once() {
        explore(|| {
            let polls = polls_after(async |waker| {
                let by_thread = waker.clone();
                join(spawn(|| by_thread.wake()));
                yield_now().await;
                waker.wake();
            });
            assert_eq!(polls, (2, 3));
        });
    }

    /// A task that gives `act` a waker in its only poll, and whose last owner, the handle, is dropped when `run` has ended.
    /// Loom reports a task that is freed twice or never, and one that is used, elsewhere or here, while it is freed.
    fn last_owner_meets(act: impl Fn(Waker) + Copy + Send + Sync + 'static) {
        explore(move || {
            let scheduler = Scheduler::new();
            let handle = scheduler.spawn(poll_fn(move |cx| {
                act(cx.waker().clone());
                Poll::Ready(())
            }));
            scheduler.run();
            drop(scheduler);
            drop(handle);
        });
    }

    #[test]
    fn the_last_waker_may_go_elsewhere_while_the_last_owner_goes_here() {
        last_owner_meets(|waker| drop(spawn(|| drop(waker))));
    }

    #[test]
    fn a_waker_may_be_cloned_elsewhere_while_the_last_owner_goes() {
        last_owner_meets(|waker| {
            spawn(|| {
                let again = waker.clone();
                drop(waker);
                drop(again);
            });
        });
    }

    #[test]
    fn two_threads_may_drop_wakers_while_the_last_owner_goes() {
        last_owner_meets(|waker| {
            let again = waker.clone();
            spawn(|| drop(waker));
            spawn(|| drop(again));
        });
    }

    /// The entry in the remote queue may be there before the end of the scheduler, come during it, or come after it.
    #[test]
    fn a_wake_may_meet_the_last_owner() {
        last_owner_meets(|waker| drop(spawn(|| waker.wake())));
    }

    /// One is cloned elsewhere and dropped here, and one the other way round: the halves are not zero, but their sum is.
    #[test]
    fn wakers_may_change_threads() {
        explore(|| {
            let scheduler = Scheduler::new();
            let handle = scheduler.spawn(poll_fn(|cx| {
                let waker = cx.waker().clone();
                let thread = spawn(|| {
                    let again = waker.clone();
                    drop(waker);
                    again
                });
                drop(thread.join().expect("it does not panic"));
                Poll::Ready(())
            }));
            scheduler.run();
            drop(handle);
        });
    }

    /// When it is dropped here, there is no owner any more: only the atomic half counts it.
    #[test]
    fn a_waker_may_be_dropped_here_after_the_last_owner() {
        explore(|| {
            let scheduler = Scheduler::new();
            let kept = Rc::new(Cell::new(None));
            let keep = Rc::clone(&kept);
            drop(scheduler.spawn(poll_fn(move |cx| {
                let waker = cx.waker().clone();
                keep.set(Some(cx.waker().clone()));
                spawn(|| drop(waker));
                Poll::Ready(())
            })));
            scheduler.run();
            drop(scheduler);
            drop(kept.take());
        });
    }

    #[test]
    fn a_wake_may_meet_the_end_of_block_on_and_of_its_scheduler() {
        explore(|| {
            let scheduler = Scheduler::new();
            scheduler.block_on(async {
                let mut event = pin!(event_and_wake());
                let _polled = poll_fn(|cx| Poll::Ready(event.as_mut().poll(cx))).await;
            });
        });
    }
}

/// The pool's twin, without a scheduler. A model ends when all threads have ended: so each shows as well that they do.
mod exp6_pool {
    use loom::sync::Notify;
    use verify::exp6_pool::ThreadPool;

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        ThreadPool::with_name("blocking".to_owned(), threads)
    }

    /// Gives the pool a job, and returns what its end wakes.
    fn execute(pool: &ThreadPool) -> Arc<Notify> {
        let done = Arc::new(Notify::new());
        let sender = Arc::clone(&done);
        pool.execute(move || sender.notify());
        done
    }

    /// The thread looks for a job, spins, looks for the last time, or sleeps. The second job meets it on its way back there.
    #[test]
    fn a_job_is_done_whatever_the_thread_does_when_it_comes() {
        explore_within_bounds(|| {
            let pool = pool(1);
            execute(&pool).wait();
            execute(&pool).wait();
        });
    }

    #[test]
    fn jobs_that_are_queued_when_the_pool_is_dropped_are_done() {
        explore_within_bounds(|| {
            let pool = pool(1);
            let jobs = [execute(&pool), execute(&pool)];
            drop(pool);
            jobs.iter().for_each(|done| done.wait());
        });
    }

    /// One thread spins and the other one sleeps, or both sleep. The first job ends only after the second: so the thread that
    /// takes it, or the push, has to call the other.
    #[test]
    fn a_job_that_takes_long_does_not_keep_the_next_from_another_thread() {
        explore_within_bounds(|| {
            let pool = pool(2);
            let (second, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (waits, ends) = (Arc::clone(&second), Arc::clone(&done));
            pool.execute(move || {
                waits.wait();
                ends.notify();
            });
            pool.execute(move || second.notify());
            done.wait();
        });
    }
}
