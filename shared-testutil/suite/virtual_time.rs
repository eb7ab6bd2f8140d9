//! Virtual time: the clock stands still while somebody can run or a job is on the pool, and jumps to the next deadline if not.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::{self, Read, Write};
use std::mem;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::sched::{Async, Scheduler, now, sleep, sleep_until, spawn, spawn_blocking, timeout, yield_now};
use futures::channel::oneshot;
use futures::future::join_all;
use futures::{join, poll};
#[cfg(unix)]
use shared_testutil::in_own_process;
use shared_testutil::{CountingWaker, OrderLog, assert_at_least, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// What takes no time may take this long on a busy machine.
const SECONDS: Duration = Duration::from_secs(20);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Awaits `future` in a scheduler of its own, and returns its output and the virtual time that it took.
fn run<T>(future: impl Future<Output = T>) -> (T, Duration) {
    Scheduler::with_virtual_time().block_on(async {
        let start = now();
        let output = future.await;
        (output, now() - start)
    })
}

#[test]
fn an_hour_of_sleeps_takes_no_time_and_exactly_an_hour() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let ((), took) = run(async {
        for _ in 0..3600 {
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(took, HOUR);
    assert!(start.elapsed() < SECONDS, "it took {:?}", start.elapsed());
}

/// Tasks that sleep, some of them for equal times, that spawn others and wait for each other. Who went on, and when.
fn trace() -> Vec<(Duration, u32)> {
    let trace: Rc<RefCell<Vec<(Duration, u32)>>> = Rc::default();
    let scheduler = Scheduler::with_virtual_time();
    let (start, base) = (scheduler.block_on(async { now() }), Rc::clone(&trace));
    let task = Rc::new(move |number: u32| {
        let trace = Rc::clone(&base);
        async move {
            for step in 1..=10 {
                sleep(ms(u64::from(number * step * 7919 % 50))).await;
                trace.borrow_mut().push((now() - start, number));
            }
        }
    });
    for number in 0..50 {
        let task = Rc::clone(&task);
        scheduler.spawn(async move {
            task(number).await;
            let child = spawn(task(100 + number));
            let limit = timeout(ms(50), yield_now());
            let (child, limit) = join!(child, limit);
            child.expect("it ends");
            limit.expect("a yield takes no time");
        });
    }
    scheduler.run();
    trace.take()
}

#[test]
fn every_run_gives_the_same_trace() {
    let _watchdog = watchdog(LIMIT);
    let first = trace();
    assert_eq!(first.len(), 1000);
    assert!(first.is_sorted_by_key(|(time, _)| *time));
    for _ in 0..20 {
        assert_eq!(trace(), first);
    }
}

#[test]
fn sleeps_end_at_their_deadlines_and_equal_ones_in_the_order_in_which_they_were_made() {
    let _watchdog = watchdog(LIMIT);
    let ended = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::with_virtual_time();
    let start = scheduler.block_on(async { now() });
    for number in 0..200 {
        let ended = Rc::clone(&ended);
        scheduler.spawn(async move {
            sleep_until(start + (number % 10) * HOUR).await;
            ended.borrow_mut().push(((now() - start).as_secs() / 3600, number));
        });
    }
    scheduler.run();
    let mut wanted: Vec<_> = (0..200).map(|number| (u64::from(number % 10), number)).collect();
    wanted.sort_by_key(|(hours, _)| *hours);
    assert_eq!(*ended.borrow(), wanted);
}

#[test]
fn a_ticker_is_never_late() {
    let _watchdog = watchdog(LIMIT);
    let ((), took) = run(async {
        let mut next = now();
        for _ in 0..1000 {
            next += ms(10);
            sleep_until(next).await;
            assert_eq!(now(), next);
        }
    });
    assert_eq!(took, ms(10_000));
}

#[test]
fn a_timeout_is_over_at_its_time_and_not_before() {
    let _watchdog = watchdog(LIMIT);
    let (results, took) = run(async {
        let in_time = timeout(HOUR, sleep(HOUR - ms(1))).await;
        let never = timeout(HOUR, pending::<()>()).await;
        (in_time.is_ok(), never.is_err())
    });
    assert_eq!((results, took), ((true, true), 2 * HOUR - ms(1)));
}

#[test]
fn a_job_holds_the_clock() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::with_virtual_time();
    let slept = log.clone();
    scheduler.spawn(async move {
        sleep(HOUR).await;
        slept.note("an hour");
    });
    let done = log.clone();
    scheduler.spawn(async move {
        let start = now();
        let job = spawn_blocking(|| thread::sleep(ms(30)));
        assert!(timeout(ms(1), job).await.is_ok());
        assert_eq!(now(), start);
        done.note("30 ms of work");
    });
    scheduler.run();
    log.assert_is(&["30 ms of work", "an hour"]);
}

#[test]
fn a_job_that_nobody_awaits_holds_the_clock_too() {
    let _watchdog = watchdog(LIMIT);
    run(async {
        for abort in [false, true] {
            let done = Arc::new(AtomicBool::new(false));
            let set = Arc::clone(&done);
            let job = spawn_blocking(move || {
                thread::sleep(ms(30));
                set.store(true, Ordering::Release);
            });
            if abort {
                job.abort();
            }
            drop(job);
            sleep(HOUR).await;
            assert!(done.load(Ordering::Acquire));
        }
    });
}

/// A job's wake comes before the pool counts the job as done. The clock must not jump over the first, and the loop must not
/// wait for good for the second.
#[test]
fn jobs_and_sleeps_in_turn_lose_no_time_and_no_wake() {
    const ROUNDS: u32 = 300;
    let _watchdog = watchdog(LIMIT);
    let (jobs, took) = run(async {
        let mut jobs = 0;
        for round in 0..ROUNDS {
            let short = Duration::from_nanos(1) * (round % 3);
            let both = join_all((0..2).map(|number| async move {
                let job = async { spawn_blocking(move || number).await.expect("it does not panic") };
                let first = timeout(HOUR, job).await.expect("a job takes no time");
                // One that is spawned when another is done.
                let job = spawn_blocking(move || first + 1);
                timeout(short + ms(1), job)
                    .await
                    .expect("a job takes no time")
                    .expect("no panic")
            }));
            jobs += both.await.len();
            sleep(HOUR).await;
        }
        jobs
    });
    assert_eq!((jobs, took), (2 * ROUNDS as usize, ROUNDS * HOUR));
}

#[test]
fn more_jobs_than_threads_hold_the_clock_until_the_last_one_ends() {
    let _watchdog = watchdog(LIMIT);
    let (ended, took) = run(async {
        let jobs: Vec<_> = (0..100).map(|_| spawn_blocking(|| thread::sleep(ms(2)))).collect();
        timeout(ms(1), join_all(jobs)).await.map(|jobs| jobs.len())
    });
    assert_eq!((ended, took), (Ok(100), Duration::ZERO));
}

/// Sends bytes to and fro, far more than one poll may.
async fn echo(rounds: u32, size: usize) -> io::Result<()> {
    let (near, far) = stream_pair()?;
    let (near, far) = (Async::new(near)?, Async::new(far)?);
    let server = async {
        let mut buffer = vec![0; size];
        loop {
            match far.read_with(|mut io| io.read(&mut buffer)).await? {
                0 => return io::Result::Ok(()),
                count => {
                    let mut rest = &buffer[..count];
                    while !rest.is_empty() {
                        let written = far.write_with(|mut io| io.write(rest)).await?;
                        rest = &rest[written..];
                    }
                }
            }
        }
    };
    let client = async {
        for _ in 0..rounds {
            let (mut sent, mut received) = (0, 0);
            let message = vec![7; size];
            let mut buffer = vec![0; size];
            while sent < size {
                sent += near.write_with(|mut io| io.write(&message[sent..])).await?;
            }
            while received < size {
                received += near.read_with(|mut io| io.read(&mut buffer)).await?;
            }
        }
        near.into_inner().map(drop)
    };
    let (served, asked) = join!(server, client);
    served.and(asked)
}

#[test]
fn a_peer_in_the_same_scheduler_answers_in_time() {
    let _watchdog = watchdog(LIMIT);
    let (results, took) = run(async {
        // Others that sleep, so that there is always a deadline, and one that yields.
        let ticks = spawn(async {
            loop {
                sleep(ms(1)).await;
            }
        });
        let echoes = join_all((0..10).map(|_| timeout(ms(1), echo(100, 10_000)))).await;
        ticks.abort();
        echoes
    });
    for result in results {
        result.expect("no time has passed").expect("no error");
    }
    assert_eq!(took, Duration::ZERO);
}

/// The first of the traps, and the way out of it.
#[test]
fn a_peer_elsewhere_is_too_late_for_a_timeout_unless_a_job_holds_the_clock() {
    let _watchdog = watchdog(LIMIT);
    let peer = || {
        let (near, mut far) = stream_pair().expect("a pair");
        let write = thread::spawn(move || {
            thread::sleep(ms(50));
            far.write_all(b"x").expect("the other end is open");
            far
        });
        (near, write)
    };
    let start = Instant::now();
    let (elapsed, took) = run(async {
        let (near, write) = peer();
        let near = Async::new(near).expect("a socket");
        let result = timeout(HOUR, near.read_with(|mut io| io.read(&mut [0]))).await;
        drop(spawn_blocking(|| write.join().expect("no panic")).await);
        result.is_err()
    });
    assert_eq!((elapsed, took), (true, HOUR));
    assert!(start.elapsed() < SECONDS);

    let (read, took) = run(async {
        let (mut near, write) = peer();
        let job = spawn_blocking(move || near.read(&mut [0]));
        let read = timeout(HOUR, job).await.expect("in time").expect("no panic");
        drop(write.join().expect("no panic"));
        read.expect("no error")
    });
    assert_eq!((read, took), (1, Duration::ZERO));
}

#[test]
fn without_a_deadline_it_waits_for_sockets_and_threads_as_always() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let ((received, read), took) = run(async {
        let (sender, receiver) = oneshot::channel();
        let (near, mut far) = stream_pair().expect("a pair");
        let near = Async::new(near).expect("a socket");
        thread::spawn(move || {
            thread::sleep(ms(30));
            sender.send(7).expect("a receiver");
            thread::sleep(ms(30));
            far.write_all(b"x").expect("the other end is open");
        });
        let received = receiver.await.expect("a sender");
        (
            received,
            near.read_with(|mut io| io.read(&mut [0])).await.expect("no error"),
        )
    });
    assert_eq!((received, read, took), (7, 1, Duration::ZERO));
    assert_at_least("the thread", start, ms(60));
}

#[test]
fn the_clock_stands_still_while_a_task_can_run() {
    let _watchdog = watchdog(LIMIT);
    let ((), took) = run(async {
        let mut nap = sleep(Duration::from_nanos(1));
        for _ in 0..10_000 {
            assert!(poll!(&mut nap).is_pending());
            yield_now().await;
        }
        // Time goes by outside, and not here.
        thread::sleep(ms(20));
        assert!(poll!(&mut nap).is_pending());
    });
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn time_goes_on_from_one_run_to_the_next() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::try_with_virtual_time().expect("a selector");
    let start = scheduler.block_on(async { now() });
    let ended = Rc::new(Cell::new(None));
    let slot = Rc::clone(&ended);
    scheduler.spawn(async move {
        sleep(HOUR).await;
        slot.set(Some(now() - start));
    });
    // It stays where it was when this future is ready.
    scheduler.block_on(sleep_until(start + ms(500)));
    assert_eq!(scheduler.block_on(async { now() }), start + ms(500));
    assert_eq!(ended.get(), None);
    scheduler.run();
    assert_eq!(ended.get(), Some(HOUR));
    scheduler.block_on(async { sleep(HOUR).await });
    assert_eq!(scheduler.block_on(async { now() }), start + 2 * HOUR);
}

/// It never waits: so neither a deadline nor a job can be what it waits for.
#[test]
fn run_until_stalled_does_not_move_the_clock() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::with_virtual_time();
    let start = scheduler.block_on(async { now() });
    let log = OrderLog::new();
    let (ended, slept) = (log.clone(), log.clone());
    scheduler.spawn(async move {
        for _ in 0..2 {
            sleep(HOUR).await;
            slept.note("an hour");
        }
    });
    let (sender, receiver) = mpsc::channel::<()>();
    scheduler.spawn(async move {
        let job = spawn_blocking(move || receiver.recv());
        assert!(job.await.expect("no panic").is_err());
        ended.note("a job");
    });
    for _ in 0..100 {
        scheduler.run_until_stalled();
    }
    log.assert_is(&[]);
    assert_eq!(scheduler.next_deadline(), Some(start + HOUR));
    assert_eq!(scheduler.block_on(async { now() }), start);
    // Nor does the job hold it up.
    let real_start = Instant::now();
    scheduler.run_until_stalled();
    assert!(real_start.elapsed() < SECONDS);
    drop(sender);
    // This moves the clock, after the job.
    let deadline = scheduler.next_deadline().expect("a task sleeps");
    scheduler.block_on(sleep_until(deadline));
    scheduler.run_until_stalled();
    log.assert_is(&["a job", "an hour"]);
    assert_eq!(scheduler.next_deadline(), Some(start + 2 * HOUR));
    scheduler.run();
    assert_eq!(scheduler.block_on(async { now() }), start + 2 * HOUR);
}

