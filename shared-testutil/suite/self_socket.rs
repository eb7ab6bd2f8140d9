//! The self-socket: every wake from another thread is served, whether the loop is at work or waits. And a loop without wakes
//! uses no processor time.

use std::future::poll_fn;
use std::io::{Read, Write};
#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use crate::sched::spawn_blocking;
use crate::sched::{Async, JoinHandle, Scheduler, sleep, spawn, yield_now};
use shared_testutil::{stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(120);

/// Counts what other threads give and a task takes.
#[derive(Default)]
struct Counter {
    given: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Counter {
    fn give(&self) {
        self.given.fetch_add(1, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until there is something, and takes it.
    async fn take(&self) -> usize {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            match self.given.swap(0, Ordering::SeqCst) {
                0 => Poll::Pending,
                given => Poll::Ready(given),
            }
        })
        .await
    }
}

const THREADS: usize = 4;

/// Threads that give so much together, at once or with pauses.
fn givers(counter: &Arc<Counter>, total: usize, pause_every: usize) -> Vec<thread::JoinHandle<()>> {
    let giver = |_| {
        let counter = Arc::clone(counter);
        thread::spawn(move || {
            for number in 1..=total / THREADS {
                counter.give();
                if number % pause_every == 0 {
                    // Long enough for the loop to find nothing to do.
                    thread::sleep(Duration::from_micros(100));
                }
            }
        })
    };
    (0..THREADS).map(giver).collect()
}

/// A wake that is lost, and none after it, would leave the task waiting for ever.
#[track_caller]
fn assert_all_arrives(total: usize, pause_every: usize, beside: impl FnOnce() -> JoinHandle<()>) {
    let _watchdog = watchdog(LIMIT);
    let counter = Arc::default();
    Scheduler::new().block_on(async {
        let beside = beside();
        let givers = givers(&counter, total, pause_every);
        let mut taken = 0;
        while taken < total {
            taken += counter.take().await;
        }
        assert_eq!(taken, total);
        beside.abort();
        for giver in givers {
            giver.join().unwrap();
        }
    });
}

#[test]
fn of_a_million_wakes_none_is_lost_by_an_idle_loop() {
    assert_all_arrives(1_000_000, usize::MAX, || spawn(async {}));
}

#[test]
fn of_a_million_wakes_none_is_lost_by_a_loop_at_work() {
    assert_all_arrives(1_000_000, usize::MAX, || {
        spawn(async {
            loop {
                yield_now().await;
            }
        })
    });
}

#[test]
fn of_many_wakes_none_is_lost_by_a_loop_that_keeps_falling_asleep() {
    assert_all_arrives(100_000, 10, || {
        spawn(async {
            loop {
                sleep(Duration::from_micros(300)).await;
            }
        })
    });
}

#[test]
fn of_many_wakes_none_is_lost_beside_sockets() {
    assert_all_arrives(200_000, 1000, || {
        let (near, far) = stream_pair().unwrap();
        let ends = [near, far].map(|end| Async::new(end).unwrap());
        spawn(async move {
            loop {
                ends[0].write_with(|mut end| end.write(b"x")).await.unwrap();
                ends[1].read_with(|mut end| end.read(&mut [0])).await.unwrap();
            }
        })
    });
}

#[test]
fn each_of_many_wakes_ends_a_wait_of_its_own() {
    const ROUNDS: usize = 20_000;
    let _watchdog = watchdog(LIMIT);
    let counter = Arc::new(Counter::default());
    let (asked, ask): (Sender<()>, Receiver<()>) = channel();
    let giver = thread::spawn({
        let counter = Arc::clone(&counter);
        // Never before it is asked: there is one wake for each wait, and no other wake would replace a lost one.
        move || ask.iter().for_each(|()| counter.give())
    });
    Scheduler::new().block_on(async {
        for _ in 0..ROUNDS {
            asked.send(()).unwrap();
            assert_eq!(counter.take().await, 1);
        }
    });
    drop(asked);
    giver.join().unwrap();
}

#[test]
fn wakes_during_a_long_poll_count_after_it() {
    const WAKES: usize = 1_000_000;
    let _watchdog = watchdog(LIMIT);
    let counter = Arc::new(Counter::default());
    Scheduler::new().block_on(async {
        let taker = spawn({
            let counter = Arc::clone(&counter);
            async move {
                let mut taken = 0;
                while taken < WAKES {
                    taken += counter.take().await;
                }
            }
        });
        // It waits, and has stored its waker. The loop has been parked.
        sleep(Duration::from_millis(5)).await;
        // A socket that took a byte for each of them would be full, and a thread that waited for room would wait for ever:
        // the loop is not there to read.
        for giver in givers(&counter, WAKES, usize::MAX) {
            giver.join().unwrap();
        }
        taker.await.unwrap();
    });
}

#[test]
fn wakes_before_the_loop_runs_count_when_it_runs() {
    let _watchdog = watchdog(LIMIT);
    let counter = Arc::new(Counter::default());
    let scheduler = Scheduler::new();
    let taker = scheduler.spawn({
        let counter = Arc::clone(&counter);
        async move {
            let mut taken = 0;
            while taken < 1000 {
                taken += counter.take().await;
            }
        }
    });
    scheduler.block_on(yield_now());
    for giver in givers(&counter, 1000, usize::MAX) {
        giver.join().unwrap();
    }
    scheduler.block_on(taker).unwrap();
}

/// The processor time of this thread, and how often it has blocked, where there is a way to know.
#[cfg(unix)]
fn usage() -> (Duration, Option<u64>) {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ThreadCPUTime);
    let status = std::fs::read_to_string("/proc/thread-self/status").ok();
    let blocked = status.as_ref().and_then(|status| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line?.trim().parse().ok()
    });
    (Duration::new(time.tv_sec as u64, time.tv_nsec as u32), blocked)
}

#[cfg(unix)]
#[test]
fn an_idle_loop_uses_no_processor_time() {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        // All that there is to wait for, and all of it has been busy before.
        let (near, mut far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        far.write_all(b"x").unwrap();
        near.readable().await.unwrap();
        near.get_ref().read_exact(&mut [0]).unwrap();
        let reader = spawn(async move { near.readable().await });
        // It takes so long that the loop is parked when the result comes.
        spawn_blocking(|| thread::sleep(Duration::from_millis(20)))
            .await
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let job = spawn_blocking({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(10));
                }
            }
        });
        // What is left over from that.
        sleep(Duration::from_millis(50)).await;
        let before = usage();
        sleep(Duration::from_secs(1)).await;
        let after = usage();
        let used = after.0 - before.0;
        assert!(used < Duration::from_millis(100), "{used:?} of a second");
        if let (Some(before), Some(after)) = (before.1, after.1) {
            assert!(after - before <= 5, "it has woken {} times in a second", after - before);
        }
        stop.store(true, Ordering::SeqCst);
        job.await.unwrap();
        reader.abort();
    });
}
