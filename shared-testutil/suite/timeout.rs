//! `timeout` works around any future, because it needs to know nothing of it.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use super::clock::{assert_took, needs_real_time, now};
use super::sched::{Elapsed, Scheduler, sleep, timeout, yield_now};
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use futures::poll;
use shared_testutil::{DropFlag, HomeThread, OrderLog, message_of_panic, watchdog};

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
fn a_future_that_is_done_in_time_wins() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let result = run(timeout(HOUR, async {
        sleep(ms(20)).await;
        7
    }));
    assert_eq!(result, Ok(7));
    assert_took("the future", start, ms(20), SECONDS);
}

#[test]
fn a_future_that_takes_too_long_loses() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let result = run(timeout(ms(50), sleep(HOUR)));
    assert!(result.is_err());
    assert_took("the timeout", start, ms(50), SECONDS);
}

#[test]
fn a_future_that_never_wakes_loses_too() {
    let _watchdog = watchdog(LIMIT);
    assert!(run(timeout(ms(20), pending::<()>())).is_err());
}

#[test]
fn the_error_says_what_it_is() {
    let _watchdog = watchdog(LIMIT);
    let elapsed: Elapsed = run(timeout(Duration::ZERO, pending::<()>())).expect_err("it never is done");
    let copy = elapsed;
    assert_eq!(copy, elapsed);
    let error: Box<dyn Error + Send + Sync> = Box::new(elapsed);
    assert_eq!(error.to_string(), "the time is up");
    assert!(format!("{error:?}").contains("Elapsed"));
}

#[test]
fn the_future_is_polled_first_however_late_it_is() {
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    assert_eq!(run(timeout(Duration::ZERO, ready(7))), Ok(7));
    let late = timeout(ms(10), ready(7));
    thread::sleep(ms(20));
    assert_eq!(run(late), Ok(7));
}

#[test]
fn a_result_that_is_there_when_the_time_is_up_counts() {
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let result = run(async {
        let done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&done);
        let mut both = pin!(timeout(
            ms(300),
            poll_fn(move |_| match seen.get() {
                true => Poll::Ready(7),
                false => Poll::Pending,
            })
        ));
        assert!(poll!(both.as_mut()).is_pending());
        thread::sleep(ms(320));
        done.set(true);
        both.await
    });
    assert_eq!(result, Ok(7));
}

#[test]
fn the_time_counts_from_the_call_and_not_from_the_first_poll() {
    if needs_real_time("a thread that blocks takes no virtual time") {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let late = timeout(ms(20), pending::<()>());
    thread::sleep(ms(30));
    let start = now();
    assert!(run(late).is_err());
    assert_took("the rest of it", start, Duration::ZERO, SECONDS);
}

#[test]
fn zero_gives_the_future_two_polls() {
    let _watchdog = watchdog(LIMIT);
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    let result = run(timeout(
        Duration::ZERO,
        poll_fn(move |cx| -> Poll<()> {
            counted.set(counted.get() + 1);
            cx.waker().wake_by_ref();
            Poll::Pending
        }),
    ));
    assert!(result.is_err());
    // A timeout that is due lets others run first, and then looks once more.
    assert_eq!(polls.get(), 2);
}

#[test]
fn the_longest_duration_is_no_limit() {
    let _watchdog = watchdog(LIMIT);
    assert_eq!(
        run(timeout(Duration::MAX, async {
            sleep(ms(20)).await;
            7
        })),
        Ok(7)
    );
}

#[test]
fn a_future_that_loses_is_dropped_before_the_task_goes_on() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    let seen = flag.clone();
    let dropped = run(async move {
        let result = timeout(ms(20), async move {
            let _value = value;
            pending::<()>().await;
        })
        .await;
        (result.is_err(), seen.is_dropped())
    });
    assert_eq!(dropped, (true, true));
    flag.assert_dropped_at_home();
}

#[test]
fn a_dropped_timeout_drops_its_future() {
    let _watchdog = watchdog(LIMIT);
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    drop(timeout(HOUR, async move { drop(value) }));
    flag.assert_dropped_at_home();
    let flag = DropFlag::new();
    let value = HomeThread::new(&flag);
    run(async move {
        let mut both = Box::pin(timeout(HOUR, async move {
            let _value = value;
            pending::<()>().await;
        }));
        assert!(poll!(both.as_mut()).is_pending());
    });
    flag.assert_dropped_at_home();
}

#[test]
fn a_timeout_that_was_not_needed_leaves_nothing_behind() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    run(async {
        for _ in 0..100 {
            assert_eq!(timeout(HOUR, yield_now()).await, Ok(()));
        }
    });
    assert_took("the run", start, Duration::ZERO, SECONDS);
}

#[test]
fn a_future_that_is_lent_can_be_taken_up_again() {
    let _watchdog = watchdog(LIMIT);
    let (times, output) = run(async {
        let mut future = pin!(async {
            sleep(ms(100)).await;
            7
        });
        let mut times = 0;
        loop {
            match timeout(ms(10), future.as_mut()).await {
                Ok(output) => return (times, output),
                Err(_) => times += 1,
            }
        }
    });
    assert_eq!(output, 7);
    assert!(times >= 1, "the time was up {times} times");
}

