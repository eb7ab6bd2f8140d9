//! Sources: descriptors that tasks wait for, and what is known of their readiness.
//!
//! A source is registered once, and the selector reports changes. So readiness is remembered until an operation finds
//! that it is gone: try first, and wait after `WouldBlock`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use polling::Event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{ioctl_fionbio, retry_on_intr};

use crate::scheduler::{Core, with_current};

/// Operations a poll before a task has to let others go first. Few, for what is sent is best received while the cache still
/// has it.
const SHARE: u32 = 8;

thread_local! {
    /// What the task whose turn it is has done in it without having to wait, on whatever sources.
    static OPERATIONS: Cell<u32> = const { Cell::new(0) };
}

/// To be called before each poll.
#[inline]
pub(crate) fn begin_turn() {
    OPERATIONS.set(0);
}

#[inline]
fn count_operation() {
    OPERATIONS.set(OPERATIONS.get() + 1);
}

/// What the loop knows of a descriptor.
pub(crate) struct Source {
    pub(crate) key: usize,
    pub(crate) fd: RawFd,
    pub(crate) read: Direction,
    pub(crate) write: Direction,
}

/// Reading or writing.
pub(crate) struct Direction {
    /// What `poll` is asked, to be sure.
    flags: PollFlags,
    /// Whether the next operation may succeed. Set at first, for nobody has tried; cleared by `WouldBlock`.
    ready: Cell<bool>,
    /// Who waits, in the order of arrival. Several tasks may wait for one direction, so each wait has an entry.
    waiters: RefCell<Vec<(u64, Waker)>>,
    /// The number of the next entry.
    next_id: Cell<u64>,
    /// An operation has let others go first, and the next does not.
    gave_way: Cell<bool>,
}

impl Source {
    pub(crate) fn new(key: usize, fd: BorrowedFd<'_>) -> Self {
        Self {
            key,
            fd: fd.as_raw_fd(),
            read: Direction::new(PollFlags::IN),
            write: Direction::new(PollFlags::OUT),
        }
    }

    /// What the selector has yet to report: what is not ready, and what somebody waits for all the same.
    pub(crate) fn interest(&self) -> Event {
        let [read, write] = [&self.read, &self.write].map(|direction| !direction.ready.get() || direction.is_awaited());
        Event::new(self.key, read, write)
    }

    /// Whether anybody waits, for either direction.
    pub(crate) fn is_awaited(&self) -> bool {
        self.read.is_awaited() || self.write.is_awaited()
    }

    /// Remembers an event, and adds those who have waited for it to `wakers`, for the caller to wake.
    pub(crate) fn deliver(&self, readable: bool, writable: bool, wakers: &mut VecDeque<Waker>) {
        for (direction, reported) in [(&self.read, readable), (&self.write, writable)] {
            if reported {
                direction.ready.set(true);
                let mut waiters = direction.waiters.borrow_mut();
                // Mostly one of the two has none.
                if !waiters.is_empty() {
                    waiters.drain(..).for_each(|(_, waker)| wakers.push_back(waker));
                }
            }
        }
    }
}

impl Direction {
    fn new(flags: PollFlags) -> Self {
        Self {
            flags,
            ready: Cell::new(true),
            waiters: RefCell::default(),
            next_id: Cell::new(0),
            gave_way: Cell::new(false),
        }
    }

    /// Whether the task has to let others go first, and new events as well; it is woken after that. A task whose peers never
    /// pause would never have to wait.
    #[inline]
    pub(crate) fn gives_way(&self, cx: &Context<'_>) -> bool {
        OPERATIONS.get() >= SHARE && self.defer(cx)
    }

    /// Puts the task off, but no operation twice: one half of a task could keep the other back for good.
    fn defer(&self, cx: &Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let deferred = !self.gave_way.take() && with_current(|core| core.wait.defer(waker)).is_some();
        self.gave_way.set(deferred);
        deferred
    }

    fn is_awaited(&self) -> bool {
        !self.waiters.borrow().is_empty()
    }

    pub(crate) fn add(&self, waker: Waker) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            // Mostly there is no other, and an idle connection should not pay for four.
            waiters.reserve_exact(1);
        }
        waiters.push((id, waker));
        id
    }

    /// Returns the waker, for the caller to drop.
    fn remove(&self, id: u64) -> Option<Waker> {
        let mut waiters = self.waiters.borrow_mut();
        let place = waiters.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(waiters.remove(place).1)
    }
}

/// A descriptor that tasks can wait for: a socket, a pipe, a terminal, or whatever else the selector takes.
///
/// It belongs to the scheduler that it is made in, which must run for a wait to end. Several tasks may use it at once. It
/// may outlive its scheduler; waiting for it is an error then. A task that has done eight operations in one poll, on
/// whatever sources, lets others go first: its next is pending once, whether or not it could be done.
pub struct Async<T> {
    /// Declared first, and so dropped first: before the descriptor is closed.
    pub(crate) registration: Registration,
    pub(crate) io: T,
}

/// Deregisters the source when it is dropped.
pub(crate) struct Registration {
    /// `Weak`, or a descriptor kept by a task would keep the scheduler that keeps the task.
    core: Weak<Core>,
    pub(crate) source: Rc<Source>,
}