#[test]
fn it_begins_with_the_real_time_and_ends_outside() {
    let _watchdog = watchdog(LIMIT);
    let before = Instant::now();
    let scheduler = Scheduler::with_virtual_time();
    let after = Instant::now();
    let start = scheduler.block_on(async { now() });
    assert!(before <= start && start <= after);
    scheduler.block_on(async { sleep(HOUR).await });
    assert!(now() < start + HOUR, "outside it is the real time");
}

#[test]
fn each_scheduler_has_its_own_clock() {
    let _watchdog = watchdog(LIMIT);
    let (one, other) = (Scheduler::with_virtual_time(), Scheduler::with_virtual_time());
    let start = other.block_on(async { now() });
    one.block_on(async { sleep(HOUR).await });
    assert_eq!(other.block_on(async { now() }), start);
    // On other threads as well.
    let threads = (1..=4).map(|number| thread::spawn(move || run(async move { sleep(number * HOUR).await }).1));
    let took: Vec<_> = threads
        .collect::<Vec<_>>()
        .into_iter()
        .map(|thread| thread.join().expect("no panic"))
        .collect();
    assert_eq!(took, [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]);
}

/// A real sleep of 20 ms in a real scheduler.
fn real_sleep() {
    let start = Instant::now();
    Scheduler::new().block_on(async {
        let inside = now();
        assert!(inside <= Instant::now());
        sleep(ms(20)).await;
        assert!(now() >= inside + ms(20));
    });
    assert_at_least("the sleep", start, ms(20));
}

