//! What a wake does: it puts the task at the back of the run queue, once, and nothing more: invariant 2 of `scheduler.rs`.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::sched::{Scheduler, yield_now};
use shared_testutil::{OrderLog, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// What a task waits at until it is opened. It counts the polls, and keeps the waker of the last.
#[derive(Default)]
struct Gate {
    is_open: Cell<bool>,
    polls: Cell<u32>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    fn new() -> Rc<Self> {
        Rc::default()
    }

    fn pass(self: Rc<Self>) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            self.polls.set(self.polls.get() + 1);
            let _replaced = self.waker.replace(Some(cx.waker().clone()));
            match self.is_open.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }

    /// The waker of a task that has been polled here.
    fn waker(&self) -> Waker {
        let waker = self.waker.borrow().clone();
        waker.expect("a task has been polled here")
    }

    fn open(&self) {
        self.is_open.set(true);
        self.waker().wake();
    }
}

#[test]
fn a_task_that_is_not_woken_is_not_polled() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    let scheduler = Scheduler::new();
    scheduler.spawn(Rc::clone(&gate).pass());
    let polls = Rc::new(Cell::new(0));
    let (opener, seen) = (Rc::clone(&gate), Rc::clone(&polls));
    scheduler.spawn(async move {
        for _ in 0..100 {
            yield_now().await;
        }
        seen.set(opener.polls.get());
        opener.open();
    });
    scheduler.run();
    assert_eq!(polls.get(), 1);
    assert_eq!(gate.polls.get(), 2);
}

#[test]
fn a_task_woken_twice_is_polled_once() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    let scheduler = Scheduler::new();
    scheduler.spawn(Rc::clone(&gate).pass());
    let polls = Rc::new(Cell::new(0));
    let (opener, seen) = (Rc::clone(&gate), Rc::clone(&polls));
    scheduler.spawn(async move {
        let waker = opener.waker();
        waker.wake_by_ref();
        opener.waker().wake();
        waker.wake();
        for _ in 0..10 {
            yield_now().await;
        }
        seen.set(opener.polls.get());
        opener.open();
    });
    scheduler.run();
    assert_eq!(polls.get(), 2, "the first, and one for three wakes");
}

#[test]
fn a_wake_after_the_poll_counts_again() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    let scheduler = Scheduler::new();
    scheduler.spawn(Rc::clone(&gate).pass());
    let polls = Rc::new(Cell::new(0));
    let (opener, seen) = (Rc::clone(&gate), Rc::clone(&polls));
    scheduler.spawn(async move {
        let waker = opener.waker();
        for _ in 0..100 {
            waker.wake_by_ref();
            yield_now().await;
        }
        seen.set(opener.polls.get());
        opener.open();
    });
    scheduler.run();
    assert_eq!(polls.get(), 101);
}

#[test]
fn a_task_woken_during_its_poll_is_polled_again_and_the_others_first() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let noted = log.clone();
    let mut polls = 0;
    scheduler.spawn(poll_fn(move |cx| {
        polls += 1;
        noted.note(format!("woken, {polls}"));
        if polls == 3 {
            return Poll::Ready(());
        }
        // Twice, and one poll comes of it.
        cx.waker().wake_by_ref();
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    for name in ["a", "b"] {
        let log = log.clone();
        scheduler.spawn(async move {
            for round in 1..=4 {
                log.note(format!("{name}{round}"));
                yield_now().await;
            }
        });
    }
    scheduler.run();
    log.assert_is(&[
        "woken, 1", "a1", "b1", "woken, 2", "a2", "b2", "woken, 3", "a3", "b3", "a4", "b4",
    ]);
}

#[test]
fn tasks_are_polled_in_the_order_of_their_wakes() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let gates: Vec<Rc<Gate>> = (0..4).map(|_| Gate::new()).collect();
    for (number, gate) in gates.iter().enumerate() {
        let (gate, log) = (Rc::clone(gate), log.clone());
        scheduler.spawn(async move {
            gate.pass().await;
            log.note(number.to_string());
        });
    }
    let opener = log.clone();
    scheduler.spawn(async move {
        for number in [2, 0, 3, 1] {
            gates[number].open();
        }
        opener.note("all are woken");
        yield_now().await;
        opener.note("all have been polled");
    });
    scheduler.run();
    log.assert_is(&["all are woken", "2", "0", "3", "1", "all have been polled"]);
}

#[test]
fn a_wake_never_polls() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    let scheduler = Scheduler::new();
    scheduler.spawn(Rc::clone(&gate).pass());
    let polls = Rc::new(Cell::new(0));
    let (opener, seen) = (Rc::clone(&gate), Rc::clone(&polls));
    scheduler.spawn(async move {
        opener.open();
        seen.set(opener.polls.get());
    });
    scheduler.run();
    assert_eq!(polls.get(), 1, "right after the wake");
    assert_eq!(gate.polls.get(), 2);
}

