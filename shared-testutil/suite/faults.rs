//! Tasks that misbehave: drops that panic, wakers that use the scheduler, chains of a million tasks, and threads that wake
//! tasks while these are dropped. Invariant 4 of `scheduler.rs`.
//!
//! `STRESS_TASKS` is how long the chains are: 100,000 unless given; a full run takes 1,000,000.

use std::cell::{Cell, RefCell};
use std::env;
use std::future::{Future, pending, poll_fn};
use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{JoinHandle, Scheduler, sleep, sleep_until, spawn, timeout, yield_now};
use shared_testutil::{DropFlag, HomeThread, in_own_process, message_in, watchdog};

const LIMIT: Duration = Duration::from_secs(300);

fn tasks() -> usize {
    env::var("STRESS_TASKS").map_or(100_000, |tasks| tasks.parse().expect("a number"))
}

/// Runs `f` with little stack: recursion over a chain of tasks would overflow it soon.
fn with_little_stack(f: impl FnOnce() + Send + 'static) {
    // Its name is what an overflow would be reported with.
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    let thread = thread::Builder::new().name(name).stack_size(256 << 10).spawn(f);
    thread.expect("a thread").join().expect("it does not fail");
}

/// Panics when it is dropped, and says that it was.
struct PanicsInDrop(Rc<Cell<usize>>);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("on purpose: in a drop");
    }
}

#[test]
fn a_scheduler_full_of_futures_whose_drops_panic_is_dropped_to_the_last() {
    let _watchdog = watchdog(LIMIT);
    let drops = Rc::new(Cell::new(0));
    let flags: Vec<DropFlag> = (0..20).map(|_| DropFlag::new()).collect();
    let scheduler = Scheduler::new();
    let mut handles = Vec::new();
    for flag in &flags {
        let (first, second) = (PanicsInDrop(Rc::clone(&drops)), HomeThread::new(flag));
        handles.push(scheduler.spawn(async move {
            let _both = (first, second);
            pending::<()>().await;
        }));
    }
    scheduler.block_on(yield_now());
    drop(scheduler);
    assert_eq!(drops.get(), 20);
    flags.iter().for_each(DropFlag::assert_dropped_at_home);
    for handle in handles {
        let mut handle = pin!(handle);
        let Poll::Ready(result) = handle.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the task has ended");
        };
        let payload = result.expect_err("it never ended by itself").into_panic();
        assert_eq!(message_in(&*payload), Some("on purpose: in a drop"));
    }
}

thread_local! {
    /// How many more payloads panic in their drop.
    static DOLLS: Cell<usize> = const { Cell::new(0) };
}

/// A payload whose drop panics with such a payload again, and so on. It cannot be dropped, so it is forgotten at last. As it has
/// no size, no memory is lost.
struct Matryoshka;

impl Drop for Matryoshka {
    fn drop(&mut self) {
        if DOLLS.get() > 0 && !thread::panicking() {
            DOLLS.set(DOLLS.get() - 1);
            panic_any(Matryoshka);
        }
    }
}

#[test]
fn payloads_whose_drops_panic_reach_nobody_who_did_not_ask() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    for depth in 0..5 {
        // Detached, and so dropped by the loop.
        drop(scheduler.spawn(async { panic_any(Matryoshka) }));
        drop(scheduler.spawn(async { Matryoshka }));
        let aborted = scheduler.spawn(async {
            let _kept = Matryoshka;
            pending::<()>().await;
        });
        scheduler.block_on(async {
            DOLLS.set(depth);
            yield_now().await;
            aborted.abort();
            DOLLS.set(depth);
            yield_now().await;
            DOLLS.set(0);
        });
    }
    let other = scheduler.spawn(async { 7 });
    scheduler.run();
    assert_eq!(scheduler.block_on(other).expect("it cannot fail"), 7);
    drop(scheduler);
}

/// Each task awaits the one before it, and the first ends last.
#[test]
fn a_long_chain_of_joins_ends_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    with_little_stack(|| {
        let length = tasks();
        let scheduler = Scheduler::new();
        let first = scheduler.spawn(async {
            sleep(Duration::from_millis(10)).await;
            0
        });
        let last = (1..length).fold(first, |before, _| {
            scheduler.spawn(async move { before.await.expect("it does not fail") + 1 })
        });
        let result = scheduler.block_on(last).expect("it does not fail");
        assert_eq!(result, length - 1);
    });
}

