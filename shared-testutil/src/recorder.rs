//! A recorder: what happens to tasks, seen from outside.
//!
//! It wraps futures and their wakers, and so it works on any executor, without a changed line in it.

mod log;
mod record;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use log::{Current, Log};

pub use record::{Event, Kind, Record, Row, What};

/// Records what happens to the tasks that are given to it. A clone shares the log, and may go to another thread.
///
/// [`task`](Self::task) wraps the future of a task, and [`job`](Self::job) a closure for another thread. Give what they
/// return to the executor in the place of the future or the closure. [`record`](Self::record) says what has happened.
///
/// What it adds to a poll: two entries in the log, each with a look at the clock under a mutex. In a release build, on a
/// machine with two cores, this was 150 ns a poll, and 75 ns a wake, at best. On a busy machine it was three times as much.
/// `cargo test -p shared-testutil --release --lib -- --ignored --nocapture recorder` measures both. Each task takes two
/// allocations more: a box for its future, and its waker.
///
/// What it does not see: wakes through a waker that is not of a recorded task, such as that of a task which the executor
/// makes by itself, or a wake by `abort`. The poll that follows is recorded.
#[derive(Clone, Debug)]
pub struct Recorder {
    log: Arc<Log>,
}

impl Recorder {
    /// As many events are kept if nothing else is said: some 40 MB.
    pub const EVENTS: usize = 1_000_000;

    /// Makes an empty one. Its clock begins now.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::EVENTS)
    }

    /// One that keeps so many events, the first ones, and only counts those that come after: so a program that never ends
    /// does not fill the memory.
    #[must_use]
    pub fn with_limit(events: usize) -> Self {
        let log = Arc::new(Log::new(events));
        Self { log }
    }

    /// Records that a task of this name is spawned now, by the task that is being polled on this thread, if one is. Names
    /// that occur more than once get a number in the record.
    #[must_use = "what is not given to an executor is recorded as cancelled"]
    pub fn task<F: Future>(&self, name: &str, future: F) -> Recorded<F> {
        Recorded {
            life: Life::begin(&self.log, name, Kind::Task),
            future: Box::pin(future),
            waker: None,
        }
    }

    /// The same for a closure that runs on another thread: it is one poll. A job that is dropped before it runs is
    /// recorded as cancelled.
    pub fn job<F: FnOnce() -> T, T>(&self, name: &str, job: F) -> impl FnOnce() -> T + use<F, T> {
        let mut life = Life::begin(&self.log, name, Kind::Job);
        move || {
            let running = Running::begin(&mut life);
            let output = job();
            running.end(What::Ready);
            output
        }
    }

    /// What has happened up to now.
    #[must_use]
    pub fn record(&self) -> Record {
        self.log.record()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// The future of a recorded task: see [`Recorder::task`].
///
/// It hands a waker of its own to the future, which forwards to the executor's. It keeps the last one, and hands it out
/// again while the executor's wakers say that they wake the same task: so [`Waker::will_wake`] holds for two of them
/// whenever it holds for the two that they forward to, unless the executor changes its waker to and fro. It holds the
/// executor's waker until the future is ready or dropped.
#[derive(Debug)]
pub struct Recorded<F> {
    // First, because it is dropped first: the end of the task is recorded before what the drop of the future does.
    life: Life,
    /// In a box, so that no unsafe code is needed to poll it.
    future: Pin<Box<F>>,
    waker: Option<(Arc<RecordedWaker>, Waker)>,
}

impl<F: Future> Future for Recorded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { life, future, waker } = &mut *self;
        let kept = waker.take().filter(|(kept, _)| kept.inner.will_wake(cx.waker()));
        let (_, handed_out) = waker.insert(kept.unwrap_or_else(|| RecordedWaker::new(life, cx.waker())));
        let running = Running::begin(life);
        let poll = future.as_mut().poll(&mut Context::from_waker(handed_out));
        match &poll {
            Poll::Pending => running.end(What::Pending),
            Poll::Ready(_) => {
                running.end(What::Ready);
                // The executor's task holds this future, and the waker may hold that task.
                *waker = None;
            }
        }
        poll
    }
}

/// Records a wake, and forwards it.
#[derive(Debug)]
struct RecordedWaker {
    log: Arc<Log>,
    row: usize,
    inner: Waker,
}

impl RecordedWaker {
    fn new(life: &Life, inner: &Waker) -> (Arc<Self>, Waker) {
        let new = Arc::new(Self {
            log: Arc::clone(&life.log),
            row: life.row,
            inner: inner.clone(),
        });
        (Arc::clone(&new), Waker::from(new))
    }
}

impl Wake for RecordedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Recorded first: otherwise the poll could come before the wake in the log.
    fn wake_by_ref(self: &Arc<Self>) {
        self.log.note(self.row, What::Woken);
        self.inner.wake_by_ref();
    }
}

/// A task or a job from its spawning to its end.
#[derive(Debug)]
struct Life {
    log: Arc<Log>,
    row: usize,
    has_ended: bool,
}

impl Life {
    fn begin(log: &Arc<Log>, name: &str, kind: Kind) -> Self {
        Self {
            log: Arc::clone(log),
            row: log.add(name, kind),
            has_ended: false,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if !self.has_ended {
            self.log.note(self.row, What::Cancelled);
        }
    }
}

/// A poll. If it ends by a panic, its drop records that.
struct Running<'a> {
    life: &'a mut Life,
    /// What is being polled on this thread: this, until it is dropped.
    _current: Current,
    outcome: What,
}

impl<'a> Running<'a> {
    fn begin(life: &'a mut Life) -> Self {
        life.log.note(life.row, What::Poll);
        Self {
            _current: Current::enter(&life.log, life.row),
            life,
            outcome: What::Panicked,
        }
    }

    fn end(mut self, outcome: What) {
        self.outcome = outcome;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.life.has_ended = self.outcome != What::Pending;
        self.life.log.note(self.life.row, self.outcome);
    }
}
