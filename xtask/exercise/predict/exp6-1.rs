//! A timer, a job and a socket.

use exp6_combined as sched;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;
use std::thread;

use sched::{Async, Scheduler, sleep, spawn, spawn_blocking};

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
    spawn(async move {
        println!("it has {}", read(&here).await);
    });
    spawn(async {
        spawn_blocking(|| thread::sleep(ms(50))).await.expect("it does not panic");
        println!("the job is done");
    });
    println!("all wait");
    sleep(ms(100)).await;
    println!("the time is up");
    write(&there, &[3]).await;
    println!("sent");
}

fn main() {
    let scheduler = Scheduler::new();
    scheduler.spawn(main_task());
    scheduler.run();
}