#[test]
fn a_long_chain_of_panics_ends_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    with_little_stack(|| {
        // A panic costs more than a join: its hook prints, or the harness does.
        let length = tasks() / 1_000;
        let scheduler = Scheduler::new();
        let first = scheduler.spawn(async { panic_any(0_usize) });
        let last = (1..length).fold(first, |before, _| {
            scheduler.spawn(async move {
                let payload = before.await.expect_err("it panics").into_panic();
                std::panic::resume_unwind(Box::new(payload.downcast_ref::<usize>().expect("a number") + 1))
            })
        });
        let payload = scheduler.block_on(last).expect_err("it panics").into_panic();
        assert_eq!(payload.downcast_ref::<usize>(), Some(&(length - 1)));
    });
}

/// Spawns the next, awaits it, and so on, to the given depth.
fn nested(depth: usize, ended: Rc<Cell<usize>>) -> Pin<Box<dyn Future<Output = usize>>> {
    Box::pin(async move {
        let below = match depth {
            0 => 0,
            _ => {
                spawn(nested(depth - 1, Rc::clone(&ended)))
                    .await
                    .expect("it does not fail")
                    + 1
            }
        };
        ended.set(ended.get() + 1);
        below
    })
}

#[test]
fn tasks_that_spawn_and_await_each_other_end_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    with_little_stack(|| {
        let depth = tasks() - 1;
        let ended = Rc::new(Cell::new(0));
        let scheduler = Scheduler::new();
        assert_eq!(scheduler.block_on(nested(depth, Rc::clone(&ended))), depth);
        assert_eq!(ended.get(), depth + 1);
    });
}

/// Aborts its task when it is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn chain_of_guards(scheduler: &Scheduler, length: usize, dropped: &Rc<Cell<usize>>) -> JoinHandle<()> {
    struct Count(Rc<Cell<usize>>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let mut last = scheduler.spawn(pending());
    for _ in 1..length {
        let (guard, count) = (AbortOnDrop(last), Count(Rc::clone(dropped)));
        last = scheduler.spawn(async move {
            let _both = (guard, count);
            pending::<()>().await;
        });
    }
    last
}

#[test]
fn a_long_chain_of_aborts_ends_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    with_little_stack(|| {
        let length = tasks();
        let scheduler = Scheduler::new();
        let dropped = Rc::new(Cell::new(0));
        let last = chain_of_guards(&scheduler, length, &dropped);
        scheduler.block_on(yield_now());
        assert_eq!(dropped.get(), 0);
        last.abort();
        // Every abort takes a poll of its own, and the last task has no guard.
        scheduler.run();
        assert_eq!(dropped.get(), length - 1);
        assert!(last.is_finished());
    });
}

#[test]
fn a_scheduler_with_long_chains_is_dropped_without_recursion() {
    let _watchdog = watchdog(LIMIT);
    with_little_stack(|| {
        let length = tasks();
        let scheduler = Scheduler::new();
        let dropped = Rc::new(Cell::new(0));
        let last = chain_of_guards(&scheduler, length, &dropped);
        let first = scheduler.spawn(pending::<usize>());
        let joins = (1..length).fold(first, |before, _| {
            scheduler.spawn(async move { before.await.map_or(0, |number| number + 1) })
        });
        // All of them wait, and so each has the waker of the next.
        scheduler.block_on(async {
            for _ in 0..3 {
                sleep(Duration::from_millis(1)).await;
            }
        });
        drop(scheduler);
        assert_eq!(dropped.get(), length - 1);
        assert!(last.is_finished() && joins.is_finished());
    });
}

