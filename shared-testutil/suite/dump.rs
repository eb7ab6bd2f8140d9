//! The list of the tasks: what each does, or what it waits for.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io::{Read, Write};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join;

use crate::sched::{
    Async, Dump, Scheduler, TaskDump, TaskState, dump, named, sleep, spawn, spawn_blocking, timeout, yield_now,
};
use shared_testutil::{stream_pair, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const BUSY: Duration = Duration::from_millis(20);

/// Whether the table of the tasks knows the types of their futures, who awaits whom, and which task runs.
const KNOWS_MORE: bool = cfg!(feature = "fast-tasks");

fn task<'a>(dump: &'a Dump, name: &str) -> &'a TaskDump {
    let mut found = dump.tasks.iter().filter(|task| task.name == name);
    let task = found.next().unwrap_or_else(|| panic!("no `{name}`:\n{dump}"));
    assert!(found.next().is_none(), "several `{name}`:\n{dump}");
    task
}

/// What the task `name` does, as seen by another one.
fn states(name: &str) -> Vec<TaskState> {
    task(&dump(), name).states.clone()
}

#[cfg(unix)]
fn descriptor<T: std::os::fd::AsRawFd>(io: &Async<T>) -> usize {
    io.get_ref().as_raw_fd() as usize
}

#[cfg(windows)]
fn descriptor<T: std::os::windows::io::AsRawSocket>(io: &Async<T>) -> usize {
    io.get_ref().as_raw_socket() as usize
}

/// Lets all tasks run until none can.
async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

fn run(future: impl Future<Output = ()>) {
    let _watchdog = watchdog(LIMIT);
    Scheduler::new().block_on(future);
}

#[test]
fn a_task_asleep_tells_how_long_yet() {
    run(async {
        spawn(named("nap", sleep(HOUR)));
        settle().await;
        let [TaskState::Timer(left)] = states("nap")[..] else {
            panic!("{}", dump());
        };
        assert!(left < HOUR && left > HOUR - LIMIT, "{left:?}");
    });
}

#[test]
fn a_sleep_whose_time_is_up_has_no_time_left() {
    run(async {
        spawn(named("nap", sleep(BUSY)));
        yield_now().await;
        thread::sleep(2 * BUSY);
        assert_eq!(states("nap"), [TaskState::Timer(Duration::ZERO)]);
    });
}

#[test]
fn a_task_tells_the_descriptor_that_it_reads_from_or_writes_to() {
    run(async {
        let (near, _far) = stream_pair().unwrap();
        let near = Rc::new(Async::new(near).unwrap());
        let descriptor = descriptor(&*near);
        let reader = Rc::clone(&near);
        spawn(named("reader", async move {
            reader.read_with(|mut io| io.read(&mut [0])).await.unwrap();
        }));
        spawn(named("writer", async move {
            // Until there is no room any more.
            while near.write_with(|mut io| io.write(&[0; 1 << 16])).await.is_ok() {}
        }));
        settle().await;
        while states("writer") != [TaskState::Writable(descriptor)] {
            yield_now().await;
        }
        assert_eq!(states("reader"), [TaskState::Readable(descriptor)]);
    });
}

#[test]
fn each_of_several_readers_of_one_source_is_found() {
    run(async {
        let (near, _far) = stream_pair().unwrap();
        let near = Rc::new(Async::new(near).unwrap());
        let descriptor = descriptor(&*near);
        for name in ["one", "two", "three"] {
            let near = Rc::clone(&near);
            spawn(named(name, async move { near.readable().await }));
        }
        settle().await;
        for name in ["one", "two", "three"] {
            assert_eq!(states(name), [TaskState::Readable(descriptor)], "{name}");
        }
    });
}

