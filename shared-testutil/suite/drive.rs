//! `run_until_stalled`, `next_deadline` and the selector's descriptor: the scheduler inside another loop.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;

use crate::sched::{Async, Scheduler, sleep, spawn, yield_now};
use shared_testutil::{DropFlag, HomeThread, message_in, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn it_returns_when_every_task_waits() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let steps = Rc::new(Cell::new(0));
    let counted = Rc::clone(&steps);
    scheduler.spawn(async move {
        for _ in 0..1000 {
            yield_now().await;
            counted.set(counted.get() + 1);
        }
        pending::<()>().await;
    });
    scheduler.run_until_stalled();
    assert_eq!(steps.get(), 1000);
    scheduler.run_until_stalled();
    assert_eq!(steps.get(), 1000);
}

#[test]
fn what_a_task_spawns_is_run_as_well() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let ended = Rc::new(Cell::new(0));
    fn nest(depth: u32, ended: Rc<Cell<u32>>) {
        spawn(async move {
            ended.set(ended.get() + 1);
            if depth > 0 {
                nest(depth - 1, ended);
            }
        });
    }
    let counted = Rc::clone(&ended);
    scheduler.spawn(async move { nest(200, counted) });
    scheduler.run_until_stalled();
    assert_eq!(ended.get(), 201);
}

#[test]
fn a_sleep_that_is_due_is_served_and_one_that_is_not_is_left() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let start = Instant::now();
    let soon = scheduler.spawn(async {
        sleep(Duration::from_millis(300)).await;
        // A chain: the second is due at once.
        sleep(Duration::ZERO).await;
    });
    let late = scheduler.spawn(sleep(Duration::from_secs(1000)));
    scheduler.run_until_stalled();
    assert!(!soon.is_finished());
    let deadline = scheduler.next_deadline().unwrap();
    assert!(deadline >= start + Duration::from_millis(300) && deadline < start + Duration::from_secs(500));
    while scheduler.next_deadline().unwrap() < start + Duration::from_secs(500) {
        thread::sleep(Duration::from_millis(2));
        scheduler.run_until_stalled();
    }
    assert!(soon.is_finished() && !late.is_finished());
    assert!(start.elapsed() < Duration::from_secs(50), "it did not block");
    drop(scheduler);
}

#[test]
fn without_a_sleep_there_is_no_deadline() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    assert_eq!(scheduler.next_deadline(), None);
    scheduler.spawn(pending::<()>());
    scheduler.run_until_stalled();
    assert_eq!(scheduler.next_deadline(), None);
}

#[test]
fn a_source_that_is_ready_is_served_at_the_next_call() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (near, mut far) = stream_pair().unwrap();
    let reader = scheduler.spawn(async move {
        let near = Async::new(near).unwrap();
        let mut sum = 0;
        loop {
            let mut buffer = [0; 4];
            match near.read_with(|mut near| near.read(&mut buffer)).await.unwrap() {
                0 => return sum,
                count => sum += count,
            }
        }
    });
    scheduler.run_until_stalled();
    for _ in 0..10 {
        far.write_all(&[1; 40]).unwrap();
        scheduler.run_until_stalled();
        assert!(!reader.is_finished());
    }
    drop(far);
    scheduler.run_until_stalled();
    assert_eq!(reader.now_or_never().unwrap().unwrap(), 400);
}

#[test]
fn a_task_that_has_spent_its_io_budget_goes_on_in_the_same_call() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let (near, mut far) = stream_pair().unwrap();
    far.write_all(&[1; 1000]).unwrap();
    let reader = scheduler.spawn(async move {
        let near = Async::new(near).unwrap();
        for _ in 0..1000 {
            near.read_with(|mut near| near.read(&mut [0])).await.unwrap();
        }
    });
    scheduler.run_until_stalled();
    assert!(reader.is_finished());
}

