//! Who answers: an echo server on one thread, with a task there that computes.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::contest::runtime::Runtime;
use crate::contest::work::{BUFFER, serve};
use crate::pin::pin;

/// The task computes for so long,
pub(crate) const COMPUTES: Duration = Duration::from_micros(200);
/// once in each period.
pub(crate) const PERIOD: Duration = Duration::from_millis(2);

/// What a server is to do.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) connections: usize,
    pub(crate) computes: bool,
    /// The processor for its thread.
    pub(crate) processor: Option<usize>,
}

/// Serves on this thread until all connections are closed. Sends its address first, and returns how often it computed a second.
pub(crate) type Serve = fn(Task, Sender<SocketAddr>) -> f64;

/// Runs a server on a thread of its own.
pub(crate) fn start(name: &str, server: Serve, task: Task) -> (SocketAddr, JoinHandle<f64>) {
    let (sender, address) = mpsc::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    let run = move || {
        task.processor.into_iter().for_each(pin);
        server(task, sender)
    };
    let thread = thread.spawn(run).unwrap();
    (address.recv().expect("the server listens"), thread)
}

/// The server on a runtime.
pub(crate) fn on<R: Runtime>(task: Task, address: Sender<SocketAddr>) -> f64 {
    R::block_on(async move {
        let (listener, at) = R::bind().await;
        address.send(at).unwrap();
        let mut connections = Vec::new();
        for _ in 0..task.connections {
            let stream = R::accept(&listener).await;
            connections.push(R::spawn(serve::<R>(stream)));
        }
        let end = Rc::new(Cell::new(!task.computes));
        let computing = R::spawn(compute::<R>(Rc::clone(&end)));
        for connection in connections {
            connection.await;
        }
        end.set(true);
        computing.await
    })
}

/// Its deadlines do not move when it is late, so that it computes equally often on runtimes whose timers are less exact.
async fn compute<R: Runtime>(end: Rc<Cell<bool>>) -> f64 {
    let start = Instant::now();
    let mut times = 0;
    while !end.get() {
        times += 1;
        R::sleep((start + times * PERIOD).saturating_duration_since(Instant::now())).await;
        spin();
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}

fn spin() {
    let start = Instant::now();
    while start.elapsed() < COMPUTES {}
}

/// The same without a runtime: one epoll loop, which computes between two waits.
pub(crate) fn bare(task: Task, address: Sender<SocketAddr>) -> f64 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    address.send(listener.local_addr().unwrap()).unwrap();
    let poller = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let mut streams = Vec::new();
    for key in 0..task.connections as u64 {
        let stream = listener.accept().unwrap().0;
        stream.set_nonblocking(true).unwrap();
        epoll::add(
            &poller,
            &stream,
            EventData::new_u64(key),
            EventFlags::IN | EventFlags::ET,
        )
        .unwrap();
        streams.push(stream);
    }
    let (mut events, mut buffer) = (Vec::with_capacity(1024), [0; BUFFER]);
    let (start, mut times, mut open) = (Instant::now(), 0, task.connections);
    while open > 0 {
        let left = task
            .computes
            .then(|| (start + (times + 1) * PERIOD).saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            spin();
            times += 1;
        }
        events.clear();
        let timeout = left.map(|left| Timespec::try_from(left).unwrap());
        epoll::wait(&poller, spare_capacity(&mut events), timeout.as_ref()).unwrap();
        for event in &events {
            let mut stream = &streams[event.data.u64() as usize];
            match stream.read(&mut buffer).unwrap() {
                0 => open -= 1,
                length => assert_eq!(stream.write(&buffer[..length]).unwrap(), length),
            }
        }
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}
