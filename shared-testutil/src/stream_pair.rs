//! Two streams that are connected to each other, on every system.

use std::io;

/// One end of a [`stream_pair`]: a Unix socket where there are such, a TCP connection on Windows.
#[cfg(unix)]
pub type LocalStream = std::os::unix::net::UnixStream;

/// One end of a [`stream_pair`]: a Unix socket where there are such, a TCP connection on Windows.
#[cfg(windows)]
pub type LocalStream = std::net::TcpStream;

/// Two streams that are connected to each other. Both block.
///
/// # Errors
///
/// If the system gives no sockets.
#[cfg(unix)]
pub fn stream_pair() -> io::Result<(LocalStream, LocalStream)> {
    LocalStream::pair()
}

/// Two streams that are connected to each other. Both block.
///
/// # Errors
///
/// If the system gives no sockets.
#[cfg(windows)]
pub fn stream_pair() -> io::Result<(LocalStream, LocalStream)> {
    use std::net::{Ipv4Addr, TcpListener};

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = LocalStream::connect(listener.local_addr()?)?;
    loop {
        let (far, peer) = listener.accept()?;
        // Another program may have connected first.
        if peer == near.local_addr()? {
            // Otherwise a byte would wait until the byte before it is acknowledged.
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            return Ok((near, far));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_written_to_one_end_is_read_from_the_other() {
        let (mut near, mut far) = stream_pair().unwrap();
        near.write_all(b"there").unwrap();
        far.write_all(b"back").unwrap();
        let (mut there, mut back) = ([0; 5], [0; 4]);
        far.read_exact(&mut there).unwrap();
        near.read_exact(&mut back).unwrap();
        assert_eq!((&there, &back), (b"there", b"back"));
        drop(near);
        assert_eq!(far.read(&mut [0]).unwrap(), 0);
    }
}
