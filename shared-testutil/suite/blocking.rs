//! Jobs on the pool: awaited, aborted, detached and dropped like any other task, while the loop goes on.

use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{JoinError, JoinHandle, Scheduler, sleep, spawn, spawn_blocking, timeout, yield_now};
use futures::future::join_all;
use shared_testutil::{OrderLog, assert_took, message_in, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const SECONDS: Duration = Duration::from_secs(20);
/// More than the pool has threads, on any machine.
const MANY: usize = 64;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Scheduler::new().block_on(future)
}

fn is_cancelled<T>(result: Result<T, JoinError>) -> bool {
    result.is_err_and(|error| error.is_cancelled())
}

/// What jobs wait at.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        let (is_open, opened) = &*self.0;
        *is_open.lock().expect("no poison") = true;
        opened.notify_all();
    }

    fn pass(&self) {
        let (is_open, opened) = &*self.0;
        let mut is_open = is_open.lock().expect("no poison");
        while !*is_open {
            is_open = opened.wait(is_open).expect("no poison");
        }
    }
}

/// Jobs that keep every thread of the pool until the gate is opened.
fn occupy_all_threads(gate: &Gate) -> Vec<JoinHandle<()>> {
    let occupy = |_| {
        let gate = gate.clone();
        spawn_blocking(move || gate.pass())
    };
    (0..MANY).map(occupy).collect()
}

#[test]
fn a_job_gives_its_result() {
    let _watchdog = watchdog(LIMIT);
    let result = block_on(async { spawn_blocking(|| 3 + 5).await });
    assert_eq!(result.expect("no panic"), 8);
}

#[test]
fn a_job_runs_on_another_thread() {
    let _watchdog = watchdog(LIMIT);
    let there = block_on(async { spawn_blocking(|| thread::current().id()).await });
    assert_ne!(there.expect("no panic"), thread::current().id());
}

#[test]
fn a_job_starts_at_once_awaited_or_not() {
    let _watchdog = watchdog(LIMIT);
    let (sender, receiver) = mpsc::channel();
    block_on(async {
        let handle = spawn_blocking(move || sender.send("started"));
        // The loop does nothing until the job has been there.
        assert_eq!(receiver.recv(), Ok("started"));
        assert!(!handle.is_finished());
        assert!(handle.await.expect("no panic").is_ok());
    });
}

#[test]
fn two_jobs_run_at_the_same_time() {
    let _watchdog = watchdog(LIMIT);
    let both = Arc::new(Barrier::new(2));
    block_on(async {
        let jobs = [Arc::clone(&both), both].map(|both| spawn_blocking(move || both.wait().is_leader()));
        // Neither gets past the barrier alone.
        let leaders = join_all(jobs).await;
        assert_eq!(
            leaders.into_iter().filter(|leader| matches!(leader, Ok(true))).count(),
            1
        );
    });
}

#[test]
fn more_jobs_than_threads_are_all_done() {
    let _watchdog = watchdog(LIMIT);
    let results = block_on(async {
        let jobs = (0..10 * MANY).map(|number| {
            spawn_blocking(move || {
                thread::sleep(ms(1));
                number
            })
        });
        join_all(jobs).await
    });
    let results: Vec<usize> = results.into_iter().map(|result| result.expect("no panic")).collect();
    assert_eq!(results, (0..10 * MANY).collect::<Vec<usize>>());
}

#[test]
fn timers_fire_and_tasks_run_while_a_job_does() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let gate = Gate::default();
    let scheduler = Scheduler::new();
    let (waited, job) = (gate.clone(), log.clone());
    let joining = log.clone();
    scheduler.spawn(async move {
        let handle = spawn_blocking(move || {
            job.note("job starts");
            waited.pass();
            job.note("job ends");
        });
        handle.await.expect("no panic");
        joining.note("joined");
    });
    let ticking = log.clone();
    scheduler.spawn(async move {
        while ticking.count("job starts") == 0 {
            yield_now().await;
        }
        for tick in 1..=3 {
            sleep(ms(10)).await;
            ticking.note(format!("tick {tick}"));
        }
        gate.open();
    });
    scheduler.run();
    log.assert_is(&["job starts", "tick 1", "tick 2", "tick 3", "job ends", "joined"]);
}

#[test]
fn a_result_ends_an_idle_wait() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let scheduler = Scheduler::new();
    scheduler.spawn(async {
        let job = spawn_blocking(|| thread::sleep(ms(50)));
        job.await.expect("no panic");
    });
    scheduler.run();
    assert_took("the job", start, ms(50), SECONDS);
}

#[test]
fn a_thousand_jobs_in_turn_lose_no_wake() {
    let _watchdog = watchdog(LIMIT);
    let sum = block_on(async {
        let mut sum = 0;
        for number in 0..1000 {
            sum += spawn_blocking(move || number).await.expect("no panic");
        }
        sum
    });
    assert_eq!(sum, 999 * 500);
}

#[test]
fn a_job_is_finished_when_its_task_has_taken_the_result() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let waited = gate.clone();
    block_on(async {
        let mut handle = spawn_blocking(move || waited.pass());
        assert!(!handle.is_finished());
        gate.open();
        assert!((&mut handle).await.is_ok());
        assert!(handle.is_finished());
    });
}