#[test]
fn a_panic_stays_in_its_task() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let panics = scheduler.spawn(async { assert!(pending::<()>().now_or_never().is_some(), "on purpose") });
    let other = scheduler.spawn(async { 7 });
    scheduler.run_until_stalled();
    let error = panics.now_or_never().unwrap().unwrap_err();
    assert_eq!(message_in(&*error.into_panic()), Some("on purpose"));
    assert_eq!(other.now_or_never().unwrap().unwrap(), 7);
}

#[test]
fn inside_a_running_scheduler_it_panics_and_says_so() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Rc::new(Scheduler::new());
    let inner = Rc::clone(&scheduler);
    let task = scheduler.spawn(async move { inner.run_until_stalled() });
    scheduler.run_until_stalled();
    let error = task.now_or_never().unwrap().unwrap_err();
    let payload = error.into_panic();
    let message = message_in(&*payload).expect("a text");
    assert!(message.contains("a scheduler runs on this thread already"), "{message}");
    // It can be used as before.
    assert_eq!(scheduler.block_on(async { 3 }), 3);
}

#[test]
fn run_goes_on_where_it_has_stopped() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let task = scheduler.spawn(sleep(Duration::from_millis(300)));
    scheduler.run_until_stalled();
    assert!(!task.is_finished());
    scheduler.run();
    assert!(task.is_finished());
}

#[test]
fn tasks_are_polled_first_in_first_out() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    for number in 0..200 {
        let order = Rc::clone(&order);
        scheduler.spawn(async move {
            order.borrow_mut().push(number);
            yield_now().await;
            order.borrow_mut().push(1000 + number);
        });
    }
    scheduler.run_until_stalled();
    let expected: Vec<_> = (0..200).chain(1000..1200).collect();
    assert_eq!(*order.borrow(), expected);
}

#[test]
fn futures_are_dropped_with_the_scheduler() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let flag = DropFlag::new();
    let at_home = HomeThread::new(&flag);
    scheduler.spawn(async move {
        let _at_home = at_home;
        pending::<()>().await;
    });
    scheduler.run_until_stalled();
    flag.assert_not_dropped();
    drop(scheduler);
    flag.assert_dropped_at_home();
}

/// poll(2) has no descriptor.
#[cfg(all(unix, not(polling_test_poll_backend)))]
mod descriptor {
    use std::future::poll_fn;
    use std::task::Poll;

    use futures::StreamExt;
    use futures::channel::mpsc;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::sched::spawn_blocking;

    /// Waits until the scheduler's descriptor is readable, and says whether it is.
    fn is_readable(scheduler: &Scheduler, timeout: Duration) -> bool {
        let timeout = Timespec::try_from(timeout).unwrap();
        let mut fds = [PollFd::new(scheduler, PollFlags::IN)];
        poll(&mut fds, Some(&timeout)).unwrap() == 1
    }

    #[test]
    fn a_wake_from_another_thread_makes_it_readable_and_a_call_makes_it_quiet_again() {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let (sender, mut receiver) = mpsc::unbounded();
        let task = scheduler.spawn(async move { while receiver.next().await.is_some() {} });
        scheduler.run_until_stalled();
        for _ in 0..100 {
            assert!(!is_readable(&scheduler, Duration::ZERO));
            let sender = sender.clone();
            let sends = thread::spawn(move || sender.unbounded_send(()).unwrap());
            assert!(is_readable(&scheduler, LIMIT / 3));
            scheduler.run_until_stalled();
            sends.join().unwrap();
        }
        drop(sender);
        scheduler.run_until_stalled();
        assert!(task.is_finished());
        assert!(!is_readable(&scheduler, Duration::ZERO));
    }

    #[test]
    fn of_many_wakes_none_is_lost() {
        let _watchdog = watchdog(LIMIT);
        const THREADS: u32 = 4;
        const WAKES: u32 = 2000;
        let scheduler = Scheduler::new();
        let seen = Rc::new(Cell::new(0));
        for _ in 0..THREADS {
            // With room for one: who sends waits for the task, and does not spin.
            let (sender, receiver) = async_channel::bounded(1);
            thread::spawn(move || (0..WAKES).for_each(|number| sender.send_blocking(number).unwrap()));
            let seen = Rc::clone(&seen);
            scheduler.spawn(async move {
                while receiver.recv().await.is_ok() {
                    seen.set(seen.get() + 1);
                }
            });
        }
        scheduler.run_until_stalled();
        while seen.get() < THREADS * WAKES {
            assert!(is_readable(&scheduler, LIMIT / 3), "{} wakes were seen", seen.get());
            scheduler.run_until_stalled();
        }
    }

