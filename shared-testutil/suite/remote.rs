//! `Remote`: spawning from other threads.

use std::cell::RefCell;
use std::error::Error;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures::executor;
use futures::future::{BoxFuture, FutureExt};

use crate::sched::{Remote, RemoteHandle, Scheduler, sleep, spawn, timeout, yield_now};
use shared_testutil::{CountingWaker, DropFlag, HomeThread, message_in, message_of_panic, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// Does `f` on another thread while the scheduler waits for its end.
fn beside<T: Send + 'static>(scheduler: &Scheduler, f: impl FnOnce(Remote) -> T + Send + 'static) -> T {
    let remote = scheduler.remote().unwrap();
    let (sender, receiver) = async_channel::bounded(1);
    let thread = thread::spawn(move || {
        let result = f(remote);
        sender.send_blocking(()).unwrap();
        result
    });
    scheduler.block_on(receiver.recv()).unwrap();
    thread.join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// A value that does something in its drop.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0.take().unwrap()();
    }
}

#[test]
fn a_remote_goes_anywhere_and_a_handle_as_well() {
    fn assert_remote<T: Clone + Send + Sync + Unpin + std::fmt::Debug>() {}
    fn assert_handle<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    assert_remote::<Remote>();
    assert_handle::<RemoteHandle<std::cell::Cell<u32>>>();
}

#[test]
fn a_future_that_is_not_send_runs_and_is_dropped_on_the_schedulers_thread() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let home = thread::current().id();
    let flag = DropFlag::new();
    let at_home = flag.clone();
    let result = beside(&scheduler, move |remote| {
        let task = remote.spawn(move || {
            let value = HomeThread::new(&at_home);
            async move {
                let _value = &value;
                yield_now().await;
                sleep(Duration::from_millis(1)).await;
                thread::current().id()
            }
        });
        task.join()
    });
    assert_eq!(result.unwrap(), home);
    flag.assert_dropped_at_home();
}

#[test]
fn a_handle_can_be_awaited_on_another_executor() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let result = beside(&scheduler, |remote| {
        let other = Scheduler::new();
        let first = other.block_on(remote.spawn(|| async { 1 })).unwrap();
        first + executor::block_on(remote.spawn(|| async { 2 })).unwrap()
    });
    assert_eq!(result, 3);
}

#[test]
fn a_handle_can_be_awaited_by_a_task_of_its_own_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let mut task = remote.spawn(|| async {
        sleep(Duration::from_millis(200)).await;
        5
    });
    let result = scheduler.block_on(async {
        assert!(timeout(Duration::from_millis(1), &mut task).await.is_err());
        task.await
    });
    assert_eq!(result.unwrap(), 5);
}

#[test]
fn a_waker_that_is_left_behind_is_dropped_and_only_the_latest_is_woken() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let mut task = scheduler.remote().unwrap().spawn(|| async {});
    let wakers = [CountingWaker::new(), CountingWaker::new()];
    for waker in &wakers {
        assert!(task.poll_unpin(&mut Context::from_waker(&waker.waker())).is_pending());
    }
    scheduler.run();
    assert_eq!(wakers.map(|waker| waker.count()), [0, 1]);
}

#[test]
fn a_parked_scheduler_is_unparked() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let count = beside(&scheduler, |remote| {
        let mut count = 0;
        for _ in 0..100 {
            thread::sleep(Duration::from_micros(200));
            count += remote.spawn(|| async { 1 }).join().unwrap();
        }
        count
    });
    assert_eq!(count, 100);
}

#[test]
fn a_remote_does_not_keep_run_from_ending() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    scheduler.run();
    scheduler.spawn(async {});
    scheduler.run();
    drop(remote);
}

#[test]
fn what_it_spawns_before_run_waits_for_run_which_has_no_other_task() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    // The first time nothing has run yet, later something has.
    for round in 0..3 {
        let remote = remote.clone();
        let task = thread::spawn(move || remote.spawn(move || async move { round }))
            .join()
            .unwrap();
        assert!(!task.is_finished());
        scheduler.run();
        assert_eq!(task.join().unwrap(), round);
    }
}

#[test]
fn run_until_stalled_runs_it_as_well() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    scheduler.run_until_stalled();
    for _ in 0..3 {
        let remote = remote.clone();
        let task = thread::spawn(move || remote.spawn(|| async { 7 })).join().unwrap();
        scheduler.run_until_stalled();
        assert_eq!(task.join().unwrap(), 7);
    }
}

