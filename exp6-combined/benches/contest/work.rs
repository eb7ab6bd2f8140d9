//! The workloads. Each runs on a scheduler of its own on a thread of its own, times what its name says, and checks the
//! result.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::iter;
use std::net::TcpStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::alloc::{Count, Memory};
use crate::common::clock::now;
use crate::contest::runtime::Runtime;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workload {
    Spawn,
    YieldOne,
    YieldMany,
    PingPong,
    Sleeps,
    Timeouts,
    JobsOne,
    JobsMany,
    Echo(usize),
    Stream,
    /// Bytes a task that sleeps, its handle included, as they are asked for.
    SleepBytes,
    /// The same, in pages that the process has come to use.
    SleepPages,
    /// Bytes a connection on which a task waits to read, as they are asked for.
    IdleBytes,
    /// The same, in pages.
    IdlePages,
}

impl Workload {
    pub(crate) const ALL: [Self; 16] = [
        Self::Spawn,
        Self::YieldOne,
        Self::YieldMany,
        Self::PingPong,
        Self::Sleeps,
        Self::Timeouts,
        Self::JobsOne,
        Self::JobsMany,
        Self::Echo(1),
        Self::Echo(50),
        Self::Echo(1000),
        Self::Stream,
        Self::SleepBytes,
        Self::SleepPages,
        Self::IdleBytes,
        Self::IdlePages,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::YieldOne => "yield_one",
            Self::YieldMany => "yield_many",
            Self::PingPong => "ping_pong",
            Self::Sleeps => "sleeps",
            Self::Timeouts => "timeouts",
            Self::JobsOne => "jobs_one",
            Self::JobsMany => "jobs_many",
            Self::Echo(1) => "echo_1",
            Self::Echo(50) => "echo_50",
            Self::Echo(_) => "echo_1000",
            Self::Stream => "stream",
            Self::SleepBytes => "sleep_bytes",
            Self::SleepPages => "sleep_pages",
            Self::IdleBytes => "idle_bytes",
            Self::IdlePages => "idle_pages",
        }
    }

    /// Whether the outcome is a number of bytes, and not a time.
    pub(crate) fn is_memory(self) -> bool {
        matches!(
            self,
            Self::SleepBytes | Self::SleepPages | Self::IdleBytes | Self::IdlePages
        )
    }

    /// Operations in a run whose numbers are divided by `divisor`.
    pub(crate) fn operations(self, divisor: usize) -> usize {
        let full = match self {
            Self::Spawn => 20 * SPAWN_TASKS,
            Self::YieldOne | Self::YieldMany => 300_000,
            Self::PingPong | Self::Timeouts => 100_000,
            Self::Sleeps | Self::SleepBytes | Self::SleepPages => 50_000,
            Self::JobsOne => 5_000,
            Self::JobsMany => 20_000,
            Self::Echo(1) => 20_000,
            Self::Echo(_) => 50_000,
            Self::Stream => (1 << 30) / CHUNK,
            Self::IdleBytes | Self::IdlePages => 4_000,
        };
        let whole = match self {
            Self::Spawn => SPAWN_TASKS,
            Self::YieldMany => YIELD_TASKS,
            Self::Timeouts => TIMEOUT_TASKS,
            Self::Echo(connections) => connections,
            _ => 1,
        };
        (full / divisor / whole).max(1) * whole
    }
}

const SPAWN_TASKS: usize = 5_000;
const YIELD_TASKS: usize = 1_000;
/// A task may poll only so much before tokio's timers are made to report `Pending` without being registered.
const TIMEOUT_TASKS: usize = 1_000;

/// Bytes a message.
pub(crate) const MESSAGE: usize = 64;
/// Bytes asked for at both ends, as a buffered reader does, which does not know how long a message is. Who remembers that
/// a read gave less than was asked for need not ask again.
pub(crate) const BUFFER: usize = 1024;
/// Bytes a write in `stream`.
const CHUNK: usize = 64 * 1024;

/// Whether the runtime has what the workload takes.
pub(crate) fn has<R: Runtime>(work: Workload) -> bool {
    R::JOBS || !matches!(work, Workload::JobsOne | Workload::JobsMany)
}

/// Runs a workload on a fresh thread, and returns seconds, or bytes for one that measures memory.
pub(crate) fn measure<R: Runtime>(work: Workload, divisor: usize) -> f64 {
    let n = work.operations(divisor);
    let run = move || match work {
        Workload::SleepBytes | Workload::SleepPages => R::block_on(sleep_bytes::<R>(n)).choose(work) / n as f64,
        Workload::IdleBytes | Workload::IdlePages => R::block_on(idle_bytes::<R>(n)).choose(work) / n as f64,
        _ => time::<R>(work, n).as_secs_f64(),
    };
    let thread = thread::Builder::new().name(R::NAME.to_owned()).spawn(run).unwrap();
    thread
        .join()
        .unwrap_or_else(|_| panic!("{} on {} failed", work.name(), R::NAME))
}

