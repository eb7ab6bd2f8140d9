//! Futures and outputs that are not `Send` never leave their thread, although a task's wakers may go to any thread and may share
//! its memory. Another thread may drop the last of them. Invariant 5 of `scheduler.rs`.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::sched::{JoinHandle, Scheduler, yield_now};
use shared_testutil::{DropFlag, HomeThread, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// A task whose future owns a value and whose output is another value; and wakers of it, which another thread holds.
struct Task {
    future: DropFlag,
    output: DropFlag,
    scheduler: Scheduler,
    handle: JoinHandle<HomeThread>,
    /// The waker on the scheduler's thread, for the second poll.
    waker: Rc<RefCell<Option<Waker>>>,
    holder: Holder,
}

/// A thread that holds wakers until it is told to do something with them.
struct Holder {
    orders: mpsc::Sender<Order>,
    thread: thread::JoinHandle<()>,
}

type Order = fn(Vec<Waker>) -> Vec<Waker>;

impl Holder {
    fn new(wakers: mpsc::Receiver<Waker>) -> Self {
        let (orders, received) = mpsc::channel::<Order>();
        let thread = thread::spawn(move || {
            let mut wakers = vec![wakers.recv().expect("a waker")];
            for order in received {
                wakers = order(wakers);
            }
        });
        Self { orders, thread }
    }

    /// Drops the wakers on the thread that holds them, and waits for that.
    fn let_go(self) {
        drop(self.orders);
        self.thread.join().expect("the holder ends in peace");
    }
}

impl Task {
    /// Polled once. In its second poll it is done.
    fn new() -> Self {
        let (future, output) = (DropFlag::new(), DropFlag::new());
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let (sender, receiver) = mpsc::channel();
        let mut values = Some((HomeThread::new(&future), HomeThread::new(&output)));
        let (slot, mut polls) = (Rc::clone(&waker), 0);
        let scheduler = Scheduler::new();
        let handle = scheduler.spawn(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                sender.send(cx.waker().clone()).expect("the holder listens");
                *slot.borrow_mut() = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let (owned, output) = values.take().expect("polled twice");
            drop(owned);
            Poll::Ready(output)
        }));
        let holder = Holder::new(receiver);
        scheduler.block_on(a_few_ticks());
        Self {
            future,
            output,
            scheduler,
            handle,
            waker,
            holder,
        }
    }

    /// Drops the waker on the scheduler's thread, so that those on the other thread are the last.
    fn forget_waker(&self) {
        drop(self.waker.take().expect("polled once"));
    }
}

/// Brings a task to its end.
fn finish(scheduler: &Scheduler, waker: &Rc<RefCell<Option<Waker>>>) {
    waker.take().expect("polled once").wake();
    scheduler.run();
}

/// Lets all tasks be polled once or more.
async fn a_few_ticks() {
    for _ in 0..5 {
        yield_now().await;
    }
}

#[test]
fn a_task_that_ends_is_dropped_on_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    finish(&task.scheduler, &task.waker);
    task.future.assert_dropped_at_home();
    task.output.assert_not_dropped();
    // The output goes with the handle, the memory with the last waker.
    drop(task.handle);
    task.output.assert_dropped_at_home();
    drop(task.scheduler);
    task.holder.let_go();
    task.output.assert_dropped_at_home();
}

#[test]
fn a_detached_tasks_output_is_dropped_on_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    drop(task.handle);
    finish(&task.scheduler, &task.waker);
    drop(task.scheduler);
    task.future.assert_dropped_at_home();
    task.output.assert_dropped_at_home();
    task.holder.let_go();
}

#[test]
fn an_aborted_task_is_dropped_on_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    task.forget_waker();
    task.handle.abort();
    drop(task.handle);
    task.scheduler.run();
    task.future.assert_dropped_at_home();
    task.output.assert_dropped_at_home();
    drop(task.scheduler);
    task.holder.let_go();
}