#[test]
fn real_and_virtual_schedulers_may_run_on_one_thread_in_turn() {
    let _watchdog = watchdog(LIMIT);
    let virtual_one = Scheduler::with_virtual_time();
    let mut real_nap = sleep(HOUR);
    let mut virtual_nap = virtual_one.block_on(async { sleep(Duration::from_nanos(1)) });
    for _ in 0..3 {
        real_sleep();
        // The thread has seen the real time now, which is later than this deadline.
        virtual_one.block_on(async {
            for _ in 0..3 {
                assert!(poll!(&mut virtual_nap).is_pending());
            }
        });
    }
    // And now it has seen a time that is later than the other deadline.
    virtual_one.block_on(async { sleep(2 * HOUR).await });
    Scheduler::new().block_on(async {
        for _ in 0..3 {
            assert!(poll!(&mut real_nap).is_pending());
        }
    });
    real_sleep();
}

/// The next scheduler may be at the address of one that was dropped.
#[test]
fn a_scheduler_that_comes_after_a_virtual_one_is_not_taken_for_it() {
    let _watchdog = watchdog(LIMIT);
    for _ in 0..10 {
        drop(Scheduler::with_virtual_time());
        real_sleep();
    }
    for _ in 0..1000 {
        let scheduler = Scheduler::with_virtual_time();
        let start = Instant::now();
        let inside = scheduler.block_on(async { now() });
        assert!(inside <= start && start - inside < SECONDS);
    }
}

