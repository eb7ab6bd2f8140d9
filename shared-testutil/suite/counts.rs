//! What an operation takes, in counts that do not depend on the machine: allocations and system calls. So a regression can be
//! seen without a clock.

#[path = "../../exp6-combined/benches/common/alloc.rs"]
#[allow(dead_code, reason = "the benches need more of it")]
mod alloc;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::sched::{Async, Scheduler, sleep, spawn, spawn_blocking, yield_now};
use futures::{AsyncReadExt, AsyncWriteExt};
use shared_testutil::{CountingWaker, stream_pair, watchdog};

use alloc::Count;

const LIMIT: Duration = Duration::from_secs(120);
const HOUR: Duration = Duration::from_secs(3600);
const MANY: usize = 1_000;

/// Allocations of the second call. The first makes what is made once and kept, and lets the queues grow.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let count = Count::start();
    work();
    count.stop().allocations
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn a_task_is_one_allocation() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let taken = allocations(|| {
        for _ in 0..MANY {
            scheduler.spawn(async {});
        }
        scheduler.run();
    });
    assert!(taken <= MANY, "{taken}");
}

#[test]
fn joining_a_task_takes_no_allocation() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let taken = scheduler.block_on(async {
        let mut counts = [0; 2];
        for taken in &mut counts {
            let count = Count::start();
            for i in 0..MANY {
                assert_eq!(spawn(async move { i }).await.unwrap(), i);
            }
            *taken = count.stop().allocations;
        }
        counts[1]
    });
    assert!(taken <= MANY, "{taken}");
}

#[test]
fn a_yield_takes_no_allocation() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let tasks = 100;
    let taken = allocations(|| {
        for _ in 0..tasks {
            scheduler.spawn(async {
                for _ in 0..MANY {
                    yield_now().await;
                }
            });
        }
        scheduler.run();
    });
    assert!(taken <= tasks, "{taken}");
}

#[test]
fn a_sleep_that_is_dropped_takes_no_allocation() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let taken = allocations(|| {
        scheduler.spawn(async {
            for _ in 0..MANY {
                assert!(poll_once(pin!(sleep(HOUR))).await.is_pending());
            }
        });
        scheduler.run();
    });
    // The task, and the lists of what is kept of it.
    assert!(taken < 5, "{taken}");
}

#[test]
fn sleeping_tasks_share_their_places_in_the_timer_queue() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let memory = scheduler.block_on(async {
        // The lists grow to their size.
        let first: Vec<_> = (0..MANY).map(|_| spawn(async {})).collect();
        for handle in first {
            handle.await.unwrap();
        }
        let count = Count::start();
        for _ in 0..MANY {
            spawn(sleep(HOUR));
        }
        yield_now().await;
        count.stop()
    });
    // The queue doubles its room some ten times, in two places.
    assert!(
        (MANY + 10..=MANY + 30).contains(&memory.allocations),
        "{}",
        memory.allocations
    );
    // Without the lists' entries, of which there is room already.
    let bytes = memory.requested / MANY as f64;
    assert!((100.0..=BYTES_A_SLEEPER).contains(&bytes), "{bytes}");
}

/// The task's allocation, and its share of the timer queue's room.
const BYTES_A_SLEEPER: f64 = 256.0;

#[test]
fn cancelled_sleeps_do_not_pile_up() {
    let _watchdog = watchdog(LIMIT);
    let memory = Scheduler::new().block_on(async {
        // Fires before the others would, so that they are not in front of it.
        let mut first = pin!(sleep(HOUR));
        assert!(poll_once(first.as_mut()).await.is_pending());
        let count = Count::start();
        for _ in 0..MANY * MANY {
            assert!(poll_once(pin!(sleep(2 * HOUR))).await.is_pending());
        }
        count.stop()
    });
    assert!(memory.requested <= 8192.0, "{}", memory.requested);
}

