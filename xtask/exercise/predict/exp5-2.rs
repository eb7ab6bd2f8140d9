//! The bytes are there already. Does a read wait?

use exp5_selectors as sched;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use sched::{Async, Scheduler, sleep, spawn};

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

async fn main_task() {
    let (here, there) = pair().await;
    write(&there, &[1, 2]).await;
    sleep(ms(50)).await;
    spawn(async { println!("the other task runs") });
    println!("read");
    println!("it has {}", read(&here).await);
    println!("it has {}", read(&here).await);
    sleep(ms(50)).await;
    println!("the end");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
