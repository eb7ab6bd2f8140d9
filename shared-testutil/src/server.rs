//! An echo server on threads of its own. It is a peer that is not part of what is tested, and that can have faults.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// What an [`EchoServer`] does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers in pieces of this many bytes, with a pause after each, so that they arrive one by one.
    Pieces(usize),
    /// Waits this long before each answer.
    Delay(Duration),
    /// Echoes this many bytes, and then resets the connection. Bytes that have arrived before the reset can still be read.
    ResetAfter(usize),
    /// Accepts connections, and reads nothing: a peer that sends much cannot go on.
    NeverReads,
    /// Reads everything, and answers nothing.
    NeverAnswers,
    /// Answers with as many bytes, and all of them wrong.
    WrongEcho,
}

/// After each piece. Long enough that a reader on the same machine has taken the piece before the next comes.
const PAUSE: Duration = Duration::from_millis(1);
/// Until a server that cannot accept, because there are no descriptors, tries again.
const RETRY: Duration = Duration::from_millis(10);
/// A thread for each connection costs little with small stacks.
const STACK: usize = 128 * 1024;
const BUFFER: usize = 16 * 1024;

/// A server that echoes what it reads, at a free port of 127.0.0.1, until it is dropped.
///
/// Each connection has a thread. The drop ends them all, whatever they are doing, and returns when they have ended.
#[derive(Debug)]
pub struct EchoServer {
    addr: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    listener: TcpListener,
    /// The fault, and how many connections have it.
    fault: Option<(Fault, usize)>,
    connections: AtomicUsize,
    bytes: AtomicUsize,
    /// What is open, and is closed at the end.
    open: Mutex<Open>,
    /// Ends the pauses when the server ends.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    is_over: bool,
    /// Weak: while the server lives on, the drop of a stream has to close its connection.
    streams: Vec<Weak<TcpStream>>,
}

impl EchoServer {
    /// Starts a server without a fault.
    ///
    /// # Panics
    ///
    /// If the system gives no socket or no thread.
    #[must_use]
    pub fn new() -> Self {
        Self::start(None)
    }

    /// Starts a server with a fault.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[must_use]
    pub fn with(fault: Fault) -> Self {
        Self::start(Some((fault, usize::MAX)))
    }

    /// Starts a server with a fault that only its first connection has.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[must_use]
    pub fn with_first(fault: Fault) -> Self {
        Self::start(Some((fault, 1)))
    }

    fn start(fault: Option<(Fault, usize)>) -> Self {
        let pieces = fault.map(|(fault, _)| fault);
        assert!(pieces != Some(Fault::Pieces(0)), "a piece has a byte at least");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        // `std` allows 128 connections to wait, and a test may bring a thousand at once.
        SockRef::from(&listener).listen(4096).expect("a longer queue");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(State {
            listener,
            fault,
            connections: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            open: Mutex::default(),
            ended: Condvar::new(),
        });
        let acceptor = spawn(&state, |state| state.accept());
        Self {
            addr,
            state,
            acceptor: Some(acceptor.expect("a thread for the server")),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections it has accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many bytes it has read, on all connections.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state.bytes.load(Ordering::SeqCst)
    }
}

impl Default for EchoServer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        let mut open = self.state.open();
        open.is_over = true;
        let streams: Vec<_> = open.streams.drain(..).filter_map(|stream| stream.upgrade()).collect();
        drop(open);
        self.state.ended.notify_all();
        // Ends a read or a write that blocks; it fails where the connection is broken already.
        for stream in streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Ends an accept that blocks: on Linux the first does, elsewhere the second.
        let _ = SockRef::from(&self.state.listener).shutdown(Shutdown::Both);
        let _ = TcpStream::connect(self.addr);
        if let Some(acceptor) = self.acceptor.take() {
            let ended = acceptor.join();
            assert!(ended.is_ok() || thread::panicking(), "the echo server panicked");
        }
    }
}

fn spawn(state: &Arc<State>, body: impl FnOnce(Arc<State>) + Send + 'static) -> io::Result<JoinHandle<()>> {
    let state = Arc::clone(state);
    let builder = thread::Builder::new().name("echo server".to_owned()).stack_size(STACK);
    builder.spawn(move || body(state))
}

