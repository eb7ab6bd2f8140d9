use std::future::{pending, poll_fn, ready};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::{CountingWaker, watchdog};

const LIMIT: Duration = Duration::from_secs(30);
const SLEEP: Duration = Duration::from_millis(30);

/// The events in short: `c1 spawned`, `c2 woken by c1`.
fn told(record: &Record) -> Vec<String> {
    let name = |row: usize| &record.rows[row].name;
    let tell = |event: &Event| match event.by {
        Some(by) if [What::Woken, What::Spawned].contains(&event.what) => {
            format!("{} {} by {}", name(event.row), event.what.word(), name(by))
        }
        _ => format!("{} {}", name(event.row), event.what.word()),
    };
    record.events.iter().map(tell).collect()
}

/// Is pending once, and wakes itself.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Is pending until another thread, which sleeps first, calls the waker.
async fn another_thread() {
    let mut thread = None;
    poll_fn(|cx| {
        if thread.is_some() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let wake = move || {
            thread::sleep(SLEEP);
            waker.wake();
        };
        thread = thread::Builder::new().name("helper".to_owned()).spawn(wake).ok();
        Poll::Pending
    })
    .await;
}

/// One yields, and the other waits for a thread: what is to be seen is the same on any executor.
fn assert_two_tasks_are_recorded(run: impl FnOnce(&Recorder)) {
    let _watchdog = watchdog(LIMIT);
    let recorder = Recorder::new();
    run(&recorder);
    let record = recorder.record();
    let of = |row: &str| -> Vec<_> {
        let told = told(&record).into_iter();
        told.filter(|event| event.starts_with(&format!("{row} "))).collect()
    };
    let yields = ["y spawned", "y poll", "y pending", "y poll", "y ready"];
    let without_wake = |event: &String| event != "y woken by y";
    assert_eq!(of("y").into_iter().filter(without_wake).collect::<Vec<_>>(), yields);
    assert!(of("y").contains(&"y woken by y".to_owned()), "{record:?}");
    let waits = ["t spawned", "t poll", "t pending", "t woken", "t poll", "t ready"];
    assert_eq!(of("t"), waits);
    let wake = record
        .events
        .iter()
        .find(|event| event.row == 1 && event.what == What::Woken);
    assert_eq!(record.threads[wake.expect("it was woken").thread], "helper");
    let longest = record.parked().iter().map(|park| park.end - park.start).max();
    assert!(longest.expect("it was parked") >= SLEEP / 2, "{record:?}");
    assert_eq!(
        record.rows.iter().map(|row| row.kind).collect::<Vec<_>>(),
        [Kind::Task; 2]
    );
}

macro_rules! records_on {
    ($step:ident) => {
        #[test]
        fn $step() {
            assert_two_tasks_are_recorded(|recorder| {
                let scheduler = $step::Scheduler::new();
                scheduler.spawn(recorder.task("y", yield_now()));
                scheduler.spawn(recorder.task("t", another_thread()));
                scheduler.run();
            });
        }
    };
}

/// What happens to tasks is recorded on each of these.
mod on {
    use super::*;

    records_on!(exp2_sleep);
    records_on!(exp3_spawn);
    records_on!(exp4_threadpool);
    records_on!(exp6_combined);

    #[test]
    fn tokio() {
        assert_two_tasks_are_recorded(|recorder| {
            let tasks = tokio::task::LocalSet::new();
            tasks.spawn_local(recorder.task("y", yield_now()));
            tasks.spawn_local(recorder.task("t", another_thread()));
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(tasks);
        });
    }

    #[test]
    fn smol() {
        assert_two_tasks_are_recorded(|recorder| {
            let executor = smol::LocalExecutor::new();
            let yields = executor.spawn(recorder.task("y", yield_now()));
            let waits = executor.spawn(recorder.task("t", another_thread()));
            smol::block_on(executor.run(async { (yields.await, waits.await) }));
        });
    }
}

#[test]
fn the_order_is_that_of_the_loop() {
    let recorder = Recorder::new();
    let scheduler = exp1_simplest::Scheduler::new();
    for _ in 0..2 {
        scheduler.spawn(recorder.task("c", yield_now()));
    }
    scheduler.run();
    assert_eq!(
        told(&recorder.record()),
        [
            "c 1 spawned",
            "c 2 spawned", //
            "c 1 poll",
            "c 1 woken by c 1",
            "c 1 pending", //
            "c 2 poll",
            "c 2 woken by c 2",
            "c 2 pending", //
            "c 1 poll",
            "c 1 ready",
            "c 2 poll",
            "c 2 ready",
        ]
    );
}

