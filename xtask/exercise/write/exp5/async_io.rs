//! Descriptors that tasks can wait for: try the operation first, and wait after `WouldBlock`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;

use polling::AsSource;

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
    pub(crate) io: T,
    /// A source stays on its thread, as an `Rc` does.
    thread: PhantomData<Rc<()>>,
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
        drop(io);
        todo!("the registration with the selector")
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
        todo!("a wait until there is something to read")
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
        todo!("a wait until there is room to write")
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
        drop(op);
        todo!("a read")
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
        drop(op);
        todo!("a write")
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
        Ok(self.io)
    }
}

impl<T: fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").field("io", &self.io).finish_non_exhaustive()
    }
}

