//! Reading into a buffer. In a file of its own, which `fast/read.rs` replaces.

use std::io::{self, Read};
use std::task::{Context, Poll};

use polling::AsSource;

use crate::async_io::Async;

impl<T: AsSource + 'static> Async<T>
where
    for<'a> &'a T: Read,
{
    pub(crate) fn poll_read_into(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let waiter = self.registration.source.read.waiter_of_task(cx);
        self.poll_with(cx, &waiter, |mut io| io.read(buffer))
    }
}