#[test]
fn who_spawns_and_who_wakes_is_recorded() {
    let recorder = Recorder::new();
    let inner = recorder.clone();
    let outer = async move {
        let waiting = exp3_spawn::spawn(inner.task("child", yield_now()));
        waiting.await.expect("no panic");
    };
    let scheduler = exp3_spawn::Scheduler::new();
    scheduler.block_on(recorder.task("parent", outer));
    let told = told(&recorder.record());
    assert!(told.contains(&"child spawned by parent".to_owned()), "{told:?}");
    // The task of the handle is woken after the poll of the child, by the scheduler's wrapper.
    assert!(told.contains(&"parent woken".to_owned()), "{told:?}");
}

#[test]
fn a_drop_before_the_end_is_a_cancellation_and_one_after_it_is_not() {
    let recorder = Recorder::new();
    drop(recorder.task("never", pending::<()>()));
    let mut task = recorder.task("done", ready(1));
    let poll = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Ready(1));
    drop(task);
    drop(recorder.job("no thread", || ()));
    let expected = [
        "never spawned",
        "never cancelled",
        "done spawned",
        "done poll",
        "done ready", //
        "no thread spawned",
        "no thread cancelled",
    ];
    assert_eq!(told(&recorder.record()), expected);
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let recorder = Recorder::new();
    let mut task = recorder.task("bad", async { panic!("on purpose") });
    let mut cx = Context::from_waker(Waker::noop());
    catch_unwind(AssertUnwindSafe(|| Pin::new(&mut task).poll(&mut cx).is_ready())).expect_err("it panics");
    drop(task);
    catch_unwind(AssertUnwindSafe(recorder.job("worse", || panic!("on purpose")))).expect_err("it panics");
    let expected = [
        "bad spawned",
        "bad poll",
        "bad panicked", //
        "worse spawned",
        "worse poll",
        "worse panicked",
    ];
    assert_eq!(told(&recorder.record()), expected);
}

#[test]
fn two_wakers_of_one_task_wake_the_same_if_the_executors_do() {
    let recorder = Recorder::new();
    let (tell, told) = channel();
    let mut task = pin!(recorder.task(
        "t",
        poll_fn(move |cx| {
            tell.send(cx.waker().clone()).expect("it is received");
            Poll::<()>::Pending
        })
    ));
    let (first, second) = (CountingWaker::new(), CountingWaker::new());
    let mut wakers = [&first, &first, &second].map(|counter| {
        let waker = counter.waker();
        assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        told.recv().expect("a waker")
    });
    assert!(wakers[0].will_wake(&wakers[1]));
    assert!(!wakers[1].will_wake(&wakers[2]));
    // Each forwards to the waker that it was made for.
    wakers.iter_mut().for_each(|waker| waker.wake_by_ref());
    assert_eq!((first.count(), second.count()), (2, 1));
}

#[test]
fn a_task_that_has_ended_keeps_no_waker_of_the_executor() {
    let recorder = Recorder::new();
    let executors = std::sync::Arc::new(Nothing);
    let waker = Waker::from(Arc::clone(&executors));
    let mut task = pin!(recorder.task("t", ready(())));
    assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    drop(waker);
    assert_eq!(Arc::strong_count(&executors), 1);
}

struct Nothing;

impl Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_job_is_a_row_with_its_thread() {
    let _watchdog = watchdog(LIMIT);
    let recorder = Recorder::new();
    let job = recorder.job("add", || 3 + 5);
    assert_eq!(thread::spawn(job).join().expect("no panic"), 8);
    let record = recorder.record();
    assert_eq!(told(&record), ["add spawned", "add poll", "add ready"]);
    assert_eq!(record.rows[0].kind, Kind::Job);
    let threads: Vec<_> = record.events.iter().map(|event| event.thread).collect();
    assert_eq!(threads, [0, 1, 1]);
}