#[test]
fn a_message_takes_no_allocation() {
    let _watchdog = watchdog(LIMIT);
    let counts = [0, 1].map(|extra| {
        let messages = MANY * (1 + extra);
        let count = Count::start();
        echo(1, messages);
        count.stop().allocations
    });
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn an_operation_is_tried_at_once_and_then_only_after_an_event() {
    let _watchdog = watchdog(LIMIT);
    let tries = Cell::new(0);
    Scheduler::new().block_on(async {
        let (near, mut far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        let mut reading = pin!(near.read_with(|mut stream| {
            tries.set(tries.get() + 1);
            stream.read(&mut [0; 10])
        }));
        let counter = CountingWaker::new();
        let waker = counter.waker();
        assert!(reading.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(tries.get(), 1);
        // The room to write is reported meanwhile, and is not what it waits for.
        sleep(Duration::from_millis(5)).await;
        assert_eq!(counter.count(), 0);
        assert!(reading.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(tries.get(), 1);
        far.write_all(b"x").unwrap();
        sleep(Duration::from_millis(5)).await;
        assert_eq!(counter.count(), 1);
        assert!(reading.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        assert_eq!(tries.get(), 2);
    });
}

#[test]
fn a_job_takes_three_allocations() {
    let _watchdog = watchdog(LIMIT);
    let scheduler = Scheduler::new();
    let taken = allocations(|| {
        scheduler.block_on(async {
            for i in 0..MANY {
                assert_eq!(spawn_blocking(move || i).await.unwrap(), i);
            }
        });
    });
    // The job, its channel and its task, if no block of an ended one is kept; and now and then a block of the pool's queue.
    assert!(taken < 3 * MANY + MANY / 10, "{taken}");
}

/// Both ends in one scheduler: messages to and fro, `messages` on each connection.
fn echo(connections: usize, messages: usize) {
    Scheduler::new().block_on(async move {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let mut handles = Vec::new();
        for _ in 0..connections {
            let mut client = Async::<TcpStream>::connect(address).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            handles.push(spawn(async move {
                let mut buffer = [0; 128];
                loop {
                    let length = server.read(&mut buffer).await.unwrap();
                    if length == 0 {
                        return;
                    }
                    server.write_all(&buffer[..length]).await.unwrap();
                }
            }));
            handles.push(spawn(async move {
                let mut buffer = [0; 128];
                for round in 0..messages {
                    let message = [round as u8; 64];
                    client.write_all(&message).await.unwrap();
                    assert_eq!(client.read(&mut buffer).await.unwrap(), 64);
                    assert_eq!(buffer[..64], message);
                }
            }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
    });
}

/// System calls, counted by strace.
#[cfg(target_os = "linux")]
mod system_calls {
    use super::*;

    use std::cell::RefCell;
    use std::io::{Write, stderr};
    use std::process::{self, Command};
    use std::rc::Rc;
    use std::task::Waker;
    use std::{env, fs, mem, thread};

    /// What the child is to do, and how often.
    const WORK: &str = "COUNTS_WORK";

    #[test]
    fn a_message_to_and_fro_takes_two_writes_two_waits_and_two_reads() {
        let _watchdog = watchdog(LIMIT);
        if let Some(calls) = difference("echo", MANY) {
            assert!((5.9..6.1).contains(&calls), "{calls}");
        }
    }

    #[test]
    fn fifty_messages_share_their_waits() {
        let _watchdog = watchdog(LIMIT);
        if let Some(calls) = difference("echo 50", MANY / 10) {
            let calls = calls / 50.0;
            assert!((3.9..4.3).contains(&calls), "{calls}");
        }
    }

    #[test]
    fn a_scheduler_without_sources_yields_without_a_system_call() {
        let _watchdog = watchdog(LIMIT);
        if let Some(calls) = difference("yield", 100 * MANY) {
            assert!(calls < 0.001, "{calls}");
        }
    }

    #[test]
    fn a_scheduler_with_a_source_looks_after_it_once_in_sixty_four_yields() {
        let _watchdog = watchdog(LIMIT);
        if let Some(calls) = difference("yield with a source", 64 * MANY) {
            let looks = calls * 64.0;
            assert!((0.9..1.1).contains(&looks), "{looks}");
        }
    }

    #[test]
    fn wakes_from_another_thread_take_no_system_call_while_the_loop_is_at_work() {
        let _watchdog = watchdog(LIMIT);
        if let Some(calls) = difference("wakes", 10 * MANY) {
            assert!(calls < 0.1, "{calls}");
        }
    }

    /// System calls an operation: of two processes, one does twice as much, and all else is the same. `None`, with a message,
    /// where they cannot be counted.
    fn difference(work: &str, n: usize) -> Option<f64> {
        let (once, twice) = (calls(work, n)?, calls(work, 2 * n)?);
        Some((twice - once) / n as f64)
    }

    fn calls(work: &str, n: usize) -> Option<f64> {
        let words: String = work.split(' ').collect();
        let summary = env::temp_dir().join(format!("counts-{}-{words}-{n}", process::id()));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-c", "-o"]).arg(&summary);
        strace.arg(env::current_exe().unwrap());
        strace.args([
            "--exact",
            "counts::system_calls::child",
            "--ignored",
            "--test-threads",
            "1",
        ]);
        strace.env(WORK, format!("{n} {work}"));
        let output = match strace.output() {
            Ok(output) => output,
            Err(error) => return skip(work, &format!("strace: {error}")),
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("PTRACE") || errors.contains("ptrace") {
            return skip(work, &errors);
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}{errors}");
        assert!(printed.contains("1 passed"), "{printed}");
        let lines = fs::read_to_string(&summary).unwrap();
        fs::remove_file(summary).unwrap();
        Some(lines.lines().filter_map(in_line).sum())
    }

    /// Directly to the terminal: the harness captures what a test prints.
    fn skip(work: &str, reason: &str) -> Option<f64> {
        let _ = writeln!(stderr(), "SKIPPED, system calls of `{work}` not counted: {reason}");
        None
    }

    /// The fourth column, if it is not a heading or the total.
    fn in_line(line: &str) -> Option<f64> {
        let words: Vec<_> = line.split_whitespace().collect();
        if words.last() == Some(&"total") {
            return None;
        }
        words.get(3)?.parse().ok()
    }

    #[test]
    #[ignore = "run under strace by the tests beside it"]
    fn child() {
        let work = env::var(WORK).expect("another test says what to do");
        let (n, work) = work.split_once(' ').unwrap();
        let n = n.parse().unwrap();
        match work {
            "echo" => echo(1, n),
            "echo 50" => echo(50, n),
            "yield" => Scheduler::new().block_on(yields(n)),
            "yield with a source" => Scheduler::new().block_on(async {
                let _source = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
                yields(n).await;
            }),
            "wakes" => wakes(n),
            _ => panic!("{work}: no such work"),
        }
    }

    async fn yields(n: usize) {
        for _ in 0..n {
            yield_now().await;
        }
    }

    /// Tasks that another thread wakes while the last of them keeps the loop busy.
    fn wakes(n: usize) {
        let scheduler = Scheduler::new();
        let wakers = Rc::new(RefCell::new(Vec::new()));
        for _ in 0..n {
            let wakers = Rc::clone(&wakers);
            let mut woken = false;
            scheduler.spawn(poll_fn(move |cx| {
                if mem::replace(&mut woken, true) {
                    return Poll::Ready(());
                }
                wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }));
        }
        scheduler.spawn(async move {
            let wakers = wakers.take();
            let waking = thread::spawn(|| wakers.into_iter().for_each(Waker::wake));
            waking.join().unwrap();
        });
        scheduler.run();
    }
}
