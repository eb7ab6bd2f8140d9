//! TCP, with the types of the standard library. socket2 makes the sockets, because `std` cannot begin to connect without
//! waiting until it has connected.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::async_io::Async;

/// How many connections may wait to be accepted. The system may allow fewer.
const BACKLOG: i32 = 1024;

/// What `connect` says when it has begun: `WSAEWOULDBLOCK` on Windows, `EINPROGRESS` elsewhere.
const CONNECTING: i32 = if cfg!(windows) { 10035 } else { libc::EINPROGRESS };

impl Async<TcpListener> {
    /// Listens at `address`; port 0 is a free one.
    ///
    /// # Errors
    ///
    /// What the system says: `AddrInUse`, among others.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread.
    #[track_caller]
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // As `std` does: otherwise the address stays in use for a while after a server has ended. On Windows it would let two
        // servers have one address.
        socket.set_reuse_address(cfg!(unix))?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Self::new(socket.into())
    }

    /// Waits for the next connection, and returns it with the peer's address.
    ///
    /// # Errors
    ///
    /// What the system says. The listener can still be used: most errors concern one connection, and a lack of
    /// descriptors passes.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread, and a connection is there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<(Async<TcpStream>, SocketAddr)> {
        let (stream, address) = self.read_with(TcpListener::accept).await?;
        Ok((Async::new(stream)?, address))
    }
}

impl Async<TcpStream> {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// What the system says: `ConnectionRefused`, among others.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the connection.
    pub async fn connect(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(CONNECTING) => return Err(error),
            _ => {}
        }
        // Registered only now: Linux reports a socket that has not begun to connect as hung up.
        let stream = Self::new(socket.into())?;
        stream.writable().await?;
        // A socket that has failed to connect is writable as well.
        stream.get_ref().take_error()?.map_or(Ok(stream), Err)
    }
}
