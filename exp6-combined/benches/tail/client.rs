//! Who asks: a thread on a processor of its own, which never sleeps, so that it is late for nothing. It has connections, each
//! with one request under way at most.

use std::io::{Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::contest::work::{BUFFER, MESSAGE};

/// How many answers are read before the clock is looked at again: the reads make the client late.
const AT_ONCE: usize = 4;
/// Without any answer for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Client {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
    /// Who has been answered since the last look, and when.
    answered: Vec<(usize, Instant)>,
    last: Instant,
}

struct Connection {
    stream: TcpStream,
    /// Requests that were due, those sent, and those answered.
    asked: usize,
    sent: usize,
    answered: usize,
    /// Bytes of the answer that is under way.
    bytes: usize,
}

/// Nanoseconds, sorted.
pub(crate) struct Samples {
    /// From the moment at which a request was due to its answer.
    pub(crate) latency: Vec<u64>,
    /// From the moment at which a request was due to the one at which the client saw that it was.
    pub(crate) lateness: Vec<u64>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, connections: usize) -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        let connect = |index| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nonblocking(true).unwrap();
            epoll::add(&epoll, &stream, EventData::new_u64(index), EventFlags::IN).unwrap();
            Connection {
                stream,
                asked: 0,
                sent: 0,
                answered: 0,
                bytes: 0,
            }
        };
        let connections: Vec<_> = (0..connections as u64).map(connect).collect();
        Self {
            epoll,
            answered: Vec::with_capacity(AT_ONCE),
            connections,
            events: Vec::with_capacity(AT_ONCE),
            last: Instant::now(),
        }
    }

    /// Each connection asks again as soon as it is answered. Returns the answers a second.
    pub(crate) fn closed_loop(mut self, time: Duration) -> f64 {
        let start = Instant::now();
        for connection in &mut self.connections {
            connection.ask();
        }
        let (mut open, mut answers) = (self.connections.len(), 0);
        while open > 0 {
            self.look();
            for (index, at) in self.answered.drain(..) {
                answers += 1;
                match at - start < time {
                    true => self.connections[index].ask(),
                    false => open -= 1,
                }
            }
        }
        f64::from(answers) / start.elapsed().as_secs_f64()
    }

    /// Requests are due at equal distances, whatever becomes of the earlier ones, and each connection has its turn. If it still
    /// waits for an answer then, the request waits too, and that counts. Those of the first `warm_up` do not.
    pub(crate) fn open_loop(mut self, rate: u64, time: Duration, warm_up: Duration) -> Samples {
        let requests = ((time + warm_up).as_nanos() as u64 * rate / 1_000_000_000) as usize;
        let first = (warm_up.as_nanos() as u64 * rate / 1_000_000_000) as usize;
        let due = |request: usize| Duration::from_nanos(request as u64 * 1_000_000_000 / rate);
        let room = || Vec::with_capacity(requests - first);
        let (mut latency, mut lateness) = (room(), room());
        let (mut asked, mut answers) = (0, 0);
        let all = self.connections.len();
        let start = Instant::now();
        while answers < requests {
            let late = start.elapsed().checked_sub(due(asked));
            if let Some(late) = late.filter(|_| asked < requests) {
                if asked >= first {
                    lateness.push(late.as_nanos() as u64);
                }
                self.connections[asked % all].ask();
                asked += 1;
            }
            self.look();
            for (index, at) in self.answered.drain(..) {
                answers += 1;
                let connection = &mut self.connections[index];
                let request = (connection.answered - 1) * all + index;
                if request >= first {
                    latency.push((at - start - due(request)).as_nanos() as u64);
                }
                connection.send();
            }
        }
        latency.sort_unstable();
        lateness.sort_unstable();
        Samples { latency, lateness }
    }

    /// Reads what is there, without waiting, and puts those whose answer is complete into `answered`.
    fn look(&mut self) {
        self.events.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&at_once)).unwrap();
        for event in &self.events {
            let index = event.data.u64() as usize;
            if self.connections[index].receive() {
                self.last = Instant::now();
                self.answered.push((index, self.last));
            }
        }
        if self.events.is_empty() {
            assert!(self.last.elapsed() < PATIENCE, "the server does not answer");
        }
    }
}

impl Connection {
    /// A request is due.
    fn ask(&mut self) {
        self.asked += 1;
        self.send();
    }

    /// Sends the next request that was due, if there is one and no other is under way.
    fn send(&mut self) {
        if self.sent == self.answered && self.sent < self.asked {
            let message = [self.sent as u8; MESSAGE];
            assert_eq!((&self.stream).write(&message).unwrap(), MESSAGE);
            self.sent += 1;
        }
    }

    /// Whether the answer is complete.
    fn receive(&mut self) -> bool {
        let mut buffer = [0; BUFFER];
        let length = (&self.stream).read(&mut buffer).unwrap();
        assert!(length > 0, "the server has closed a connection");
        assert!(
            buffer[..length]
                .iter()
                .copied()
                .eq(iter::repeat_n(self.answered as u8, length))
        );
        self.bytes += length;
        assert!(self.bytes <= MESSAGE);
        let complete = self.bytes == MESSAGE;
        if complete {
            self.bytes = 0;
            self.answered += 1;
        }
        complete
    }
}
