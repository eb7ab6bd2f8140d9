//! A pool whose threads are all busy, jobs that never end, and jobs that panic at every place where they can.

use std::cell::Cell;
use std::collections::HashSet;
use std::panic::panic_any;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::sched::{JoinHandle, Scheduler, sleep, spawn, spawn_blocking, timeout, yield_now};
#[cfg(target_os = "linux")]
use shared_testutil::in_own_process;
use shared_testutil::{message_in, watchdog};

const LIMIT: Duration = Duration::from_secs(120);

/// More than there are threads in the pool, on any machine.
const MANY: usize = 100;

/// Keeps jobs from ending until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (open, opened) = &*self.0;
        let guard = open.lock().expect("no panic under the lock");
        drop(
            opened
                .wait_while(guard, |open| !*open)
                .expect("no panic under the lock"),
        );
    }

    fn open(&self) {
        let (open, opened) = &*self.0;
        *open.lock().expect("no panic under the lock") = true;
        opened.notify_all();
    }
}

#[test]
fn tasks_and_timers_go_on_while_all_threads_are_busy() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::default();
    let started = Arc::new(AtomicUsize::new(0));
    Scheduler::new().block_on(async {
        let jobs: Vec<JoinHandle<usize>> = (0..MANY)
            .map(|number| {
                let (gate, started) = (gate.clone(), Arc::clone(&started));
                spawn_blocking(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    gate.pass();
                    number
                })
            })
            .collect();
        let ticks = Rc::new(Cell::new(0));
        let ticker = Rc::clone(&ticks);
        let ticker = spawn(async move {
            for _ in 0..20 {
                sleep(Duration::from_millis(5)).await;
                ticker.set(ticker.get() + 1);
            }
        });
        ticker.await.expect("it cannot fail");
        assert_eq!(ticks.get(), 20);
        let busy = started.load(Ordering::SeqCst);
        assert!(0 < busy && busy < MANY, "{busy} jobs run at once");
        assert!(jobs.iter().all(|job| !job.is_finished()));

        // The handle of a job that is aborted need not wait for a thread.
        let has_run = Arc::new(AtomicBool::new(false));
        let ran = Arc::clone(&has_run);
        let late = spawn_blocking(move || ran.store(true, Ordering::SeqCst));
        late.abort();
        assert!(late.await.expect_err("it was aborted").is_cancelled());
        timeout(Duration::from_millis(20), spawn_blocking(|| ()))
            .await
            .expect_err("no thread is free");

        gate.open();
        for (number, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.expect("it does not fail"), number);
        }
        spawn_blocking(|| ()).await.expect("threads are free");
        assert!(has_run.load(Ordering::SeqCst), "a job runs to its end");
    });
}

#[test]
fn a_scheduler_is_dropped_at_once_though_its_jobs_never_end() {
    let _watchdog = watchdog(LIMIT);
    let (gate, result) = (Gate::default(), Arc::new(()));
    let (end, ended) = channel::<()>();
    let start = Instant::now();
    for _ in 0..10 {
        let scheduler = Scheduler::new();
        let (started, has_started) = channel();
        let handle = scheduler.block_on(async {
            let (gate, result, end) = (gate.clone(), Arc::clone(&result), end.clone());
            let job = spawn_blocking(move || {
                started.send(()).expect("the test listens");
                gate.pass();
                drop(end);
                result
            });
            // More than can start before the scheduler is dropped.
            for _ in 0..MANY {
                drop(spawn_blocking(|| ()));
            }
            yield_now().await;
            job
        });
        has_started.recv().expect("the job starts");
        drop(scheduler);
        assert!(handle.is_finished());
    }
    assert!(start.elapsed() < Duration::from_secs(20), "the drop waits for jobs");
    // They end at last, and what they return is dropped, on whatever thread.
    gate.open();
    drop(end);
    ended.recv().expect_err("all jobs have dropped their end");
    while Arc::strong_count(&result) > 1 {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Panics when it is dropped.
struct PanicsInDrop(Arc<AtomicUsize>);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        if !thread::panicking() {
            panic!("on purpose: in a drop");
        }
    }
}