#[test]
fn a_panic_in_a_job_reaches_the_joiner() {
    let _watchdog = watchdog(LIMIT);
    let error = block_on(async {
        let handle = spawn_blocking(|| panic!("in the job"));
        let result: Result<(), JoinError> = handle.await;
        result.expect_err("a panic")
    });
    assert!(error.is_panic());
    assert_eq!(message_in(error.into_panic().as_ref()), Some("in the job"));
}

#[test]
fn panics_use_up_no_threads() {
    let _watchdog = watchdog(LIMIT);
    block_on(async {
        let jobs = (0..2 * MANY).map(|_| spawn_blocking(|| panic!("in the job")));
        let results: Vec<Result<(), JoinError>> = join_all(jobs).await;
        assert!(results.iter().all(Result::is_err));
        assert_eq!(spawn_blocking(|| 7).await.expect("no panic"), 7);
    });
}

#[test]
fn a_job_aborted_while_it_is_queued_runs_all_the_same() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let (sender, receiver) = mpsc::channel::<()>();
    block_on(async {
        let occupied = occupy_all_threads(&gate);
        let handle = spawn_blocking(move || sender.send(()));
        yield_now().await;
        handle.abort();
        // Cancelled at once, long before a thread is free.
        assert!(is_cancelled(handle.await));
        gate.open();
        join_all(occupied).await;
    });
    assert!(receiver.recv().is_ok());
}

#[test]
fn a_job_aborted_while_it_runs_goes_on_and_its_result_is_dropped() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let result = Arc::new("result");
    let (sender, receiver) = mpsc::channel();
    let (waited, returned) = (gate.clone(), Arc::clone(&result));
    let scheduler = Scheduler::new();
    scheduler.block_on(async {
        let started = Gate::default();
        let starts = started.clone();
        let handle = spawn_blocking(move || {
            starts.open();
            waited.pass();
            sender.send("the job has come to its end").expect("a receiver");
            returned
        });
        started.pass();
        handle.abort();
        assert!(is_cancelled(handle.await));
    });
    // Nothing is left to wait for, though the job still runs.
    scheduler.run();
    assert!(receiver.try_recv().is_err());
    gate.open();
    assert_eq!(receiver.recv(), Ok("the job has come to its end"));
    while Arc::strong_count(&result) > 1 {
        thread::yield_now();
    }
}

#[test]
fn a_detached_job_is_done_before_run_ends() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let result = Arc::new("result");
    let (task, returned) = (log.clone(), Arc::clone(&result));
    scheduler.spawn(async move {
        let job = task.clone();
        drop(spawn_blocking(move || {
            thread::sleep(ms(50));
            job.note("job ends");
            returned
        }));
        task.note("task ends");
    });
    scheduler.run();
    log.note("run ends");
    log.assert_is(&["task ends", "job ends", "run ends"]);
    assert_eq!(Arc::strong_count(&result), 1, "the result is dropped");
}

#[test]
fn a_result_that_is_not_taken_is_dropped_with_the_handle() {
    let _watchdog = watchdog(LIMIT);
    let result = Arc::new("result");
    let returned = Arc::clone(&result);
    let scheduler = Scheduler::new();
    let handle = scheduler.block_on(async { spawn_blocking(move || returned) });
    scheduler.run();
    assert!(handle.is_finished());
    assert_eq!(Arc::strong_count(&result), 2);
    drop(handle);
    assert_eq!(Arc::strong_count(&result), 1);
}

#[test]
fn a_scheduler_dropped_while_a_job_runs_does_not_wait_for_it() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let (sender, receiver) = mpsc::channel();
    let (started, waited) = (Gate::default(), gate.clone());
    let starts = started.clone();
    let scheduler = Scheduler::new();
    let handle = scheduler.block_on(async {
        spawn_blocking(move || {
            starts.open();
            waited.pass();
            sender.send("the job has come to its end").expect("a receiver");
            Rc::new(7).to_string()
        })
    });
    started.pass();
    drop(scheduler);
    assert!(receiver.try_recv().is_err());
    assert!(handle.is_finished());
    assert!(is_cancelled(block_on(handle)));
    // Nobody takes its result, and nothing else happens.
    gate.open();
    assert_eq!(receiver.recv(), Ok("the job has come to its end"));
}

#[test]
fn a_job_that_is_queued_when_the_scheduler_is_dropped_runs_all_the_same() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let (sender, receiver) = mpsc::channel::<()>();
    let (at_work, started) = mpsc::channel();
    let scheduler = Scheduler::new();
    scheduler.block_on(async {
        for _ in 0..MANY {
            let (gate, at_work) = (gate.clone(), at_work.clone());
            drop(spawn_blocking(move || {
                at_work.send(()).expect("the test listens");
                gate.pass();
            }));
        }
        drop(spawn_blocking(move || sender.send(())));
    });
    // All threads are at work, and so the last job is queued.
    let threads = thread::available_parallelism().map_or(1, usize::from) + 4;
    for _ in 0..threads.min(32) {
        started.recv().expect("a thread is at work");
    }
    drop(scheduler);
    gate.open();
    assert!(receiver.recv().is_ok());
}