    #[test]
    fn a_source_that_becomes_ready_makes_it_readable() {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let (near, mut far) = stream_pair().unwrap();
        let reader = scheduler.spawn(async move {
            let near = Async::new(near).unwrap();
            near.read_with(|mut near| near.read(&mut [0])).await.unwrap()
        });
        scheduler.run_until_stalled();
        assert!(!is_readable(&scheduler, Duration::ZERO));
        far.write_all(b"x").unwrap();
        assert!(is_readable(&scheduler, LIMIT / 3));
        scheduler.run_until_stalled();
        assert!(reader.is_finished());
        assert!(!is_readable(&scheduler, Duration::ZERO));
    }

    #[test]
    fn a_job_that_ends_makes_it_readable() {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let job = scheduler.spawn(async { spawn_blocking(|| thread::sleep(Duration::from_millis(5))).await });
        scheduler.run_until_stalled();
        while !job.is_finished() {
            assert!(is_readable(&scheduler, LIMIT / 3));
            scheduler.run_until_stalled();
        }
    }

    /// Sixty frames a second, with tasks that wait for sockets, timers, other threads and each other. The loop does not know
    /// them.
    #[test]
    fn a_game_loop_serves_tasks_timers_sockets_and_jobs() {
        let _watchdog = watchdog(LIMIT);
        const FRAMES: u32 = 30;
        const FRAME: Duration = Duration::from_micros(16_667);
        let scheduler = Scheduler::new();
        let (near, far) = stream_pair().unwrap();
        let echo = scheduler.spawn(async move {
            let far = Async::new(far).unwrap();
            let mut byte = [0];
            while far.read_with(|mut far| far.read(&mut byte)).await.unwrap() == 1 {
                far.write_with(|mut far| far.write(&byte)).await.unwrap();
            }
        });
        let client = scheduler.spawn(async move {
            let near = Async::new(near).unwrap();
            for round in 0..FRAMES as u8 {
                sleep(Duration::from_millis(4)).await;
                let number = spawn_blocking(move || round).await.unwrap();
                near.write_with(|mut near| near.write(&[number])).await.unwrap();
                let mut byte = [0];
                near.read_with(|mut near| near.read(&mut byte)).await.unwrap();
                assert_eq!(byte, [round]);
            }
        });
        let (mut frames, mut calls) = (0, 0);
        let mut next_frame = Instant::now();
        while !client.is_finished() || frames < FRAMES {
            // Events between two frames are served at once, as a window's loop would do.
            let now = Instant::now();
            if now >= next_frame {
                next_frame += FRAME;
                frames += 1;
            }
            let until = scheduler
                .next_deadline()
                .map_or(next_frame, |deadline| deadline.min(next_frame));
            is_readable(&scheduler, until.saturating_duration_since(Instant::now()));
            scheduler.run_until_stalled();
            calls += 1;
            assert!(calls < 100 * FRAMES, "the loop spins");
        }
        assert!(echo.is_finished());
    }

    /// A waker that is kept elsewhere, woken between the calls.
    #[test]
    fn a_wake_on_its_own_thread_is_served_by_the_next_call() {
        let _watchdog = watchdog(LIMIT);
        let scheduler = Scheduler::new();
        let waker = Rc::new(RefCell::new(None));
        let (kept, mut polls) = (Rc::clone(&waker), 0);
        let task = scheduler.spawn(poll_fn(move |cx| {
            kept.replace(Some(cx.waker().clone()));
            polls += 1;
            if polls == 10 { Poll::Ready(()) } else { Poll::Pending }
        }));
        while !task.is_finished() {
            scheduler.run_until_stalled();
            let waker = waker.take();
            waker.into_iter().for_each(std::task::Waker::wake);
        }
    }
}