impl Memory {
    fn choose(&self, work: Workload) -> f64 {
        match work {
            Workload::SleepPages | Workload::IdlePages => self.resident,
            _ => self.requested,
        }
    }
}

fn time<R: Runtime>(work: Workload, n: usize) -> Duration {
    match work {
        Workload::Spawn => R::block_on(spawn::<R>(n / SPAWN_TASKS, SPAWN_TASKS)),
        Workload::YieldOne => R::block_on(yields::<R>(1, n)),
        Workload::YieldMany => R::block_on(yields::<R>(YIELD_TASKS, n / YIELD_TASKS)),
        Workload::PingPong => R::block_on(ping_pong::<R>(n)),
        Workload::Sleeps => R::block_on(sleeps::<R>(n)),
        Workload::Timeouts => R::block_on(timeouts::<R>(n)),
        Workload::JobsOne => R::block_on(jobs_one::<R>(n)),
        Workload::JobsMany => R::block_on(jobs_many::<R>(n)),
        Workload::Echo(connections) => R::block_on(echo::<R>(connections, n / connections)),
        Workload::Stream => R::block_on(stream::<R>(n)),
        _ => unreachable!("no time is taken"),
    }
}

/// Joins in the order of spawning, and adds the outputs up.
async fn sum(handles: Vec<impl Future<Output = usize>>) -> usize {
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    sum
}

pub(crate) async fn spawn<R: Runtime>(rounds: usize, tasks: usize) -> Duration {
    let start = now();
    for _ in 0..rounds {
        let handles = (0..tasks).map(|i| R::spawn(async move { i })).collect();
        assert_eq!(sum(handles).await, tasks * (tasks - 1) / 2);
    }
    now() - start
}

pub(crate) async fn yields<R: Runtime>(tasks: usize, times: usize) -> Duration {
    let start = now();
    let task = || {
        R::spawn(async move {
            let mut count = 0;
            for _ in 0..times {
                R::yield_now().await;
                count += 1;
            }
            count
        })
    };
    let handles = iter::repeat_with(task).take(tasks).collect();
    assert_eq!(sum(handles).await, tasks * times);
    now() - start
}

async fn ping_pong<R: Runtime>(rounds: usize) -> Duration {
    let (ping, pinged) = async_channel::bounded(1);
    let (pong, ponged) = async_channel::bounded(1);
    let start = now();
    let other = R::spawn(async move {
        while let Ok(number) = pinged.recv().await {
            pong.send(number + 1).await.unwrap();
        }
    });
    let this = R::spawn(async move {
        let mut number = 0;
        while number < rounds {
            ping.send(number).await.unwrap();
            number = ponged.recv().await.unwrap();
        }
        number
    });
    assert_eq!(this.await, rounds);
    other.await;
    now() - start
}

pub(crate) async fn sleeps<R: Runtime>(tasks: usize) -> Duration {
    let clock = Instant::now();
    let start = now();
    let task = |i| {
        let duration = Duration::from_millis(1 + i as u64 % 21);
        R::spawn(async move {
            R::sleep(duration).await;
            1
        })
    };
    let handles = (0..tasks).map(task).collect();
    assert_eq!(sum(handles).await, tasks);
    assert!(tasks < 21 || clock.elapsed() >= Duration::from_millis(21));
    now() - start
}