#[test]
fn of_nested_timeouts_the_shorter_counts() {
    let _watchdog = watchdog(LIMIT);
    let start = now();
    let inner = run(async { timeout(HOUR, timeout(ms(20), pending::<()>())).await });
    assert!(matches!(inner, Ok(Err(_))));
    let outer = run(async { timeout(ms(20), timeout(HOUR, pending::<()>())).await });
    assert!(outer.is_err());
    assert_took("both", start, ms(40), SECONDS);
}

#[test]
fn of_nested_timeouts_with_one_deadline_the_inner_tells() {
    let _watchdog = watchdog(LIMIT);
    // The future of the outer one is polled first, and it has a result.
    let result = run(timeout(Duration::ZERO, timeout(Duration::ZERO, pending::<()>())));
    assert!(matches!(result, Ok(Err(_))));
}

#[test]
fn it_composes_with_join_all() {
    let _watchdog = watchdog(LIMIT);
    let slow = run(timeout(ms(30), join_all([sleep(ms(1)), sleep(HOUR)])));
    assert!(slow.is_err());
    let each = run(join_all((0..4).map(|number| timeout(ms(50), sleep(number * HOUR)))));
    let won: Vec<bool> = each.iter().map(Result::is_ok).collect();
    assert_eq!(won, [true, false, false, false]);
}

#[test]
fn it_composes_with_select() {
    let _watchdog = watchdog(LIMIT);
    let winner = run(async {
        let slow = pin!(timeout(HOUR, pending::<()>()));
        let fast = pin!(timeout(ms(20), pending::<()>()));
        match select(slow, fast).await {
            Either::Left(_) => "slow",
            Either::Right((result, _)) => {
                assert!(result.is_err());
                "fast"
            }
        }
    });
    assert_eq!(winner, "fast");
}

#[test]
fn it_composes_with_channels() {
    let _watchdog = watchdog(LIMIT);
    let log = OrderLog::new();
    let scheduler = Scheduler::new();
    let (sender, receiver) = async_channel::bounded(1);
    let received = log.clone();
    scheduler.spawn(async move {
        let mut lost = 0;
        loop {
            match timeout(ms(20), receiver.recv()).await {
                Err(_) => lost += 1,
                Ok(Ok(message)) => received.note(message),
                Ok(Err(_)) => break,
            }
        }
        assert!(lost >= 1);
        received.note("closed");
    });
    scheduler.spawn(async move {
        sender.send("early").await.expect("a receiver");
        sleep(ms(300)).await;
        sender.send("late").await.expect("a receiver");
    });
    scheduler.run();
    log.assert_is(&["early", "late", "closed"]);
}

#[test]
fn it_composes_with_a_oneshot_whose_sender_is_kept() {
    let _watchdog = watchdog(LIMIT);
    let (sender, receiver) = oneshot::channel::<()>();
    assert!(run(timeout(ms(20), receiver)).is_err());
    assert!(sender.is_canceled(), "the receiver was dropped");
}

#[test]
fn it_composes_with_locks() {
    let _watchdog = watchdog(LIMIT);
    let results = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    let lock = Rc::new(async_lock::Mutex::new(()));
    let held = Rc::clone(&lock);
    scheduler.spawn(async move {
        let guard = held.lock().await;
        sleep(ms(300)).await;
        drop(guard);
    });
    let noted = Rc::clone(&results);
    scheduler.spawn(async move {
        for limit in [ms(20), HOUR] {
            let won = timeout(limit, lock.lock()).await.is_ok();
            noted.borrow_mut().push(won);
        }
    });
    scheduler.run();
    assert_eq!(*results.borrow(), [false, true]);
}

#[test]
fn a_hundred_tasks_may_have_one_each() {
    let _watchdog = watchdog(LIMIT);
    let won = Rc::new(RefCell::new(Vec::new()));
    let scheduler = Scheduler::new();
    for number in 0..100 {
        let won = Rc::clone(&won);
        scheduler.spawn(async move {
            let odd_ones_end = async {
                match number % 2 {
                    1 => sleep(ms(10)).await,
                    _ => pending().await,
                }
            };
            if timeout(ms(300), odd_ones_end).await.is_ok() {
                won.borrow_mut().push(number);
            }
        });
    }
    scheduler.run();
    let odd: Vec<i32> = (0..100).filter(|number| number % 2 == 1).collect();
    assert_eq!(*won.borrow(), odd);
}

#[test]
fn outside_a_scheduler_it_panics_when_it_has_to_wait() {
    let _watchdog = watchdog(LIMIT);
    let message = message_of_panic(|| futures::executor::block_on(timeout(HOUR, pending::<()>())));
    assert!(message.contains("no scheduler runs on this thread"), "{message}");
}

/// An `async` block that is given a future and then awaits it may have room for it twice.
#[test]
fn a_timeout_is_small_whatever_it_waits_for() {
    let large = [1_u8; 10_000];
    let future = async move {
        pending::<()>().await;
        large.len()
    };
    assert!(size_of_val(&future) >= 10_000);
    let once = timeout(HOUR, future);
    let size = size_of_val(&once);
    assert!(size <= 200, "{size} bytes");
    let thrice = timeout(HOUR, timeout(HOUR, once));
    let size = size_of_val(&thrice);
    assert!(size <= 200, "{size} bytes for three in each other");
}
