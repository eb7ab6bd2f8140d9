//! The run queue, first in, first out; and what it queues: a task, as the queue, the task's wakers and its owners see it.
//!
//! For speed the queue has two halves. Wakes on the scheduler's own thread use the local queue, and take neither a lock nor an
//! atomic read-modify-write. Wakes from other threads use the remote queue, behind a mutex; the loop moves them behind the local
//! ones. A local wake never calls `unpark` (invariant 3): the loop is not parked then, and looks again. A task may be in both
//! queues (2), and is polled once.
//!
//! A queue holds pointers to tasks. So who refers to a task is counted, and the counts have two halves, too:
//!
//! - *Owners* are the table, the local queue, the handle and the loop. They stay on the scheduler's thread, and a plain number
//!   counts them.
//! - *Wakers* go anywhere. A plain number counts those that are cloned and dropped on the scheduler's thread, while an owner is
//!   left; an atomic number counts the others. A waker may be cloned here and dropped there, so each half may be negative:
//!   only the sum counts. It is taken once, when the last owner goes, and from then on the atomic number counts all.
//!
//! The memory of tasks that have ended is kept for new ones.
//!
//! This must not break: that only one thread touches the plain half, and that a task is freed once, after its last use.

#![allow(unsafe_code)]

use std::alloc::handle_alloc_error;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::hint;
use std::mem::{self, ManuallyDrop};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::park::Unparker;

static NEXT_THREAD: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// A number that no other thread ever has, once there has been a scheduler on this one; 0 before. On some systems it is 0
    /// again while the thread's locals are destroyed: then wakes on the thread count as wakes from elsewhere.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// The loop's side of the queues.
pub(crate) struct RunQueue {
    /// Given up by `Queues::release`, when the last owner of a task is gone as well.
    queues: ManuallyDrop<Arc<Queues>>,
}

/// The queues. They live as long as the scheduler and all of its tasks.
pub(crate) struct Queues {
    /// The scheduler's thread.
    owner: u64,
    local: UnsafeCell<Local>,
    remote: Mutex<Remote>,
    /// Whether the loop has to look at the remote queue: for a task, or to clear `parks`. Only a hint, which spares the loop
    /// the lock at each poll: before the loop parks, it looks in any case.
    look: AtomicBool,
    unparker: Unparker,
}

struct Local {
    /// Each entry is an owner.
    ids: VecDeque<TaskId>,
    /// Empty, and kept for its room: `take_remote` exchanges it for the remote queue.
    spare: Vec<TaskId>,
    /// The loop's side, and the tasks that have an owner.
    users: usize,
    kept: Kept,
}

/// The blocks of tasks that have ended, for new ones: so most tasks need no allocator.
struct Kept {
    /// By size, in words.
    by_size: Vec<Vec<NonNull<Header>>>,
    /// How many bytes may still be kept.
    room: usize,
}

/// How many bytes of ended tasks are kept in all. None under Miri, which would not see it if such a block were used.
const KEPT: usize = if cfg!(miri) { 0 } else { 1 << 20 };

/// The size of the largest block that is kept, in bytes.
const LARGEST: usize = 2048;

#[derive(Default)]
struct Remote {
    /// Each entry counts as a waker.
    ids: Vec<TaskId>,
    /// The loop parks, or is about to. The next push unparks it.
    parks: bool,
    /// The scheduler is gone.
    closed: bool,
    spins: Spins,
}

// SAFETY: of the fields, `local` alone is not `Send` and `Sync`. It is reached through the function of that name alone, which is
// called on the owner's thread alone. When the last reference is dropped, maybe on another thread, it is empty: `RunQueue`'s
// drop has emptied it, and after that every task has ended and none is pushed.
unsafe impl Send for Queues {}

// SAFETY: as above.
unsafe impl Sync for Queues {}

impl RunQueue {
    /// To be called on the scheduler's thread.
    pub(crate) fn new(unparker: Unparker) -> Self {
        if THREAD.with(Cell::get) == 0 {
            THREAD.with(|thread| thread.set(1 + NEXT_THREAD.fetch_add(1, Ordering::Relaxed)));
        }
        let local = Local {
            ids: VecDeque::new(),
            spare: Vec::new(),
            users: 1,
            kept: Kept {
                by_size: vec![Vec::new(); LARGEST / size_of::<usize>() + 1],
                room: KEPT,
            },
        };
        let queues = ManuallyDrop::new(Arc::new(Queues {
            owner: THREAD.with(Cell::get),
            local: UnsafeCell::new(local),
            remote: Mutex::default(),
            look: AtomicBool::new(false),
            unparker,
        }));
        Self { queues }
    }