async fn timeouts<R: Runtime>(n: usize) -> Duration {
    let each = n / TIMEOUT_TASKS;
    let start = now();
    let task = || {
        R::spawn(async move {
            let mut pending = 0;
            for _ in 0..each {
                let mut sleep = pin!(R::sleep(Duration::from_secs(60)));
                poll_fn(|cx| {
                    pending += usize::from(sleep.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
            }
            pending
        })
    };
    let handles = iter::repeat_with(task).take(TIMEOUT_TASKS).collect();
    assert_eq!(sum(handles).await, n);
    now() - start
}

async fn jobs_one<R: Runtime>(n: usize) -> Duration {
    // Starts the threads of those that have a fixed number.
    R::spawn_blocking(|| ()).await;
    let start = now();
    let mut sum = 0;
    for i in 0..n {
        sum += R::spawn_blocking(move || i).await;
    }
    assert_eq!(sum, n * (n - 1) / 2);
    now() - start
}

async fn jobs_many<R: Runtime>(n: usize) -> Duration {
    let start = now();
    let handles = (0..n).map(|i| R::spawn_blocking(move || i)).collect();
    assert_eq!(sum(handles).await, n * (n - 1) / 2);
    now() - start
}

pub(crate) async fn echo<R: Runtime>(connections: usize, rounds: usize) -> Duration {
    let (listener, address) = R::bind().await;
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..connections {
        let mut client = R::connect(address).await;
        let server = R::accept(&listener).await;
        servers.push(R::spawn(serve::<R>(server)));
        // One message before the clock starts: the server is in its loop then.
        let buffer = exchange::<R>(&mut client, vec![0; BUFFER], 0).await;
        clients.push((client, buffer));
    }
    let start = now();
    let task = |(mut client, mut buffer)| {
        R::spawn(async move {
            for round in 0..rounds {
                buffer = exchange::<R>(&mut client, buffer, round as u8).await;
            }
            rounds
        })
    };
    let handles = clients.into_iter().map(task).collect();
    assert_eq!(sum(handles).await, connections * rounds);
    let elapsed = now() - start;
    for server in servers {
        server.await;
    }
    elapsed
}

/// Sends back what it receives, until the stream ends. Not an `async fn`, which would have room for the stream twice.
#[allow(clippy::manual_async_fn)]
pub(crate) fn serve<R: Runtime>(mut stream: R::Stream) -> impl Future<Output = ()> + 'static {
    async move {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length;
            (length, buffer) = R::read(&mut stream, buffer).await;
            if length == 0 {
                return;
            }
            buffer = R::write_all(&mut stream, buffer, length).await;
        }
    }
}

/// Sends a message and receives its echo, all in a buffer that is handed back.
async fn exchange<R: Runtime>(client: &mut R::Stream, mut buffer: Vec<u8>, byte: u8) -> Vec<u8> {
    buffer[..MESSAGE].fill(byte);
    buffer = R::write_all(client, buffer, MESSAGE).await;
    buffer[..MESSAGE].fill(!byte);
    let mut total = 0;
    while total < MESSAGE {
        let length;
        (length, buffer) = R::read(client, buffer).await;
        assert!(length > 0 && buffer[..length] == [byte; MESSAGE][total..total + length]);
        total += length;
    }
    buffer
}

async fn stream<R: Runtime>(chunks: usize) -> Duration {
    let (listener, address) = R::bind().await;
    let mut sender = R::connect(address).await;
    let mut receiver = R::accept(&listener).await;
    let start = now();
    let sent = R::spawn(async move {
        let mut buffer = vec![7; CHUNK];
        for _ in 0..chunks {
            buffer = R::write_all(&mut sender, buffer, CHUNK).await;
        }
    });
    let received = R::spawn(async move {
        let mut buffer = vec![0; CHUNK];
        let mut total = 0;
        loop {
            let length;
            (length, buffer) = R::read(&mut receiver, buffer).await;
            if length == 0 {
                return total;
            }
            assert_eq!(buffer[length - 1], 7);
            total += length;
        }
    });
    sent.await;
    assert_eq!(received.await, chunks * CHUNK);
    now() - start
}

/// Yields in a task until `count` is reached: a future given to `block_on` may be polled before all tasks, for ever.
async fn until<R: Runtime>(count: Rc<Cell<usize>>, reached: usize) {
    R::spawn(async move {
        while count.get() < reached {
            R::yield_now().await;
        }
    })
    .await;
}

async fn sleep_bytes<R: Runtime>(tasks: usize) -> Memory {
    let polled = Rc::new(Cell::new(0));
    let mut handles = Vec::new();
    let count = Count::start();
    handles.reserve_exact(tasks);
    for _ in 0..tasks {
        let polled = Rc::clone(&polled);
        handles.push(R::spawn(async move {
            polled.set(polled.get() + 1);
            R::sleep(Duration::from_secs(60)).await;
        }));
    }
    until::<R>(polled, tasks).await;
    let bytes = count.stop();
    assert_eq!(handles.len(), tasks);
    bytes
}

async fn idle_bytes<R: Runtime>(connections: usize) -> Memory {
    let (listener, address) = R::bind().await;
    // The other ends belong to no runtime, and are not counted.
    let mut others = Vec::with_capacity(connections);
    let mut handles = Vec::new();
    let polled = Rc::new(Cell::new(0));
    let count = Count::start();
    handles.reserve_exact(connections);
    for _ in 0..connections {
        others.push(TcpStream::connect(address).unwrap());
        let mut server = R::accept(&listener).await;
        let polled = Rc::clone(&polled);
        handles.push(R::spawn(async move {
            polled.set(polled.get() + 1);
            R::read(&mut server, vec![0]).await.0
        }));
    }
    until::<R>(polled, connections).await;
    let bytes = count.stop();
    drop(others);
    assert_eq!(sum(handles).await, 0);
    bytes
}