#[test]
fn a_task_that_waits_for_two_things_tells_both() {
    run(async {
        let (near, _far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        let descriptor = descriptor(&near);
        spawn(named("patient", timeout(HOUR, async move { near.readable().await })));
        settle().await;
        let states = states("patient");
        assert!(matches!(states[..], [TaskState::Timer(_), TaskState::Readable(number)] if number == descriptor));
    });
}

#[test]
fn a_task_that_is_awaited_is_named_by_who_awaits_it() {
    run(async {
        let worker = spawn(named("worker", sleep(HOUR)));
        spawn(named("boss", worker));
        settle().await;
        let known = TaskState::Join("worker".to_owned());
        assert_eq!(states("boss"), [if KNOWS_MORE { known } else { TaskState::Other }]);
    });
}

#[test]
fn a_task_that_waits_for_a_job_says_so() {
    run(async {
        let (end, ended) = mpsc::channel::<()>();
        let client = spawn(named("client", async {
            spawn_blocking(move || ended.recv()).await.unwrap().unwrap();
        }));
        settle().await;
        assert_eq!(
            states("client"),
            [if KNOWS_MORE { TaskState::Job } else { TaskState::Other }]
        );
        // The task that takes the result is one, too.
        assert_eq!(dump().tasks.len(), 2);
        end.send(()).unwrap();
        client.await.unwrap();
        assert_eq!(dump().tasks.len(), 0);
    });
}

#[test]
fn tasks_that_can_run_are_queued_and_the_one_that_asks_is_running() {
    run(async {
        spawn(named("yields", async {
            loop {
                yield_now().await;
            }
        }));
        yield_now().await;
        let seen = Rc::new(Cell::new(false));
        let asks = Rc::clone(&seen);
        spawn(named("asks", async move {
            assert_eq!(states("asks"), [TaskState::Running]);
            assert_eq!(states("yields"), [TaskState::Queued]);
            asks.set(true);
            yield_now().await;
        }));
        yield_now().await;
        assert!(seen.get());
        assert_eq!(states("asks"), [TaskState::Queued]);
    });
}

#[test]
fn a_task_that_has_not_run_yet_is_queued() {
    let scheduler = Scheduler::new();
    scheduler.spawn(sleep(HOUR));
    assert_eq!(scheduler.dump().tasks[0].states, [TaskState::Queued]);
}

#[test]
fn a_task_that_another_thread_has_woken_is_queued() {
    run(async {
        let (sender, wakers) = mpsc::channel();
        spawn(named("woken", async move {
            let mut first = true;
            poll_fn(|cx| {
                sender.send(cx.waker().clone()).unwrap();
                let poll = if first { Poll::Pending } else { Poll::Ready(()) };
                first = false;
                poll
            })
            .await;
        }));
        yield_now().await;
        let waker: Waker = wakers.recv().unwrap();
        assert_eq!(states("woken"), [TaskState::Other]);
        thread::spawn(|| waker.wake()).join().unwrap();
        assert_eq!(states("woken"), [TaskState::Queued]);
    });
}

#[test]
fn a_task_that_has_spent_its_io_budget_is_queued() {
    run(async {
        let (near, mut far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        far.write_all(&[0; 100]).unwrap();
        near.readable().await.unwrap();
        spawn(named("reader", async move {
            for _ in 0..100 {
                near.read_with(|mut io| io.read(&mut [0])).await.unwrap();
            }
        }));
        // Its first poll has read sixteen times, and nobody has looked at the selector since.
        yield_now().await;
        assert_eq!(states("reader"), [TaskState::Queued]);
    });
}

#[test]
fn a_task_whose_waker_is_somewhere_else_waits_for_something_else() {
    run(async {
        let (_sender, receiver) = async_channel::bounded::<()>(1);
        spawn(named("receiver", async move { receiver.recv().await }));
        spawn(named("forever", pending::<()>()));
        settle().await;
        assert_eq!(states("receiver"), [TaskState::Other]);
        assert_eq!(states("forever"), [TaskState::Other]);
    });
}

#[test]
fn a_task_that_has_ended_is_gone() {
    run(async {
        let (short, long) = (spawn(named("short", yield_now())), spawn(named("long", sleep(HOUR))));
        yield_now().await;
        assert_eq!(dump().tasks.len(), 2);
        short.await.unwrap();
        assert_eq!(dump().tasks.len(), 1);
        long.abort();
        assert!(long.await.unwrap_err().is_cancelled());
        let panics = spawn(named("panics", async { panic!("on purpose") }));
        panics.await.unwrap_err();
        assert_eq!(dump().tasks.len(), 0, "{}", dump());
    });
}

#[test]
fn a_task_has_a_name_and_a_place() {
    run(async {
        let line = line!() + 1;
        spawn(named("one", sleep(HOUR)));
        spawn(sleep(HOUR));
        spawn(named("outer", async { named("inner", sleep(HOUR)).await }));
        settle().await;
        let dump = dump();
        let location = task(&dump, "one").location.unwrap();
        assert!(location.file().ends_with("dump.rs"), "{location}");
        assert_eq!(location.line(), line);
        assert_eq!(task(&dump, "outer").location.unwrap().line(), line + 2);
        let other = dump.tasks.iter().find(|task| task.location.is_none()).unwrap();
        assert!(
            other.name.ends_with(if KNOWS_MORE { "::Sleep" } else { "" }),
            "{}",
            other.name
        );
        assert_eq!(dump.tasks.len(), 3, "{dump}");
    });
}

#[test]
fn polls_are_counted_and_the_time_that_they_take() {
    run(async {
        let start = Instant::now();
        spawn(named("blocks", async {
            for _ in 0..3 {
                thread::sleep(BUSY);
                yield_now().await;
            }
            pending::<()>().await;
        }));
        spawn(named("waits", pending::<()>()));
        settle().await;
        let dump = dump();
        let TaskDump { polls, busy, .. } = task(&dump, "blocks");
        assert_eq!(*polls, 4);
        assert!(*busy >= 3 * BUSY && *busy <= start.elapsed(), "{busy:?}");
        // The time in which a task waits is not its own.
        let TaskDump { polls, busy, .. } = task(&dump, "waits");
        assert_eq!(*polls, 1);
        assert!(*busy < start.elapsed() - 2 * BUSY, "{busy:?}");
    });
}

#[test]
fn the_future_of_block_on_is_there_while_it_runs_if_it_is_named() {
    run(named("main", async {
        assert_eq!(states("main"), [TaskState::Running]);
        let looks = spawn(async { dump().tasks.iter().any(|task| task.name == "main") });
        assert!(!looks.await.unwrap());
    }));
    run(async { assert!(dump().tasks.is_empty()) });
}

#[test]
fn each_scheduler_has_its_own_tasks() {
    let other = Scheduler::new();
    other.spawn(named("elsewhere", sleep(HOUR)));
    run(async {
        let here = spawn(named("here", async move {
            let dump = other.dump();
            assert_eq!(dump.tasks.len(), 1, "{dump}");
            assert_ne!(dump.tasks[0].name, "here");
        }));
        spawn(named("beside", sleep(HOUR)));
        here.await.unwrap();
        assert_eq!(dump().tasks.len(), 1);
    });
}

/// A waker of no scheduler. It counts its wakes; the `Arc` counts its clones.
#[derive(Default)]
struct Foreign(AtomicUsize);

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_waker_is_called_or_kept() {
    run(async {
        let foreign = Arc::new(Foreign::default());
        let waker = Waker::from(Arc::clone(&foreign));
        let mut cx = Context::from_waker(&waker);
        let (near, _far) = stream_pair().unwrap();
        let near = Async::new(near).unwrap();
        let mut waits = pin!(join(sleep(HOUR), near.readable()));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        let mut joins = spawn(sleep(HOUR));
        assert!(pin!(&mut joins).poll(&mut cx).is_pending());
        let clones = Arc::strong_count(&foreign);
        assert_eq!(dump().tasks.len(), 1);
        assert_eq!(Arc::strong_count(&foreign), clones);
        assert_eq!(foreign.0.load(Ordering::Relaxed), 0);
        // All of them are still where they were.
        joins.abort();
        settle().await;
        assert_eq!(foreign.0.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_dump_is_printed_as_a_table() {
    run(async {
        spawn(named("nap", sleep(HOUR)));
        spawn(sleep(HOUR));
        settle().await;
        let dump = dump();
        let text = dump.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["polls", "busy", "state", "task"]
        );
        let nap = lines.iter().find(|line| line.contains(" nap at ")).unwrap();
        let place = task(&dump, "nap").location.unwrap().to_string();
        assert!(nap.contains("[Timer(3") && nap.ends_with(&place), "{nap}");
        let other = lines[1..].iter().find(|line| *line != nap).unwrap();
        assert!(other.contains(" ? ") && other.contains("[Timer(3"), "{other}");
    });
}
