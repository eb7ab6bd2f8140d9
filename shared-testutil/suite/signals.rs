//! `ctrl_c` and `signal`. A signal goes to the whole process, so each test has one of its own.

#![cfg(feature = "signals")]

use std::process;
use std::time::Duration;

#[cfg(unix)]
use futures::FutureExt;
#[cfg(unix)]
use signal_hook::{
    consts::{SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2},
    low_level::raise,
};

#[cfg(unix)]
use crate::sched::signal;
use crate::sched::{Scheduler, ctrl_c, sleep, spawn, timeout};
use shared_testutil::{in_own_process, interrupt, message_of_panic, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
/// Long enough for the selector to report what has happened already.
const A_MOMENT: Duration = Duration::from_millis(20);

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn ctrl_c_is_a_future() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let mut interrupted = ctrl_c().unwrap();
            assert!(timeout(A_MOMENT, &mut interrupted).await.is_err());
            // It is sent to the process, as a terminal does, and comes on whatever thread.
            let number = process::id();
            let sender = std::thread::spawn(move || interrupt(number));
            interrupted.await.unwrap();
            sender.join().unwrap().unwrap();
        });
    });
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn several_get_each_ctrl_c() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let gone = ctrl_c().unwrap();
            let tasks = [0; 3].map(|_| spawn(ctrl_c().unwrap()));
            drop(gone);
            let mut last = ctrl_c().unwrap();
            sleep(A_MOMENT).await;
            for _ in 0..2 {
                interrupt(process::id()).unwrap();
                (&mut last).await.unwrap();
            }
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        });
    });
}

#[test]
fn ctrl_c_outside_of_a_scheduler_panics() {
    let message = message_of_panic(ctrl_c);
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
}

#[cfg(unix)]
#[test]
fn several_get_each_signal() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let tasks = [0; 3].map(|_| {
                let signal = signal(SIGUSR1).unwrap();
                spawn(signal)
            });
            let mut other = signal(SIGUSR2).unwrap();
            sleep(A_MOMENT).await;
            raise(SIGUSR1).unwrap();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            assert!((&mut other).now_or_never().is_none(), "it is another signal");
        });
    });
}

#[cfg(unix)]
#[test]
fn signals_in_a_row_are_not_lost_while_nobody_awaits() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let mut signal = signal(SIGUSR1).unwrap();
            for _ in 0..3 {
                // Before it is polled for the first time, and between two polls.
                for _ in 0..5 {
                    raise(SIGUSR1).unwrap();
                }
                for _ in 0..5 {
                    (&mut signal).await.unwrap();
                }
                assert!(timeout(A_MOMENT, &mut signal).await.is_err(), "five, and no more");
            }
        });
    });
}

#[cfg(unix)]
#[test]
fn one_that_is_made_later_does_not_get_what_came_before() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let first = signal(SIGUSR1).unwrap();
            raise(SIGUSR1).unwrap();
            let second = signal(SIGUSR1).unwrap();
            first.await.unwrap();
            assert!(timeout(A_MOMENT, second).await.is_err());
        });
    });
}

#[cfg(unix)]
#[test]
fn a_drop_ends_the_registration_and_closes_the_sockets() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let open = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Scheduler::new().block_on(async {
            let kept = signal(SIGUSR1).unwrap();
            let before = open();
            for _ in 0..100 {
                let mut signal = signal(SIGUSR1).unwrap();
                assert!((&mut signal).now_or_never().is_none());
            }
            assert_eq!(open(), before);
            // Nothing writes to a closed peer, and the process lives on.
            raise(SIGUSR1).unwrap();
            kept.await.unwrap();
            raise(SIGUSR1).unwrap();
        });
    });
}

#[cfg(unix)]
#[test]
fn a_flood_that_nobody_takes_blocks_nobody() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            let mut signal = signal(SIGUSR1).unwrap();
            for _ in 0..100_000 {
                raise(SIGUSR1).unwrap();
            }
            for _ in 0..100 {
                (&mut signal).await.unwrap();
            }
        });
    });
}

#[cfg(unix)]
#[test]
fn a_signal_is_served_by_a_scheduler_that_is_parked() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let sender = std::thread::spawn(|| {
            std::thread::sleep(A_MOMENT);
            raise(SIGTERM).unwrap();
        });
        scheduler.block_on(async { signal(SIGTERM).unwrap().await }).unwrap();
        sender.join().unwrap();
    });
}

#[cfg(unix)]
#[test]
fn what_nobody_can_catch_is_an_error() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        Scheduler::new().block_on(async {
            for number in [SIGKILL, SIGSEGV, 0, -1, 12_345] {
                let error = signal(number).unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{number}: {error}");
            }
        });
    });
}

#[cfg(unix)]
#[test]
fn without_a_scheduler_it_panics_and_under_another_one_it_is_an_error() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let message = message_of_panic(|| signal(SIGINT));
        assert!(message.contains("no scheduler runs on this thread"), "{message}");
        let scheduler = Scheduler::new();
        let mut interrupt = scheduler.block_on(async { ctrl_c().unwrap() });
        let error = Scheduler::new().block_on(async { (&mut interrupt).await.unwrap_err() });
        assert!(error.to_string().contains("does not run"), "{error}");
        // With its own it can be awaited as before.
        raise(SIGINT).unwrap();
        scheduler.block_on(&mut interrupt).unwrap();
        let next = scheduler.block_on(async { (&mut interrupt).now_or_never() });
        assert!(next.is_none());
    });
}
