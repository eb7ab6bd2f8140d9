//! TCP, with the types of the standard library.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::async_io::Async;

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
        todo!("a listener at {address}")
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
        todo!("the next connection")
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
        todo!("a connection to {address}")
    }
}
