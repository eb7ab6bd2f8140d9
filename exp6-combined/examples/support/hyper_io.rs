//! hyper's traits on this scheduler: [`Stream`] to read and write, [`Clock`] for its timeouts, [`Tasks`] to spawn. An
//! example has it by `#[path = "support/hyper_io.rs"] mod hyper_io;`.
#![allow(dead_code, reason = "not every example needs all of it")]

use std::io::{Read, Result, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use exp6_combined::{Async, Sleep, sleep_until, spawn};
use futures::io::{AsyncRead, AsyncWrite};
use hyper::rt::{Executor, ReadBufCursor, Timer};
use polling::AsSource;

/// How much one read takes at most. hyper's own buffer is as large at first.
const READ: usize = 8 * 1024;

/// hyper's `Read` and `Write` for an `Async`.
///
/// hyper's buffer is not initialised. To zero it before every read costs more than all else here. So reads go into a buffer
/// that is zeroed once, and what was read is copied: often a hundred bytes. `poll_read_with` could read straight into hyper's
/// buffer, by `unsafe`. It would ask the system a second time after each request, because only `AsyncRead` takes a short read
/// for "this was all".
///
/// There is no `poll_write_vectored`, and so hyper copies a body behind its head. For small answers this is less work.
pub(crate) struct Stream<T> {
    io: Async<T>,
    buffer: Box<[u8]>,
}

impl<T> Stream<T> {
    pub(crate) fn new(io: Async<T>) -> Self {
        let buffer = vec![0; READ].into_boxed_slice();
        Self { io, buffer }
    }
}

impl<T: AsSource + Unpin + 'static> hyper::rt::Read for Stream<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut cursor: ReadBufCursor<'_>) -> Poll<Result<()>> {
        let Self { io, buffer } = self.get_mut();
        let room = buffer.len().min(cursor.remaining());
        let length = ready!(Pin::new(io).poll_read(cx, &mut buffer[..room]))?;
        cursor.put_slice(&buffer[..length]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsSource + Unpin + 'static> hyper::rt::Write for Stream<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

/// hyper's `Timer`: with it the timeouts of hyper are sleeps of this scheduler.
#[derive(Clone, Debug)]
pub(crate) struct Clock;

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Alarm(sleep_until(deadline)))
    }

    fn now(&self) -> Instant {
        exp6_combined::now()
    }

    /// hyper does this for each request of a connection: the box stays.
    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Alarm>() {
            Some(mut alarm) => alarm.set(Alarm(sleep_until(deadline))),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

struct Alarm(Sleep);

impl hyper::rt::Sleep for Alarm {}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// hyper's `Executor`, which HTTP/2 asks for. The futures need not be `Send`.
#[derive(Clone, Debug)]
pub(crate) struct Tasks;

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        spawn(future);
    }
}