#[test]
fn on_the_schedulers_own_thread_it_is_spawn() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = |number| {
        let order = Arc::clone(&order);
        move || async move { order.lock().unwrap().push(number) }
    };
    // Outside of `run`, and inside of it, where the task that spawns is the last.
    remote.spawn(log(1));
    scheduler.spawn(log(2)());
    let (inner, last) = (remote.clone(), log(4));
    scheduler.spawn(async move {
        inner.spawn(last);
    });
    remote.spawn(log(3));
    scheduler.run();
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn the_tasks_of_one_thread_are_spawned_in_their_order() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&order);
    beside(&scheduler, move |remote| {
        let mut last = None;
        for number in 0..1000 {
            let log = Arc::clone(&log);
            last = Some(remote.spawn(move || async move { log.lock().unwrap().push(number) }));
        }
        last.unwrap().join().unwrap();
    });
    assert_eq!(*order.lock().unwrap(), (0..1000).collect::<Vec<_>>());
}

#[test]
fn of_a_burst_none_is_lost() {
    let _watchdog = watchdog(LIMIT);
    const THREADS: u32 = 4;
    const EACH: u32 = 25_000;
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let (sender, ended) = async_channel::bounded(THREADS as usize);
    for _ in 0..THREADS {
        let (remote, count, sender) = (remote.clone(), Arc::clone(&count), sender.clone());
        thread::spawn(move || {
            for _ in 0..EACH {
                let count = Arc::clone(&count);
                remote.spawn(move || async move { count.fetch_add(1, Ordering::Relaxed) });
            }
            // Behind all of its own.
            remote.spawn(move || async move { sender.send(()).await });
        });
    }
    scheduler.block_on(async {
        for _ in 0..THREADS {
            ended.recv().await.unwrap();
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), THREADS * EACH);
}

#[cfg(unix)]
#[test]
fn two_remotes_of_one_scheduler_share_the_descriptors() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let first = scheduler.remote().unwrap();
    let probe = || std::os::fd::AsRawFd::as_raw_fd(&std::fs::File::open("/dev/null").unwrap());
    let before = probe();
    let second = scheduler.remote().unwrap();
    let third = scheduler.block_on(async { scheduler.remote().unwrap() });
    // Other tests open and close some meanwhile; a pair of ours for each would be many.
    let many: Vec<_> = (0..2000).map(|_| scheduler.remote().unwrap()).collect();
    assert!(probe() < before + 1500);
    let tasks =
        [first, second, third].map(|remote| thread::spawn(move || remote.spawn(|| async { 1 })).join().unwrap());
    scheduler.run();
    assert_eq!(tasks.map(|task| task.join().unwrap()), [1, 1, 1]);
    drop(many);
}

#[test]
fn a_remote_can_be_made_inside_of_its_scheduler_but_not_inside_of_another() {
    let _watchdog = watchdog(LIMIT);
    let (scheduler, other) = (Scheduler::new(), Scheduler::new());
    let remote = scheduler.block_on(async { scheduler.remote() }).unwrap();
    let error = scheduler.block_on(async { other.remote() }).unwrap_err();
    assert!(error.to_string().contains("another scheduler"), "{error}");
    // One that is there already is found.
    other.remote().unwrap();
    scheduler.block_on(async { other.remote() }).unwrap();
    let task = thread::spawn(move || remote.spawn(|| async { 1 })).join().unwrap();
    scheduler.run();
    assert_eq!(task.join().unwrap(), 1);
}

#[test]
fn a_panic_of_the_closure_or_of_its_future_is_the_tasks() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    fn closure() -> BoxFuture<'static, ()> {
        panic!("in the closure")
    }
    let tasks = [
        remote.spawn(closure),
        remote.spawn(|| async { panic!("in the future") }.boxed()),
    ];
    scheduler.run();
    let texts = tasks.map(|task| {
        message_in(&*task.join().unwrap_err().into_panic())
            .unwrap_or_default()
            .to_owned()
    });
    assert_eq!(texts, ["in the closure", "in the future"]);
}

#[test]
fn a_scheduler_that_is_dropped_cancels_what_it_has_and_what_it_never_ran() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let started = remote.spawn(pending::<()>);
    scheduler.run_until_stalled();
    let spawned = remote.spawn(pending::<()>);
    let (waiting, remote) = thread::spawn(move || (remote.spawn(pending::<()>), remote))
        .join()
        .unwrap();
    let blocked = thread::spawn(move || waiting.join());
    assert!(!started.is_finished() && !spawned.is_finished() && !blocked.is_finished());
    drop(scheduler);
    assert!(started.join().unwrap_err().is_cancelled());
    assert!(spawned.join().unwrap_err().is_cancelled());
    assert!(blocked.join().unwrap().unwrap_err().is_cancelled());
    // After its end: at once.
    assert!(remote.spawn(|| async {}).join().unwrap_err().is_cancelled());
    let elsewhere = thread::spawn(move || remote.spawn(|| async {}).join()).join().unwrap();
    assert!(elsewhere.unwrap_err().is_cancelled());
}