#[test]
fn a_job_that_never_ends_keeps_no_scheduler_from_being_dropped() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let started = Gate::default();
    let starts = started.clone();
    scheduler.block_on(async {
        drop(spawn_blocking(move || {
            starts.open();
            loop {
                thread::park();
            }
        }));
    });
    started.pass();
    drop(scheduler);
}

#[test]
fn spawn_blocking_outside_a_scheduler_panics_and_says_what_to_do() {
    let _watchdog = watchdog(LIMIT);
    let message = message_of_panic(|| spawn_blocking(|| ()));
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
    assert!(message.contains("inside `Scheduler::run`"), "{message}");
}

#[test]
fn a_job_is_outside_of_its_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let error = block_on(async { spawn_blocking(|| drop(spawn_blocking(|| ()))).await });
    let error = error.expect_err("a panic");
    assert!(
        error.to_string().contains("no scheduler runs on this thread"),
        "{error}"
    );
}

#[test]
fn a_job_may_run_a_scheduler_of_its_own() {
    let _watchdog = watchdog(LIMIT);
    let result = block_on(async {
        let inner = || {
            block_on(async {
                sleep(ms(1)).await;
                let job = spawn_blocking(|| 7);
                spawn(job).await.expect("no panic").expect("no panic")
            })
        };
        spawn_blocking(inner).await
    });
    assert_eq!(result.expect("no panic"), 7);
}

#[test]
fn a_job_asked_for_while_the_scheduler_is_dropped_runs_and_its_result_is_dropped() {
    let _watchdog = watchdog(LIMIT);
    struct AsksAtDrop(Option<mpsc::Sender<()>>);
    impl Drop for AsksAtDrop {
        fn drop(&mut self) {
            let sender = self.0.take().expect("dropped once");
            let handle = spawn_blocking(move || sender.send(()));
            assert!(handle.is_finished());
        }
    }
    let (sender, receiver) = mpsc::channel();
    let scheduler = Scheduler::new();
    let asks = AsksAtDrop(Some(sender));
    let handle = scheduler.spawn(async move {
        let _asks = asks;
        pending::<()>().await;
    });
    scheduler.block_on(yield_now());
    drop(scheduler);
    assert!(receiver.recv().is_ok());
    assert!(is_cancelled(block_on(handle)), "the drop did not panic");
}

#[test]
fn a_job_that_takes_too_long_can_be_awaited_again() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let waited = gate.clone();
    let result = block_on(async {
        let mut handle = spawn_blocking(move || {
            waited.pass();
            7
        });
        assert!(timeout(ms(20), &mut handle).await.is_err());
        gate.open();
        handle.await
    });
    assert_eq!(result.expect("no panic"), 7);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("in the drop");
        }
    }
}

#[test]
fn a_result_that_panics_when_it_is_dropped_does_no_harm_if_nobody_wants_it() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    block_on(async {
        // Detached, and so dropped here; aborted, and so dropped by the pool, as often as it has threads and more.
        drop(spawn_blocking(|| Bomb));
        for _ in 0..MANY {
            let (started, waited) = (Gate::default(), gate.clone());
            let starts = started.clone();
            let handle = spawn_blocking(move || {
                starts.open();
                waited.pass();
                Bomb
            });
            // Some wait for a thread, and are aborted before they start.
            handle.abort();
            assert!(is_cancelled(handle.await));
        }
        gate.open();
        let jobs = (0..MANY).map(|number| spawn_blocking(move || number));
        let results = join_all(jobs).await;
        assert!(results.into_iter().map(Result::unwrap).eq(0..MANY));
    });
}

#[test]
fn a_job_that_panics_when_it_is_dropped_unstarted_does_no_harm() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    block_on(async {
        let occupied = occupy_all_threads(&gate);
        for _ in 0..MANY {
            let bomb = Bomb;
            let handle = spawn_blocking(move || {
                let _bomb = bomb;
            });
            handle.abort();
            assert!(is_cancelled(handle.await));
        }
        gate.open();
        join_all(occupied).await;
        let jobs = (0..MANY).map(|number| spawn_blocking(move || number));
        let results = join_all(jobs).await;
        assert!(results.into_iter().map(Result::unwrap).eq(0..MANY));
    });
}

#[test]
fn jobs_and_tasks_talk_through_channels() {
    let _watchdog = watchdog(LIMIT);
    let sum = block_on(async {
        let (to_job, from_task) = async_channel::bounded(1);
        let (to_task, from_job) = async_channel::bounded(1);
        let job = spawn_blocking(move || {
            while let Ok(number) = from_task.recv_blocking() {
                to_task.send_blocking(2 * number).expect("the task listens");
            }
            "closed"
        });
        let mut sum = 0;
        for number in 1..=100 {
            to_job.send(number).await.expect("the job listens");
            sum += from_job.recv().await.expect("the job answers");
        }
        drop(to_job);
        assert_eq!(job.await.expect("no panic"), "closed");
        sum
    });
    assert_eq!(sum, 2 * 5050);
}
