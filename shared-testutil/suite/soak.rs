//! Thousands of connections at once, each checking its own bytes, with peers that stall, trickle, half-close, reset and
//! vanish; and in the end no byte is lost, and descriptors and memory are as they were.
//!
//! `cargo test -p exp6-combined --release --test process -- --ignored soak::` is ten minutes of it with 8,000 connections,
//! without `--ignored` it is three seconds with 2,000. `SOAK_SECONDS` and `SOAK_CONNECTIONS` say otherwise, `SOAK_SEED`
//! where the random numbers begin.
//!
//! A server on one thread and its clients on another, a scheduler each.

#![cfg(target_os = "linux")]

use std::cell::{Cell, RefCell};
use std::env;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use async_lock::Semaphore;
use futures::{AsyncReadExt, AsyncWriteExt, join};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;

use crate::allocator::in_use;
use crate::sched::{Async, Scheduler, sleep, spawn, spawn_blocking, timeout, yield_now};
use shared_testutil::{in_own_process, watchdog};

/// Beside the connections' descriptors, which are two each: the program's own.
const SPARE: usize = 200;

/// An answer that takes longer is lost.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Small buffers in the system, so that writes are cut short and have to wait, on both sides.
const BUFFER: usize = 8 << 10;

/// A generator of pseudo-random numbers: SplitMix64.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(least, most))
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// What both sides count.
#[derive(Default)]
struct Totals {
    open: AtomicUsize,
    most_open: AtomicUsize,
    connections: AtomicUsize,
    /// Sent, and sent back, and compared.
    checked: AtomicU64,
    /// Sent in good order, and never sent back.
    lost: AtomicU64,
    stalls: AtomicUsize,
    trickles: AtomicUsize,
    half_closes: AtomicUsize,
    resets: AtomicUsize,
    aborts: AtomicUsize,
    limits: AtomicUsize,
    served: AtomicUsize,
    served_bytes: AtomicU64,
    served_jobs: AtomicUsize,
    /// Connections that the server saw break; the clients' doing.
    broken: AtomicUsize,
    /// What must not happen.
    failures: AtomicUsize,
}

fn add(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let get = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let checked = self.checked.load(Ordering::Relaxed);
        writeln!(
            f,
            "load held:       {} connections at once, {} in all",
            get(&self.most_open),
            get(&self.connections)
        )?;
        writeln!(
            f,
            "faults injected: {} stalls, {} trickles, {} half-closes, {} resets, {} aborts, {} reads given up",
            get(&self.stalls),
            get(&self.trickles),
            get(&self.half_closes),
            get(&self.resets),
            get(&self.aborts),
            get(&self.limits)
        )?;
        writeln!(
            f,
            "server:          {} connections, {} bytes echoed, {} jobs on the pool, {} connections broken by the peer",
            get(&self.served),
            self.served_bytes.load(Ordering::Relaxed),
            get(&self.served_jobs),
            get(&self.broken)
        )?;
        let lost = self.lost.load(Ordering::Relaxed);
        writeln!(
            f,
            "bytes checked:   {checked}, {lost} lost, {} failures",
            get(&self.failures)
        )
    }
}

/// Counts a connection as open, until it is dropped.
struct Open(Arc<Totals>);