#[test]
fn a_wake_under_a_lock_that_the_task_wants_does_no_harm() {
    let _watchdog = watchdog(LIMIT);
    let shared: Arc<Mutex<(u32, Option<Waker>)>> = Arc::default();
    let scheduler = Scheduler::new();
    let waiting = Arc::clone(&shared);
    scheduler.spawn(poll_fn(move |cx| {
        let mut state = waiting.lock().expect("no poison");
        if state.0 > 0 {
            state.0 += 1;
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }));
    let waking = Arc::clone(&shared);
    scheduler.spawn(async move {
        let mut state = waking.lock().expect("no poison");
        state.0 += 1;
        // The lock is held, and one thread cannot take it twice.
        if let Some(waker) = &state.1 {
            waker.wake_by_ref();
        }
    });
    scheduler.run();
    assert_eq!(shared.lock().expect("no poison").0, 2);
}

#[test]
fn a_wake_after_the_end_does_nothing_and_wakes_no_other_task() {
    let _watchdog = watchdog(LIMIT);
    let ended = [Gate::new(), Gate::new()];
    let scheduler = Scheduler::new();
    for gate in &ended {
        gate.is_open.set(true);
        scheduler.spawn(Rc::clone(gate).pass());
    }
    scheduler.run();
    let [late, later] = [ended[0].waker(), ended[1].waker()];

    // These tasks may take the slots of those that have ended.
    let log = OrderLog::new();
    let others = [Gate::new(), Gate::new(), Gate::new()];
    for (number, other) in others.iter().enumerate() {
        let (other, log) = (Rc::clone(other), log.clone());
        scheduler.spawn(async move {
            other.pass().await;
            log.note(number.to_string());
        });
    }
    let polls = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&polls);
    late.wake_by_ref();
    scheduler.spawn(async move {
        for _ in 0..5 {
            late.wake_by_ref();
            yield_now().await;
        }
        *seen.borrow_mut() = others.iter().map(|other| other.polls.get()).collect();
        // Nor is another task polled earlier because of it.
        later.wake();
        others.iter().rev().for_each(|other| other.open());
    });
    scheduler.run();
    assert_eq!(*polls.borrow(), [1, 1, 1]);
    log.assert_is(&["2", "1", "0"]);
    assert!(ended.iter().all(|gate| gate.polls.get() == 1));
}

#[test]
fn a_task_that_wakes_itself_in_its_last_poll_is_not_polled_again() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let counted = Rc::clone(&polls);
    scheduler.spawn(poll_fn(move |cx| {
        counted.set(counted.get() + 1);
        cx.waker().wake_by_ref();
        Poll::Ready(())
    }));
    scheduler.spawn(async {
        for _ in 0..5 {
            yield_now().await;
        }
    });
    scheduler.run();
    scheduler.run();
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_waker_outlives_its_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    gate.is_open.set(true);
    let scheduler = Scheduler::new();
    scheduler.spawn(Rc::clone(&gate).pass());
    scheduler.run();
    drop(scheduler);
    let waker = gate.waker();
    waker.wake_by_ref();
    let clone = waker.clone();
    drop(waker);
    clone.wake();
    assert_eq!(gate.polls.get(), 1);
}

#[test]
fn a_waker_of_one_scheduler_may_be_woken_under_another() {
    let _watchdog = watchdog(LIMIT);
    let gate = Gate::new();
    gate.is_open.set(true);
    let (first, second) = (Scheduler::new(), Scheduler::new());
    first.spawn(Rc::clone(&gate).pass());
    first.run();
    let waker = gate.waker();
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    second.spawn(async move {
        waker.wake();
        yield_now().await;
        counted.set(1);
    });
    second.run();
    assert_eq!((gate.polls.get(), polls.get()), (1, 1));
}

#[test]
fn a_task_has_the_same_waker_in_all_its_polls_and_another_task_another() {
    let _watchdog = watchdog(LIMIT);
    let gates = [Gate::new(), Gate::new()];
    let same = Rc::new(Cell::new(None));
    let scheduler = Scheduler::new();
    for gate in &gates {
        scheduler.spawn(Rc::clone(gate).pass());
    }
    let ([first, second], seen) = (gates, Rc::clone(&same));
    scheduler.spawn(async move {
        let before = first.waker();
        before.wake_by_ref();
        yield_now().await;
        // Futures compare wakers to spare themselves a clone.
        seen.set(Some((
            before.will_wake(&first.waker()),
            before.will_wake(&before.clone()),
            before.will_wake(&second.waker()),
        )));
        first.open();
        second.open();
    });
    scheduler.run();
    assert_eq!(same.get(), Some((true, true, false)));
}

#[test]
fn a_thousand_tasks_pass_a_token_round_a_hundred_times() {
    const TASKS: usize = 1000;
    const ROUNDS: u32 = 100;
    let _watchdog = watchdog(LIMIT);
    let holder = Rc::new(Cell::new(0));
    let passes = Rc::new(Cell::new(0));
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let scheduler = Scheduler::new();
    for number in 0..TASKS {
        let (holder, passes, wakers) = (Rc::clone(&holder), Rc::clone(&passes), Rc::clone(&wakers));
        scheduler.spawn(async move {
            poll_fn(|cx| {
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            yield_now().await;
            for _ in 0..ROUNDS {
                poll_fn(|_| match holder.get() == number {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
                passes.set(passes.get() + 1);
                holder.set((number + 1) % TASKS);
                wakers.borrow()[holder.get()].wake_by_ref();
            }
        });
    }
    scheduler.run();
    assert_eq!(passes.get(), TASKS * ROUNDS as usize);
}
