//! futures-io's traits, through which the ecosystem reads and writes.
//!
//! A poll function leaves nothing behind that could take its waker out again, so it adds one that is not there yet.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};

use crate::source::{Async, Direction};

impl<T: AsFd> Async<T> {
    fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        direction: &Direction,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if direction.gives_way(cx) {
            return Poll::Pending;
        }
        if let Some(result) = self.attempt(direction, &mut op) {
            return Poll::Ready(result);
        }
        self.registration.check()?;
        if !direction.wakes(cx.waker()) {
            // It may be one that will never be polled again. If not, it adds itself once more.
            if let Some(waker) = direction.make_room() {
                waker.wake();
            }
            direction.add(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// More than 64 tasks that wait for one direction through these traits keep waking each other. With `read_with`, as many as
/// there are just wait.
///
/// On Linux, a `T` of your own that reads from TCP must not give less than was asked for while its socket has more: a short
/// read is taken to have emptied it.
impl<T: AsFd> AsyncRead for &Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let source = &self.registration.source;
        let length = ready!(self.poll_with(cx, &source.read, |mut io| io.read(buffer)))?;
        if length < buffer.len() {
            source.was_short();
        }
        Poll::Ready(Ok(length))
    }
}

impl<T: AsFd> AsyncWrite for &Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(cx, &self.registration.source.write, |mut io| io.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, &self.registration.source.write, |mut io| io.write_vectored(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A full socket has room for a flush, and for the end of the stream behind it.
        self.registration.source.write.retry();
        self.poll_with(cx, &self.registration.source.write, |mut io| io.flush())
    }

    /// Ends the stream in this direction, if it is a socket: the peer reads on to the end, and can still send.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        match shutdown(&self.io, Shutdown::Write) {
            // No socket; or one whose peer has closed it already.
            Ok(()) | Err(Errno::NOTSOCK | Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl<T: AsFd> AsyncRead for Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }
}

impl<T: AsFd> AsyncWrite for Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}
