//! Three tasks: one waits for a socket, one for the result of another thread, and one sleeps. `docs/trace` has what the steps do with it.

use exp6_combined as sched;

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use sched::{Scheduler, sleep};

const DATA_COMES: Duration = Duration::from_millis(40);
const THREAD_ENDS: Duration = Duration::from_millis(80);
const SLEEP: Duration = Duration::from_millis(120);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let other_end = TcpStream::connect(listener.local_addr()?)?;
    let (stream, _) = listener.accept()?;
    let scheduler = Scheduler::new();
    scheduler.spawn(socket(stream));
    scheduler.spawn(result());
    scheduler.spawn(sleeper());
    thread::spawn(peer(other_end));
    scheduler.run();
    Ok(())
}

fn peer(mut stream: TcpStream) -> impl FnOnce() -> io::Result<()> {
    move || {
        thread::sleep(DATA_COMES);
        stream.write_all(b"x")
    }
}

/// Waits for a byte.
#[cfg(feature = "sockets")]
async fn socket(stream: TcpStream) {
    let stream = sched::Async::new(stream).expect("a socket");
    let length = stream.read_with(|mut stream| stream.read(&mut [0])).await;
    println!("socket: {} byte", length.expect("a byte"));
}

/// The same where nobody tells the task that the byte is there. After a while it looks by itself.
#[cfg(not(feature = "sockets"))]
async fn socket(mut stream: TcpStream) {
    stream.set_nonblocking(true).expect("a socket");
    let read = poll_fn(|_| match stream.read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    });
    let length = sched::timeout(SLEEP, read).await.expect("it is there by now");
    println!("socket: {} byte", length.expect("a byte"));
}

/// A result, and who waits for it.
type Channel = Arc<Mutex<(Option<u32>, Option<Waker>)>>;

fn adder(channel: Channel) -> impl FnOnce() {
    move || {
        thread::sleep(THREAD_ENDS);
        let mut found = channel.lock().unwrap();
        found.0 = Some(3 + 5);
        let waker = found.1.take();
        drop(found);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Waits for what another thread computes.
async fn result() {
    let found = Channel::default();
    thread::spawn(adder(Arc::clone(&found)));
    let found = poll_fn(|cx| {
        let mut found = found.lock().unwrap();
        found.1 = Some(cx.waker().clone());
        found.0.map_or(Poll::Pending, Poll::Ready)
    });
    println!("result: {}", found.await);
}

/// Waits for the time alone.
async fn sleeper() {
    sleep(SLEEP).await;
    println!("sleeper: done");
}