impl<T: AsFd> Async<T> {
    /// Registers `io`, and sets it to non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says: `PermissionDenied` for a regular file, which cannot be waited for.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread.
    #[track_caller]
    pub fn new(io: T) -> io::Result<Self> {
        let Some(core) = with_current(Rc::clone) else {
            panic!("no scheduler runs on this thread: make an `Async` inside `Scheduler::run` or `block_on`");
        };
        let registration = Registration {
            core: Rc::downgrade(&core),
            source: core.wait.register(io.as_fd())?,
        };
        ioctl_fionbio(&io, true)?;
        Ok(Self { registration, io })
    }

    /// Waits until a read may succeed: until there is data, the end of the stream or an error.
    ///
    /// # Errors
    ///
    /// If its scheduler is not the one that runs on this thread, or what the system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(&self.registration.source.read).await
    }

    /// Waits until a write may succeed.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(&self.registration.source.write).await
    }

    /// Reads with `op`: tries it, and again when the source becomes readable, as long as it says `WouldBlock`. After
    /// `Interrupted` it is tried again at once.
    ///
    /// # Errors
    ///
    /// Those of `op`, and as [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the poll in which `op` succeeds is the last.
    pub async fn read_with<R>(&self, op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(&self.registration.source.read, op).await
    }

    /// Writes with `op`: tries it, and again when the source becomes writable, as long as it says `WouldBlock`. After
    /// `Interrupted` it is tried again at once.
    ///
    /// # Errors
    ///
    /// Those of `op`, and as [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the poll in which `op` succeeds is the last.
    pub async fn write_with<R>(&self, op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(&self.registration.source.write, op).await
    }

    async fn with<R>(&self, direction: &Direction, mut op: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.share(direction).await;
        loop {
            if let Some(result) = self.attempt(direction, &mut op) {
                return result;
            }
            self.registration.wait(direction).await?;
        }
    }

    async fn share(&self, direction: &Direction) {
        poll_fn(|cx| match direction.gives_way(cx) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }

    /// Tries `op`, unless it is known that it would block. `None` says that it would.
    pub(crate) fn attempt<R>(
        &self,
        direction: &Direction,
        op: &mut impl FnMut(&T) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        while direction.ready.get() {
            match op(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => direction.ready.set(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    count_operation();
                    return Some(result);
                }
            }
        }
        None
    }

    /// Remembered readiness may be stale, and no operation follows that would find out: without the look, a loop over
    /// `readable` would spin.
    async fn ready(&self, direction: &Direction) -> io::Result<()> {
        self.share(direction).await;
        loop {
            if direction.ready.get() {
                let mut fds = [PollFd::new(&self.io, direction.flags)];
                if retry_on_intr(|| poll(&mut fds, Some(&Timespec::default())))? > 0 {
                    count_operation();
                    return Ok(());
                }
                direction.ready.set(false);
            }
            self.registration.wait(direction).await?;
        }
    }
}

impl<T> Async<T> {
    /// What it was made from. There is no `get_mut`: with it, the registered descriptor could be swapped for another.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Gives back what it was made from, deregistered, and still non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says; the descriptor is closed then.
    pub fn into_inner(self) -> io::Result<T> {
        let Self { mut registration, io } = self;
        let deregistered = registration.deregister();
        // Once is enough: the key may be another's by the time the registration is dropped.
        registration.core = Weak::new();
        deregistered.map(|()| io)
    }
}

impl<T: fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").field("io", &self.io).finish_non_exhaustive()
    }
}

impl Registration {
    fn wait<'a>(&'a self, direction: &'a Direction) -> Waiting<'a> {
        Waiting {
            registration: self,
            direction,
            id: None,
        }
    }

    fn deregister(&self) -> io::Result<()> {
        match self.core.upgrade() {
            Some(core) => core.wait.deregister(&self.source),
            None => Ok(()),
        }
    }

    /// To be called before a wait: another scheduler's loop does not look at this source, and the wait would have no end.
    pub(crate) fn check(&self) -> io::Result<()> {
        let ours = |core: &Rc<Core>| Rc::as_ptr(core) == self.core.as_ptr();
        let armed = with_current(|core| ours(core).then(|| core.wait.rearm(&self.source)));
        let foreign = || io::Error::other("the scheduler that this source belongs to does not run");
        armed.flatten().unwrap_or_else(|| Err(foreign()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // It fails if the descriptor is closed already, and then there is nothing left to do.
        let _ = self.deregister();
    }
}

/// One wait for one direction. Done when the direction is ready, which another wait may have used up by then.
struct Waiting<'a> {
    registration: &'a Registration,
    direction: &'a Direction,
    /// The entry of this wait, while it has one.
    id: Option<u64>,
}

impl Waiting<'_> {
    fn withdraw(&mut self) {
        let _waker = self.id.take().and_then(|id| self.direction.remove(id));
    }
}

impl Future for Waiting<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.withdraw();
        if self.direction.ready.get() {
            return Poll::Ready(Ok(()));
        }
        self.registration.check()?;
        self.id = Some(self.direction.add(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
