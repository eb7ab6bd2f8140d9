//! An echo server and its clients, each a program of its own: what a server needs beside the scheduler, such as limits,
//! errors that pass, and an end.
//!
//! `serve [ADDR]` is the one end, until Ctrl-C, and `client [ADDR] [CLIENTS] [ROUNDS]` the other: in two terminals. On Unix,
//! `kill -USR1` makes the server print what each of its tasks waits for.

use exp6_combined as sched;

use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use rustix::io::Errno;
#[cfg(unix)]
use signal_hook::consts::{SIGINT, SIGUSR1};
#[cfg(unix)]
use signal_hook::low_level::pipe;

use sched::{Async, Scheduler, named, sleep, spawn, spawn_blocking, timeout};
#[cfg(unix)]
use sched::{Signal, dump, signal};

const USAGE: &str = "usage: serve [ADDR] | client [ADDR] [CLIENTS] [ROUNDS]
  serve    a server at ADDR, until SIGINT
  client   CLIENTS clients of the server at ADDR, ROUNDS messages each
ADDR is 127.0.0.1:1234 unless given, CLIENTS 50, ROUNDS 10.";

const ADDRESS: &str = "127.0.0.1:1234";
const CLIENTS: usize = 50;
const ROUNDS: usize = 10;

/// Between two messages of a client.
const PAUSE: Duration = Duration::from_millis(20);
/// For an answer. A client would wait for a silent server for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Until a server that is out of descriptors tries again.
const RETRY: Duration = Duration::from_millis(50);

/// What one end has done.
#[derive(Default)]
struct Totals {
    connections: Cell<usize>,
    messages: Cell<usize>,
    bytes: Cell<usize>,
    failures: Cell<usize>,
}

/// A reason to end with exit code 1, in one line.
type Failure = String;

/// What to do.
enum Command {
    Help,
    Serve(String),
    Client(String, usize, usize),
}

fn main() -> ExitCode {
    let Ok(command) = command(lexopt::Parser::from_env()) else {
        complain(USAGE);
        return ExitCode::from(2);
    };
    let result = match command {
        Command::Help => print(USAGE),
        Command::Serve(address) => serve(&address),
        Command::Client(address, clients, rounds) => client(&address, clients, rounds),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(failure);
            ExitCode::FAILURE
        }
    }
}

fn command(mut args: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut words = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Value(word) => words.push(word),
            option => return Err(option.unexpected()),
        }
    }
    let mut words = words.into_iter();
    let what = words.next().unwrap_or_default();
    let address = words.next().map_or(Ok(ADDRESS.to_owned()), ValueExt::string)?;
    let mut number = |default| words.next().map_or(Ok(default), |word| word.parse());
    let command = match what.to_str() {
        Some("serve") => Command::Serve(address),
        Some("client") => Command::Client(address, number(CLIENTS)?, number(ROUNDS)?),
        _ => return Err("say what to do".into()),
    };
    match words.next() {
        None => Ok(command),
        Some(word) => Err(Value(word).unexpected()),
    }
}

fn print(line: impl Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(at("standard output"))
}

/// Whoever closes standard error does not want to know, and the others go on.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn parse(address: &str) -> Result<SocketAddr, Failure> {
    address
        .parse()
        .map_err(|_| format!("{address}: not an address, such as {ADDRESS}"))
}

/// Names what failed.
fn at<E: Display>(what: impl Display) -> impl Fn(E) -> Failure {
    move |error| format!("{what}: {error}")
}

fn scheduler() -> Result<Scheduler, Failure> {
    Scheduler::try_new().map_err(at("no scheduler"))
}

fn serve(address: &str) -> Result<(), Failure> {
    let address = parse(address)?;
    scheduler()?.block_on(async {
        let listener = Async::<TcpListener>::bind(address).map_err(at(address))?;
        let address = listener.get_ref().local_addr().map_err(at(address))?;
        let interrupt = interrupt().map_err(at("SIGINT"))?;
        #[cfg(unix)]
        spawn(named("dump", list_tasks(signal(SIGUSR1).map_err(at("SIGUSR1"))?)));
        print(format_args!("listening at {address}, until SIGINT"))?;
        let totals = Rc::new(Totals::default());
        let start = Instant::now();
        let server = spawn(named("accept", accept(listener, Rc::clone(&totals))));
        interrupt.readable().await.map_err(at("SIGINT"))?;
        server.abort();
        report("connections", &totals, start)
    })
}

fn client(address: &str, count: usize, rounds: usize) -> Result<(), Failure> {
    let address = parse(address)?;
    scheduler()?.block_on(clients(address, count, rounds))
}

/// A signal is an event on a descriptor, too: the handler writes a byte into a pair of sockets.
#[cfg(unix)]
fn interrupt() -> io::Result<Async<UnixStream>> {
    let (receiver, sender) = UnixStream::pair()?;
    pipe::register(SIGINT, sender)?;
    Async::new(receiver)
}

