//! A task reads forty bytes that are all there, one by one, and says so at every eighth.

use exp5_selectors as sched;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use sched::{Async, Scheduler, sleep, spawn, yield_now};

/// Two connected sockets.
async fn pair() -> (Async<TcpStream>, Async<TcpStream>) {
    let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.get_ref().local_addr().expect("its address");
    let here = Async::<TcpStream>::connect(address).await.expect("a connection");
    let (there, _) = listener.accept().await.expect("a connection");
    (here, there)
}

async fn read(stream: &Async<TcpStream>) -> u8 {
    let mut byte = [0];
    let count = stream.read_with(|mut stream| stream.read(&mut byte)).await;
    assert_eq!(count.expect("a stream"), 1, "there is a byte");
    byte[0]
}

async fn write(stream: &Async<TcpStream>, bytes: &[u8]) {
    let count = stream.write_with(|mut stream| stream.write(bytes)).await;
    assert_eq!(count.expect("a stream"), bytes.len(), "there is room");
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

async fn other() {
    for round in 1..=3 {
        println!("other {round}");
        yield_now().await;
    }
}

async fn main_task() {
    let (here, there) = pair().await;
    write(&there, &[0; 40]).await;
    sleep(ms(50)).await;
    spawn(other());
    for count in 1..=40 {
        read(&here).await;
        if count % 8 == 0 {
            println!("{count} bytes");
        }
    }
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
