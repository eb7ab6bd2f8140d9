//! Where the loop blocks: in the selector, until a descriptor is ready. A thread can block in one place only, so nothing
//! but a descriptor or the time can end that: another thread cannot.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use polling::{Event, Events, PollMode, Poller};
use slab::Slab;

use crate::source::Source;

/// The longest a selector is asked to wait: some refuse more. Nobody minds a wait that ends early.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The loop's side.
pub(crate) struct Wait {
    poller: Poller,
    /// The registered sources. A source's place is the key under which the selector reports it.
    sources: RefCell<Slab<Rc<Source>>>,
    /// What the selector reports, kept to be filled again.
    events: RefCell<Events>,
    /// Who is to be woken for it.
    wakers: RefCell<VecDeque<Waker>>,
}

/// The side of whoever has news for the loop.
pub(crate) struct Notifier;

impl Wait {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            sources: RefCell::default(),
            events: RefCell::new(Events::new()),
            wakers: RefCell::default(),
        })
    }

    pub(crate) fn notifier(&self) -> Notifier {
        Notifier
    }

    /// Blocks until a source is ready, or until the time is up; `None` is for ever. It may end early, and nobody relies on
    /// more.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        // Somebody is to be woken in any case: a task that lets others go first, or one whose turn was taken by a panic.
        let at_once = !self.wakers.borrow().is_empty();
        self.collect(if at_once { Some(Duration::ZERO) } else { timeout });
        // All events first, then all wakes: a waker may drop a source and make another, which gets the key. Events that
        // are still to be delivered would hit a stranger.
        while let Some(waker) = self.next_waker() {
            waker.wake();
        }
    }

    /// Wakes a task when the sources have been heard.
    pub(crate) fn defer(&self, waker: Waker) {
        self.wakers.borrow_mut().push_back(waker);
    }

    fn next_waker(&self) -> Option<Waker> {
        self.wakers.borrow_mut().pop_front()
    }

    /// Takes the events in, and with them those who wait for them.
    fn collect(&self, timeout: Option<Duration>) {
        // Without sources there is nothing to hear here, and a busy loop is spared a system call a turn.
        if timeout == Some(Duration::ZERO) && self.sources.borrow().is_empty() {
            return;
        }
        let timeout = timeout.map(|timeout| timeout.min(LONGEST));
        let mut events = self.events.borrow_mut();
        events.clear();
        match self.poller.wait(&mut events, timeout) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => panic!("the selector fails: {error}"),
        }
        let mut wakers = self.wakers.borrow_mut();
        let sources = self.sources.borrow();
        for event in events.iter() {
            if let Some(source) = sources.get(event.key) {
                source.deliver(event.readable, event.writable, &mut wakers);
                // Where a selector reports once in all, the other direction's report is spent as well.
                if source.is_awaited() {
                    self.rearm(source).expect("a source is registered");
                }
            }
        }
    }

    /// Has the selector report `fd`, for as long as the source lives.
    pub(crate) fn register(&self, fd: BorrowedFd<'_>) -> io::Result<Rc<Source>> {
        let mut sources = self.sources.borrow_mut();
        let place = sources.vacant_entry();
        let source = Rc::new(Source::new(place.key(), fd));
        // SAFETY: the descriptor stays open until `deregister`. `Async` owns it, lends it only as `&T`, and drops its
        // registration, and with it deregisters the source, before the descriptor.
        let added = unsafe {
            self.poller
                .add_with_mode(fd.as_raw_fd(), Event::all(source.key), self.mode())
        };
        added?;
        place.insert(Rc::clone(&source));
        Ok(source)
    }

    /// The selector reports a change, and that once: it need not be asked again after each event. Selectors that cannot
    /// do that report once in all, and are asked again.
    fn mode(&self) -> PollMode {
        if self.poller.supports_edge() {
            PollMode::Edge
        } else {
            PollMode::Oneshot
        }
    }

    /// Asks again, where that is necessary, for the directions that are not ready.
    pub(crate) fn rearm(&self, source: &Source) -> io::Result<()> {
        if self.poller.supports_edge() {
            return Ok(());
        }
        self.poller.modify(descriptor(source), source.interest())
    }

    /// To be called before the descriptor is closed.
    pub(crate) fn deregister(&self, source: &Source) -> io::Result<()> {
        let _source = self.sources.borrow_mut().try_remove(source.key);
        self.poller.delete(descriptor(source))
    }
}

fn descriptor(source: &Source) -> BorrowedFd<'_> {
    // SAFETY: a source is the descriptor's registration, and is dropped before the descriptor is closed.
    unsafe { BorrowedFd::borrow_raw(source.fd) }
}

impl Notifier {
    /// Does nothing. A task that another thread wakes is queued, and waits until something else ends the loop's wait.
    pub(crate) fn notify(&self) {}
}