thread_local! {
    /// What a [`Meddler`] does. Wakers are `Send`, and this need not be.
    static ACTION: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// A waker that calls the action when it is called, and when it is dropped.
struct Meddler;

fn meddle() {
    // Taken out meanwhile: what the action does may come back here.
    let action = ACTION.with_borrow_mut(Option::take);
    if let Some(mut action) = action {
        action();
        ACTION.with_borrow_mut(|slot| *slot = Some(action));
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        meddle();
    }
}

/// A joiner's waker is called and dropped in the middle of other tasks' ends. It may use the scheduler for anything.
#[test]
fn a_joiner_that_spawns_aborts_and_joins_while_it_is_woken_or_dropped_is_harmless() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let meddled = Rc::new(Cell::new(0));
    let spawned = Rc::new(Cell::new(0));
    scheduler.block_on(async {
        let slot: Rc<RefCell<Option<JoinHandle<HomeThread>>>> = Rc::default();
        let victim = spawn(pending::<()>());
        let (count, ended, handle) = (Rc::clone(&meddled), Rc::clone(&spawned), Rc::clone(&slot));
        let action = move || {
            count.set(count.get() + 1);
            let ended = Rc::clone(&ended);
            drop(spawn(async move {
                yield_now().await;
                ended.set(ended.get() + 1);
            }));
            victim.abort();
            // The very handle that the waker was waiting for.
            if let Some(handle) = handle.borrow_mut().as_mut() {
                let _finished = handle.is_finished();
                handle.abort();
                let _polled = Pin::new(handle)
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_ready();
            }
            drop(handle.take());
        };
        ACTION.with_borrow_mut(|slot| *slot = Some(Box::new(action)));
        for round in 0..100 {
            let flag = DropFlag::new();
            let output = HomeThread::new(&flag);
            let mut handle = spawn(async move {
                for _ in 0..round % 3 {
                    yield_now().await;
                }
                match round % 4 {
                    0 => pending().await,
                    1 => panic_any(round),
                    _ => output,
                }
            });
            let meddler = Waker::from(Arc::new(Meddler));
            assert!(
                Pin::new(&mut handle)
                    .poll(&mut Context::from_waker(&meddler))
                    .is_pending()
            );
            drop(meddler);
            // The waker is dropped for another, or with the handle, or called at the end of the task.
            let mut kept = None;
            match round % 5 {
                0 => {
                    assert!(
                        Pin::new(&mut handle)
                            .poll(&mut Context::from_waker(Waker::noop()))
                            .is_pending()
                    );
                    kept = Some(handle);
                }
                1 => drop(handle),
                _ => {
                    if round % 4 == 0 {
                        handle.abort();
                    }
                    slot.replace(Some(handle));
                }
            }
            for _ in 0..5 {
                yield_now().await;
            }
            drop(kept);
            drop(slot.take());
            // All but those that are still pending, because nobody has aborted them.
            if round % 4 > 0 || round % 5 > 1 {
                flag.assert_dropped_at_home();
            }
        }
        drop(ACTION.with_borrow_mut(Option::take));
        for _ in 0..5 {
            yield_now().await;
        }
    });
    assert!(meddled.get() >= 100, "{} times", meddled.get());
    assert_eq!(spawned.get(), meddled.get());
}

/// A waker that panics when it is called.
struct Unwilling;

impl Wake for Unwilling {
    fn wake(self: Arc<Self>) {
        panic!("on purpose: a waker that panics");
    }
}

