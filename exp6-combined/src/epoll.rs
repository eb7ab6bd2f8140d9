//! Linux's selector without a detour, for speed alone: polling's `Poller` sets a timer of its own and makes five system
//! calls a wait, where one will do. It has the functions of polling's that `wait.rs` calls, and one difference that
//! shows: it reports the end of a stream apart.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use polling::{Event, PollMode};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::ipproto;
use rustix::net::sockopt::socket_protocol;

/// Events a wait. Those that find no room are reported by the next.
const CAPACITY: usize = 1024;

/// Readable, or an operation to read does not block, because it fails or the stream has ended.
const READABLE: EventFlags = EventFlags::IN.union(ENDED);
/// Writable, or a write fails.
const WRITABLE: EventFlags = EventFlags::OUT.union(EventFlags::HUP).union(EventFlags::ERR);
/// What may stand behind the data, or in the middle of it, and be found by the next read only: the end of the stream, an
/// error, a mark for urgent data.
const ENDED: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR)
    .union(EventFlags::PRI);

/// For TCP. What other streams do is not worth the trouble.
pub(crate) fn reports_end(fd: BorrowedFd<'_>) -> bool {
    socket_protocol(fd) == Ok(Some(ipproto::TCP))
}

pub(crate) struct Poller {
    epoll: OwnedFd,
}

pub(crate) struct Events(Vec<epoll::Event>);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    /// Reports edges, whatever the mode.
    ///
    /// # Safety
    ///
    /// The descriptor is open.
    pub(crate) unsafe fn add_with_mode(&self, fd: RawFd, interest: Event, _mode: PollMode) -> io::Result<()> {
        // SAFETY: the caller says that it is open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let mut flags = EventFlags::ET;
        flags.set(READABLE, interest.readable);
        flags.set(WRITABLE, interest.writable);
        let key = EventData::new_u64(interest.key as u64);
        Ok(epoll::add(&self.epoll, fd, key, flags)?)
    }

    pub(crate) fn supports_edge(&self) -> bool {
        true
    }

    /// Nothing to do: edges need not be asked for again.
    pub(crate) fn modify(&self, _fd: impl AsFd, _interest: Event) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn delete(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Rounds `timeout` up to milliseconds.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| Timespec::try_from(timeout).expect("the caller bounds it"));
        Ok(epoll::wait(
            &self.epoll,
            spare_capacity(&mut events.0),
            timeout.as_ref(),
        )?)
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.0.iter().map(|event| {
            let flags = event.flags;
            let key = event.data.u64() as usize;
            let mut event = Event::new(key, flags.intersects(READABLE), flags.intersects(WRITABLE));
            event.set_interrupt(flags.intersects(ENDED));
            event
        })
    }
}
