//! A job sends to a socket of the loop, by a thread of the pool.

use exp6_combined as sched;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;
use std::thread;

use sched::{Async, Scheduler, spawn, spawn_blocking};

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
    write(&there, &[0]).await;
    read(&here).await;
    let reader = spawn(async move {
        println!("the reader reads");
        println!("the reader has {}", read(&here).await);
    });
    let mut there = there.into_inner().expect("it never fails");
    let job = spawn_blocking(move || {
        thread::sleep(ms(50));
        println!("the job writes");
        there.write(&[4]).expect("there is room");
        thread::sleep(ms(50));
        println!("the job ends");
        there
    });
    println!("both wait");
    reader.await.expect("it does not panic");
    println!("the reader was awaited");
    job.await.expect("it does not panic");
    println!("the job was awaited");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