    /// Takes the task that has waited longest. After `None` the loop may park: the next push unparks it.
    #[inline]
    pub(crate) fn pop(&self) -> Option<TaskId> {
        if self.queues.look.load(Ordering::Relaxed) {
            self.queues.take_remote(false);
        }
        self.queues.pop_local().or_else(|| self.pop_or_park())
    }

    /// The second look, under the lock: an id that was pushed before it is seen, and a push after it finds `parks`.
    #[cold]
    fn pop_or_park(&self) -> Option<TaskId> {
        let mut remote = self.queues.spin();
        if !remote.ids.is_empty() {
            drop(remote);
            // It takes them in. There may be none: what has ended is not queued any more.
            return self.pop();
        }
        remote.parks = true;
        // So that the next `pop` clears `parks`, even if no id comes.
        self.queues.look.store(true, Ordering::Relaxed);
        None
    }

    /// Puts an id at the back, to which the caller gives an owner's share.
    pub(crate) fn push(&self, id: TaskId) {
        self.queues.local(|local| local.ids.push_back(id));
    }

    /// Makes a task, with one owner, of what begins with a header. `task` makes it in its place: if it were made elsewhere and
    /// copied, the processor would have to wait until its parts are stored.
    ///
    /// # Safety
    ///
    /// On the scheduler's thread. `T` is `repr(C)`, its first field is a header, and the layout in its vtable is that of `T`.
    #[inline]
    pub(crate) unsafe fn make<T>(&self, task: impl FnOnce() -> T) -> Owned {
        let block = self.block(Layout::new::<T>());
        // SAFETY: nobody else has the block, and it has the layout of `T`.
        unsafe { block.cast().write(task()) };
        Owned(block)
    }

    /// Apart from `make`, because it is the same for all tasks: so it is compiled once.
    #[inline]
    fn block(&self, layout: Layout) -> NonNull<Header> {
        let kept = self.queues.local(|local| {
            local.users += 1;
            local.kept.take(layout)
        });
        kept.unwrap_or_else(|| allocate(layout))
    }

    /// The same, for what keeps it by `users`. It is a pointer that the `Arc` can be counted by.
    fn pointer(&self) -> NonNull<Queues> {
        // SAFETY: an `Arc` is not null.
        unsafe { NonNull::new_unchecked(Arc::as_ptr(&self.queues).cast_mut()) }
    }
}

impl Drop for RunQueue {
    /// Takes everything out of the queues. `Core` alone has the run queue, so this is the scheduler's thread; and all tasks
    /// have ended. No remote task is taken from here on: it would keep the queues, and the queues would keep it.
    fn drop(&mut self) {
        self.queues.take_remote(true);
        while let Some(id) = self.queues.pop_local() {
            // SAFETY: it was in the local queue, and so has an owner's share.
            drop(unsafe { Owned::from_id(id) });
        }
        self.queues.local(|local| local.kept.clear());
        // SAFETY: the loop's side ends here, and uses the queues no more.
        unsafe { Queues::release(self.pointer()) };
    }
}

impl Queues {
    /// Whether this is the scheduler's thread.
    fn is_local(&self) -> bool {
        THREAD.with(Cell::get) == self.owner
    }

    #[inline]
    fn local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> R {
        debug_assert!([0, self.owner].contains(&THREAD.with(Cell::get)));
        // SAFETY: only the owner's thread comes here: `RunQueue` is with the loop, owners are not `Send`, and wakers ask
        // `is_local` first. So nobody else has a reference; and `f` only calls methods of the fields, so it does not come here
        // again.
        f(unsafe { &mut *self.local.get() })
    }

    #[inline]
    fn pop_local(&self) -> Option<TaskId> {
        self.local(|local| local.ids.pop_front())
    }

