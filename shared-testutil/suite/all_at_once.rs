//! A timer, a socket and a job: one loop waits for all of them at the same time, and each of them can end the wait.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join3;
use futures::{FutureExt, select_biased};

use crate::sched::{Async, Scheduler, sleep, spawn, spawn_blocking, yield_now};
use shared_testutil::{LocalStream, OrderLog, assert_at_least, stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(10);

/// A stream that is registered, and its peer, which is not and blocks.
fn pair() -> (Async<LocalStream>, LocalStream) {
    let (near, far) = stream_pair().expect("a pair of sockets");
    (Async::new(near).expect("it is registered"), far)
}

/// A job that runs until somebody sends, or drops the sender.
fn job(end: Receiver<()>) -> i32 {
    let _hung_up = end.recv();
    8
}

async fn read_byte(stream: &Async<LocalStream>) -> u8 {
    let mut byte = [0];
    let length = stream.read_with(|mut stream| stream.read(&mut byte)).await;
    assert_eq!(length.expect("the peer lives"), 1);
    byte[0]
}

#[test]
fn each_may_end_before_the_others_and_in_any_order() {
    let _watchdog = watchdog(LIMIT);
    // Each lets the next one end: no clock decides. The timer is first or is left out, because it ends by itself.
    for order in [["timer", "job", "socket"], ["timer", "socket", "job"]] {
        let log = OrderLog::new();
        Scheduler::new().block_on(async {
            let (near, far) = pair();
            let (end, ended) = channel();
            let (mut far, mut end) = (Some(far), Some(end));
            let mut let_end = |what: &str| match what {
                "job" => drop(end.take()),
                "socket" => far.take().expect("once").write_all(b"x").expect("room for a byte"),
                other => panic!("{other}"),
            };
            let job = spawn({
                let log = log.clone();
                async move {
                    log.note("job starts");
                    assert_eq!(spawn_blocking(|| job(ended)).await.unwrap(), 8);
                    log.note("job");
                }
            });
            let socket = spawn({
                let log = log.clone();
                async move {
                    log.note("socket starts");
                    assert_eq!(read_byte(&near).await, b'x');
                    log.note("socket");
                }
            });
            let timer = spawn({
                let log = log.clone();
                async move {
                    log.note("timer starts");
                    sleep(5 * TICK).await;
                    log.note("timer");
                }
            });
            timer.await.unwrap();
            let (mut job, mut socket) = (Some(job), Some(socket));
            for what in &order[1..] {
                let_end(what);
                match *what {
                    "job" => job.take().expect("once").await.unwrap(),
                    _ => socket.take().expect("once").await.unwrap(),
                }
            }
        });
        let mut expected = vec!["job starts", "socket starts", "timer starts"];
        expected.extend(order);
        log.assert_is(&expected);
    }
}

#[test]
fn the_timer_goes_on_while_the_job_and_the_socket_are_waited_for() {
    const TICKS: usize = 3;
    let _watchdog = watchdog(LIMIT);
    for job_is_first in [true, false] {
        let log = OrderLog::new();
        Scheduler::new().block_on(async {
            let (near, mut far) = pair();
            let (end, ended) = channel();
            let ticks = spawn({
                let log = log.clone();
                async move {
                    loop {
                        sleep(TICK).await;
                        log.note("tick");
                    }
                }
            });
            let some_ticks = async || {
                let wanted = log.count("tick") + TICKS;
                while log.count("tick") < wanted {
                    yield_now().await;
                }
            };
            let waiter = spawn({
                let log = log.clone();
                async move {
                    let job = async {
                        spawn_blocking(|| job(ended)).await.unwrap();
                        log.note("job");
                    };
                    let socket = async {
                        read_byte(&near).await;
                        log.note("socket");
                    };
                    futures::join!(job, socket);
                }
            });
            some_ticks().await;
            if job_is_first {
                drop(end);
                while log.count("job") == 0 {
                    sleep(TICK).await;
                }
                some_ticks().await;
                far.write_all(b"x").unwrap();
            } else {
                far.write_all(b"x").unwrap();
                while log.count("socket") == 0 {
                    sleep(TICK).await;
                }
                some_ticks().await;
                drop(end);
            }
            waiter.await.unwrap();
            ticks.abort();
        });
        let events = log.events();
        let place = |event| events.iter().position(|noted| noted == event).expect("it happened");
        let (first, second) = if job_is_first {
            ("job", "socket")
        } else {
            ("socket", "job")
        };
        let ticks = |from: usize, to: usize| events[from..to].iter().filter(|event| *event == "tick").count();
        assert!(ticks(0, place(first)) >= TICKS, "{events:?}");
        assert!(ticks(place(first), place(second)) >= TICKS, "{events:?}");
    }
}

/// Waits for all three in one task, and says which was first.
async fn first(time: Duration, stream: &Async<LocalStream>, end: Receiver<()>) -> &'static str {
    let mut job = spawn_blocking(|| job(end)).fuse();
    let mut socket = Box::pin(read_byte(stream).fuse());
    let mut timer = sleep(time).fuse();
    select_biased! {
        _ = job => "job",
        _ = socket => "socket",
        () = timer => "timer",
    }
}

#[test]
fn one_task_waits_for_all_three_and_each_may_be_first() {
    const HOUR: Duration = Duration::from_secs(3600);
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        // The others would never end.
        let (end, ended) = channel();
        assert_eq!(first(TICK, &near, ended).await, "timer");
        drop(end);

        let (end, ended) = channel();
        let ender = thread::spawn(move || {
            thread::sleep(TICK);
            drop(end);
        });
        assert_eq!(first(HOUR, &near, ended).await, "job");
        ender.join().unwrap();

        let (end, ended) = channel();
        let writer = thread::spawn(move || {
            thread::sleep(TICK);
            far.write_all(b"x").unwrap();
        });
        assert_eq!(first(HOUR, &near, ended).await, "socket");
        writer.join().unwrap();
        drop(end);
    });
}

#[test]
fn three_waits_together_take_as_long_as_the_longest() {
    let _watchdog = watchdog(LIMIT);
    let time = Duration::from_millis(200);
    let log = OrderLog::new();
    Scheduler::new().block_on(async {
        let (near, mut far) = pair();
        let start = Instant::now();
        let timer = async {
            log.note("timer starts");
            sleep(time).await;
            log.note("timer ends");
        };
        let socket = async {
            log.note("socket starts");
            read_byte(&near).await;
            log.note("socket ends");
        };
        let job = async {
            log.note("job starts");
            let job = spawn_blocking(move || {
                thread::sleep(time);
                far.write_all(b"x").unwrap();
            });
            job.await.unwrap();
            log.note("job ends");
        };
        join3(timer, socket, job).await;
        assert_at_least("the longest", start, time);
    });
    let spans = [
        ("timer starts", "timer ends"),
        ("socket starts", "socket ends"),
        ("job starts", "job ends"),
    ];
    log.assert_overlap(spans[0], spans[1]);
    log.assert_overlap(spans[1], spans[2]);
    log.assert_overlap(spans[0], spans[2]);
}
