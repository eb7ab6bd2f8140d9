//! What the traits need, and `fast/` does otherwise: who waits through them, and reading into a buffer.

use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::task::{Context, Poll};

use polling::AsSource;

use crate::async_io::Async;
use crate::source::{Direction, Waiter};
use crate::task::discard_panic;

/// The bit that tells the wait of a poll function from other waits.
const POLLED: u64 = 1 << 63;

/// How many wakers of poll functions are kept for one direction.
const MAX_POLLED: usize = 64;

impl Direction {
    /// The wait of this task: one for each of its wakers, because a poll function does not say when its caller gives up. So
    /// only an event takes it out, not a drop.
    pub(crate) fn waiter_of_task(&self, cx: &Context<'_>) -> ManuallyDrop<Waiter<'_>> {
        let waiters = self.waiters.borrow();
        let mut polled = waiters.range(POLLED..);
        let id = polled.find(|(_, waker)| waker.will_wake(cx.waker())).map(|(id, _)| *id);
        let full = id.is_none() && waiters.range(POLLED..).count() >= MAX_POLLED;
        drop(waiters);
        if full {
            self.wake_polled();
        }
        let id = id.unwrap_or_else(|| self.waiter().id | POLLED);
        ManuallyDrop::new(Waiter { direction: self, id })
    }

    /// Wakes all to make room. A task that still waits adds itself again.
    fn wake_polled(&self) {
        let polled = self.waiters.borrow_mut().split_off(&POLLED);
        for waker in polled.into_values() {
            discard_panic(|| waker.wake());
        }
    }
}

impl<T: AsSource + 'static> Async<T>
where
    for<'a> &'a T: Read,
{
    pub(crate) fn poll_read_into(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let waiter = self.registration.source.read.waiter_of_task(cx);
        self.poll_with(cx, &waiter, |mut io| io.read(buffer))
    }
}
