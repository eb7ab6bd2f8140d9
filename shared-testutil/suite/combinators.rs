//! Combinators and channels that know nothing of this scheduler work with it: they need only a waker.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, sleep, yield_now};
use futures::channel::{mpsc, oneshot};
use futures::future::{AbortHandle, Abortable, Either, FutureExt, join_all, select, select_all, try_join_all};
use futures::stream::{self, FuturesOrdered, FuturesUnordered, StreamExt};
use futures::{SinkExt, join};
use shared_testutil::{OrderLog, assert_took, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const SECONDS: Duration = Duration::from_secs(20);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Runs one task in a scheduler of its own, and returns its output.
fn run<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let output = Rc::new(Cell::new(None));
    let slot = Rc::clone(&output);
    let scheduler = Scheduler::new();
    scheduler.spawn(async move { slot.set(Some(future.await)) });
    scheduler.run();
    output.take().expect("the task does not panic")
}

#[test]
fn join_waits_for_both_at_once() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let noted = log.clone();
    let outputs = run(async move {
        let span = async |name: &str, yields: u32| {
            noted.note(format!("{name} starts"));
            for _ in 0..yields {
                yield_now().await;
            }
            noted.note(format!("{name} ends"));
            yields
        };
        join!(span("a", 2), span("b", 5))
    });
    assert_eq!(outputs, (2, 5));
    log.assert_overlap(("a starts", "a ends"), ("b starts", "b ends"));
}

#[test]
fn join_all_gives_the_outputs_in_order_however_many_there_are() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    // More than it keeps in a plain list.
    let outputs = run(join_all((0..500_u32).map(|number| async move {
        sleep(ms(u64::from(500 - number) / 10)).await;
        number
    })));
    assert_eq!(outputs, (0..500).collect::<Vec<u32>>());
    assert_took("the longest", start, ms(50), SECONDS);
}

#[test]
fn try_join_all_stops_at_the_first_error() {
    let _watchdog = watchdog(LIMIT);
    let start = Instant::now();
    let result = run(try_join_all((0..20_u32).map(|number| async move {
        match number {
            17 => {
                sleep(ms(20)).await;
                Err(number)
            }
            _ => {
                sleep(HOUR).await;
                Ok(number)
            }
        }
    })));
    assert_eq!(result, Err(17));
    assert_took("the error", start, ms(20), SECONDS);
}

#[test]
fn select_tells_who_was_first_and_leaves_the_other() {
    let _watchdog = watchdog(LIMIT);
    let outputs = run(async {
        let slow = pin!(sleep(ms(200)).map(|()| "slow"));
        let fast = pin!(yield_now().map(|()| "fast"));
        match select(slow, fast).await {
            Either::Right((fast, slow)) => [fast, slow.await],
            Either::Left((slow, _)) => [slow, "the other was later"],
        }
    });
    assert_eq!(outputs, ["fast", "slow"]);
}

#[test]
fn select_all_works_with_sleeps() {
    let _watchdog = watchdog(LIMIT);
    let first = run(async {
        let naps = [HOUR, ms(10), HOUR].map(sleep);
        let ((), index, rest) = select_all(naps).await;
        (index, rest.len())
    });
    assert_eq!(first, (1, 2));
}

#[test]
fn the_select_macro_works_in_a_loop() {
    let _watchdog = watchdog(LIMIT);
    let counts = run(async {
        let (mut sender, mut receiver) = mpsc::channel(1);
        let sending = async move {
            for number in 1..=5 {
                sleep(ms(2)).await;
                sender.send(number).await.expect("a receiver");
            }
        };
        let mut sending = pin!(sending.fuse());
        let (mut sum, mut sent) = (0, 0);
        loop {
            futures::select! {
                number = receiver.next() => match number {
                    Some(number) => sum += number,
                    None => break,
                },
                () = sending => sent += 1,
                complete => break,
            }
        }
        (sum, sent)
    });
    assert_eq!(counts, (15, 1));
}

