//! What the traits need: who waits through them, and reading into a buffer.
//!
//! For speed a read of a TCP stream that gives less than was asked for counts as "the stream is empty". So an echo takes one
//! read, not two. Only with the standard library's type: another may give less than there is.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::task::{Context, Poll, Waker, ready};

use polling::AsSource;

use crate::async_io::Async;
use crate::scheduler::try_current;
use crate::source::{Direction, Waiter};
use crate::task::discard_panic;

/// How many wakers of poll functions are kept for one direction.
const MAX_POLLED: usize = 64;

impl Direction {
    /// The wait of this task: one for each of its wakers, because a poll function does not say when its caller gives up. So
    /// only an event takes it out, not a drop.
    pub(crate) fn waiter_of_task(&self, cx: &Context<'_>) -> ManuallyDrop<Waiter<'_>> {
        // Wakes all to make room. A task that still waits adds itself again.
        let evict = |polled: BTreeMap<_, Waker>| {
            for waker in polled.into_values() {
                discard_panic(|| waker.wake());
            }
        };
        let waiter = self.polled_waiter(cx.waker(), MAX_POLLED, evict);
        ManuallyDrop::new(waiter)
    }
}

impl<T: AsSource + 'static> Async<T>
where
    for<'a> &'a T: Read,
{
    pub(crate) fn poll_read_into(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let source = &self.registration.source;
        let waiter = source.read.waiter_of_task(cx);
        // If its scheduler does not run, nothing is reported, and what is known may be wrong.
        if source.empty.get() && self.registration.is_ours(try_current().as_ref()) {
            waiter.list(cx.waker());
            return Poll::Pending;
        }
        let length = ready!(self.poll_with(cx, &waiter, |mut io| io.read(buffer)))?;
        if length < buffer.len() && TypeId::of::<T>() == TypeId::of::<TcpStream>() {
            // What comes from here on is reported.
            source.empty.set(source.short_read_empties.get());
        }
        Poll::Ready(Ok(length))
    }
}
