//! Running the scheduler from another loop: that of a window, or of a game.

use std::future::poll_fn;
use std::io::Read;
use std::task::Poll;
use std::time::Instant;

use crate::scheduler::Scheduler;

impl Scheduler {
    /// Runs until every task waits for something that has not happened yet, and returns: it never blocks. Sleeps that are due
    /// and sources that are ready are served first. It is for a thread whose loop belongs to something else: to a window, or
    /// to a game, which calls this once a frame.
    ///
    /// ```
    /// # use std::{cell::Cell, rc::Rc, thread, time::Duration};
    /// # use exp6_combined::{Scheduler, sleep};
    /// let scheduler = Scheduler::new();
    /// let lit = Rc::new(Cell::new(false));
    /// let lamp = Rc::clone(&lit);
    /// scheduler.spawn(async move {
    ///     sleep(Duration::from_millis(40)).await;
    ///     lamp.set(true);
    /// });
    /// let mut frames = 0;
    /// while !lit.get() {
    ///     scheduler.run_until_stalled();
    ///     frames += 1; // draw a picture here
    ///     thread::sleep(Duration::from_millis(16));
    /// }
    /// assert!(frames > 2);
    /// ```
    ///
    /// A loop that has nothing to draw need not call it sixty times a second. On Unix a scheduler is `AsFd`: its descriptor is
    /// readable when a source is ready, or when another thread has woken a task. With [`next_deadline`](Self::next_deadline)
    /// as the timeout, the loop's own selector can wait for all of that. The descriptor may also be readable when there is
    /// nothing to do; then a call changes that. What *this* thread spawns or wakes between two calls is not reported, and
    /// until the next call a wake from another thread may not be reported either: call this after it.
    ///
    /// There is no limit of polls or of time for a call. A task that can always run keeps it from returning: one that yields
    /// again and again, or that reads from a peer which never pauses; and so does a thread that wakes or spawns without a pause.
    /// Let such a task sleep now and then, for a millisecond or more: a sleep that is over before the other tasks have been
    /// polled does not help.
    ///
    /// A wait that ends between two calls is noticed by the next one. In a loop that calls this once a frame, a task that waits
    /// three times takes three frames at least.
    ///
    /// If nothing is to be done, a call takes 0.6 to 0.8 µs on Linux, for one or two system calls, however many sources there
    /// are. The plain scheduler takes 2.2 µs, for its selector makes five system calls.
    ///
    /// # Panics
    ///
    /// Inside a running scheduler. The panic of a task stays in the task.
    #[track_caller]
    pub fn run_until_stalled(&self) {
        let (core, mut last) = (&self.core, None);
        self.block_on(poll_fn(|cx| {
            // Each poll has a number. If no task has been polled since this future was, none could run, although the selector
            // has been looked at in between: this future is woken after that look, behind all whom it reports.
            let (poll, _) = core.io_budget.get();
            if last.replace(poll).is_some_and(|last| last + 1 == poll) {
                // A selector without sources may not have been asked, and the bytes would keep its descriptor readable. They
                // are read before the look at the run queue, as in `park`: who pushes after that look writes a byte again.
                while matches!((&core.parker.pair.0).read(&mut [0; 64]), Ok(64)) {}
                let Some(id) = core.run_queue.pop() else {
                    return Poll::Ready(());
                };
                core.poll(id);
                last = None;
            }
            core.parker.defer(cx.waker().clone());
            Poll::Pending
        }));
    }

    /// The deadline of the sleep that ends next: when [`run_until_stalled`](Self::run_until_stalled) has something to do again,
    /// if nothing happens before. `None` if no task sleeps. It may have passed already. Ask for it after that call: what was
    /// spawned, woken or aborted since then can run now, and does not count here.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use exp6_combined::{Scheduler, sleep};
    /// let scheduler = Scheduler::new();
    /// assert_eq!(scheduler.next_deadline(), None);
    /// let start = Instant::now();
    /// scheduler.spawn(sleep(Duration::from_secs(1)));
    /// scheduler.run_until_stalled();
    /// assert!(scheduler.next_deadline() >= Some(start + Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.core.timers.earliest()
    }
}

/// The descriptor of the selector, for another selector to wait for. It is readable when
/// [`run_until_stalled`](Scheduler::run_until_stalled) has something to do, except for sleeps and for what this thread itself
/// has spawned or woken since the last call. Do not read from it. Systems whose selector is no descriptor, such as those that
/// have only `poll`, do not have this. The example waits with the crate rustix, feature `event`.
///
/// ```
/// # use std::thread;
/// # use exp6_combined::{Scheduler, spawn_blocking};
/// use rustix::event::{PollFd, PollFlags, poll};
///
/// let scheduler = Scheduler::new();
/// let job = scheduler.spawn(async { spawn_blocking(|| 6 * 7).await });
/// while !job.is_finished() {
///     scheduler.run_until_stalled();
///     if !job.is_finished() {
///         let timeout = None; // or the time until `next_deadline`
///         poll(&mut [PollFd::new(&scheduler, PollFlags::IN)], timeout)?;
///     }
/// }
/// # rustix::io::Result::Ok(())
/// ```
#[cfg(all(
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "illumos",
        target_os = "solaris",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
    ),
    not(polling_test_poll_backend),
))]
impl std::os::fd::AsFd for Scheduler {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.core.parker.poller.as_fd()
    }
}