#[test]
fn futures_unordered_gives_the_outputs_as_they_come() {
    let _watchdog = watchdog(LIMIT);
    let outputs = run(async {
        let base = Instant::now() + ms(200);
        let naps: FuturesUnordered<_> = [3, 1, 2]
            .map(|number| async move {
                crate::sched::sleep_until(base + number * ms(2)).await;
                number
            })
            .into_iter()
            .collect();
        naps.collect::<Vec<u32>>().await
    });
    assert_eq!(outputs, [1, 2, 3]);
}

#[test]
fn futures_unordered_polls_those_that_were_woken_and_no_others() {
    let _watchdog = watchdog(LIMIT);
    const FUTURES: u32 = 2000;
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    run(async move {
        let futures: FuturesUnordered<_> = (0..FUTURES)
            .map(|number| {
                let counted = Rc::clone(&counted);
                let mut nap = Box::pin(sleep(number * Duration::from_micros(20)));
                std::future::poll_fn(move |cx| {
                    counted.set(counted.get() + 1);
                    nap.as_mut().poll(cx)
                })
            })
            .collect();
        futures.collect::<Vec<()>>().await;
    });
    assert!(polls.get() <= 2 * FUTURES, "{} polls of {FUTURES} futures", polls.get());
}

#[test]
fn futures_ordered_and_buffered_streams_keep_the_order() {
    let _watchdog = watchdog(LIMIT);
    let outputs = run(async {
        let nap = async |number: u64| {
            sleep(ms(20 - 2 * number)).await;
            number
        };
        let ordered: FuturesOrdered<_> = (0..5).map(nap).collect();
        let ordered: Vec<u64> = ordered.collect().await;
        let buffered: Vec<u64> = stream::iter(5..10).map(nap).buffered(3).collect().await;
        [ordered, buffered].concat()
    });
    assert_eq!(outputs, (0..10).collect::<Vec<u64>>());
}

#[test]
fn a_oneshot_carries_a_value_from_task_to_task() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let (sender, receiver) = oneshot::channel();
    let (receiving, sending) = (log.clone(), log.clone());
    scheduler.spawn(async move {
        receiving.note("waits");
        receiving.note(receiver.await.expect("a sender"));
    });
    scheduler.spawn(async move {
        sending.note("sends");
        sender.send("value").expect("a receiver");
        sending.note("goes on");
    });
    scheduler.run();
    log.assert_is(&["waits", "sends", "goes on", "value"]);
}

#[test]
fn a_dropped_oneshot_sender_ends_the_wait() {
    let _watchdog = watchdog(LIMIT);
    let ended = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    let (sender, receiver) = oneshot::channel::<()>();
    let seen = Rc::clone(&ended);
    scheduler.spawn(async move { seen.set(receiver.await.is_err()) });
    scheduler.spawn(async move { drop(sender) });
    scheduler.run();
    assert!(ended.get());
}

#[test]
fn a_bounded_channel_makes_the_sender_wait() {
    let _watchdog = watchdog(LIMIT);
    let received = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    let (sender, receiver) = async_channel::bounded(2);
    let ahead = Rc::new(Cell::new(0));
    let (sent, most) = (Rc::new(Cell::new(0)), Rc::clone(&ahead));
    let (counted, seen) = (Rc::clone(&sent), Rc::clone(&received));
    scheduler.spawn(async move {
        for number in 0..1000 {
            sender.send(number).await.expect("a receiver");
            counted.set(number + 1);
        }
    });
    scheduler.spawn(async move {
        while let Ok(number) = receiver.recv().await {
            seen.borrow_mut().push(number);
            most.set(most.get().max(sent.get() - number));
        }
    });
    scheduler.run();
    assert_eq!(*received.borrow(), (0..1000).collect::<Vec<i32>>());
    assert!(ahead.get() <= 3, "{} ahead of the receiver", ahead.get());
}

#[test]
fn many_senders_and_many_receivers_share_a_channel() {
    let _watchdog = watchdog(LIMIT);
    let sum = Rc::new(Cell::new(0));
    let scheduler = Scheduler::new();
    let (sender, receiver) = async_channel::bounded(3);
    for _ in 0..10 {
        let (sender, receiver, sum) = (sender.clone(), receiver.clone(), Rc::clone(&sum));
        scheduler.spawn(async move {
            for number in 1..=100 {
                sender.send(number).await.expect("a receiver");
            }
        });
        scheduler.spawn(async move {
            while let Ok(number) = receiver.recv().await {
                sum.set(sum.get() + number);
            }
        });
    }
    drop((sender, receiver));
    scheduler.run();
    assert_eq!(sum.get(), 10 * 5050);
}

