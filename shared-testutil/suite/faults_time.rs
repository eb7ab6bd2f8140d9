//! The earliest and the latest time, and wakers that do more than wake: to clone, wake or drop a waker may run user code.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::sched::{Scheduler, Sleep, sleep, sleep_until, timeout, yield_now};
use shared_testutil::{assert_took, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

/// The last instant that there is, found by halving.
fn last_instant() -> Instant {
    let mut last = Instant::now();
    let mut step = Duration::MAX;
    while step > Duration::ZERO {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    last
}

/// The first instant that there is, found in the same way.
fn first_instant() -> Instant {
    let mut first = Instant::now();
    let mut step = Duration::MAX;
    while step > Duration::ZERO {
        match first.checked_sub(step) {
            Some(earlier) => first = earlier,
            None => step /= 2,
        }
    }
    first
}

#[test]
fn deadlines_at_the_ends_of_time_are_waited_for_like_others() {
    let _watchdog = watchdog(LIMIT);
    let (first, last) = (first_instant(), last_instant());
    assert!(last.checked_add(Duration::from_nanos(1)).is_none());
    let nearly = last.checked_sub(Duration::from_micros(500)).expect("in range");
    let scheduler = Scheduler::new();
    scheduler.spawn(async move {
        let start = Instant::now();
        sleep_until(first).await;
        sleep(Duration::ZERO).await;
        // The loop has all of these in its queue, and has to compute how long it may wait for them.
        let mut far: Vec<Pin<Box<Sleep>>> = vec![
            Box::pin(sleep_until(last)),
            Box::pin(sleep_until(nearly)),
            Box::pin(sleep(Duration::MAX)),
            Box::pin(sleep(last.duration_since(Instant::now()))),
            Box::pin(sleep(Duration::from_secs(u64::MAX))),
        ];
        let near = Duration::from_millis(30);
        timeout(
            near,
            poll_fn(|cx| {
                assert!(far.iter_mut().all(|sleep| sleep.as_mut().poll(cx).is_pending()));
                Poll::<()>::Pending
            }),
        )
        .await
        .expect_err("the end of time is far");
        timeout(Duration::MAX, yield_now()).await.expect("there is time");
        assert_took("the limit", start, near, Duration::from_secs(20));
    });
    scheduler.run();
}

thread_local! {
    /// What a [`Meddler`] does. Wakers are `Send`, and this need not be.
    static ACTION: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// A waker that calls the action when it is called, and when it is dropped.
#[derive(Default)]
struct Meddler {
    wakes: AtomicUsize,
}

fn meddle() {
    // Taken out meanwhile: what the action does may come back here.
    let action = ACTION.with_borrow_mut(Option::take);
    if let Some(mut action) = action {
        action();
        ACTION.with_borrow_mut(|slot| *slot = Some(action));
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        meddle();
    }
}

/// A waker that is called inside the timer queue's own work, or dropped there, may use that queue.
#[test]
fn a_waker_that_sleeps_and_wakes_while_it_is_woken_or_dropped_is_harmless() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let meddled = Rc::new(Cell::new(0));
    let counter = Rc::clone(&meddled);
    scheduler.spawn(async move {
        let own = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let kept: RefCell<Vec<Pin<Box<Sleep>>>> = RefCell::default();
        let count = Rc::clone(&counter);
        let action = move || {
            count.set(count.get() + 1);
            own.wake_by_ref();
            let mut cx = Context::from_waker(&own);
            // One that is registered and taken out again, one that stays, and one that is replaced.
            let mut gone = Box::pin(sleep(Duration::from_secs(100)));
            assert!(gone.as_mut().poll(&mut cx).is_pending());
            drop(gone);
            let mut stays = Box::pin(sleep(Duration::from_secs(100)));
            assert!(stays.as_mut().poll(&mut cx).is_pending());
            assert!(
                stays
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            kept.borrow_mut().push(stays);
        };
        ACTION.with_borrow_mut(|slot| *slot = Some(Box::new(action)));

        for round in 0..50_u64 {
            // Woken in the middle of `wake_until`, between other deadlines.
            let meddler = Arc::new(Meddler::default());
            let deadline = Instant::now() + Duration::from_millis(2);
            let mut sleeps: Vec<_> = (0..5).map(|_| Box::pin(sleep_until(deadline))).collect();
            let waker = Waker::from(Arc::clone(&meddler));
            poll_fn(|cx| {
                let wakers = [cx.waker(), &waker, cx.waker(), &waker, cx.waker()];
                let polls = sleeps.iter_mut().zip(wakers);
                let pending = polls.filter_map(|(sleep, waker)| {
                    let polled = sleep.as_mut().poll(&mut Context::from_waker(waker));
                    polled.is_pending().then_some(())
                });
                if pending.count() == 0 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;

            // Dropped because another waker takes its place, because its sleep is dropped, and by nobody else.
            for way in 0..2 {
                let mut sleep = Box::pin(sleep(Duration::from_secs(60 + round)));
                let waker = Waker::from(Arc::new(Meddler::default()));
                assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                drop(waker);
                let before = counter.get();
                if way == 0 {
                    assert!(
                        sleep
                            .as_mut()
                            .poll(&mut Context::from_waker(Waker::noop()))
                            .is_pending()
                    );
                } else {
                    drop(sleep);
                }
                assert_eq!(counter.get(), before + 1, "the waker is dropped at once");
            }
        }
        let action = ACTION.with_borrow_mut(Option::take);
        drop(action);
        yield_now().await;
    });
    scheduler.run();
    assert!(meddled.get() > 100, "{} times", meddled.get());
}