/// The panic leaves `run`, because it is no task's. What was ready and what sleeps is there for the next.
#[test]
fn a_waker_that_panics_takes_no_task_with_it() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let ended = Rc::new(Cell::new(0));
    let unwilling = Waker::from(Arc::new(Unwilling));
    // One deadline for all, so that all are due at once.
    let deadline = Instant::now() + Duration::from_millis(20);
    let mut joined = Vec::new();
    for number in 0..10_u64 {
        let end = Rc::clone(&ended);
        let task = scheduler.spawn(async move {
            sleep_until(deadline).await;
            end.set(end.get() + 1);
        });
        joined.push(task);
        if number % 3 == 0 {
            // It sleeps for a waker that panics, and has a joiner that panics.
            let unwilling = unwilling.clone();
            drop(scheduler.spawn(async move {
                let mut sleep = pin!(sleep_until(deadline));
                poll_fn(|_| {
                    let polled = sleep.as_mut().poll(&mut Context::from_waker(&unwilling));
                    if polled.is_pending() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
                timeout(Duration::from_millis(40), pending::<()>())
                    .await
                    .expect_err("the time is up");
            }));
        }
    }
    for handle in joined.iter_mut().step_by(2) {
        let polled = Pin::new(handle).poll(&mut Context::from_waker(&unwilling));
        assert!(polled.is_pending());
    }
    let mut panics = 0;
    while catch_unwind(AssertUnwindSafe(|| scheduler.run())).is_err() {
        panics += 1;
        assert!(panics < 100);
    }
    assert_eq!(ended.get(), 10, "tasks are lost");
    assert!(joined.iter().all(JoinHandle::is_finished));
    assert!(panics >= 5, "{panics} panics");
}

/// Other threads go on waking while the tasks end and the scheduler is dropped. The futures stay on their thread.
#[test]
fn wakes_while_the_scheduler_is_dropped_are_harmless() {
    let _watchdog = watchdog(LIMIT);
    for _ in 0..500 {
        let scheduler = Scheduler::new();
        let flags: Vec<DropFlag> = (0..8).map(|_| DropFlag::new()).collect();
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        for (number, flag) in flags.iter().enumerate() {
            let at_home = HomeThread::new(flag);
            let wakers = Arc::clone(&wakers);
            let handle = scheduler.spawn(async move {
                poll_fn(|cx| {
                    wakers.lock().expect("no panic under the lock").push(cx.waker().clone());
                    Poll::Ready(())
                })
                .await;
                if number % 2 == 0 {
                    return at_home;
                }
                pending().await
            });
            if number % 4 < 2 {
                // The output, too, has to be dropped on this thread: by the task, or by the drop of the handle here.
                drop(handle);
            } else {
                scheduler.block_on(yield_now());
                drop(handle);
            }
        }
        scheduler.block_on(async {
            for _ in 0..2 {
                yield_now().await;
            }
        });
        let taken = std::mem::take(&mut *wakers.lock().expect("no panic under the lock"));
        assert_eq!(taken.len(), flags.len());
        let start = Arc::new(Barrier::new(3));
        let woken = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (taken, start, woken) = (taken.clone(), Arc::clone(&start), Arc::clone(&woken));
                thread::spawn(move || {
                    start.wait();
                    for _ in 0..20 {
                        taken.iter().for_each(Waker::wake_by_ref);
                    }
                    woken.fetch_add(1, Ordering::Relaxed);
                    // Perhaps the last to hold the tasks.
                    drop(taken);
                })
            })
            .collect();
        drop(taken);
        start.wait();
        drop(scheduler);
        flags.iter().for_each(DropFlag::assert_dropped_at_home);
        for thread in threads {
            thread.join().expect("the thread only wakes");
        }
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }
}

thread_local! {
    /// What the panic hook does on this thread.
    static IN_HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A hook runs like the handler of a signal: in the middle of a poll, and whatever the task was about to do.
#[test]
fn a_panic_hook_may_wake_spawn_abort_and_join_in_the_middle_of_a_poll() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match IN_HOOK.take() {
            Some(action) => action(),
            None => before(info),
        }));
        let log = Rc::new(RefCell::new(Vec::new()));
        let scheduler = Scheduler::new();
        scheduler.block_on(async {
            let slot: Rc<RefCell<Option<Waker>>> = Rc::default();
            let (left, noted) = (Rc::clone(&slot), Rc::clone(&log));
            let sleeper = spawn(async move {
                let mut woken = false;
                poll_fn(|cx| {
                    *left.borrow_mut() = Some(cx.waker().clone());
                    if mem::replace(&mut woken, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
                noted.borrow_mut().push("woken");
            });
            let victim = spawn(pending::<()>());
            yield_now().await;
            let noted = Rc::clone(&log);
            let own: Rc<RefCell<Option<Waker>>> = Rc::default();
            let panicking = Rc::clone(&own);
            let action = move || {
                slot.take().expect("the sleeper waits").wake();
                own.take().expect("of the task that panics").wake();
                victim.abort();
                assert!(!victim.is_finished());
                let noted = Rc::clone(&noted);
                drop(spawn(async move {
                    noted.borrow_mut().push("spawned");
                    assert!(victim.await.expect_err("aborted").is_cancelled());
                    noted.borrow_mut().push("joined");
                }));
            };
            let panics = spawn(async move {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                *panicking.borrow_mut() = Some(waker);
                IN_HOOK.set(Some(Box::new(action)));
                panic!("on purpose: for the hook");
            });
            assert!(panics.await.expect_err("a panic").is_panic());
            sleeper.await.expect("no panic");
        });
        scheduler.run();
        assert_eq!(*log.borrow(), ["woken", "spawned", "joined"]);
    });
}
