//! Connecting to a host by its name.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, TcpStream, ToSocketAddrs};

use crate::async_io::Async;
use crate::blocking::spawn_blocking;

impl Async<TcpStream> {
    /// Connects to a host by name. The system's resolver blocks, so it is asked on a thread of the pool, as by
    /// [`spawn_blocking`], and waits if all of them are busy. Its addresses are tried one after the other, in its order, until
    /// one connects. `host` may also be an address, without brackets; then no thread is needed.
    ///
    /// ```
    /// # use std::net::{TcpListener, TcpStream};
    /// # use exp6_combined::{Async, Scheduler};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let port = listener.local_addr()?.port();
    /// Scheduler::new().block_on(async {
    ///     let stream = Async::<TcpStream>::connect_host("localhost", port).await?;
    ///     assert_eq!(stream.get_ref().peer_addr()?.port(), port);
    ///
    ///     let error = Async::<TcpStream>::connect_host("name.invalid", port).await.unwrap_err();
    ///     assert!(error.to_string().starts_with("name.invalid: "));
    ///     std::io::Result::Ok(())
    /// })?;
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// There is no limit of time: the system may try an address for minutes. [`timeout`](crate::timeout()) sets one for all of
    /// it.
    ///
    /// # Errors
    ///
    /// Each begins with the host: `name.invalid: failed to lookup address information: …` is the resolver's, `example.org
    /// (192.0.2.1:80): Connection refused` that of the last address. [`kind`](io::Error::kind) is the system's; a name that is
    /// not found has none that can be matched.
    ///
    /// # Panics
    ///
    /// If no scheduler runs on this thread.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the connection. The resolver's answer, if it is still to come, is dropped.
    pub async fn connect_host(host: &str, port: u16) -> io::Result<Self> {
        let name = host.to_owned();
        let lookup = move || (name.as_str(), port).to_socket_addrs();
        // An address is not asked of the resolver, and so does not wait for a thread.
        let answer = match host.parse::<IpAddr>() {
            Ok(_) => lookup(),
            Err(_) => (spawn_blocking(lookup).await).unwrap_or_else(|error| Err(io::Error::other(error))),
        };
        let mut failed = io::Error::new(io::ErrorKind::NotFound, format!("{host}: the name has no address"));
        for address in answer.map_err(|error| explain(host, &error))? {
            match Self::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = explain(format_args!("{host} ({address})"), &error),
            }
        }
        Err(failed)
    }
}

fn explain(what: impl Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