#[test]
fn a_dropped_scheduler_wakes_its_sleepers_and_drops_its_tasks() {
    let _watchdog = watchdog(LIMIT);
    let counter = CountingWaker::new();
    let waker = counter.waker();
    let dropped = Rc::new(Cell::new(false));
    struct SetAndSleep(Rc<Cell<bool>>);
    impl Drop for SetAndSleep {
        fn drop(&mut self) {
            self.0.set(true);
            mem::forget(sleep(HOUR));
        }
    }
    let scheduler = Scheduler::with_virtual_time();
    let on_drop = SetAndSleep(Rc::clone(&dropped));
    scheduler.spawn(async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    });
    let nap = scheduler.block_on(async {
        let mut nap = Box::pin(sleep(HOUR));
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(nap.as_mut().poll(&mut cx).is_pending());
        nap
    });
    // Another one runs, whose clock must not be moved by that.
    let ((), took) = run(async move {
        let mut other = sleep(HOUR);
        assert!(poll!(&mut other).is_pending());
        drop(scheduler);
    });
    assert_eq!(took, Duration::ZERO);
    assert_eq!(counter.count(), 1);
    assert!(dropped.get());
    drop(nap);
}

#[cfg(unix)]
fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no time is negative")
}

#[cfg(unix)]
#[test]
fn it_uses_no_processor_time_while_it_waits_for_a_job() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        // For the shortest of these deadlines a park for real is over at once, again and again.
        for rest in [Duration::from_nanos(1), ms(1), HOUR] {
            let before = cpu_time();
            run(async move { timeout(rest, spawn_blocking(|| thread::sleep(ms(300)))).await })
                .0
                .expect("the job holds the clock")
                .expect("no panic");
            let used = cpu_time() - before;
            assert!(used < ms(100), "{used:?} in 300 ms, with a deadline after {rest:?}");
        }
    });
}

#[cfg(unix)]
#[test]
fn it_uses_no_processor_time_while_it_waits_for_a_thread() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let before = cpu_time();
        let (received, _) = run(async {
            // So that the clock has been in use.
            sleep(HOUR).await;
            drop(sleep(HOUR));
            let (sender, receiver) = oneshot::channel();
            thread::spawn(move || {
                thread::sleep(ms(300));
                sender.send(7).expect("a receiver");
            });
            receiver.await
        });
        assert_eq!(received, Ok(7));
        let used = cpu_time() - before;
        assert!(used < ms(100), "{used:?} in 300 ms");
    });
}
