//! Ctrl-C for a process.

use std::io;

/// Sends SIGINT to a process, by its number.
///
/// # Errors
///
/// What the system says. On Windows `Unsupported`: to send Ctrl-C there takes unsafe code.
pub fn interrupt(process: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;

        let number = process.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(kill(Pid::from_raw(number), Signal::SIGINT)?)
    }
    #[cfg(windows)]
    {
        let _ = process;
        Err(io::ErrorKind::Unsupported.into())
    }
}
