//! The selector: tells which descriptors are ready.
//!
//! For speed it calls Linux's epoll itself, one system call a wait. polling's `Poller` has a timer descriptor, and takes five.
//! And sources are edge-triggered: each change is reported once, so none has to be armed again. It has the functions of
//! polling's `Poller` that `park.rs` calls.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

pub(crate) use polling::Event;
use polling::PollMode;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// How many events one wait takes. What finds no room is reported by the next.
const CAPACITY: usize = 1024;

/// Something that only the next read finds: the end of the stream, an error, a mark for urgent data.
const ENDED: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR)
    .union(EventFlags::PRI);
/// A read does not block: there is data, or it fails, or the stream has ended.
const READABLE: EventFlags = EventFlags::IN.union(ENDED);
/// A write does not block: there is room, or it fails.
const WRITABLE: EventFlags = EventFlags::OUT.union(EventFlags::HUP).union(EventFlags::ERR);
/// Both directions, each change once.
const EDGES: EventFlags = EventFlags::ET.union(READABLE).union(WRITABLE);

pub(crate) struct Poller {
    epoll: OwnedFd,
    /// How many sources there are. Without any, a busy loop is spared the system call for a look.
    sources: Cell<usize>,
}

pub(crate) struct Events(Vec<epoll::Event>);

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let sources = Cell::new(0);
        Ok(Self { epoll, sources })
    }

    /// Reports the edges of both directions from here on, whatever the interest.
    ///
    /// # Safety
    ///
    /// As for polling's: the descriptor is deleted before it is closed.
    pub(crate) unsafe fn add(&self, io: &impl AsFd, interest: Event) -> io::Result<()> {
        epoll::add(&self.epoll, io, data(interest), EDGES)?;
        self.sources.set(self.sources.get() + 1);
        Ok(())
    }

    /// Reports levels of the interest. The mode must say so.
    ///
    /// # Safety
    ///
    /// As for polling's: the descriptor is deleted before it is closed, or the selector is dropped first.
    pub(crate) unsafe fn add_with_mode(&self, io: &impl AsFd, interest: Event, mode: PollMode) -> io::Result<()> {
        debug_assert_eq!(mode, PollMode::Level);
        debug_assert!(interest.readable && !interest.writable);
        Ok(epoll::add(&self.epoll, io, data(interest), EventFlags::IN)?)
    }

    /// Reports once what is there already, in both directions. The edges go on.
    pub(crate) fn modify(&self, io: &impl AsFd, interest: Event) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, io, data(interest), EDGES)?)
    }

    pub(crate) fn delete(&self, io: &impl AsFd) -> io::Result<()> {
        self.sources.set(self.sources.get() - 1);
        Ok(epoll::delete(&self.epoll, io)?)
    }

    /// Rounds `timeout` up to milliseconds. A signal ends the wait without events.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        if timeout == Some(Duration::ZERO) && self.sources.get() == 0 {
            return Ok(0);
        }
        let timeout = timeout.map(|timeout| Timespec::try_from(timeout).expect("the caller bounds it"));
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => Ok(0),
            result => Ok(result?),
        }
    }
}

/// For a loop that the scheduler is a part of.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn data(interest: Event) -> EventData {
    EventData::new_u64(interest.key as u64)
}

impl Events {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The end of a stream is reported as an interrupt.
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
