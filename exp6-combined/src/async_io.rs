//! Descriptors that tasks can wait for: try the operation first, and wait after `WouldBlock`.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use polling::AsSource;
use socket2::SockRef;

use crate::scheduler::{Core, current, try_current};
use crate::source::{Direction, Source, Waiter};

/// A descriptor that tasks can wait for: a socket, a pipe, a terminal, or another descriptor that the selector takes.
///
/// It belongs to the scheduler that it is made in, which must run for a wait to end. An `Async` may outlive its scheduler; to
/// wait for it is then an error. `T` is `'static`, so that the descriptor of a forgotten `Async` stays open.
///
/// Several tasks may use it at once. A task that has read or written sixteen times in one poll, on whatever sources, lets
/// other tasks run first: its next operation is pending once, even if it could be done.
///
/// # What the system does with it
///
/// - Non-blocking mode belongs to the open file, and not to the descriptor. It stays after the drop, and holds for all
///   descriptors of that file. With a terminal these are also standard output, and those of the next program. So do not wrap
///   standard input: read it on a thread, and send its lines through a channel.
/// - With `SO_LINGER` the drop of a socket blocks until its data has been sent, and with it the loop. Take the socket out by
///   [`into_inner`](Self::into_inner), and drop it on another thread.
/// - After a `fork` both processes have one selector. If the child drops an `Async`, the parent's source is deregistered.
pub struct Async<T> {
    /// Declared first, and so dropped first: before the descriptor is closed.
    pub(crate) registration: Registration,
    pub(crate) io: T,
}

/// Deregisters the source when it is dropped.
pub(crate) struct Registration {
    /// `Weak`: otherwise a task that has a descriptor would keep the scheduler alive that keeps the task.
    core: Weak<Core>,
    pub(crate) source: Rc<Source>,
}

impl<T: AsSource + 'static> Async<T> {
    /// Registers `io`, and sets it to non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says: `PermissionDenied` for a regular file, a directory or `/dev/null`, for which one cannot wait, or
    /// `AlreadyExists` for a descriptor that is registered already. Other selectors than Linux's may take these. `io` is
    /// dropped then.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread.
    #[track_caller]
    pub fn new(io: T) -> io::Result<Self> {
        let core = current();
        let source = core.parker.register(SockRef::from(&io))?;
        let core = Rc::downgrade(&core);
        let registration = Registration { core, source };
        registration.source.io.set_nonblocking(true)?;
        Ok(Self { registration, io })
    }

    /// Waits until a read may succeed: until there is data, the end of the stream, or an error.
    ///
    /// # Errors
    ///
    /// If its scheduler is not the one that runs on this thread, or what the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(&self.registration.source.read).await
    }

    /// Waits until a write may succeed.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(&self.registration.source.write).await
    }

    /// Reads with `op`: tries it, and again when the source becomes readable, as long as it says `WouldBlock`. It may say so
    /// only if the descriptor itself would block: an `op` that has data in a buffer must return that first. After
    /// `Interrupted` it is tried again at once.
    ///
    /// # Errors
    ///
    /// Those of `op`, and as [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the poll in which `op` succeeds is the last.
    pub async fn read_with<R>(&self, op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(&self.registration.source.read, op).await
    }

    /// Writes with `op`: tries it, and again when the source becomes writable, as long as it says `WouldBlock`. It may say so
    /// only if the descriptor itself would block. After `Interrupted` it is tried again at once.
    ///
    /// # Errors
    ///
    /// Those of `op`, and as [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the poll in which `op` succeeds is the last.
    pub async fn write_with<R>(&self, op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(&self.registration.source.write, op).await
    }

    async fn ready(&self, direction: &Direction) -> io::Result<()> {
        let waiter = direction.waiter();
        let mut waits = false;
        poll_fn(|cx| {
            // The event has taken its entry out; or the drop of the scheduler has, and then `wait` gives the error.
            if waits && !waiter.is_listed() && self.registration.core.strong_count() > 0 {
                return Poll::Ready(Ok(()));
            }
            waits = true;
            self.registration.wait(&waiter, cx)?;
            Poll::Pending
        })
        .await
    }

    /// The operation decides, not the report: another task may have taken meanwhile what was reported.
    async fn with<R>(&self, direction: &Direction, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        let waiter = direction.waiter();
        poll_fn(|cx| self.poll_with(cx, &waiter, &mut op)).await
    }

    pub(crate) fn poll_with<R>(
        &self,
        cx: &Context<'_>,
        waiter: &Waiter<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if let Some(core) = try_current() {
            ready!(core.poll_budget(cx, waiter.direction));
        }
        loop {
            match op(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.wait(waiter, cx)?;
                    return Poll::Pending;
                }
                result => return Poll::Ready(result),
            }
        }
    }
}

impl<T> Async<T> {
    /// What it was made from. There is no `get_mut`: with it, the registered descriptor could be exchanged for another.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Gives back what it was made from, deregistered, and still non-blocking.
    ///
    /// # Errors
    ///
    /// It never fails: a descriptor that the selector does not know any more is given back as well.
    pub fn into_inner(self) -> io::Result<T> {
        // The registration is dropped at the end of this function.
        Ok(self.io)
    }
}

impl<T: fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").field("io", &self.io).finish_non_exhaustive()
    }
}

impl Registration {
    /// Registers the task's waker for the event. The loop of another scheduler would never see it, and so that is an error.
    fn wait(&self, waiter: &Waiter<'_>, cx: &Context<'_>) -> io::Result<()> {
        let ours = try_current().filter(|core| Rc::as_ptr(core) == self.core.as_ptr());
        let core = ours.ok_or_else(|| io::Error::other("the scheduler that this source belongs to does not run"))?;
        waiter.list(cx.waker().clone());
        core.parker.arm(&self.source)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // It fails if the descriptor is closed already, and then there is nothing left to do.
        let _ = self.core.upgrade().map(|core| core.parker.deregister(&self.source));
    }
}
