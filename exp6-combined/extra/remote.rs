//! Spawning from other threads.
//!
//! A closure that is sent makes the future on the scheduler's thread, so the future need not be `Send`. The closures wait in
//! a queue behind a mutex. A byte in a pair of sockets says that the queue is not empty; the receiver is a source like any
//! other, except that no task waits for it: a task would keep `run` from ending. Its waker is the queue itself. It is woken on
//! the scheduler's thread, after a look at the selector, and spawns what has come.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use socket2::Socket;

use crate::async_io::Async;
use crate::join::spawn_on;
use crate::join_error::JoinError;
use crate::scheduler::{Core, Scheduler, try_current};
use crate::self_socket;
use crate::task::discard_panic;

thread_local! {
    /// The receivers of this thread's schedulers. They are not `Send`, and their wakers have to be: so a waker looks here.
    static RECEIVERS: RefCell<Vec<Rc<Receiver>>> = const { RefCell::new(Vec::new()) };
}

impl Scheduler {
    /// A handle for other threads, to spawn tasks on this one. All handles of a scheduler share two descriptors.
    ///
    /// ```
    /// # use std::{rc::Rc, thread};
    /// # use exp6_combined::Scheduler;
    /// let scheduler = Scheduler::new();
    /// let remote = scheduler.remote()?;
    /// let other = thread::spawn(move || {
    ///     // The future holds an `Rc`, and so it is not `Send`. The closure that makes it is.
    ///     let task = remote.spawn(|| {
    ///         let number = Rc::new(6);
    ///         async move { *number * 7 }
    ///     });
    ///     task.join()
    /// });
    /// while !other.is_finished() {
    ///     scheduler.run(); // or `block_on`, with what the program does otherwise
    /// #   thread::yield_now();
    /// }
    /// assert_eq!(other.join().unwrap()?, 42);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the system gives no sockets, or if this is called while another scheduler runs on this thread.
    pub fn remote(&self) -> io::Result<Remote> {
        if let Some(receiver) = find(|receiver| receiver.core.as_ptr() == Rc::as_ptr(&self.core)) {
            return Ok(Remote(Arc::clone(&receiver.queue)));
        }
        // A source belongs to the scheduler that runs when it is made.
        let _entered = match try_current() {
            None => Some(Core::enter(&self.core)),
            Some(core) if Rc::ptr_eq(&core, &self.core) => None,
            Some(_) => return Err(io::Error::other("another scheduler runs on this thread")),
        };
        let (receiver, sender) = self_socket::pair()?;
        let receiver = Arc::new(receiver);
        let source = Async::new(Arc::clone(&receiver))?;
        let queue = Arc::new(Queue {
            jobs: Mutex::default(),
            sender,
            _receiver: receiver,
        });
        let core = Rc::downgrade(&self.core);
        let remote = Remote(Arc::clone(&queue));
        let receiver = Rc::new(Receiver { core, source, queue });
        receiver.wait(&self.core)?;
        let added = RECEIVERS.try_with(|receivers| receivers.borrow_mut().push(receiver));
        added.map_err(io::Error::other)?;
        Ok(remote)
    }
}

/// Spawns tasks on the scheduler that it is made from, by [`Scheduler::remote`], from any thread.
///
/// It does not keep `run` from ending. What it spawns while the scheduler does not run waits, and is spawned by the next
/// [`run`](Scheduler::run), also if that has no other task; by the next [`run_until_stalled`](Scheduler::run_until_stalled);
/// or by the next [`block_on`](Scheduler::block_on) whose future has to wait. If the scheduler is dropped before that, or is
/// gone already, the handle says "cancelled".
#[derive(Clone)]
pub struct Remote(Arc<Queue>);