#[test]
fn a_scheduler_that_has_never_run_cancels_as_well() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let task = thread::spawn(move || remote.spawn(|| async {})).join().unwrap();
    drop(scheduler);
    assert!(task.join().unwrap_err().is_cancelled());
}

#[test]
fn a_scheduler_of_a_thread_that_ends_cancels_as_well() {
    let _watchdog = watchdog(LIMIT);
    thread_local! {
        static KEPT: RefCell<Option<Scheduler>> = const { RefCell::new(None) };
    }
    // The locals of a thread are destroyed in an order that is not ours: both are tried.
    for first in [false, true] {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            if first {
                KEPT.with(|_| ());
            }
            let scheduler = Scheduler::new();
            let remote = scheduler.remote().unwrap();
            let task = remote.spawn(pending::<()>);
            scheduler.run_until_stalled();
            KEPT.with(|kept| kept.replace(Some(scheduler)));
            sender.send((remote, task)).unwrap();
        });
        let (remote, task) = receiver.recv().unwrap();
        let waiting = remote.spawn(|| async {});
        thread.join().unwrap();
        assert!(task.join().unwrap_err().is_cancelled());
        assert!(waiting.join().unwrap_err().is_cancelled());
        assert!(remote.spawn(|| async {}).join().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_future_is_dropped_before_the_handle_says_cancelled() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let flag = DropFlag::new();
    let at_home = flag.clone();
    let task = remote.spawn(move || {
        let value = HomeThread::new(&at_home);
        async move {
            let _value = value;
            pending::<()>().await;
        }
    });
    scheduler.run_until_stalled();
    let joiner = thread::spawn(move || {
        let result = task.join();
        (result, flag.is_dropped())
    });
    drop(scheduler);
    let (result, was_dropped) = joiner.join().unwrap();
    assert!(result.unwrap_err().is_cancelled() && was_dropped);
}

#[test]
fn a_handle_that_is_dropped_detaches_its_task() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(remote.spawn(move || async move { sender.send(5).unwrap() })))
        .join()
        .unwrap();
    scheduler.run();
    assert_eq!(receiver.recv().unwrap(), 5);
}

#[test]
fn a_result_that_nobody_takes_is_dropped_and_its_panic_hurts_nobody() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let panics = || async { OnDrop(Some(|| panic!("on purpose"))) };
    drop(remote.spawn(panics));
    let task = remote.spawn(panics);
    let other = remote.spawn(|| async { 1 });
    scheduler.run();
    drop(task);
    assert_eq!(other.join().unwrap(), 1);
}

#[test]
fn abort_ends_a_task_that_waits_and_one_that_has_not_begun() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let never_called: fn() -> BoxFuture<'static, ()> = || panic!("it was aborted");
    let errors = beside(&scheduler, move |remote| {
        let (sender, receiver) = mpsc::channel();
        let waits = remote.spawn(move || async move {
            sender.send(()).unwrap();
            pending::<()>().await;
        });
        receiver.recv().unwrap();
        waits.abort();
        waits.abort();
        [waits.join().unwrap_err()]
    });
    assert!(errors[0].is_cancelled());
    let remote = scheduler.remote().unwrap();
    let begun = thread::spawn(move || remote.spawn(never_called)).join().unwrap();
    begun.abort();
    scheduler.run();
    assert!(begun.is_finished());
    assert!(begun.join().unwrap_err().is_cancelled());
}

#[test]
fn an_abort_after_the_end_changes_nothing() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let task = scheduler.remote().unwrap().spawn(|| async { 1 });
    scheduler.run();
    task.abort();
    assert_eq!(task.join().unwrap(), 1);
}

#[test]
fn to_join_on_the_schedulers_own_thread_panics_instead_of_hanging() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let task = scheduler.remote().unwrap().spawn(|| async { 1 });
    let message = message_of_panic(|| task.join());
    assert!(message.contains("await the handle instead"), "{message}");
    // Its task was detached.
    scheduler.run();
}

#[test]
fn a_handle_that_has_given_its_result_panics() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let mut task = scheduler.remote().unwrap().spawn(|| async { 1 });
    assert_eq!(scheduler.block_on(&mut task).unwrap(), 1);
    let message = message_of_panic(|| executor::block_on(&mut task));
    assert!(message.contains("polled after it gave its result"), "{message}");
    let message = message_of_panic(|| task.join());
    assert!(message.contains("joined after it gave its result"), "{message}");
}

