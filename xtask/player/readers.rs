//! Two tasks read from one socket.

use exp5_selectors as sched;

use std::io;
use std::net::UdpSocket;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use sched::{Async, Scheduler, spawn};

type Socket = Rc<Async<UdpSocket>>;

async fn one(socket: Socket) {
    let length = socket.read_with(|socket| socket.recv(&mut [0; 8])).await;
    println!("one: {} byte", length.expect("a datagram"));
}

async fn two(socket: Socket) {
    let length = socket.read_with(|socket| socket.recv(&mut [0; 8])).await;
    println!("two: {} byte", length.expect("a datagram"));
}

fn main() -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    let address = socket.local_addr()?;
    let peer = UdpSocket::bind(("127.0.0.1", 0))?;
    let other = move || {
        thread::sleep(Duration::from_millis(20));
        peer.send_to(b"1", address).expect("a datagram");
        peer.send_to(b"2", address).expect("a datagram");
    };
    thread::spawn(other);
    Scheduler::new().block_on(async {
        let socket = Rc::new(Async::new(socket)?);
        let readers = [spawn(one(Rc::clone(&socket))), spawn(two(socket))];
        for reader in readers {
            reader.await.expect("it does not panic");
        }
        Ok(())
    })
}
