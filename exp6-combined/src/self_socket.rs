//! The self-socket: two sockets that are connected to each other. What is written into one can be read from the other.

use std::io;

use socket2::Socket;

/// Makes a pair of sockets: the receiver, and the sender. No operation on either blocks, as long as there is room.
pub(crate) fn pair() -> io::Result<(Socket, Socket)> {
    let pair = connected()?;
    pair.0.set_nonblocking(true)?;
    // Through TCP a write may be refused although there is room, and the wake would be lost. So there it waits.
    pair.1.set_nonblocking(cfg!(unix))?;
    Ok(pair)
}

#[cfg(unix)]
fn connected() -> io::Result<(Socket, Socket)> {
    use socket2::{Domain, Type};

    Socket::pair(Domain::UNIX, Type::STREAM, None)
}

/// Windows has no pairs of sockets, but a program can connect to itself.
#[cfg(windows)]
fn connected() -> io::Result<(Socket, Socket)> {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    // Otherwise a byte would wait until the byte before it is acknowledged.
    sender.set_nodelay(true)?;
    loop {
        let (receiver, peer) = listener.accept()?;
        // Another program may have connected first.
        if peer == sender.local_addr()? {
            return Ok((receiver.into(), sender.into()));
        }
    }
}