#[test]
fn jobs_that_panic_in_every_way_leave_the_pool_as_it_was() {
    let _watchdog = watchdog(LIMIT);
    let drops = Arc::new(AtomicUsize::new(0));
    Scheduler::new().block_on(async {
        for round in 0..10 {
            // In the job.
            let error = spawn_blocking(move || panic_any(round)).await.expect_err("it panics");
            assert_eq!(error.into_panic().downcast_ref::<i32>(), Some(&round));
            // In the drop of what the job owns.
            let taken = PanicsInDrop(Arc::clone(&drops));
            let error = spawn_blocking(move || drop(taken)).await.expect_err("it panics");
            assert_eq!(message_in(&*error.into_panic()), Some("on purpose: in a drop"));
            // In the drop of a result that nobody wants.
            let result = PanicsInDrop(Arc::clone(&drops));
            drop(spawn_blocking(move || result));
            // In the drop of a job that was given up, with what it has taken along.
            let taken = PanicsInDrop(Arc::clone(&drops));
            let given_up = spawn_blocking(move || {
                let _taken = &taken;
            });
            given_up.abort();
            let _whether_it_ran = given_up.await;
        }
        while drops.load(Ordering::SeqCst) < 30 {
            sleep(Duration::from_millis(1)).await;
        }
        for round in 0..MANY {
            assert_eq!(spawn_blocking(move || round).await.expect("it does not fail"), round);
        }
    });
    assert_eq!(drops.load(Ordering::SeqCst), 30);
}

/// Jobs that are spawned, awaited, limited, aborted and detached in all orders; each runs once at most, and those that
/// nobody gave up exactly once.
#[test]
fn no_job_is_lost_and_none_runs_twice() {
    /// This one in five may run or not.
    const GIVEN_UP: usize = 3;
    let _watchdog = watchdog(LIMIT);
    let (runs, must_run) = (Arc::new(AtomicUsize::new(0)), Cell::new(0));
    let (sender, received) = channel::<usize>();
    let job = |number: usize, sender: &Sender<usize>| {
        let (runs, sender) = (Arc::clone(&runs), sender.clone());
        move || {
            if number % 5 != GIVEN_UP {
                runs.fetch_add(1, Ordering::SeqCst);
            }
            sender.send(number).expect("the test listens");
            number
        }
    };
    Scheduler::new().block_on(async {
        for round in 0..300 {
            let mut handles = Vec::new();
            for way in 0..5 {
                let handle = spawn_blocking(job(round * 5 + way, &sender));
                match way {
                    0 | 1 => handles.push((way, handle)),
                    // Detached before it can have been noticed: it may be given up only by an abort.
                    2 => drop(handle),
                    GIVEN_UP => handle.abort(),
                    _ => drop(timeout(Duration::ZERO, handle).await),
                }
                if way != GIVEN_UP {
                    must_run.set(must_run.get() + 1);
                }
            }
            for (way, handle) in handles {
                assert_eq!(handle.await.expect("it does not fail"), round * 5 + way);
            }
        }
        let start = Instant::now();
        while runs.load(Ordering::SeqCst) < must_run.get() && start.elapsed() < Duration::from_secs(20) {
            sleep(Duration::from_millis(1)).await;
        }
    });
    drop(sender);
    let mut ran: Vec<usize> = received.iter().collect();
    ran.sort_unstable();
    assert!(ran.is_sorted_by(|a, b| a < b), "a job has run twice");
    let lost: Vec<usize> = (0..1_500)
        .filter(|number| number % 5 != GIVEN_UP && ran.binary_search(number).is_err())
        .collect();
    assert!(lost.is_empty(), "these jobs are lost: {lost:?}");
}

/// A thread that panics is replaced, which costs a new thread. If the system gives none at that moment, the process ends.
#[test]
fn no_thread_dies_of_an_aborted_job_whose_result_panics_in_its_drop() {
    let _watchdog = watchdog(LIMIT);
    let drops = Arc::new(AtomicUsize::new(0));
    let threads: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
    Scheduler::new().block_on(async {
        let all = pool_threads();
        let look = || {
            let threads = Arc::clone(&threads);
            move || {
                threads
                    .lock()
                    .expect("no panic under the lock")
                    .insert(thread::current().id());
                // Long enough that every thread gets one of a hundred jobs.
                thread::sleep(Duration::from_millis(1));
            }
        };
        for _ in 0..10 {
            let (gate, result) = (Gate::default(), PanicsInDrop(Arc::clone(&drops)));
            let waited = gate.clone();
            spawn_blocking(move || {
                waited.pass();
                result
            })
            .abort();
            // The task ends before the job: so the pool's thread drops the result.
            yield_now().await;
            gate.open();
            let jobs: Vec<_> = (0..MANY).map(|_| spawn_blocking(look())).collect();
            for job in jobs {
                job.await.expect("it does not fail");
            }
        }
        while drops.load(Ordering::SeqCst) < 10 {
            sleep(Duration::from_millis(1)).await;
        }
        let seen = threads.lock().expect("no panic under the lock").len();
        assert!(seen <= all, "{seen} threads have been seen in a pool of {all}");
    });
}

/// How many threads a pool has: some more than there are cores.
fn pool_threads() -> usize {
    (thread::available_parallelism().map_or(1, usize::from) + 4).min(32)
}

