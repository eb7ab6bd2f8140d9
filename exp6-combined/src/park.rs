//! Where the loop blocks: in the selector, until a descriptor is ready. A thread can block in one place only, so a waker on
//! another thread makes a descriptor ready: it writes a byte into the self-socket, whose other end is registered.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::Duration;

use polling::PollMode;
use socket2::{SockRef, Socket};

use crate::poller::{Event, Events, Poller};
use crate::self_socket;
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
    /// The self-socket: its receiver and its sender. Declared after the selector, and so dropped after it.
    pub(crate) pair: Arc<(Socket, Socket)>,
}

/// The wakers' side.
pub(crate) struct Unparker {
    /// Both ends, so that a waker that outlives the scheduler does not write to a closed peer.
    pair: Arc<(Socket, Socket)>,
    /// The loop's thread. It is not blocked while it calls a waker, so it need not write.
    thread: ThreadId,
}

/// The receiver's key. No source's key is as high, and the key above it is the selector's own.
const RECEIVER: usize = usize::MAX - 1;

impl Parker {
    pub(crate) fn new() -> io::Result<Self> {
        let parker = Self {
            poller: Poller::new()?,
            events: RefCell::new(Events::new()),
            sources: RefCell::default(),
            next_key: Cell::new(0),
            wakers: RefCell::default(),
            pair: Arc::new(self_socket::pair()?),
        };
        let (receiver, interest) = (&parker.pair.0, Event::readable(RECEIVER));
        // SAFETY: the receiver stays open until the selector has been dropped.
        unsafe { parker.poller.add_with_mode(receiver, interest, PollMode::Level)? };
        Ok(parker)
    }

    /// To be called on the loop's thread.
    pub(crate) fn unparker(&self) -> Unparker {
        Unparker {
            pair: Arc::clone(&self.pair),
            thread: thread::current().id(),
        }
    }

    /// Looks at the selector, and calls the wakers of what it reports. Blocks until a source is ready, until it is unparked,
    /// or until the time is up; `None` is for ever. It may end early.
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
            if event.key == RECEIVER {
                // A byte only says that the run queue is not empty, and the loop looks at that before it blocks again. Bytes
                // that this does not read are reported again, because this registration is level-triggered.
                let _ = (&self.pair.0).read(&mut [0; 64]);
            }
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
    /// Ends `park`, from any other thread. If the loop does not block, its next `park` ends at once: the byte stays in the
    /// socket. A wake on the loop's own thread needs no byte: the loop looks at the run queue before it parks.
    pub(crate) fn unpark(&self) {
        if thread::current().id() != self.thread {
            // If the socket is full, this fails: the bytes in it end the park.
            let _ = (&self.pair.1).write(&[1]);
        }
    }
}