#[test]
fn a_drop_may_spawn() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let spawned = Arc::new(Mutex::new(Vec::new()));
    let spawns = || {
        let (remote, spawned) = (remote.clone(), Arc::clone(&spawned));
        OnDrop(Some(move || {
            let handle = remote.spawn(|| async { 1 });
            spawned.lock().unwrap().push(handle);
        }))
    };
    // In the drop of a future that has ended: it runs.
    let value = spawns();
    remote.spawn(move || async move { drop(value) });
    scheduler.run();
    assert_eq!(spawned.lock().unwrap().pop().unwrap().join().unwrap(), 1);
    // In the drop of a future, of a closure in the table and of one in the queue, with the scheduler: it is cancelled.
    let values = [spawns(), spawns(), spawns()];
    let [begun, spawned_only, queued] = values;
    remote.spawn(move || async move {
        let _value = begun;
        pending::<()>().await;
    });
    scheduler.run_until_stalled();
    remote.spawn(move || async move { drop(spawned_only) });
    let other = remote.clone();
    thread::spawn(move || drop(other.spawn(move || async move { drop(queued) })))
        .join()
        .unwrap();
    drop(scheduler);
    let handles = std::mem::take(&mut *spawned.lock().unwrap());
    assert_eq!(handles.len(), 3);
    for handle in handles {
        assert!(handle.join().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_task_may_spawn_through_it_and_await_that() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let result = beside(&scheduler, |remote| {
        let inner = remote.clone();
        let outer = remote.spawn(move || async move { inner.spawn(|| async { 6 }).await.unwrap() * 7 });
        outer.join()
    });
    assert_eq!(result.unwrap(), 42);
}

/// The loop is not busy with a byte that says nothing, even if the last task has spent its I/O budget.
#[test]
fn a_task_that_has_spent_its_budget_does_not_make_the_loop_spin() {
    let _watchdog = watchdog(LIMIT);
    use std::io::{Read, Write};
    let scheduler = Scheduler::new();
    let (near, mut far) = stream_pair().unwrap();
    far.write_all(&[0; 16]).unwrap();
    let (tell, told) = mpsc::channel();
    let reader = scheduler.spawn(async move {
        let near = crate::sched::Async::new(near).unwrap();
        // Sixteen reads in one poll spend it all.
        for _ in 0..16 {
            near.read_with(|mut near| near.read(&mut [0])).await.unwrap();
        }
        tell.send(()).unwrap();
        pending::<()>().await;
    });
    let task = beside(&scheduler, move |remote| {
        told.recv().unwrap();
        remote.spawn(|| async { 1 }).join()
    });
    assert_eq!(task.unwrap(), 1);
    drop(reader);
}

#[test]
fn it_works_beside_tasks_that_are_always_ready() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    scheduler.spawn(async {
        loop {
            yield_now().await;
        }
    });
    assert_eq!(
        beside(&scheduler, |remote| remote.spawn(|| async { 1 }).join()).unwrap(),
        1
    );
}

#[test]
fn a_waker_of_the_handle_may_use_the_remote() {
    let _watchdog = watchdog(LIMIT);
    struct Spawns(Remote, Mutex<Vec<RemoteHandle<u32>>>);
    impl std::task::Wake for Spawns {
        fn wake(self: Arc<Self>) {
            let handle = self.0.spawn(|| async { 3 });
            self.1.lock().unwrap().push(handle);
        }
    }
    let scheduler = Scheduler::new();
    let remote = scheduler.remote().unwrap();
    let spawns = Arc::new(Spawns(remote.clone(), Mutex::default()));
    let mut task = remote.spawn(|| async {});
    let waker = std::task::Waker::from(Arc::clone(&spawns));
    assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    scheduler.run();
    assert_eq!(spawns.1.lock().unwrap().pop().unwrap().join().unwrap(), 3);
}

#[test]
fn errors_say_what_happened() -> Result<(), Box<dyn Error>> {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let remote = scheduler.remote()?;
    let task = remote.spawn(|| poll_fn(|_| Poll::<()>::Pending));
    assert_eq!(format!("{task:?}"), "RemoteHandle { finished: false }");
    drop(scheduler);
    assert_eq!(task.join().unwrap_err().to_string(), "the task was cancelled");
    let inside = Scheduler::new().block_on(async { spawn(async { 1 }).await })?;
    assert_eq!(inside, 1);
    Ok(())
}