    /// Takes out a task that has ended. Looks from the back, where an id that was pushed last is found at once.
    fn remove(&self, id: TaskId) {
        self.take_remote(false);
        let removed = self.local(|local| {
            let index = local.ids.iter().rposition(|queued| *queued == id);
            index.and_then(|index| local.ids.remove(index))
        });
        // SAFETY: it was in the local queue, and so has an owner's share.
        drop(removed.map(|id| unsafe { Owned::from_id(id) }));
    }

    /// Moves the remote tasks behind the local ones.
    #[cold]
    fn take_remote(&self, close: bool) {
        let mut ids = self.local(|local| mem::take(&mut local.spare));
        let mut remote = self.remote.lock().unwrap();
        // A push that has ended the park has taken the mark.
        let has_mark = mem::take(&mut remote.parks);
        remote.spins.has_parked(!has_mark);
        remote.closed |= close;
        self.look.store(false, Ordering::Relaxed);
        mem::swap(&mut remote.ids, &mut ids);
        drop(remote);
        for id in ids.drain(..) {
            // SAFETY: it was in the remote queue, and so has a waker's share.
            unsafe { id.arrive() };
        }
        self.local(|local| local.spare = ids);
    }

    /// Puts an id at the back, from any thread, with a waker's share. Unparks the loop only if it parks, or is about to.
    #[cold]
    fn push_remote(&self, id: TaskId) {
        let mut remote = self.remote.lock().unwrap();
        if remote.closed {
            drop(remote);
            // SAFETY: the share is given up.
            return unsafe { id.drop_waker() };
        }
        remote.ids.push(id);
        self.look.store(true, Ordering::Relaxed);
        let parks = mem::take(&mut remote.parks);
        drop(remote);
        if parks {
            self.unparker.unpark();
        }
    }

    /// One user less: the loop's side, or a task whose last owner is gone.
    ///
    /// # Safety
    ///
    /// On the scheduler's thread, once for each user, which does not use the queues any more.
    unsafe fn release(this: NonNull<Self>) {
        // SAFETY: this user still keeps them.
        let users = unsafe { this.as_ref() }.local(|local| {
            local.users -= 1;
            local.users
        });
        if users == 0 {
            // SAFETY: the `Arc` of `RunQueue` is not dropped elsewhere, and nobody is left to whom it belongs.
            unsafe { Arc::decrement_strong_count(this.as_ptr()) };
        }
    }
}

impl Kept {
    /// The list of blocks of this layout, if such blocks are kept.
    #[inline]
    fn list(&mut self, layout: Layout) -> Option<&mut Vec<NonNull<Header>>> {
        let is_plain = layout.align() == align_of::<Header>();
        let index = layout.size() / size_of::<usize>();
        self.by_size.get_mut(index).filter(|_| is_plain)
    }

    #[inline]
    fn take(&mut self, layout: Layout) -> Option<NonNull<Header>> {
        let block = self.list(layout)?.pop()?;
        self.room += layout.size();
        Some(block)
    }

    /// Returns whether the block is kept.
    #[inline]
    fn put(&mut self, block: NonNull<Header>, layout: Layout) -> bool {
        let room = self.room.checked_sub(layout.size());
        let kept = room.zip(self.list(layout)).map(|(room, list)| {
            list.push(block);
            room
        });
        self.room = kept.unwrap_or(self.room);
        kept.is_some()
    }

    /// Gives all back, and keeps none from now on.
    fn clear(&mut self) {
        for (index, list) in mem::take(&mut self.by_size).into_iter().enumerate() {
            let layout = Layout::from_size_align(index * size_of::<usize>(), align_of::<Header>());
            let layout = layout.expect("as it was allocated");
            for block in list {
                // SAFETY: it came from `allocate` with this layout, and is no task any more.
                unsafe { dealloc(block.as_ptr().cast(), layout) };
            }
        }
    }
}

#[cold]
fn allocate(layout: Layout) -> NonNull<Header> {
    // SAFETY: there is a header in it, and so the layout has a size.
    let block = NonNull::new(unsafe { alloc(layout) });
    block.unwrap_or_else(|| handle_alloc_error(layout)).cast()
}

