//! Reading into a buffer.
//!
//! For speed a read of a TCP stream that gives less than was asked for counts as "the stream is empty". So an echo takes one
//! read, not two. Only with the standard library's type: another may give less than there is.

use std::any::TypeId;
use std::io::{self, Read};
use std::net::TcpStream;
use std::task::{Context, Poll, ready};

use polling::AsSource;

use crate::async_io::Async;

impl<T: AsSource + 'static> Async<T>
where
    for<'a> &'a T: Read,
{
    pub(crate) fn poll_read_into(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let source = &self.registration.source;
        let waiter = source.read.waiter_of_task(cx);
        let length = ready!(self.poll_with(cx, &waiter, |mut io| io.read(buffer)))?;
        if length < buffer.len() && TypeId::of::<T>() == TypeId::of::<TcpStream>() {
            source.was_short();
        }
        Poll::Ready(Ok(length))
    }
}
