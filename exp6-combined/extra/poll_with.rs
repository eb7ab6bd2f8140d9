//! Poll functions with an operation of the caller: for I/O traits other than those of futures-io.

use std::io;
use std::task::{Context, Poll};

use polling::AsSource;

use crate::async_io::Async;

impl<T: AsSource + 'static> Async<T> {
    /// Polls a read with `op`: as [`read_with`](Self::read_with), but as one call of a poll function. With it one writes the
    /// I/O traits of other crates, whose buffers may be uninitialised, and need not be zeroed first:
    ///
    /// ```
    /// # use std::io::{self, Write};
    /// # use std::mem::MaybeUninit;
    /// # use std::net::TcpStream;
    /// # use std::task::{Context, Poll};
    /// # use exp6_combined::{Async, Scheduler};
    /// use socket2::SockRef;
    ///
    /// fn poll_read(
    ///     stream: &Async<TcpStream>,
    ///     cx: &mut Context<'_>,
    ///     buffer: &mut [MaybeUninit<u8>],
    /// ) -> Poll<io::Result<usize>> {
    ///     stream.poll_read_with(cx, |stream| SockRef::from(stream).recv(buffer))
    /// }
    /// # Scheduler::new().block_on(async {
    /// #     let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// #     let stream = Async::<TcpStream>::connect(listener.local_addr()?).await?;
    /// #     listener.accept()?.0.write_all(b"three")?;
    /// #     let mut buffer = [MaybeUninit::uninit(); 16];
    /// #     assert_eq!(std::future::poll_fn(|cx| poll_read(&stream, cx, &mut buffer)).await?, 5);
    /// #     io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// `Pending` means that the task is woken when the source becomes readable. What `op` may say, and when it is tried again,
    /// is the same as for `read_with`.
    ///
    /// Several tasks may poll one source: each is woken. But a poll function is not told when its caller gives up, and so the
    /// waker of a task that has given up stays there until the next report. More than 64 tasks that wait in this way for one
    /// direction keep waking each other; any number of tasks can wait with `read_with`.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Self::read_with).
    ///
    /// # Cancel safety
    ///
    /// There is nothing to drop: the call in which `op` succeeds is the one that returns its result.
    pub fn poll_read_with<R>(&self, cx: &mut Context<'_>, op: impl FnMut(&T) -> io::Result<R>) -> Poll<io::Result<R>> {
        let waiter = self.registration.source.read.waiter_of_task(cx);
        self.poll_with(cx, &waiter, op)
    }

    /// Polls a write with `op`: as [`write_with`](Self::write_with), but as one call of a poll function, as
    /// [`poll_read_with`](Self::poll_read_with) is.
    ///
    /// ```
    /// # use std::io::{self, Write};
    /// # use std::net::{TcpListener, TcpStream};
    /// # use exp6_combined::{Async, Scheduler};
    /// # Scheduler::new().block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = Async::<TcpStream>::connect(listener.local_addr()?).await?;
    /// let written = std::future::poll_fn(|cx| stream.poll_write_with(cx, |mut stream| stream.write(b"three")));
    /// assert_eq!(written.await?, 5);
    /// # io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write_with`](Self::write_with).
    ///
    /// # Cancel safety
    ///
    /// There is nothing to drop: the call in which `op` succeeds is the one that returns its result.
    pub fn poll_write_with<R>(&self, cx: &mut Context<'_>, op: impl FnMut(&T) -> io::Result<R>) -> Poll<io::Result<R>> {
        let waiter = self.registration.source.write.waiter_of_task(cx);
        self.poll_with(cx, &waiter, op)
    }
}