/// Windows has no pairs of sockets, but a program can connect to itself. And for Ctrl-C it starts a thread.
#[cfg(windows)]
fn interrupt() -> io::Result<Async<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, peer) = listener.accept()?;
    // Another program may have connected first.
    if peer != sender.local_addr()? {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    ctrlc::set_handler(move || drop(sender.write(b"x"))).map_err(io::Error::other)?;
    Async::new(receiver)
}

/// Prints at each signal what the tasks do.
#[cfg(unix)]
async fn list_tasks(mut requests: Signal) -> io::Result<()> {
    loop {
        (&mut requests).await?;
        complain(dump());
    }
}

/// Serves each connection in a task of its own, until it is aborted.
async fn accept(listener: Async<TcpListener>, totals: Rc<Totals>) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                totals.connections.set(totals.connections.get() + 1);
                let totals = Rc::clone(&totals);
                let name = format!("echo {peer}");
                spawn(named(&name, async move {
                    if let Err(error) = echo(stream, &totals).await {
                        totals.failures.set(totals.failures.get() + 1);
                        complain(format_args!("{peer}: {error}"));
                    }
                }));
            }
            // The peer has gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // The connections wait in the backlog until others end, and so does their readiness.
                if !(told && lacks_resources(&error)) {
                    complain(format_args!("cannot accept for now: {error}"));
                }
                told |= lacks_resources(&error);
                sleep(RETRY).await;
            }
        }
    }
}

fn lacks_resources(error: &io::Error) -> bool {
    #[cfg(unix)]
    let lacks = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    #[cfg(windows)]
    let lacks = [Errno::MFILE, Errno::NOBUFS];
    Errno::from_io_error(error).is_some_and(|errno| lacks.contains(&errno))
}

/// A timer, a socket and now a job, and one loop waits for them all.
fn add(x: u32, y: u32) -> u32 {
    x + y
}

/// Sends back what comes, until the peer has closed its half.
async fn echo(stream: Async<TcpStream>, totals: &Totals) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read_with(|mut stream| stream.read(&mut buffer)).await?;
        if length == 0 {
            return Ok(());
        }
        let z = spawn_blocking(|| add(3, 5)).await.map_err(io::Error::other)?;
        assert_eq!(z, 8);
        write_all(&stream, &buffer[..length]).await?;
        totals.messages.set(totals.messages.get() + 1);
        totals.bytes.set(totals.bytes.get() + length);
    }
}

async fn write_all(stream: &Async<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = stream.write_with(|mut stream| stream.write(bytes)).await?;
        bytes = &bytes[length..];
    }
    Ok(())
}

async fn read_exact(stream: &Async<TcpStream>, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = stream.read_with(|mut stream| stream.read(bytes)).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[length..];
    }
    Ok(())
}

/// Runs the clients, and reports.
async fn clients(address: SocketAddr, count: usize, rounds: usize) -> Result<(), Failure> {
    let totals = Rc::new(Totals::default());
    let start = Instant::now();
    let mut handles = Vec::new();
    for number in 0..count {
        // If the first cannot connect, the others need not try.
        let first = match number {
            0 => Some(Async::<TcpStream>::connect(address).await.map_err(at(address))?),
            _ => None,
        };
        let totals = Rc::clone(&totals);
        handles.push(spawn(async move {
            if let Err(error) = talk(first, address, number, rounds, &totals).await {
                totals.failures.set(totals.failures.get() + 1);
                complain(format_args!("client {number}: {error}"));
            }
        }));
    }
    for handle in handles {
        handle.await.map_err(at("client"))?;
    }
    report("clients", &totals, start)?;
    match totals.failures.get() {
        0 => Ok(()),
        failures => Err(format!("{address}: {failures} of {count} clients failed")),
    }
}

/// One client: sends, checks the echo, pauses.
async fn talk(
    first: Option<Async<TcpStream>>,
    address: SocketAddr,
    number: usize,
    rounds: usize,
    totals: &Totals,
) -> io::Result<()> {
    let stream = match first {
        Some(stream) => stream,
        None => Async::<TcpStream>::connect(address).await?,
    };
    totals.connections.set(totals.connections.get() + 1);
    let message = format!("TEST{number:05}").into_bytes();
    let mut answer = vec![0; message.len()];
    for _ in 0..rounds {
        let exchange = async {
            write_all(&stream, &message).await?;
            read_exact(&stream, &mut answer).await
        };
        timeout(ANSWER_TIMEOUT, exchange)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if answer != message {
            return Err(io::Error::other(format!(
                "sent {:?}, received {:?}",
                show(&message),
                show(&answer)
            )));
        }
        totals.messages.set(totals.messages.get() + 1);
        totals.bytes.set(totals.bytes.get() + answer.len());
        sleep(PAUSE).await;
    }
    Ok(())
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn report(who: &str, totals: &Totals, start: Instant) -> Result<(), Failure> {
    print(format_args!(
        "{} {who}, {} messages, {} bytes echoed, {} failures, {:.3} s",
        totals.connections.get(),
        totals.messages.get(),
        totals.bytes.get(),
        totals.failures.get(),
        start.elapsed().as_secs_f64(),
    ))
}
