//! A simple client of an echo server: it blocks, and it panics when something is not as expected.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// For a read or a write. If a test's peer is silent for longer, that is a fault.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to an echo server. Nothing it does takes for ever.
#[derive(Debug)]
pub struct EchoClient {
    stream: TcpStream,
}

impl EchoClient {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Sends all of `bytes`.
    ///
    /// # Panics
    ///
    /// If the connection breaks, or the server does not read.
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) {
        if let Err(error) = (&self.stream).write_all(bytes) {
            panic!("cannot send: {error}");
        }
    }

    /// Reads as many bytes as `bytes` has, and compares.
    ///
    /// # Panics
    ///
    /// If they differ, or do not come.
    #[track_caller]
    pub fn expect(&self, bytes: &[u8]) {
        if let Err(trouble) = self.check(bytes) {
            panic!("{trouble}");
        }
    }

    /// Sends `bytes` and expects them back.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send) and [`expect`](Self::expect).
    #[track_caller]
    pub fn exchange(&self, bytes: &[u8]) {
        self.send(bytes);
        self.expect(bytes);
    }

    /// Sends `bytes` in pieces of these sizes, one after the other and again from the first. Expects all of them back
    /// meanwhile: a server that answers at once would stop reading if nobody read its answers.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send) and [`expect`](Self::expect).
    #[track_caller]
    pub fn exchange_in_pieces(&self, bytes: &[u8], sizes: &[usize]) {
        let checked = thread::scope(|scope| {
            scope.spawn(|| {
                let mut rest = bytes;
                for size in sizes.iter().cycle() {
                    let (piece, others) = rest.split_at(rest.len().min(*size));
                    self.send(piece);
                    rest = others;
                    if rest.is_empty() {
                        break;
                    }
                }
            });
            self.check(bytes)
        });
        if let Err(trouble) = checked {
            panic!("{trouble}");
        }
    }

    /// Closes the half of the connection that sends.
    ///
    /// # Panics
    ///
    /// If the connection is broken.
    #[track_caller]
    pub fn finish(&self) {
        if let Err(error) = self.stream.shutdown(Shutdown::Write) {
            panic!("cannot close: {error}");
        }
    }

    /// Expects that nothing more comes: that the server closes its half.
    ///
    /// # Panics
    ///
    /// If something else comes, or nothing at all.
    #[track_caller]
    pub fn expect_end(&self) {
        match (&self.stream).read_exact(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            Ok(()) => panic!("expected the end, received more"),
            Err(error) => panic!("expected the end: {error}"),
        }
    }

    /// Expects that the server resets the connection. What comes before that is read and ignored.
    ///
    /// # Panics
    ///
    /// If the connection ends in another way, or not at all.
    #[track_caller]
    pub fn expect_reset(&self) {
        match io::copy(&mut &self.stream, &mut io::sink()) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Ok(_) => panic!("expected a reset, the connection ended"),
            Err(error) => panic!("expected a reset: {error}"),
        }
    }

    /// Resets the connection instead of closing it.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[track_caller]
    pub fn reset(self) {
        let lingers = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        lingers.expect("a socket can close without lingering");
    }

    /// The connection, for everything else.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn check(&self, bytes: &[u8]) -> Result<(), String> {
        let mut received = vec![0; bytes.len()];
        let mut length = 0;
        while length < bytes.len() {
            match (&self.stream).read(&mut received[length..]) {
                Ok(0) => return Err(format!("expected {} bytes, the end came after {length}", bytes.len())),
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("expected {} bytes, after {length}: {error}", bytes.len())),
            }
        }
        match (0..length).find(|&place| bytes[place] != received[place]) {
            Some(place) => Err(format!(
                "byte {place} of {length} is {} and not {}",
                received[place], bytes[place]
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EchoServer, Fault, watchdog};

    const LIMIT: Duration = Duration::from_secs(60);

    fn client(server: &EchoServer) -> EchoClient {
        EchoClient::connect(server.addr()).expect("the server listens")
    }

    #[test]
    fn it_exchanges_messages_and_ends() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::new();
        let client = client(&server);
        client.exchange(b"hello");
        client.send(b"again");
        client.finish();
        client.expect(b"again");
        client.expect_end();
        assert_eq!(server.bytes(), 10);
    }

    #[test]
    fn it_reads_while_it_sends_in_pieces() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::new();
        let bytes: Vec<u8> = (0..10_000_000_u32).map(|number| (number % 251) as u8).collect();
        client(&server).exchange_in_pieces(&bytes, &[1, 77_777, 13]);
        assert_eq!(server.bytes(), bytes.len());
    }

    #[test]
    #[should_panic(expected = "byte 0 of 5 is 151 and not 104")]
    fn a_wrong_echo_fails() {
        client(&EchoServer::with(Fault::WrongEcho)).exchange(b"hello");
    }

    #[test]
    #[should_panic(expected = "expected 5 bytes, after 4: ")]
    fn a_broken_connection_fails() {
        client(&EchoServer::with(Fault::ResetAfter(4))).exchange(b"hello");
    }

    #[test]
    #[should_panic(expected = "expected 6 bytes, the end came after 5")]
    fn an_echo_that_is_too_short_fails() {
        let server = EchoServer::new();
        let client = client(&server);
        client.send(b"hello");
        client.finish();
        client.expect(b"hello!");
    }

    #[test]
    #[should_panic(expected = "expected the end, received more")]
    fn more_than_expected_fails() {
        let server = EchoServer::new();
        let client = client(&server);
        client.send(b"hello");
        client.expect_end();
    }

    #[test]
    fn a_reset_is_told_from_an_end() {
        let _watchdog = watchdog(LIMIT);
        let server = EchoServer::with(Fault::ResetAfter(1));
        let client = client(&server);
        client.send(b"ab");
        client.expect_reset();
    }

    #[test]
    #[should_panic(expected = "expected a reset, the connection ended")]
    fn an_end_in_place_of_a_reset_fails() {
        let server = EchoServer::new();
        let client = client(&server);
        client.finish();
        client.expect_reset();
    }

    #[test]
    fn its_reset_reaches_the_server() {
        let _watchdog = watchdog(LIMIT);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = EchoClient::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        client.reset();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}