impl Open {
    fn new(totals: &Arc<Totals>) -> Self {
        let open = totals.open.fetch_add(1, Ordering::Relaxed) + 1;
        totals.most_open.fetch_max(open, Ordering::Relaxed);
        add(&totals.connections);
        Self(Arc::clone(totals))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The server: two ways to echo, and a job for some of the messages.
fn serve(totals: &Arc<Totals>, ready: &Sender<SocketAddr>, over: &AtomicBool) {
    let open = Rc::new(Cell::new(0_usize));
    Scheduler::new().block_on(async {
        let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        ready
            .send(listener.get_ref().local_addr().expect("an address"))
            .expect("the test listens");
        let (all, counter) = (Arc::clone(totals), Rc::clone(&open));
        let acceptor = spawn(async move {
            loop {
                let (stream, _) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                    Err(error) => panic!("cannot accept: {error}"),
                };
                SockRef::from(stream.get_ref())
                    .set_send_buffer_size(BUFFER)
                    .expect("a size");
                all.served.fetch_add(1, Ordering::Relaxed);
                let number = all.served.load(Ordering::Relaxed);
                let (totals, open) = (Arc::clone(&all), Rc::clone(&counter));
                open.set(open.get() + 1);
                spawn(async move {
                    let result = match number % 2 {
                        0 => echo_with(&stream, &totals).await,
                        _ => echo_rw(&stream, &totals).await,
                    };
                    if let Err(error) = result {
                        let known = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
                        assert!(known.contains(&error.kind()), "{error}");
                        add(&totals.broken);
                    }
                    open.set(open.get() - 1);
                });
            }
        });
        while !over.load(Ordering::Relaxed) || open.get() > 0 {
            assert!(!acceptor.is_finished(), "the server has failed");
            sleep(Duration::from_millis(20)).await;
        }
        acceptor.abort();
        assert!(acceptor.await.expect_err("it never ends by itself").is_cancelled());
    });
}

async fn echo_with(stream: &Async<TcpStream>, totals: &Totals) -> io::Result<()> {
    let mut buffer = [0; 4 << 10];
    loop {
        let length = stream.read_with(|mut stream| stream.read(&mut buffer)).await?;
        if length == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let written = stream.write_with(|mut stream| stream.write(rest)).await?;
            rest = &rest[written..];
        }
        totals.served_bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
}

async fn echo_rw(mut stream: &Async<TcpStream>, totals: &Totals) -> io::Result<()> {
    let mut buffer = vec![0; 6_000];
    for round in 0_usize.. {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            stream.close().await?;
            break;
        }
        if round.is_multiple_of(8) {
            // There and back, by way of another thread.
            let message = buffer[..length].to_vec();
            let turned = spawn_blocking(move || message.into_iter().rev().collect::<Vec<u8>>());
            let turned = turned.await.expect("the job does not fail");
            let message: Vec<u8> = turned.into_iter().rev().collect();
            stream.write_all(&message).await?;
            add(&totals.served_jobs);
        } else {
            stream.write_all(&buffer[..length]).await?;
        }
        totals.served_bytes.fetch_add(length as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// How a client goes on with its connection.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A message, its answer, a pause, and so on.
    Plain,
    /// Single bytes, with pauses.
    Trickle,
    /// Sends much, and reads nothing for a while: the server has to wait, and others must not.
    Stall,
    /// Ends its own half, and reads on to the end.
    HalfClose,
    /// Resets the connection in the middle of an answer.
    Reset,
    /// Gives up reads all the time, and starts them again.
    Limits,
    /// Is aborted in the middle.
    Abort,
}

fn way(random: &mut Random) -> Way {
    match random.between(0, 99) {
        0..50 => Way::Plain,
        50..60 => Way::Trickle,
        60..66 => Way::Stall,
        66..76 => Way::HalfClose,
        76..84 => Way::Reset,
        84..92 => Way::Limits,
        _ => Way::Abort,
    }
}

/// A connection and what is to come back on it.
struct Client<'a> {
    stream: &'a Async<TcpStream>,
    totals: &'a Totals,
    /// Makes the bytes.
    send: RefCell<Random>,
    /// Makes them once more, to compare.
    check: RefCell<Random>,
    sent: Cell<u64>,
    received: Cell<u64>,
}

impl Client<'_> {
    /// Sends as many bytes, in pieces of at most `piece`, a multiple of 8 unless it is all.
    async fn send(&self, length: usize, piece: usize, pause: Duration) -> io::Result<()> {
        let mut bytes = vec![0; length];
        self.send.borrow_mut().fill(&mut bytes);
        for piece in bytes.chunks(piece) {
            let mut rest = piece;
            while !rest.is_empty() {
                let written = self.stream.write_with(|mut stream| stream.write(rest)).await?;
                self.sent.set(self.sent.get() + written as u64);
                rest = &rest[written..];
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        Ok(())
    }

    /// Reads as many bytes, and compares them. Gives up each read after `limit`, and tries again.
    async fn receive(&self, length: usize, limit: Duration) -> io::Result<()> {
        let mut expected = vec![0; length];
        self.check.borrow_mut().fill(&mut expected);
        let mut received = vec![0; length];
        let mut done = 0;
        let start = Instant::now();
        while done < length {
            let rest = &mut received[done..];
            // By the one interface and by the other.
            let read = async {
                match done % 2 {
                    0 => self.stream.read_with(|mut stream| stream.read(rest)).await,
                    _ => (&mut &*self.stream).read(rest).await,
                }
            };
            match timeout(limit, read).await {
                Ok(Ok(0)) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(Ok(more)) => done += more,
                Ok(Err(error)) => return Err(error),
                Err(_) if start.elapsed() > ANSWER_LIMIT => return Err(ErrorKind::TimedOut.into()),
                Err(_) => add(&self.totals.limits),
            }
        }
        if received != expected {
            return Err(io::Error::other("the echo differs"));
        }
        self.received.set(self.received.get() + length as u64);
        self.totals.checked.fetch_add(length as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Both at once: a client that first sends much and then reads would wait for a server that waits for the client.
    async fn exchange(&self, length: usize, piece: usize, pause: Duration, delay: Duration) -> io::Result<()> {
        let receive = async {
            sleep(delay).await;
            self.receive(length, ANSWER_LIMIT).await
        };
        let (sent, received) = join!(self.send(length, piece, pause), receive);
        sent.and(received)
    }

    async fn go(&self, way: Way, random: &mut Random) -> io::Result<()> {
        match way {
            Way::Plain => {
                for _ in 0..random.between(2, 6) {
                    let length = random.between(1, 500) as usize * 8;
                    self.exchange(length, length, Duration::ZERO, Duration::ZERO).await?;
                    sleep(random.millis(0, 300)).await;
                }
            }
            Way::Trickle => {
                for _ in 0..random.between(5, 30) {
                    self.exchange(8, 1, random.millis(0, 5), Duration::ZERO).await?;
                }
                add(&self.totals.trickles);
            }
            Way::Stall => {
                let length = random.between(8 << 10, 10 << 10) as usize * 8;
                let delay = random.millis(300, 1_500);
                self.exchange(length, length, Duration::ZERO, delay).await?;
                add(&self.totals.stalls);
            }
            Way::HalfClose => {
                let length = random.between(1, 4_000) as usize * 8;
                let send = async {
                    self.send(length, 4_096, Duration::ZERO).await?;
                    self.stream.get_ref().shutdown(Shutdown::Write)
                };
                let (sent, received) = join!(send, self.receive(length, ANSWER_LIMIT));
                sent.and(received)?;
                sleep(random.millis(0, 200)).await;
                let end = self.stream.read_with(|mut stream| stream.read(&mut [0; 8]));
                match timeout(ANSWER_LIMIT, end).await {
                    Ok(Ok(0)) => add(&self.totals.half_closes),
                    other => return Err(io::Error::other(format!("no end after the half-close: {other:?}"))),
                }
            }
            Way::Reset => {
                let length = random.between(100, 4_000) as usize * 8;
                let part = random.between(1, 100) as usize * 8;
                let receive = async {
                    sleep(random.millis(0, 300)).await;
                    self.receive(part, ANSWER_LIMIT).await
                };
                // What the system does not take at once is never sent.
                let _unsent = timeout(Duration::from_millis(20), self.send(length, length, Duration::ZERO)).await;
                receive.await?;
                SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO))?;
                add(&self.totals.resets);
                // The rest of the answer is given up.
                self.received.set(self.sent.get());
            }
            Way::Limits => {
                for _ in 0..random.between(2, 5) {
                    let length = random.between(1, 50) as usize * 8;
                    let send = async {
                        sleep(random.millis(10, 300)).await;
                        self.send(length, 8, Duration::from_millis(1)).await
                    };
                    let (sent, received) = join!(send, self.receive(length, Duration::from_millis(3)));
                    sent.and(received)?;
                }
            }
            Way::Abort => {
                self.exchange(4_096, 8, Duration::from_millis(2), Duration::ZERO)
                    .await?;
                sleep(ANSWER_LIMIT).await;
            }
        }
        Ok(())
    }
}

/// One client after the other, until the time is up. The first waits for all the others' first.
async fn slot(number: u64, seed: u64, address: SocketAddr, run: Rc<Run>) {
    let mut random = Random(seed ^ (number << 32));
    let mut is_first = true;
    while is_first || Instant::now() < run.end {
        let way = way(&mut random);
        let stream = {
            // The queue of a listener has an end.
            let _permit = run.connecting.acquire().await;
            match timeout(ANSWER_LIMIT, Async::<TcpStream>::connect(address)).await {
                Ok(Ok(stream)) => stream,
                failed => {
                    add(&run.totals.failures);
                    return eprintln!("slot {number}: cannot connect: {failed:?}");
                }
            }
        };
        SockRef::from(stream.get_ref())
            .set_recv_buffer_size(BUFFER)
            .expect("a size");
        let open = Open::new(&run.totals);
        if is_first {
            run.connected.set(run.connected.get() + 1);
            while run.connected.get() < run.connections {
                sleep(Duration::from_millis(50)).await;
            }
            is_first = false;
        }
        let bytes = random.next();
        let mut steps = random.clone();
        random.next();
        let totals = Arc::clone(&run.totals);
        let delay = random.millis(5, 400);
        let task = spawn(async move {
            let client = Client {
                stream: &stream,
                totals: &totals,
                send: RefCell::new(Random(bytes)),
                check: RefCell::new(Random(bytes)),
                sent: Cell::new(0),
                received: Cell::new(0),
            };
            let result = client.go(way, &mut steps).await;
            totals
                .lost
                .fetch_add(client.sent.get() - client.received.get(), Ordering::Relaxed);
            drop(open);
            result
        });
        if let Way::Abort = way {
            sleep(delay).await;
            task.abort();
            match task.await {
                Err(error) if error.is_cancelled() => add(&run.totals.aborts),
                other => {
                    add(&run.totals.failures);
                    eprintln!("slot {number}, {way:?}: {other:?}");
                }
            }
        } else if let Err(error) = task.await.expect("no client panics") {
            add(&run.totals.failures);
            eprintln!("slot {number}, {way:?}: {error}");
        }
        yield_now().await;
    }
}

/// What the clients share.
struct Run {
    totals: Arc<Totals>,
    connections: usize,
    connected: Cell<usize>,
    connecting: Semaphore,
    end: Instant,
}

fn run(connections: usize, time: Duration, seed: u64) -> Arc<Totals> {
    let totals = Arc::new(Totals::default());
    let over = Arc::new(AtomicBool::new(false));
    let (ready, is_ready) = channel();
    let server = thread::spawn({
        let (totals, over) = (Arc::clone(&totals), Arc::clone(&over));
        move || serve(&totals, &ready, &over)
    });
    let address = is_ready.recv().expect("the server starts");
    let clients = thread::spawn({
        let totals = Arc::clone(&totals);
        move || {
            let run = Rc::new(Run {
                totals,
                connections,
                connected: Cell::new(0),
                connecting: Semaphore::new(500),
                end: Instant::now() + time,
            });
            let scheduler = Scheduler::new();
            for number in 0..connections as u64 {
                drop(scheduler.spawn(slot(number, seed, address, Rc::clone(&run))));
            }
            scheduler.run();
        }
    });
    clients.join().expect("no client fails");
    over.store(true, Ordering::Relaxed);
    server.join().expect("the server does not fail");
    totals
}

/// What the process holds: descriptors, and memory in use, in KiB.
fn held() -> (usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").expect("Linux has it").count();
    (descriptors, in_use() / 1024)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Not through the harness, which captures what a test prints.
fn tell(text: fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let _told_or_not = writeln!(stderr, "{text}");
}

fn soak(connections: usize, seconds: u64) {
    let seconds = number("SOAK_SECONDS").unwrap_or(seconds);
    let connections = number("SOAK_CONNECTIONS").map_or(connections, |number| number as usize);
    let seed = number("SOAK_SEED").unwrap_or(1);
    let _watchdog = watchdog(Duration::from_secs(seconds + 300));

    let needed = (2 * connections + SPARE) as u64;
    let maximum = getrlimit(Resource::Nofile).maximum;
    if maximum.is_some_and(|maximum| maximum < needed) {
        let problem = format!(
            "{connections} connections need {needed} descriptors, and this process may have {maximum:?}: raise the hard \
             limit, or set SOAK_CONNECTIONS"
        );
        // A soak of so many seconds was asked for. It must not pass without running.
        assert!(env::var_os("SOAK_SECONDS").is_none(), "{problem}");
        return tell(format_args!("SKIPPED: {problem}"));
    }
    let current = Some(needed.max(getrlimit(Resource::Nofile).current.unwrap_or(needed)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).expect("below the hard limit");

    // Once for the allocator and for whatever else is made once and kept.
    let warm_up = run(connections, Duration::from_secs(seconds / 5), seed ^ 0xffff);
    assert_eq!(warm_up.failures.load(Ordering::Relaxed), 0);
    let (descriptors, memory) = held();
    let start = Instant::now();
    let totals = run(connections, Duration::from_secs(seconds), seed);
    let (descriptors_after, memory_after) = held();
    tell(format_args!(
        "soak of {:.1} s, seed {seed}\n{totals}descriptors:     {descriptors} before, {descriptors_after} after\n\
         memory in use:   {memory} KiB before, {memory_after} KiB after",
        start.elapsed().as_secs_f64()
    ));

    let get = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    assert_eq!(
        get(&totals.most_open),
        connections,
        "not all connections were open at once"
    );
    assert_eq!(get(&totals.failures), 0);
    assert_eq!(totals.lost.load(Ordering::Relaxed), 0, "bytes are lost");
    assert!(totals.checked.load(Ordering::Relaxed) > 0);
    for (what, counter) in [
        ("stalls", &totals.stalls),
        ("trickles", &totals.trickles),
        ("half-closes", &totals.half_closes),
        ("resets", &totals.resets),
        ("aborts", &totals.aborts),
        ("reads given up", &totals.limits),
    ] {
        assert!(get(counter) > 0, "there were no {what}");
    }
    assert_eq!(get(&totals.open), 0);
    assert_eq!(descriptors_after, descriptors, "descriptors are left open");
    // A thread of a pool may be about to end. A leak of 100 bytes a connection would be found.
    assert!(
        memory_after <= memory + 512,
        "memory has grown from {memory} to {memory_after} KiB"
    );
}

#[test]
fn thousands_of_connections_lose_nothing_for_a_short_while() {
    in_own_process(|| {
        soak(2_000, 3);
    });
}

#[test]
#[ignore = "takes ten minutes"]
fn thousands_of_connections_lose_nothing_for_ten_minutes() {
    in_own_process(|| {
        soak(8_000, 600);
    });
}