#[test]
fn an_mpsc_channel_closes_when_the_last_sender_goes() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (sender, receiver) = mpsc::unbounded();
    let numbers = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&numbers);
    scheduler.spawn(async move {
        let all = receiver.collect::<Vec<u32>>().await;
        *seen.borrow_mut() = all;
    });
    for number in 1..=3 {
        let sender = sender.clone();
        scheduler.spawn(async move {
            sleep(ms(5)).await;
            sender.unbounded_send(number).expect("a receiver");
        });
    }
    drop(sender);
    scheduler.run();
    assert_eq!(*numbers.borrow(), [1, 2, 3]);
}

#[test]
fn an_async_mutex_lets_one_task_in_at_a_time() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let lock = Rc::new(async_lock::Mutex::new(()));
    for name in ["a", "b", "c"] {
        let (log, lock) = (log.clone(), Rc::clone(&lock));
        scheduler.spawn(async move {
            let _guard = lock.lock().await;
            log.note(format!("{name} is in"));
            // Held while others are polled.
            sleep(ms(5)).await;
            log.note(format!("{name} is out"));
        });
    }
    scheduler.run();
    log.assert_is(&["a is in", "a is out", "b is in", "b is out", "c is in", "c is out"]);
}

#[test]
fn a_semaphore_bounds_how_many_are_in() {
    let _watchdog = watchdog(LIMIT);
    let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let scheduler = Scheduler::new();
    let semaphore = Arc::new(async_lock::Semaphore::new(3));
    for _ in 0..20 {
        let (inside, most, semaphore) = (Rc::clone(&inside), Rc::clone(&most), Arc::clone(&semaphore));
        scheduler.spawn(async move {
            let _permit = semaphore.acquire().await;
            inside.set(inside.get() + 1);
            most.set(most.get().max(inside.get()));
            sleep(ms(2)).await;
            inside.set(inside.get() - 1);
        });
    }
    scheduler.run();
    assert_eq!((inside.get(), most.get()), (0, 3));
}

#[test]
fn a_barrier_lets_all_go_when_the_last_has_come() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let barrier = Rc::new(async_lock::Barrier::new(3));
    for name in ["a", "b", "c"] {
        let (log, barrier) = (log.clone(), Rc::clone(&barrier));
        scheduler.spawn(async move {
            yield_now().await;
            log.note(format!("{name} comes"));
            barrier.wait().await;
            log.note(format!("{name} goes"));
        });
    }
    scheduler.run();
    for first in ["a comes", "b comes", "c comes"] {
        for second in ["a goes", "b goes", "c goes"] {
            log.assert_before(first, second);
        }
    }
}

#[test]
fn a_future_can_be_made_abortable() {
    let _watchdog = watchdog(LIMIT);
    let aborted = Rc::new(Cell::new(false));
    let scheduler = Scheduler::new();
    let (handle, registration) = AbortHandle::new_pair();
    let seen = Rc::clone(&aborted);
    scheduler.spawn(async move {
        let result = Abortable::new(pending::<()>(), registration).await;
        seen.set(result.is_err());
    });
    scheduler.spawn(async move {
        yield_now().await;
        handle.abort();
    });
    scheduler.run();
    assert!(aborted.get());
}

#[test]
fn a_shared_future_wakes_all_who_wait_for_it() {
    let _watchdog = watchdog(LIMIT);
    let outputs = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    let shared = async {
        sleep(ms(10)).await;
        7
    }
    .boxed_local()
    .shared();
    for _ in 0..3 {
        let (shared, outputs) = (shared.clone(), Rc::clone(&outputs));
        scheduler.spawn(async move {
            let output = shared.await;
            outputs.borrow_mut().push(output);
        });
    }
    drop(shared);
    scheduler.run();
    assert_eq!(*outputs.borrow(), [7, 7, 7]);
}