#[test]
fn a_task_of_a_dropped_scheduler_is_dropped_on_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    task.forget_waker();
    task.future.assert_not_dropped();
    drop(task.scheduler);
    task.future.assert_dropped_at_home();
    task.output.assert_dropped_at_home();
    drop(task.handle);
    task.holder.let_go();
}

#[test]
fn a_task_that_another_thread_has_woken_is_dropped_on_its_thread_too() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    task.forget_waker();
    // Its id is in the run queue when the scheduler is dropped.
    let wake: Order = |wakers| {
        wakers.into_iter().for_each(Waker::wake);
        Vec::new()
    };
    task.holder.orders.send(wake).expect("the holder listens");
    task.holder.let_go();
    task.future.assert_not_dropped();
    drop(task.scheduler);
    task.future.assert_dropped_at_home();
    task.output.assert_dropped_at_home();
}

#[test]
fn a_handle_that_outlives_all_else_keeps_the_output_on_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    finish(&task.scheduler, &task.waker);
    drop(task.scheduler);
    task.holder.let_go();
    task.future.assert_dropped_at_home();
    task.output.assert_not_dropped();
    drop(task.handle);
    task.output.assert_dropped_at_home();
}

#[test]
fn a_wake_on_another_thread_after_the_end_brings_nothing_there() {
    let _watchdog = watchdog(LIMIT);
    let task = Task::new();
    finish(&task.scheduler, &task.waker);
    let wake_and_clone: Order = |wakers| {
        wakers.iter().for_each(Waker::wake_by_ref);
        wakers.iter().chain(&wakers).cloned().collect()
    };
    task.holder.orders.send(wake_and_clone).expect("the holder listens");
    drop(task.scheduler);
    task.holder.orders.send(wake_and_clone).expect("the holder listens");
    drop(task.handle);
    task.holder.let_go();
    task.future.assert_dropped_at_home();
    task.output.assert_dropped_at_home();
}

#[test]
fn a_joiners_value_stays_on_its_thread_when_another_thread_holds_the_joined_task() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let task = Task::new();
    task.forget_waker();
    let (value, handle) = (HomeThread::new(&flag), task.handle);
    // The joined task holds a waker of the joiner, and so its memory.
    let joiner = task.scheduler.spawn(async move {
        let _value = value;
        drop(handle.await);
    });
    task.scheduler.block_on(a_few_ticks());
    drop(task.scheduler);
    flag.assert_dropped_at_home();
    task.future.assert_dropped_at_home();
    task.holder.let_go();
    assert!(joiner.is_finished());
}

#[test]
fn wakers_dropped_on_another_thread_while_their_tasks_end_leave_the_futures_on_theirs() {
    let _watchdog = watchdog(LIMIT);
    for round in 0..300 {
        let flags: Vec<DropFlag> = (0..8).map(|_| DropFlag::new()).collect();
        let scheduler = Scheduler::new();
        let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
        let mut handles = Vec::new();
        for flag in &flags {
            let (value, wakers) = (HomeThread::new(flag), Rc::clone(&wakers));
            handles.push(scheduler.spawn(async move {
                let _value = value;
                poll_fn(|cx| {
                    wakers.borrow_mut().push(cx.waker().clone());
                    Poll::Ready(())
                })
                .await;
                pending::<()>().await;
            }));
        }
        scheduler.block_on(a_few_ticks());
        let wakers = wakers.take();
        let other = thread::spawn(move || {
            for waker in wakers {
                // Woken and dropped, or only dropped, while the tasks end.
                if round % 2 == 0 {
                    waker.wake_by_ref();
                }
                drop(waker);
            }
        });
        match round % 3 {
            0 => drop(scheduler),
            1 => {
                handles.iter().for_each(JoinHandle::abort);
                scheduler.run();
            }
            _ => {
                handles.iter().for_each(JoinHandle::abort);
                drop(handles);
                drop(scheduler);
            }
        }
        flags.iter().for_each(DropFlag::assert_dropped_at_home);
        other.join().expect("the other thread");
    }
}
