//! Stands in for the system: one pair of sockets, and a selector that reports the receiver's edges.
//!
//! What comes before a byte is sent is ordered before what comes after it is reported or received, as the system's locks
//! do it. No other order is assumed of a system call.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use loom::sync::Notify;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use polling::{Event, PollMode};

/// What the two sockets and the selector share.
#[derive(Debug)]
struct Pipe {
    /// Sent, and not yet received.
    bytes: AtomicUsize,
    /// The selector has something to report.
    edge: AtomicBool,
    /// Who is blocked in the selector.
    blocked: Notify,
}

thread_local! {
    /// The pair that was made last, for the selector. All threads of a model are one thread of the system.
    static PIPE: Cell<Option<Arc<Pipe>>> = const { Cell::new(None) };
}

/// One end of the pair.
#[derive(Debug)]
pub struct UnixStream(Arc<Pipe>);

impl UnixStream {
    /// Makes both ends.
    ///
    /// # Errors
    ///
    /// None.
    pub fn pair() -> io::Result<(Self, Self)> {
        let pipe = Arc::new(Pipe {
            bytes: AtomicUsize::new(0),
            edge: AtomicBool::new(false),
            blocked: Notify::new(),
        });
        PIPE.set(Some(Arc::clone(&pipe)));
        Ok((Self(Arc::clone(&pipe)), Self(pipe)))
    }

    /// It always is.
    ///
    /// # Errors
    ///
    /// None.
    pub fn set_nonblocking(&self, _nonblocking: bool) -> io::Result<()> {
        Ok(())
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        -1
    }
}

impl io::Write for &UnixStream {
    /// # Panics
    ///
    /// If there is a byte in flight already.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.0.bytes.fetch_add(bytes.len(), Ordering::Release);
        assert_eq!(before, 0, "more than one byte is in flight");
        self.0.edge.swap(true, Ordering::Release);
        self.0.blocked.notify();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Receives what there is, as far as there is room.
///
/// # Errors
///
/// As [`rustix::io::read`]'s, if there is nothing.
pub fn read(receiver: &UnixStream, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    let take = |bytes: usize| bytes.checked_sub(1).map(|_| bytes.saturating_sub(buffer.len()));
    let bytes = &receiver.0.bytes;
    match bytes.fetch_update(Ordering::Acquire, Ordering::Relaxed, take) {
        Ok(before) => Ok(before.min(buffer.len())),
        Err(_) => Err(rustix::io::Errno::WOULDBLOCK),
    }
}

/// No source is waited for in a model.
#[must_use]
pub fn reports_end(_fd: BorrowedFd<'_>) -> bool {
    false
}

/// The selector.
#[derive(Debug)]
pub struct Poller(Arc<Pipe>);

/// What it reports.
#[derive(Debug)]
pub struct Events(Option<Event>);

/// The key of the receiver.
const BELL: usize = usize::MAX - 1;

impl Poller {
    /// Makes one that reports the last pair.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// If there is no pair.
    pub fn new() -> io::Result<Self> {
        Ok(Self(PIPE.take().expect("a pair")))
    }

    /// Adds the receiver.
    ///
    /// # Errors
    ///
    /// If it is another descriptor.
    ///
    /// # Safety
    ///
    /// It is not used.
    #[allow(unsafe_code)]
    pub unsafe fn add_with_mode(&self, _fd: RawFd, interest: Event, _mode: PollMode) -> io::Result<()> {
        match interest.key {
            BELL => Ok(()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// It does.
    #[must_use]
    pub fn supports_edge(&self) -> bool {
        true
    }

    /// Edges need not be asked for again.
    ///
    /// # Errors
    ///
    /// None.
    pub fn modify<T>(&self, _fd: T, _interest: Event) -> io::Result<()> {
        Ok(())
    }

    /// There is nothing to delete.
    ///
    /// # Errors
    ///
    /// None.
    pub fn delete<T>(&self, _fd: T) -> io::Result<()> {
        Ok(())
    }

    /// Waits for the edge, or does not wait. It may end early once, as after a signal.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// If there is a deadline.
    #[track_caller]
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let mut reported = self.0.edge.swap(false, Ordering::Acquire);
        match timeout {
            Some(Duration::ZERO) => {}
            Some(_) => panic!("a model has no deadlines"),
            None if reported => {}
            None => {
                self.0.blocked.wait();
                reported = self.0.edge.swap(false, Ordering::Acquire);
            }
        }
        events.0 = reported.then(|| Event::readable(BELL));
        Ok(usize::from(reported))
    }
}

impl Events {
    /// Makes an empty one.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(None)
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// What it holds.
    pub fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.into_iter()
    }
}