/// Threads may look for a job for a while before they sleep, but one job in ten milliseconds does not keep them awake.
#[cfg(target_os = "linux")]
#[test]
fn a_pool_that_has_little_to_do_takes_little_processor_time() {
    /// What all threads of the process have used, in nanoseconds.
    fn used() -> Option<u64> {
        let tasks = std::fs::read_dir("/proc/self/task").ok()?;
        let times = tasks.map(|task| {
            let times = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        times.sum()
    }
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            spawn_blocking(|| ()).await.expect("it does not fail");
            let Some(before) = used() else { return };
            let start = Instant::now();
            for _ in 0..100 {
                sleep(Duration::from_millis(10)).await;
                spawn_blocking(|| ()).await.expect("it does not fail");
            }
            let busy = Duration::from_nanos(used().expect("the system tells") - before);
            assert!(4 * busy < start.elapsed(), "busy for {busy:?} in {:?}", start.elapsed());
        });
    });
}

/// With what only Linux has: a process can limit its memory, and count its threads.
#[cfg(target_os = "linux")]
mod few_threads {
    use std::{env, fs, process, thread};

    use super::{LIMIT, MANY};
    use crate::sched::{Scheduler, spawn_blocking};
    use shared_testutil::watchdog;

    /// With stacks of 256 MiB, and 700 MiB for all, the system gives two threads.
    #[test]
    #[ignore = "run by the test below"]
    fn a_pool_of_which_the_system_gives_a_part() {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let before = threads();
        limit_memory_to(address_space() + 700 * 1024 * 1024);
        scheduler.block_on(async {
            let jobs: Vec<_> = (0..MANY).map(|number| spawn_blocking(move || number)).collect();
            for (number, job) in jobs.into_iter().enumerate() {
                assert_eq!(job.await.expect("it does not fail"), number);
            }
        });
        let wanted = thread::available_parallelism().map_or(1, usize::from) + 4;
        let given = threads() - before;
        assert!(0 < given && given < wanted.min(32), "{given} threads");
    }

    /// Not even one fits, and later there is room.
    #[test]
    #[ignore = "run by the test below"]
    fn a_pool_of_which_the_system_gives_nothing() {
        let scheduler = Scheduler::new();
        let used = address_space();
        limit_memory_to(used + 100 * 1024 * 1024);
        scheduler.block_on(async {
            // The message of the pool's own panic is of no use here.
            for _ in 0..2 {
                let error = spawn_blocking(|| 1).await.expect_err("no thread can start");
                let message = error.to_string();
                assert!(message.contains("the system gives no thread"), "{message}");
            }
            // Tasks go on, and so do jobs when the system has threads again.
            limit_memory_to(used + 700 * 1024 * 1024);
            assert_eq!(spawn_blocking(|| 2).await.expect("a thread has started"), 2);
        });
    }

    #[test]
    fn a_pool_works_with_the_threads_that_the_system_gives() {
        run_with_large_stacks("faults_pool::few_threads::a_pool_of_which_the_system_gives_a_part");
    }

    #[test]
    fn without_any_thread_a_job_fails_in_its_handle_and_the_next_tries_again() {
        run_with_large_stacks("faults_pool::few_threads::a_pool_of_which_the_system_gives_nothing");
    }

    /// Runs a test in a process of its own, whose threads ask for much memory. The main thread would not: so without the
    /// threads of the test runner.
    fn run_with_large_stacks(test: &str) {
        let _watchdog = watchdog(LIMIT);
        let output = process::Command::new(env::current_exe().expect("the path of this program"))
            .args(["--exact", "--ignored", test])
            .env("RUST_MIN_STACK", (256 * 1024 * 1024).to_string())
            // Otherwise each thread reserves 64 MiB for its allocations.
            .env("MALLOC_ARENA_MAX", "1")
            .output()
            .expect("this program can be run");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.contains("1 passed"), "{output:?}");
    }

    /// How many threads this process has.
    fn threads() -> usize {
        fs::read_dir("/proc/self/task").expect("Linux has it").count()
    }

    /// How many bytes of addresses this process uses.
    fn address_space() -> u64 {
        let pages = fs::read_to_string("/proc/self/statm").expect("Linux has it");
        let pages: u64 = pages
            .split(' ')
            .next()
            .and_then(|pages| pages.parse().ok())
            .expect("a number");
        pages * 4096
    }

    fn limit_memory_to(bytes: u64) {
        let program = format!("prlimit --pid {} --as={bytes}:", process::id());
        let limited = process::Command::new("sh").args(["-c", &program]).status();
        assert!(limited.expect("a shell").success(), "util-linux has prlimit");
    }
}