/// It is in the local queue.
pub(crate) const QUEUED: i64 = 1;
/// Its future is gone, and its result is there or has been taken.
pub(crate) const ENDED: i64 = 1 << 1;
/// `abort` was called.
pub(crate) const ABORTED: i64 = 1 << 2;
/// The handle is gone: nobody wants the result.
pub(crate) const DETACHED: i64 = 1 << 3;
/// The handle has taken the result.
pub(crate) const TAKEN: i64 = 1 << 4;
/// One owner. There are four at most.
const OWNER: i64 = 1 << 5;
const OWNERS: i64 = 7 << 5;
/// One waker. The number of wakers in the highest 56 bits may be negative.
const WAKER: i64 = 1 << 8;

/// The index of a task that has not been in the table.
pub(crate) const NEW: u32 = u32::MAX;

/// What all tasks begin with, whatever their future.
pub(crate) struct Header {
    vtable: &'static Vtable,
    /// There as long as the task: an owner is a user, and what has no owner any more has an `Arc`.
    queues: NonNull<Queues>,
    /// Twice the number of wakers that were cloned elsewhere, less those that were dropped elsewhere; odd once the sum is
    /// taken.
    remote_wakers: AtomicI64,
    /// Whether it is in the remote queue.
    pub(crate) remote: AtomicBool,
    /// The loop's: where the table has it.
    pub(crate) index: Cell<u32>,
    plain: UnsafeCell<Plain>,
}

/// What only the scheduler's thread touches.
pub(crate) struct Plain {
    /// The flags, the number of owners and the plain half of the number of wakers, in one word: a wake reads and writes it once.
    state: Cell<i64>,
    /// The waker of the task that awaits the handle.
    pub(crate) joiner: Cell<Option<Waker>>,
}

/// What depends on the type of the future.
pub(crate) struct Vtable {
    /// Returns whether the task has ended.
    pub(crate) poll: unsafe fn(TaskId) -> bool,
    /// Moves the result to where the pointer points, a `Poll<Result<Output, JoinError>>` that is pending.
    pub(crate) take: unsafe fn(TaskId, *mut ()),
    pub(crate) layout: Layout,
    /// The name of the future's type. A function, because it is not known while the table is made.
    pub(crate) name: fn() -> &'static str,
}

impl Header {
    /// With one owner and no waker.
    #[inline]
    pub(crate) fn new(run_queue: &RunQueue, vtable: &'static Vtable) -> Self {
        Self {
            vtable,
            queues: run_queue.pointer(),
            remote_wakers: AtomicI64::new(0),
            remote: AtomicBool::new(false),
            index: Cell::new(NEW),
            plain: UnsafeCell::new(Plain {
                state: Cell::new(OWNER),
                joiner: Cell::new(None),
            }),
        }
    }

    fn queues(&self) -> &Queues {
        // SAFETY: they live as long as the task.
        unsafe { self.queues.as_ref() }
    }

    /// # Safety
    ///
    /// On the scheduler's thread.
    unsafe fn plain(&self) -> &Plain {
        // SAFETY: no other thread touches it, and all fields are cells.
        unsafe { &*self.plain.get() }
    }

    /// Whether the plain half counts: on the scheduler's thread, while there is an owner.
    #[inline]
    fn is_ours(&self) -> bool {
        // SAFETY: the thread is asked for first.
        self.queues().is_local() && unsafe { self.plain() }.state.get() & OWNERS != 0
    }
}

/// Names a task. From `RunQueue::pop` on it has an owner's share, which `Tasks::remove` or `TaskWaker::clear` takes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId(NonNull<Header>);

// SAFETY: a name alone gives access to nothing: all that uses the pointer is unsafe, and says who may do so.
unsafe impl Send for TaskId {}

// SAFETY: as above.
unsafe impl Sync for TaskId {}

impl TaskId {
    pub(crate) fn as_ptr(self) -> NonNull<Header> {
        self.0
    }

    /// # Safety
    ///
    /// The caller has a share while it uses the reference. What gives up a share takes the id, and not this reference:
    /// another thread may free the task at that moment.
    unsafe fn header<'share>(self) -> &'share Header {
        // SAFETY: the share keeps the task.
        unsafe { self.0.as_ref() }
    }

