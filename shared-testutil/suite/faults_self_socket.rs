//! The self-socket can be full, or outlive its scheduler. No wake is lost, and no descriptor stays open.
//!
//! Each test has a process of its own, because it looks at all of the process's descriptors.

#![cfg(target_os = "linux")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::future::{pending, poll_fn};
use std::os::fd::{OwnedFd, RawFd};
use std::rc::Rc;
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

use crate::sched::{Scheduler, sleep, spawn, spawn_blocking, yield_now};
use shared_testutil::{in_own_process, watchdog};

const LIMIT: Duration = Duration::from_secs(120);

/// The descriptors that are open, except the one that this function opens.
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

/// How many bytes are on their way between these ends.
fn in_flight(ends: &[OwnedFd]) -> u64 {
    let bytes = |end| ioctl_fionread(end).expect("a socket says how much there is to read");
    ends.iter().map(bytes).max().expect("two ends")
}

/// Counts, and wakes the task that waits for more.
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
            // In both directions, because one of them is that of the wakes. Long writes first, then shorter ones that still fit.
            for chunk in [&[7; 4096][..], &[7]] {
                loop {
                    match write(end, chunk) {
                        Ok(written) => filled += written,
                        Err(error) => break assert_eq!(error, Errno::AGAIN),
                    }
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
fn few_bytes_are_in_flight_however_many_wakes_there_are() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let (scheduler, ends) = ends_of(Scheduler::new);
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
                longest = longest.max(in_flight(&ends));
            }
            assert!(seen > 0);
            longest
        });
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().expect("the thread only wakes");
        }
        // A byte is written for an empty run queue, and read after 64 polls at the latest.
        assert!(longest <= 65, "{longest} bytes are in flight");
    });
}

/// Keeps a waker of the scheduler that it runs in.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

#[test]
fn however_many_tasks_are_woken_while_the_loop_is_at_work_one_byte_is_enough() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let (scheduler, ends) = ends_of(Scheduler::new);
        scheduler.block_on(async {
            let wakers = Rc::new(RefCell::new(Vec::new()));
            for _ in 0..1_000 {
                let wakers = Rc::clone(&wakers);
                spawn(async move {
                    let waker = waker().await;
                    wakers.borrow_mut().push(waker);
                    pending::<()>().await;
                });
            }
            yield_now().await;
            let wakers = wakers.take();
            assert_eq!(wakers.len(), 1_000);
            // The loop is at work meanwhile: it polls this.
            let thread = thread::spawn(|| wakers.into_iter().for_each(Waker::wake));
            thread.join().expect("the thread only wakes");
            let bytes = in_flight(&ends);
            assert!(bytes <= 1, "{bytes} bytes for 1,000 wakes");
        });
    });
}

#[test]
fn the_last_waker_that_outlives_its_scheduler_closes_the_self_socket() {
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
        assert_eq!(
            kept, 100,
            "50 wakers keep the two ends of 50 self-sockets, and no selector"
        );
        drop(wakers);
        assert_eq!(descriptors(), before, "descriptors are left without the wakers");
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