#[test]
fn wakes_from_many_threads_are_all_there_and_in_the_order_of_their_times() {
    const THREADS: usize = 4;
    const WAKES: usize = 1_000;
    let _watchdog = watchdog(LIMIT);
    let recorder = Recorder::new();
    let (tell, told) = channel();
    let mut task = pin!(recorder.task(
        "t",
        poll_fn(move |cx| {
            tell.send(cx.waker().clone()).expect("it is received");
            Poll::<()>::Pending
        })
    ));
    let counter = CountingWaker::new();
    assert!(
        task.as_mut()
            .poll(&mut Context::from_waker(&counter.waker()))
            .is_pending()
    );
    let waker = told.recv().expect("a waker");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..WAKES).for_each(|_| waker.wake_by_ref()));
        }
    });
    let record = recorder.record();
    let wakes = record.events.iter().filter(|event| event.what == What::Woken);
    assert_eq!((wakes.count(), counter.count()), (THREADS * WAKES, THREADS * WAKES));
    assert!(record.events.is_sorted_by_key(|event| event.at));
    assert_eq!(record.threads.len(), 1 + THREADS);
}

#[test]
fn what_is_beyond_the_limit_is_counted() {
    let recorder = Recorder::with_limit(3);
    let scheduler = exp1_simplest::Scheduler::new();
    scheduler.spawn(recorder.task("c", yield_now()));
    scheduler.run();
    let record = recorder.record();
    assert_eq!((record.events.len(), record.lost), (3, 3));
}

#[test]
fn a_task_that_can_run_is_not_parked_however_long_it_takes() {
    let recorder = Recorder::new();
    let scheduler = exp3_spawn::Scheduler::new();
    scheduler.spawn(recorder.task("c", yield_now()));
    thread::sleep(SLEEP);
    let computes = async {
        thread::sleep(SLEEP);
        yield_now().await;
    };
    scheduler.spawn(recorder.task("computes", computes));
    scheduler.run();
    let parked: Duration = recorder
        .record()
        .parked()
        .iter()
        .map(|park| park.end - park.start)
        .sum();
    assert!(parked < SLEEP / 2, "{:?}", recorder.record());
}

#[test]
fn only_the_loops_thread_ends_a_park() {
    use What::{Pending, Poll, Ready, Spawned, Woken};
    let events = [(0, Spawned), (0, Poll), (0, Pending), (1, Woken), (0, Poll), (0, Ready)];
    let events = (0..).zip(events).map(|(place, (thread, what))| Event {
        at: SLEEP * place,
        thread,
        row: 0,
        what,
        by: None,
    });
    let mut record = Record {
        rows: vec![Row {
            name: "t".to_owned(),
            kind: Kind::Task,
        }],
        threads: vec!["main".to_owned(), "other".to_owned()],
        events: events.collect(),
        lost: 0,
    };
    assert_eq!(record.parked(), [SLEEP * 2..SLEEP * 4]);
    // A timer's wake. Then the task can run, and the loop does not park.
    record.events[3].thread = 0;
    assert_eq!(record.parked(), [SLEEP * 2..SLEEP * 3]);
    // A wake before the poll has ended.
    record.events.swap(2, 3);
    assert_eq!(record.parked(), []);
}

#[test]
fn names_are_escaped_in_the_json() {
    let recorder = Recorder::new();
    drop(recorder.task("a\"b\\c\n", ready(())));
    let json = recorder.record().json();
    assert!(json.contains(r#"{"name":"a\"b\\c\u000a","kind":"task"}"#), "{json}");
    assert!(json.contains(",0,0,\"spawned\",null],"), "{json}");
    assert!(json.contains(",0,0,\"cancelled\",null]]}"), "{json}");
}

/// Not a test: it says what the recorder costs.
#[test]
#[ignore = "it measures, and wants a release build"]
fn what_a_poll_and_a_wake_cost() {
    const ROUNDS: u32 = 10_000;
    const BATCHES: u32 = 20;
    // The best of the batches: others disturb a measurement, and never make it better.
    let nanoseconds = |work: &mut dyn FnMut()| {
        let batch = |_| {
            let begun = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
        };
        (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
    };
    let waker = CountingWaker::new().waker();
    let mut cx = Context::from_waker(&waker);
    let mut plain = Box::pin(pending::<()>());
    let without = nanoseconds(&mut || assert!(black_box(plain.as_mut().poll(&mut cx)).is_pending()));
    let recorder = Recorder::new();
    let mut recorded = recorder.task("t", pending::<()>());
    let with = nanoseconds(&mut || assert!(black_box(Pin::new(&mut recorded).poll(&mut cx)).is_pending()));
    let (_, handed_out) = recorded.waker.as_ref().expect("a waker");
    let wake = nanoseconds(&mut || handed_out.wake_by_ref()) - nanoseconds(&mut || waker.wake_by_ref());
    println!("a poll: {:.0} ns more; a wake: {wake:.0} ns more", with - without);
}
