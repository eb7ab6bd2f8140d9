//! Where the loop blocks: in the selector, until a descriptor is ready. A thread can block in one place only, so a waker on
//! another thread cannot unblock it.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use socket2::SockRef;

use crate::poller::{Event, Events, Poller};
use crate::source::{Source, Sources};

/// The longest park. kqueue refuses more than 100,000,000 s, and a park may end early.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The loop's side.
pub(crate) struct Parker {
    pub(crate) poller: Poller,
    /// What the selector reports, kept to be filled again.
    events: RefCell<Events>,
    /// The registered sources, by the key under which the selector reports them.
    pub(crate) sources: RefCell<Sources<usize, Rc<Source>>>,
    /// The key of the next source. No key is used again: otherwise a late report would be taken for another source's.
    next_key: Cell<usize>,
    /// The wakers to call after the next look at the selector: those of deferred tasks (see `Core::poll_budget`), and then
    /// those that the selector reports.
    pub(crate) wakers: RefCell<VecDeque<Waker>>,
}

/// The wakers' side.
pub(crate) struct Unparker;

impl Parker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            events: RefCell::new(Events::new()),
            sources: RefCell::default(),
            next_key: Cell::new(0),
            wakers: RefCell::default(),
        })
    }

    /// To be called on the loop's thread.
    pub(crate) fn unparker(&self) -> Unparker {
        Unparker
    }

    /// Looks at the selector, and calls the wakers of what it reports. Blocks until a source is ready, or until the time is
    /// up; `None` is for ever. It may end early.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        let deferred = self.wakers.borrow().len();
        let at_once = (deferred > 0).then_some(Duration::ZERO);
        let timeout = at_once.or(timeout.map(|timeout| timeout.min(LONGEST)));
        let mut events = self.events.borrow_mut();
        events.clear();
        let waited = self.poller.wait(&mut events, timeout);
        waited.expect("the selector works");
        // All events first, then all wakes: a wake may run user code, and that may drop a source.
        for event in events.iter() {
            if let Some(source) = self.sources.borrow().get(&event.key) {
                source.take_waiters(event, &mut self.wakers.borrow_mut());
                // After its one report the source is disarmed, in both directions. If arming fails, all who wait are woken:
                // the next operation of each returns the error.
                if self.arm(source).is_err() {
                    source.take_waiters(Event::all(event.key), &mut self.wakers.borrow_mut());
                }
            }
        }
        drop(events);
        // The deferred tasks move to the end. A task whose source has been reported has waited, while a deferred one has just
        // spent its budget: so a reader can keep up with a writer that never waits.
        self.wakers.borrow_mut().rotate_left(deferred);
        // Only those that are there now: a wake may defer another task.
        let count = self.wakers.borrow().len();
        let next = |_| self.wakers.borrow_mut().pop_front();
        (0..count).filter_map(next).for_each(Waker::wake);
    }

    /// Wakes a task after the next look at the selector, and after those that it reports.
    pub(crate) fn defer(&self, waker: Waker) {
        self.wakers.borrow_mut().push_back(waker);
    }

    /// Makes a descriptor known to the selector. It is armed for nothing yet.
    pub(crate) fn register(&self, io: SockRef<'_>) -> io::Result<Rc<Source>> {
        let key = self.next_key.replace(self.next_key.get() + 1);
        // SAFETY: only the lifetime changes. The descriptor stays open until `deregister`. `Async` has it, and gives nobody a
        // `&mut T`, or the `T`, before that; who lends a descriptor through `&T` cannot close it through `&T`. The
        // registration is dropped, and with it the source deregistered, before the `T`. And because `T` is `'static`, a
        // forgotten `Async` keeps it open.
        let io = unsafe { mem::transmute::<SockRef<'_>, SockRef<'static>>(io) };
        // SAFETY: as above.
        unsafe { self.poller.add(&*io, Event::none(key)).map_err(explain)? };
        let source = Rc::new(Source::new(key, io));
        self.sources.borrow_mut().insert(key, Rc::clone(&source));
        Ok(source)
    }

    /// Asks the selector to report what the source's waiters wait for, even if it is there already. It reports once, and then
    /// has to be asked again: that is called oneshot mode.
    pub(crate) fn arm(&self, source: &Source) -> io::Result<()> {
        let interest = source.interest();
        // An empty interest is not armed: epoll reports hang-ups all the same, and the loop would spin.
        if interest == Event::none(source.key) {
            return Ok(());
        }
        self.poller.modify(&*source.io, interest)
    }

    /// To be called before the descriptor is closed.
    pub(crate) fn deregister(&self, source: &Source) -> io::Result<()> {
        self.sources.borrow_mut().remove(&source.key);
        self.poller.delete(&*source.io)
    }
}

/// Adds the reason to the system's error.
fn explain(error: io::Error) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::PermissionDenied => "regular files, directories and `/dev/null` are always ready",
        io::ErrorKind::AlreadyExists => "this descriptor is registered already",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{why}: {error}"))
}

impl Drop for Parker {
    /// Wakes those that still wait, in other executors. Nothing is reported any more, and their next poll returns an error.
    fn drop(&mut self) {
        let (sources, mut wakers) = (self.sources.take(), self.wakers.take());
        let all = |source: &Rc<Source>| source.take_waiters(Event::all(source.key), &mut wakers);
        sources.values().for_each(all);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Unparker {
    /// Does nothing. A task that another thread wakes is in the run queue, but runs only after something else ends `park`.
    pub(crate) fn unpark(&self) {}
}
