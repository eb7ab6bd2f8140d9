//! TCP, from the standard library's types: socket2 makes the sockets, because `std` cannot begin to connect without
//! waiting for the end of it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::source::Async;

/// Connections that may wait to be accepted. The system may allow fewer.
const BACKLOG: i32 = 1024;

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
        // As `std` does. Otherwise the address stays taken for a while after the last server.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Self::new(socket.into())
    }

    /// Waits for the next connection, and returns it with the peer's address.
    ///
    /// # Errors
    ///
    /// What the system says. The listener can still be used: most errors are of one connection, and the lack of
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
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => return Err(error),
            _ => {}
        }
        // Registered only now: a socket that does not connect yet is reported as hung up.
        let stream = Self::new(socket.into())?;
        stream.writable().await?;
        // Writable also means failed.
        match stream.get_ref().take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }
}
