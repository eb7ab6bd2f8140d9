//! Stands in for the system: the pair of sockets that is the self-socket, and a selector that reports the receiver as long
//! as there are bytes.
//!
//! What comes before a byte is written is ordered before what comes after it is reported or read, as the system's locks do
//! it. No other order is assumed of a system call.

use std::cell::OnceCell;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loom::sync::Notify;
use loom::sync::atomic::{AtomicUsize, Ordering};

pub use polling::{Event, PollMode};

/// The sockets are full with as many bytes. Real ones hold hundreds.
const ROOM: usize = 2;

/// A park without a deadline is a day long. Loom knows no time, so nothing shorter can be modelled, except not to wait.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the two sockets and the selector share.
#[derive(Debug)]
struct Pipe {
    /// Written, and not yet read.
    bytes: AtomicUsize,
    /// Who is blocked in the selector.
    blocked: Notify,
    /// One end is closed. Not loom's, because nothing may rely on it.
    closed: AtomicBool,
}

impl Pipe {
    /// How many bytes there are. Adds nothing; but a load could see an older value, and no system call does.
    fn latest(&self, order: Ordering) -> usize {
        self.bytes.fetch_add(0, order)
    }
}

/// One end of the pair.
#[derive(Debug)]
pub struct Socket {
    pipe: Arc<Pipe>,
    is_receiver: bool,
}

/// The kind of address of a socket.
#[derive(Debug)]
pub struct Domain;

/// The kind of a socket.
#[derive(Debug)]
pub struct Type;

impl Domain {
    /// The only one.
    pub const UNIX: Self = Self;
}

impl Type {
    /// The only one.
    pub const STREAM: Self = Self;
}

impl Socket {
    /// Makes both ends: the receiver, and the sender.
    ///
    /// # Errors
    ///
    /// None.
    pub fn pair(_domain: Domain, _type: Type, _protocol: Option<()>) -> io::Result<(Self, Self)> {
        let pipe = Arc::new(Pipe {
            bytes: AtomicUsize::new(0),
            blocked: Notify::new(),
            closed: AtomicBool::new(false),
        });
        let [receiver, sender] = [true, false].map(|is_receiver| Self {
            pipe: Arc::clone(&pipe),
            is_receiver,
        });
        Ok((receiver, sender))
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

impl Drop for Socket {
    fn drop(&mut self) {
        self.pipe.closed.store(true, Ordering::Relaxed);
    }
}

impl io::Write for &Socket {
    /// # Panics
    ///
    /// If the receiver is closed: the system would send a signal, which by default ends the process.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.is_receiver, "nobody reads what is written here");
        assert!(!self.pipe.closed.load(Ordering::Relaxed), "the receiver is closed");
        if self.pipe.latest(Ordering::Relaxed) >= ROOM {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.pipe.bytes.fetch_add(bytes.len(), Ordering::Release);
        self.pipe.blocked.notify();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(self.is_receiver, "nobody writes what is read here");
        let read = self.pipe.latest(Ordering::Acquire).min(buffer.len());
        if read == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.pipe.bytes.fetch_sub(read, Ordering::Acquire);
        Ok(read)
    }
}

/// A reference to a source. No model has one.
#[derive(Debug)]
pub struct SockRef<'s>(&'s Socket);

impl Deref for SockRef<'_> {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        self.0
    }
}

/// The selector.
#[derive(Debug)]
pub struct Poller {
    /// The receiver's bytes, and how they are reported.
    receiver: OnceCell<(Arc<Pipe>, Event)>,
}

/// What it reports.
#[derive(Debug)]
pub struct Events(Option<Event>);

impl Poller {
    /// Makes one that reports nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn new() -> io::Result<Self> {
        let receiver = OnceCell::new();
        Ok(Self { receiver })
    }

    /// Adds the receiver.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// If it is to be reported in another way than as long as there are bytes, or if there is one already.
    ///
    /// # Safety
    ///
    /// It is not used.
    #[allow(unsafe_code)]
    pub unsafe fn add_with_mode(&self, receiver: &Socket, interest: Event, mode: PollMode) -> io::Result<()> {
        assert_eq!(mode, PollMode::Level);
        assert!(receiver.is_receiver && interest.readable);
        let added = self.receiver.set((Arc::clone(&receiver.pipe), interest));
        added.expect("there is one receiver");
        Ok(())
    }

    /// No model has a source.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Safety
    ///
    /// It is not used.
    #[allow(unsafe_code)]
    pub unsafe fn add(&self, _source: &Socket, _interest: Event) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    /// No model has a source.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn modify(&self, _source: &Socket, _interest: Event) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    /// No model has a source.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn delete(&self, _source: &Socket) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Blocks until there are bytes, or only looks whether there are.
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
        let (pipe, event) = self.receiver.get().expect("there is a receiver");
        let blocks = timeout != Some(Duration::ZERO);
        assert!(
            !blocks || timeout.is_none_or(|timeout| timeout >= DAY),
            "a model has no deadlines"
        );
        let is_readable = || pipe.latest(Ordering::Acquire) > 0;
        let mut reported = is_readable();
        while blocks && !reported {
            pipe.blocked.wait();
            reported = is_readable();
        }
        events.0 = reported.then_some(*event);
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
