//! futures-io's traits, through which other crates read and write.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use polling::AsSource;

use crate::async_io::Async;

/// What `shutdown` says of a descriptor that is no socket: `WSAENOTSOCK` on Windows, `ENOTSOCK` elsewhere.
const NOT_A_SOCKET: i32 = if cfg!(windows) { 10038 } else { libc::ENOTSOCK };

/// More than 64 tasks that wait for one direction through these traits keep waking each other. Any number of tasks can wait
/// with `read_with`.
///
/// Do not use a `TcpStream` for which the kernel decrypts (`TCP_ULP`): with the feature `fast-io` a short read counts as "the
/// stream is empty".
impl<T: AsSource + 'static> AsyncRead for &Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_into(cx, buffer)
    }
}

impl<T: AsSource + 'static> AsyncWrite for &Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let waiter = self.registration.source.write.waiter_of_task(cx);
        self.poll_with(cx, &waiter, |mut io| io.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let waiter = self.registration.source.write.waiter_of_task(cx);
        self.poll_with(cx, &waiter, |mut io| io.write_vectored(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Tried first, even if the socket is known to be full: most types have nothing to flush.
        match (&self.io).flush() {
            Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind()) => {
                let waiter = self.registration.source.write.waiter_of_task(cx);
                self.poll_with(cx, &waiter, |mut io| io.flush())
            }
            result => Poll::Ready(result),
        }
    }

    /// Ends the stream in this direction, if it is a socket: the peer reads on to the end, and can still send.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Poll::Ready(match self.registration.source.io.shutdown(Shutdown::Write) {
            // The peer has closed the connection already: there is nothing to end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            Err(error) if error.raw_os_error() == Some(NOT_A_SOCKET) => Ok(()),
            result => result,
        })
    }
}

impl<T: AsSource + 'static> AsyncRead for Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }
}

impl<T: AsSource + 'static> AsyncWrite for Async<T>
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
