//! Echo on epoll without tasks, wakers or a scheduler: what the system calls cost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::common::clock::now;
use crate::contest::work::{BUFFER, MESSAGE, Workload};

pub(crate) fn has(work: Workload) -> bool {
    matches!(work, Workload::Echo(_))
}

/// Seconds, as those of the runtimes.
pub(crate) fn measure(work: Workload, divisor: usize) -> f64 {
    let Workload::Echo(connections) = work else {
        unreachable!("without tasks there is nothing but connections");
    };
    echo(connections, work.operations(divisor) / connections).as_secs_f64()
}

fn echo(connections: usize, rounds: usize) -> Duration {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let poller = epoll::create(CreateFlags::CLOEXEC).unwrap();
    // Even places are clients, odd ones servers.
    let mut streams = Vec::new();
    for _ in 0..connections {
        let client = TcpStream::connect(address).unwrap();
        let server = listener.accept().unwrap().0;
        for stream in [client, server] {
            stream.set_nonblocking(true).unwrap();
            let key = EventData::new_u64(streams.len() as u64);
            epoll::add(&poller, &stream, key, EventFlags::IN | EventFlags::ET).unwrap();
            streams.push(stream);
        }
    }
    let mut left = vec![rounds; connections];
    let mut unfinished = connections;
    let mut events = Vec::with_capacity(1024);
    let mut buffer = [0; BUFFER];
    let start = now();
    for client in streams.iter().step_by(2) {
        send(client, &message(rounds));
    }
    while unfinished > 0 {
        events.clear();
        epoll::wait(&poller, spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let place = event.data.u64() as usize;
            let mut stream = &streams[place];
            let length = stream.read(&mut buffer).unwrap();
            assert_eq!(length, MESSAGE);
            if place % 2 == 1 {
                send(stream, &buffer[..length]);
                continue;
            }
            let left = &mut left[place / 2];
            assert!(buffer[..length] == message(*left));
            *left -= 1;
            match *left {
                0 => unfinished -= 1,
                left => send(stream, &message(left)),
            }
        }
    }
    now() - start
}

fn message(left: usize) -> [u8; MESSAGE] {
    [left as u8; MESSAGE]
}

fn send(mut stream: &TcpStream, bytes: &[u8]) {
    assert_eq!(stream.write(bytes).unwrap(), bytes.len());
}