/// Reads what there is, also if a signal comes first.
fn read_some(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

impl State {
    fn accept(self: Arc<Self>) {
        let mut threads = Vec::new();
        loop {
            let accepted = self.listener.accept();
            let mut open = self.open();
            if open.is_over {
                break;
            }
            let Ok((stream, _)) = accepted else {
                drop(open);
                self.pause(RETRY);
                continue;
            };
            let before = self.connections.fetch_add(1, Ordering::SeqCst);
            let fault = self.fault.filter(|(_, connections)| before < *connections);
            let fault = fault.map(|(fault, _)| fault);
            let stream = Arc::new(stream);
            open.streams.retain(|stream| stream.strong_count() > 0);
            open.streams.push(Arc::downgrade(&stream));
            drop(open);
            // The client sees a broken connection, whatever the reason. Nothing more has to be reported.
            let serve = move |state: Arc<Self>| drop(state.serve(&stream, fault));
            threads.extend(spawn(&self, serve));
        }
        for thread in threads {
            thread.join().expect("a connection's thread does not panic");
        }
    }

    fn serve(&self, stream: &TcpStream, fault: Option<Fault>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if fault == Some(Fault::NeverReads) {
            self.pause(Duration::MAX);
            return Ok(());
        }
        let mut buffer = vec![0; BUFFER];
        let mut left = match fault {
            Some(Fault::ResetAfter(bytes)) => bytes,
            _ => usize::MAX,
        };
        while left > 0 {
            let wanted = left.min(BUFFER);
            let length = read_some(stream, &mut buffer[..wanted])?;
            if length == 0 {
                return Ok(());
            }
            left -= length;
            self.bytes.fetch_add(length, Ordering::SeqCst);
            self.answer(stream, &mut buffer[..length], fault)?;
        }
        // To close it discards what has not been sent, and tells the peer so.
        SockRef::from(stream).set_linger(Some(Duration::ZERO))
    }

    fn answer(&self, mut stream: &TcpStream, bytes: &mut [u8], fault: Option<Fault>) -> io::Result<()> {
        match fault {
            Some(Fault::NeverAnswers) => return Ok(()),
            Some(Fault::Pieces(size)) => {
                for piece in bytes.chunks(size) {
                    stream.write_all(piece)?;
                    self.pause(PAUSE);
                }
                return Ok(());
            }
            Some(Fault::Delay(delay)) => self.pause(delay),
            Some(Fault::WrongEcho) => bytes.iter_mut().for_each(|byte| *byte = !*byte),
            Some(Fault::ResetAfter(_) | Fault::NeverReads) | None => {}
        }
        stream.write_all(bytes)
    }

    /// Waits, but not longer than the server runs.
    fn pause(&self, time: Duration) {
        let deadline = Instant::now().checked_add(time);
        let mut open = self.open();
        while !open.is_over {
            let left = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(open, left);
            open = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::{assert_at_least, watchdog};

    const LIMIT: Duration = Duration::from_secs(20);

    /// Connects, and sends four bytes.
    fn greet(server: &EchoServer) -> TcpStream {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(b"abcd").unwrap();
        stream
    }

    fn read(mut stream: &TcpStream, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| bytes)
    }

    #[test]
    fn without_a_fault_it_echoes_and_counts() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::new();
        assert_eq!((server.connections(), server.bytes()), (0, 0));
        let streams = [greet(&server), greet(&server)];
        for stream in &streams {
            assert_eq!(read(stream, 4).unwrap(), b"abcd");
        }
        assert_eq!((server.connections(), server.bytes()), (2, 8));
    }

    #[test]
    fn a_half_closed_connection_gets_the_rest_and_the_end() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::new();
        let mut stream = greet(&server);
        stream.shutdown(Shutdown::Write).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abcd");
    }

    #[test]
    fn pieces_arrive_apart() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::Pieces(1));
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(&[7; 100]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 200];
        let lengths: Vec<_> =
            std::iter::from_fn(|| read_some(&stream, &mut buffer).ok().filter(|length| *length > 0)).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 100);
        // A reader that is late may find two or three at once, but not all.
        assert!(lengths.len() > 1, "{lengths:?}");
    }

    #[test]
    fn a_delay_passes_before_the_answer() {
        let _watchdog = watchdog(LIMIT);
        let delay = Duration::from_millis(50);
        let server = EchoServer::with(Fault::Delay(delay));
        let start = Instant::now();
        let stream = greet(&server);
        assert_eq!(read(&stream, 4).unwrap(), b"abcd");
        assert_at_least("the answer", start, delay);
    }

    #[test]
    fn a_reset_comes_after_the_last_echo() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::ResetAfter(3));
        let stream = greet(&server);
        assert_eq!(read(&stream, 3).unwrap(), b"abc");
        assert_eq!(read(&stream, 1).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_reset_may_come_before_any_echo() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::ResetAfter(0));
        // It may be so early that the connect fails.
        let reset = TcpStream::connect(server.addr()).and_then(|stream| read(&stream, 1));
        assert_eq!(reset.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_server_that_never_reads_stops_the_sender() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::NeverReads);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let error = stream.write_all(&vec![0; 100_000_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        assert_eq!(server.bytes(), 0);
    }

    #[test]
    fn a_server_that_never_answers_reads_on() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::NeverAnswers);
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(&vec![0; 20_000_000]).unwrap();
        // Not by a timeout of the socket, which begins again when a signal interrupts it.
        thread::sleep(Duration::from_millis(50));
        stream.set_nonblocking(true).unwrap();
        assert_eq!(read(&stream, 1).unwrap_err().kind(), ErrorKind::WouldBlock);
        while server.bytes() < 20_000_000 {
            thread::yield_now();
        }
    }

    #[test]
    fn a_wrong_echo_is_wrong_in_every_byte() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::WrongEcho);
        let stream = greet(&server);
        let echo = read(&stream, 4).unwrap();
        assert!(echo.iter().zip(b"abcd").all(|(echo, sent)| echo != sent), "{echo:?}");
    }

    #[test]
    fn a_fault_of_the_first_connection_spares_the_second() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with_first(Fault::WrongEcho);
        for expected in [false, true] {
            let stream = greet(&server);
            assert_eq!(read(&stream, 4).unwrap() == b"abcd", expected);
        }
    }

    #[test]
    fn the_drop_ends_every_connection_whatever_it_is_doing() {
        let _watchdog = watchdog(LIMIT);
        let hour = Duration::from_secs(3600);
        let faults = [
            Fault::Delay(hour),
            Fault::Delay(Duration::MAX),
            Fault::NeverReads,
            Fault::NeverAnswers,
        ];
        for fault in faults {
            let server = EchoServer::with(fault);
            let stream = greet(&server);
            let addr = server.addr();
            drop(server);
            read(&stream, 1).expect_err("the connection has ended");
            TcpStream::connect(addr).expect_err("nobody listens");
        }
    }

    #[test]
    fn the_drop_ends_a_write_that_blocks() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::new();
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        // It reads until its own answers, which nobody reads, have filled the buffers.
        stream.set_nonblocking(true).unwrap();
        let mut refused = 0;
        while refused < 2 {
            match stream.write_all(&[0; 65_536]) {
                Ok(()) => refused = 0,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                    refused += 1;
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
        drop(server);
    }
}
