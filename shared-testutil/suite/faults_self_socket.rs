//! The self-socket: it can be full, or left behind, and no wake is lost and no descriptor kept.
//!
//! Each test has a process of its own, because it looks at all of the process's descriptors.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::future::poll_fn;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{Errno, ioctl_fionread, write};
use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::sched::{Scheduler, sleep, spawn, spawn_blocking};
use shared_testutil::{in_own_process, watchdog};

const LIMIT: Duration = Duration::from_secs(120);

/// The descriptors that are open, but for the one that finds out.
fn descriptors() -> BTreeSet<RawFd> {
    let entries = fs::read_dir("/proc/self/fd").expect("Linux has it");
    let numbers: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers
        .into_iter()
        .filter(|number| fs::read_link(format!("/proc/self/fd/{number}")).is_ok())
        .collect()
}

/// Duplicates of the self-socket's ends, the one that is written to last. Nobody but this test has them.
fn ends_of(make: impl FnOnce() -> Scheduler) -> (Scheduler, Vec<OwnedFd>) {
    let before = descriptors();
    let scheduler = make();
    let new: Vec<RawFd> = descriptors().difference(&before).copied().collect();
    let this = pidfd_open(getpid(), PidfdFlags::empty()).expect("this process exists");
    let ends: Vec<OwnedFd> = new
        .iter()
        .map(|number| pidfd_getfd(&this, *number, PidfdGetfdFlags::empty()).expect("it is open"))
        .filter(|end| socket_domain(end) == Ok(AddressFamily::UNIX))
        .collect();
    assert_eq!(ends.len(), 2, "the self-socket among {new:?}");
    (scheduler, ends)
}

/// Counts, and wakes whoever waits for more.
#[derive(Default)]
struct Signal {
    sent: AtomicU64,
    waker: std::sync::Mutex<Option<Waker>>,
}

impl Signal {
    fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let waker = self.waker.lock().expect("no panic under the lock").clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn more_than(&self, seen: u64) -> u64 {
        poll_fn(|cx| {
            let replaced = self
                .waker
                .lock()
                .expect("no panic under the lock")
                .replace(cx.waker().clone());
            drop(replaced);
            match self.sent.load(Ordering::Relaxed) {
                sent if sent > seen => Poll::Ready(sent),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

#[test]
fn wakes_are_heard_though_the_self_socket_is_full() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let (scheduler, ends) = ends_of(Scheduler::new);
        let mut filled = 0;
        for end in &ends {
            // Both ways: one of them is the way of the notifications.
            loop {
                match write(end, &[7]) {
                    Ok(written) => filled += written,
                    Err(error) => break assert_eq!(error, Errno::AGAIN),
                }
            }
        }
        let signal = Arc::new(Signal::default());
        let (answer, answered) = channel();
        let thread = thread::spawn({
            let signal = Arc::clone(&signal);
            move || {
                for _ in 0..1_000 {
                    signal.send();
                    answered.recv().expect("the task answers");
                }
            }
        });
        scheduler.block_on(async {
            for seen in 0..1_000 {
                assert_eq!(signal.more_than(seen).await, seen + 1);
                answer.send(()).expect("the thread listens");
            }
        });
        thread.join().expect("the thread only wakes");
        println!("1,000 wakes heard, though {filled} bytes were in the way");
    });
}

#[test]
fn at_most_one_byte_is_in_flight_however_many_wakes_there_are() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let (scheduler, ends) = ends_of(Scheduler::new);
        let in_flight = || {
            let bytes = |end| ioctl_fionread(end).expect("a socket says how much there is to read");
            ends.iter().map(bytes).max().expect("two ends")
        };
        let signal = Arc::new(Signal::default());
        let over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (signal, over) = (Arc::clone(&signal), Arc::clone(&over));
                thread::spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        signal.send();
                        // Not so often that the loop never blocks.
                        thread::sleep(Duration::from_micros(20 + number));
                    }
                })
            })
            .collect();
        let longest = scheduler.block_on(async {
            // What the loop waits for besides: if a wake comes when a deadline has ended the wait, its byte stays for the next.
            let _naps = spawn(async {
                loop {
                    sleep(Duration::from_micros(30)).await;
                }
            });
            let start = Instant::now();
            let (mut seen, mut longest) = (0, 0);
            while start.elapsed() < Duration::from_secs(1) {
                seen = signal.more_than(seen).await;
                longest = longest.max(in_flight());
            }
            assert!(seen > 0);
            longest
        });
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("the thread only wakes");
        }
        assert!(longest <= 1, "{longest} bytes are in flight");
    });
}

/// Keeps a waker of the scheduler that it runs in.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn wakers_that_outlive_their_scheduler_keep_no_descriptor_open() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let before = descriptors();
        let wakers: Vec<Waker> = (0..50)
            .map(|_| {
                let scheduler = Scheduler::new();
                let task = scheduler.spawn(waker());
                scheduler.block_on(task).expect("it cannot fail")
            })
            .collect();
        wakers.iter().for_each(Waker::wake_by_ref);
        let kept = descriptors().difference(&before).count();
        drop(wakers);
        assert_eq!(descriptors(), before, "without the wakers, too, descriptors are left");
        assert_eq!(kept, 0, "50 wakers keep {kept} descriptors of schedulers that are gone");
    });
}

#[test]
fn a_thousand_schedulers_one_after_the_other_leave_no_descriptor_open() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let before = descriptors();
        for round in 0..1_000 {
            let scheduler = Scheduler::new();
            if round % 100 == 0 {
                let job = scheduler.block_on(async { spawn_blocking(|| 7).await });
                assert_eq!(job.expect("it cannot fail"), 7);
            }
        }
        assert_eq!(descriptors(), before);
    });
}