impl Remote {
    /// Spawns the future that `make` makes, on the scheduler's thread. `make` is called there, as part of the task, when the
    /// task is polled for the first time: its panic is the task's. Neither is polled here.
    ///
    /// The tasks of one thread are spawned in their order. On the scheduler's own thread this is
    /// [`Scheduler::spawn`] with another handle.
    pub fn spawn<F>(&self, make: impl FnOnce() -> F + Send + 'static) -> RemoteHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (state, ended) = Default::default();
        let channel = Arc::new(Channel { state, ended });
        let sender = Sender(Arc::clone(&channel));
        let job = Job { make, sender };
        self.0.push(Box::new(|core| job.spawn(core)));
        let queue = Arc::clone(&self.0);
        RemoteHandle { channel, queue }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// What is to be spawned. It is called on the scheduler's thread, or dropped.
type Spawn = Box<dyn FnOnce(&Core) + Send>;

/// What all threads share.
struct Queue {
    jobs: Mutex<Jobs>,
    sender: Socket,
    /// Kept open: a `Remote` that outlives the scheduler does not write to a closed peer.
    _receiver: Arc<Socket>,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Spawn>,
    /// Whether the receiver is gone.
    closed: bool,
}

impl Queue {
    fn push(self: &Arc<Self>, job: Spawn) {
        let mut jobs = lock(&self.jobs);
        if jobs.closed {
            drop(jobs);
            return discard_panic(|| drop(job));
        }
        let was_empty = jobs.waiting.is_empty();
        jobs.waiting.push_back(job);
        drop(jobs);
        if let Some(receiver) = Receiver::of(self) {
            receiver.spawn_all();
        } else if was_empty {
            // Otherwise the push that found it empty has written, or is about to. If this fails, the socket is full of bytes.
            let _ = (&self.sender).write(&[1]);
        }
    }
}

/// Called on the scheduler's thread after a look at the selector, or when the selector is dropped. On another thread there
/// is no receiver, and nothing happens.
impl Wake for Queue {
    fn wake(self: Arc<Self>) {
        let Some(receiver) = Receiver::of(&self) else { return };
        let core = receiver.core.upgrade();
        match core.map(|core| receiver.wait(&core)) {
            Some(Ok(())) => receiver.spawn_all(),
            _ => receiver.end(),
        }
    }
}

/// The scheduler's side. Its drop closes the queue.
struct Receiver {
    core: Weak<Core>,
    source: Async<Arc<Socket>>,
    queue: Arc<Queue>,
}

impl Receiver {
    fn of(queue: &Arc<Queue>) -> Option<Rc<Self>> {
        find(|receiver| Arc::ptr_eq(&receiver.queue, queue))
    }

    /// Reads the bytes, and waits for the next. To be called before the look at the queue: who pushes after that look writes
    /// again.
    fn wait(&self, core: &Core) -> io::Result<()> {
        let waker = Waker::from(Arc::clone(&self.queue));
        // This is no part of a task's poll. What is left of that poll's I/O budget may be nothing.
        let budget = core.io_budget.replace((core.io_budget.get().0, u32::MAX));
        let poll = self.source.poll_read_with(&mut Context::from_waker(&waker), |socket| {
            while (&**socket).read(&mut [0; 64])? > 0 {}
            Ok(())
        });
        core.io_budget.set(budget);
        match poll {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => result.and(Err(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    fn spawn_all(&self) {
        let Some(core) = self.core.upgrade() else {
            return self.end();
        };
        let jobs = mem::take(&mut lock(&self.queue.jobs).waiting);
        jobs.into_iter().for_each(|job| job(&core));
    }

    /// Takes it out of the table. It is dropped after the borrow, because that runs user code.
    fn end(&self) {
        let _ended = RECEIVERS.try_with(|receivers| {
            let mut receivers = receivers.borrow_mut();
            let index = receivers.iter().position(|receiver| std::ptr::eq(&**receiver, self));
            index.map(|index| receivers.swap_remove(index))
        });
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut jobs = lock(&self.queue.jobs);
        jobs.closed = true;
        let waiting = mem::take(&mut jobs.waiting);
        drop(jobs);
        for job in waiting {
            discard_panic(|| drop(job));
        }
    }
}

/// `None` also while the thread's locals are destroyed.
fn find(is_it: impl Fn(&Receiver) -> bool) -> Option<Rc<Receiver>> {
    let found = RECEIVERS.try_with(|receivers| receivers.borrow().iter().find(|receiver| is_it(receiver)).cloned());
    found.ok()?
}

/// A task that is not spawned yet. If it is dropped, first `make` is, and then the handle hears of it.
struct Job<M, T> {
    make: M,
    sender: Sender<T>,
}

impl<M: FnOnce() -> F + 'static, F: Future<Output = T> + 'static, T: 'static> Job<M, T> {
    fn spawn(self, core: &Core) {
        let Self { make, sender } = self;
        let future: BoxFuture<T> = Box::pin(async move { make().await });
        let future = Some(future);
        // The handle is dropped, and so the task detached: its result goes another way.
        spawn_on(core, Task { future, sender });
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The task's future.
struct Task<T> {
    /// What `make` makes, until the end.
    future: Option<BoxFuture<T>>,
    sender: Sender<T>,
}

impl<T> Task<T> {
    /// Drops the future, and only then gives the result. If the task was cancelled, a panic of that drop is the result.
    fn end(&mut self, result: Result<T, JoinError>) {
        let future = self.future.take();
        let (result, unwanted) = match (result, catch_unwind(AssertUnwindSafe(|| drop(future)))) {
            (Err(error), Err(payload)) if error.is_cancelled() => (Err(JoinError::panicked(payload)), Ok(())),
            both => both,
        };
        self.sender.send(result);
        discard_panic(|| drop(unwanted));
    }
}

impl<T> Future for Task<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { future, sender } = &mut *self;
        let mut state = lock(&sender.0.state);
        // The task's own: its clone runs no user code.
        state.task.get_or_insert_with(|| cx.waker().clone());
        let aborted = state.aborted;
        drop(state);
        let poll = match future {
            Some(future) if !aborted => match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(payload) => Poll::Ready(Err(JoinError::panicked(payload))),
            },
            _ => Poll::Ready(Err(JoinError::cancelled())),
        };
        poll.map(|result| self.end(result))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.end(Err(JoinError::cancelled()));
    }
}

/// A channel for one value, from the task to its handle.
struct Channel<T> {
    state: Mutex<ChannelState<T>>,
    /// Told when the task has ended.
    ended: Condvar,
}

struct ChannelState<T> {
    /// The result, until the handle takes it.
    result: Option<Result<T, JoinError>>,
    /// Stays set after the handle has taken the result.
    finished: bool,
    /// The handle is gone: nobody wants the result.
    detached: bool,
    /// The handle has asked the task to end.
    aborted: bool,
    /// The waker of who awaits the handle.
    joiner: Option<Waker>,
    /// The waker of the task, for `abort`.
    task: Option<Waker>,
}

impl<T> Default for ChannelState<T> {
    fn default() -> Self {
        Self {
            result: None,
            finished: false,
            detached: false,
            aborted: false,
            joiner: None,
            task: None,
        }
    }
}

/// If it is dropped before it has sent, the task was cancelled.
struct Sender<T>(Arc<Channel<T>>);

impl<T> Sender<T> {
    fn send(&self, result: Result<T, JoinError>) {
        let mut state = lock(&self.0.state);
        if state.finished {
            return;
        }
        state.finished = true;
        let unwanted = match state.detached {
            true => Some(result),
            false => state.result.replace(result),
        };
        let (joiner, task) = (state.joiner.take(), state.task.take());
        drop(state);
        self.0.ended.notify_all();
        discard_panic(|| drop((unwanted, task)));
        discard_panic(|| joiner.into_iter().for_each(Waker::wake));
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.send(Err(JoinError::cancelled()));
    }
}

/// Waits for the result of a task that [`Remote::spawn`] has spawned: as a future, on whatever executor, or by
/// [`join`](Self::join). The result is an error if the task panicked or was cancelled.
///
/// Dropping it detaches the task: it goes on, and its result is dropped.
///
/// # Panics
///
/// When it is polled after it gave its result.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` and dropping that future loses nothing.
pub struct RemoteHandle<T> {
    channel: Arc<Channel<T>>,
    queue: Arc<Queue>,
}

impl<T> RemoteHandle<T> {
    /// Blocks this thread until the task has ended, and returns its result. If the scheduler never runs again, and is not
    /// dropped either, it blocks for ever.
    ///
    /// # Errors
    ///
    /// If the task panicked, or was cancelled.
    ///
    /// # Panics
    ///
    /// On the scheduler's own thread, if the task has not ended: it would block for ever. And if the handle has given its
    /// result already.
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        assert!(
            self.is_finished() || Receiver::of(&self.queue).is_none(),
            "`RemoteHandle::join` blocks the thread of the task that it waits for: await the handle instead"
        );
        let state = lock(&self.channel.state);
        let ended = self.channel.ended.wait_while(state, |state| !state.finished);
        let result = ended.unwrap_or_else(PoisonError::into_inner).result.take();
        result.expect("a `RemoteHandle` is joined after it gave its result")
    }

    /// Asks the task to end, as [`JoinHandle::abort`](crate::JoinHandle::abort) does. If the task has not been polled yet, the
    /// closure that makes its future is dropped and not called.
    pub fn abort(&self) {
        let mut state = lock(&self.channel.state);
        state.aborted = true;
        let task = state.task.take();
        drop(state);
        task.into_iter().for_each(Waker::wake);
    }

    /// Whether the task has ended: with an output, with a panic, or cancelled.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        lock(&self.channel.state).finished
    }
}

impl<T> Future for RemoteHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned and dropped outside of the lock: a waker may run user code then.
        let waker = cx.waker().clone();
        let mut state = lock(&self.channel.state);
        let (result, finished) = (state.result.take(), state.finished);
        let replaced = match finished {
            true => Some(waker),
            false => state.joiner.replace(waker),
        };
        drop(state);
        drop(replaced);
        assert!(
            result.is_some() || !finished,
            "a `RemoteHandle` is polled after it gave its result"
        );
        result.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T> Drop for RemoteHandle<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.channel.state);
        state.detached = true;
        let unwanted = (state.result.take(), state.joiner.take());
        drop(state);
        discard_panic(|| drop(unwanted));
    }
}

impl<T> fmt::Debug for RemoteHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.is_finished();
        f.debug_struct("RemoteHandle").field("finished", &finished).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