    /// Queues the task, from any thread, and never polls it: the caller may hold a lock that the task needs.
    ///
    /// # Safety
    ///
    /// The caller has a share.
    #[inline]
    pub(crate) unsafe fn schedule(self) {
        // SAFETY: the caller has a share.
        let header = unsafe { self.header() };
        if header.queues().is_local() {
            // SAFETY: this is the scheduler's thread, and the caller has a share.
            unsafe { self.schedule_local() };
        } else if !header.remote.swap(true, Ordering::AcqRel) {
            // The entry's share.
            header.remote_wakers.fetch_add(2, Ordering::Relaxed);
            header.queues().push_remote(self);
        }
    }

    /// # Safety
    ///
    /// On the scheduler's thread, and the caller has a share.
    #[inline]
    unsafe fn schedule_local(self) {
        // SAFETY: the caller promises both.
        let header = unsafe { self.header() };
        // SAFETY: as above.
        let plain = unsafe { header.plain() };
        let state = plain.state.get();
        if state & (QUEUED | ENDED) == 0 {
            plain.state.set(state + OWNER + QUEUED);
            header.queues().local(|local| local.ids.push_back(self));
        }
    }

    /// Moves an entry of the remote queue into the local one.
    ///
    /// # Safety
    ///
    /// On the scheduler's thread, and the entry gives up its share.
    unsafe fn arrive(self) {
        // SAFETY: the entry has a share, and this is the scheduler's thread.
        let header = unsafe { self.header() };
        // SAFETY: as above.
        let plain = unsafe { header.plain() };
        // What has ended keeps its mark, so that later wakes push nothing. The mark is swapped, because a swap sees what the
        // waking threads wrote before their wakes; after a store, the poll could miss that.
        if !plain.has(ENDED) {
            header.remote.swap(false, Ordering::AcqRel);
            // SAFETY: as above.
            unsafe { self.schedule_local() };
        }
        // SAFETY: the entry's share is a waker's.
        unsafe { self.drop_waker() };
    }

    /// # Safety
    ///
    /// The caller has a share.
    #[inline]
    unsafe fn clone_waker(self) {
        // SAFETY: the caller has a share.
        let header = unsafe { self.header() };
        if header.is_ours() {
            // SAFETY: `is_ours` only on the scheduler's thread.
            let state = unsafe { &header.plain().state };
            // Checked, because the compiler may make one addition of a loop that clones and forgets: so the end is in reach.
            state.set(state.get().checked_add(WAKER).expect("fewer than 2^55 wakers"));
        } else {
            header.remote_wakers.fetch_add(2, Ordering::Relaxed);
        }
    }

    /// # Safety
    ///
    /// The caller gives up a waker's share.
    #[inline]
    pub(crate) unsafe fn drop_waker(self) {
        // SAFETY: the share is there until one of the two numbers changes.
        let header = unsafe { self.header() };
        if header.is_ours() {
            // SAFETY: `is_ours` only on the scheduler's thread.
            let state = unsafe { &header.plain().state };
            state.set(state.get() - WAKER);
            return;
        }
        let queues = header.queues;
        // Release, so that all that was done with the task is done before it is freed; acquire for who frees it.
        if header.remote_wakers.fetch_sub(2, Ordering::AcqRel) == 2 + 1 {
            // SAFETY: it was the last waker, and there is no owner.
            unsafe { self.free() };
            // SAFETY: `disown` has counted the `Arc`, for the time without an owner.
            unsafe { Arc::decrement_strong_count(queues.as_ptr()) };
        }
    }

    /// Takes the sum of the wakers, after the last owner has gone. Who finds that there is none frees the task.
    ///
    /// # Safety
    ///
    /// On the scheduler's thread, once, when there is no owner any more.
    unsafe fn disown(self) {
        // SAFETY: nobody frees it before the sum is taken.
        let header = unsafe { self.header() };
        // SAFETY: as above.
        let plain = unsafe { header.plain() };
        let (queues, wakers) = (header.queues, 2 * (plain.state.get() >> WAKER.trailing_zeros()));
        // If the sum is zero, nobody is left who could change it. So a load is enough, and acquires what the last one did.
        if header.remote_wakers.load(Ordering::Acquire) + wakers == 0 {
            // SAFETY: there is neither an owner nor a waker.
            unsafe { self.free() };
        } else {
            // SAFETY: the owner that has just gone was a user of the queues. The wakers that are left keep them from now on.
            unsafe { Arc::increment_strong_count(queues.as_ptr()) };
            if header.remote_wakers.fetch_add(wakers + 1, Ordering::AcqRel) + wakers == 0 {
                // SAFETY: there is neither an owner nor a waker.
                unsafe { self.free() };
                // SAFETY: it was counted above.
                unsafe { Arc::decrement_strong_count(queues.as_ptr()) };
            }
        }
        // SAFETY: this is the scheduler's thread, and the task's owners are gone.
        unsafe { Queues::release(queues) };
    }

    /// Gives the memory back, or keeps it for another task. There is no future and no result in it, and no joiner.
    ///
    /// # Safety
    ///
    /// Nobody has a share.
    unsafe fn free(self) {
        let pointer = self.0.as_ptr();
        // SAFETY: nobody else refers to it.
        let header = unsafe { &mut *pointer };
        let (layout, queues) = (header.vtable.layout, header.queues);
        // SAFETY: as above.
        let plain = unsafe { &mut *header.plain.get() };
        debug_assert!(plain.joiner.get_mut().is_none());
        let wakers = 2 * (plain.state.get() >> WAKER.trailing_zeros());
        debug_assert!([1, -wakers].contains(header.remote_wakers.get_mut()));
        // SAFETY: nobody uses it from here on.
        unsafe { ptr::drop_in_place(pointer) };
        // SAFETY: the caller gives up after this what keeps the queues.
        let queues = unsafe { queues.as_ref() };
        if !queues.is_local() || !queues.local(|local| local.kept.put(self.0, layout)) {
            // SAFETY: it came from `allocate` with this layout.
            unsafe { dealloc(pointer.cast(), layout) };
        }
    }
}

/// An owner's share. It stays on the scheduler's thread, because it is not `Send`.
pub(crate) struct Owned(NonNull<Header>);

impl Owned {
    /// # Safety
    ///
    /// On the scheduler's thread, and the caller hands over an owner's share.
    pub(crate) unsafe fn from_id(id: TaskId) -> Self {
        Self(id.0)
    }

    pub(crate) fn id(&self) -> TaskId {
        TaskId(self.0)
    }

    /// Hands over the share.
    pub(crate) fn into_id(self) -> TaskId {
        ManuallyDrop::new(self).id()
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: an owner's share keeps the task.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn vtable(&self) -> &'static Vtable {
        self.header().vtable
    }

    pub(crate) fn plain(&self) -> &Plain {
        // SAFETY: an owner stays on the scheduler's thread.
        unsafe { self.header().plain() }
    }

    #[inline]
    pub(crate) fn schedule(&self) {
        // SAFETY: an owner stays on the scheduler's thread.
        unsafe { self.id().schedule_local() };
    }

    /// Counts as queued from here on, with a share. The caller pushes the id.
    #[inline]
    pub(crate) fn queue(&self) {
        let state = &self.plain().state;
        state.set(state.get() + OWNER + QUEUED);
    }

    /// Takes it out of the run queue, where it may be twice: local and remote. No wake puts it there again.
    pub(crate) fn end_queued(&self) {
        let was_queued = self.plain().has(QUEUED);
        self.plain().set(ENDED);
        if was_queued || self.header().remote.load(Ordering::Relaxed) {
            self.header().queues().remove(self.id());
        }
    }

    /// Returns whether the task is to be polled. It counts as not queued from here on. To be called before the poll: a wake
    /// between the poll and a later call would be lost.
    #[inline]
    pub(crate) fn begin_poll(&self) -> bool {
        let state = &self.plain().state;
        state.set(state.get() & !QUEUED);
        !self.plain().has(ENDED)
    }

    /// A waker that is not counted. It must not be dropped, or outlive the share.
    #[inline]
    pub(crate) fn waker(&self) -> ManuallyDrop<Waker> {
        let raw = RawWaker::new(self.0.as_ptr().cast_const().cast(), &WAKER_VTABLE);
        // SAFETY: the functions keep the contract.
        ManuallyDrop::new(unsafe { Waker::from_raw(raw) })
    }
}

impl Clone for Owned {
    #[inline]
    fn clone(&self) -> Self {
        let state = &self.plain().state;
        state.set(state.get() + OWNER);
        Self(self.0)
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        let state = self.plain().state.get() - OWNER;
        self.plain().state.set(state);
        if state & OWNERS == 0 {
            // SAFETY: an owner stays on the scheduler's thread, and this was the last one.
            unsafe { self.id().disown() };
        }
    }
}

impl Plain {
    pub(crate) fn has(&self, flag: i64) -> bool {
        self.state.get() & flag != 0
    }

    pub(crate) fn set(&self, flag: i64) {
        self.state.set(self.state.get() | flag);
    }
}

static WAKER_VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// The task that a waker's pointer is for.
fn id(task: *const ()) -> TaskId {
    TaskId(NonNull::new(task.cast_mut().cast()).expect("a waker's pointer is a task's"))
}

unsafe fn clone(task: *const ()) -> RawWaker {
    let id = id(task);
    // SAFETY: the waker that is cloned has a share, or is lent by an owner.
    unsafe { id.clone_waker() };
    RawWaker::new(task, &WAKER_VTABLE)
}

unsafe fn wake(task: *const ()) {
    let id = id(task);
    // SAFETY: the waker has a share.
    unsafe { id.schedule() };
    // SAFETY: the waker is consumed.
    unsafe { id.drop_waker() };
}

unsafe fn wake_by_ref(task: *const ()) {
    let id = id(task);
    // SAFETY: the waker has a share, or is lent by an owner.
    unsafe { id.schedule() };
}

unsafe fn drop_waker(task: *const ()) {
    let id = id(task);
    // SAFETY: the waker is dropped.
    unsafe { id.drop_waker() };
}

/// How long the loop spins from one park to the next, in all: longer than it takes to wake a thread.
const SPIN: Duration = Duration::from_micros(50);

/// With one processor nobody can wake a task while the loop spins.
static HAS_PROCESSORS: LazyLock<bool> = LazyLock::new(|| available_parallelism().is_ok_and(|cores| cores.get() > 1));

impl Queues {
    /// Locks the remote queue for the second look. Before that the loop spins, if remote wakes have ended the last parks: as in a
    /// task that awaits one job after another. If another wake comes meanwhile, neither side needs a system call. It is only a
    /// wait before the second look, so no wake can be lost by it.
    ///
    /// A source or a timer that is ready meanwhile waits: for 50 µs at most, because the next park ends the spins. And that park
    /// is the source's or the timer's, so before the next four there is no spin.
    fn spin(&self) -> MutexGuard<'_, Remote> {
        let mut remote = self.remote.lock().unwrap();
        if remote.ids.is_empty() && remote.spins.are_due() {
            let left = SPIN - remote.spins.spun;
            drop(remote);
            let (begin, mut spun) = (Instant::now(), Duration::ZERO);
            while !self.look.load(Ordering::Relaxed) && spun < left {
                hint::spin_loop();
                spun = begin.elapsed();
            }
            remote = self.remote.lock().unwrap();
            let is_hit = !remote.ids.is_empty();
            remote.spins.has_spun(spun.min(left), is_hit);
        }
        if remote.ids.is_empty() {
            remote.spins.parks();
        }
        remote
    }
}

/// Whether the loop spins before it parks.
#[derive(Default)]
struct Spins {
    /// How many parks and spins in a row a remote wake has ended. A spin in vain counts as eight fewer.
    streak: i32,
    /// How long the loop has spun since the last park.
    spun: Duration,
    /// Whether the loop has parked, and what has ended that is not counted yet.
    has_parked: bool,
}

impl Spins {
    fn are_due(&self) -> bool {
        self.streak >= 4 && self.spun < SPIN && *HAS_PROCESSORS
    }

    fn count(&mut self, change: i32) {
        self.streak = (self.streak + change).min(32);
    }

    fn has_spun(&mut self, spun: Duration, is_hit: bool) {
        // One that is cut short, because others before it were hits, says nothing.
        if is_hit || spun == SPIN {
            self.count(if is_hit { 1 } else { -8 });
        }
        self.spun += spun;
    }

    fn parks(&mut self) {
        (self.spun, self.has_parked) = (Duration::ZERO, true);
    }

    /// After a park, and also when a remote wake has come while the loop was at work. That does not count.
    fn has_parked(&mut self, ended_by_wake: bool) {
        if mem::take(&mut self.has_parked) {
            self.count(if ended_by_wake { 1 } else { -self.streak.max(0) });
        }
    }
}
