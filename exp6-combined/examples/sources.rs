//! What else `Async` waits for, apart from TCP: datagrams, Unix sockets, the pipes of a child process, and on Linux the
//! system's timers and events.
//!
//! `cargo run -p exp6-combined --example sources`: each part prints a line. `… --example sources -- udp ADDR` and
//! `… -- unix PATH` wait for a peer of yours instead, such as `nc -u` and `nc -U`. On Windows there are datagrams alone.

use std::env;
use std::error::Error;
use std::net::UdpSocket;
use std::process::ExitCode;

use exp6_combined::{Async, Scheduler, spawn_blocking};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let run = async || match args[..] {
        [] => all().await,
        ["udp", address] => udp(address, false).await,
        #[cfg(unix)]
        ["unix", path] => unix::stream(path, false).await,
        _ => Err("usage: sources [udp ADDR | unix PATH]".into()),
    };
    match Scheduler::try_new()
        .map_err(Into::into)
        .and_then(|scheduler| scheduler.block_on(run()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sources: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn all() -> Result<()> {
    udp("127.0.0.1:0", true).await?;
    #[cfg(unix)]
    {
        let path = env::temp_dir().join(format!("sources-{}", std::process::id()));
        unix::stream(&path.to_string_lossy(), true).await?;
        unix::child().await?;
    }
    #[cfg(target_os = "linux")]
    {
        linux::timer().await?;
        linux::event().await?;
    }
    Ok(())
}

/// Answers one datagram. `read_with` and `write_with` take any operation of the type, here those that have an address.
async fn udp(address: &str, own_peer: bool) -> Result<()> {
    let socket = UdpSocket::bind(address)
        .and_then(Async::new)
        .map_err(|error| format!("{address}: {error}"))?;
    let address = socket.get_ref().local_addr()?;
    println!("udp: at {address}");
    let peer = own_peer.then(|| {
        spawn_blocking(move || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.send_to(b"hello", address)?;
            socket.recv(&mut [0; 16])
        })
    });
    let mut buffer = [0; 64 * 1024];
    let (length, from) = socket.read_with(|socket| socket.recv_from(&mut buffer)).await?;
    socket
        .write_with(|socket| socket.send_to(&buffer[..length], from))
        .await?;
    println!("udp: {:?}, sent back", String::from_utf8_lossy(&buffer[..length]));
    if let Some(peer) = peer {
        peer.await??;
    }
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::{Command, Stdio};

    use exp6_combined::{Async, spawn_blocking};
    use futures::future::try_join;
    use futures::io::{AsyncReadExt, AsyncWriteExt};

    use super::Result;

    /// Answers one connection.
    pub(super) async fn stream(path: &str, own_peer: bool) -> Result<()> {
        let listener = UnixListener::bind(path)
            .and_then(Async::new)
            .map_err(|error| format!("{path}: {error}"))?;
        println!("unix: at {path}");
        let name = path.to_owned();
        let peer = own_peer.then(|| {
            spawn_blocking(move || {
                let mut stream = UnixStream::connect(name)?;
                stream.write_all(b"hello")?;
                stream.read(&mut [0; 16])
            })
        });
        let accepted = listener.read_with(|listener| listener.accept()).await;
        // The name stays in the file system, and nobody can bind it again, unless it is removed.
        fs::remove_file(path)?;
        let mut stream = Async::new(accepted?.0)?;
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await?;
        stream.write_all(&buffer[..length]).await?;
        println!("unix: {:?}, sent back", String::from_utf8_lossy(&buffer[..length]));
        if let Some(peer) = peer {
            peer.await??;
        }
        Ok(())
    }

    /// Lets `sort` sort. A pipe holds 64 KiB on Linux: whoever writes all first, and reads then, waits for ever for a child
    /// that waits as well. So both go on at the same time.
    pub(super) async fn child() -> Result<()> {
        let mut child = Command::new("sort")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // `ChildStdin` cannot be written through a shared reference, and `File` can. A pipe fits both.
        let stdin = OwnedFd::from(child.stdin.take().expect("it is piped"));
        let stdout = OwnedFd::from(child.stdout.take().expect("it is piped"));
        let (mut stdin, mut stdout) = (Async::new(File::from(stdin))?, Async::new(File::from(stdout))?);
        let write = async {
            for number in (0..100_000).rev() {
                stdin.write_all(format!("{number:05}\n").as_bytes()).await?;
            }
            // Only a drop closes the pipe, and tells the child that this was all. `close` ends streams of sockets alone.
            drop(stdin);
            Ok(())
        };
        let mut sorted = String::new();
        try_join(write, stdout.read_to_string(&mut sorted)).await?;
        // To wait for the end of a process blocks.
        let status = spawn_blocking(move || child.wait()).await??;
        let (first, last) = (sorted.lines().next(), sorted.lines().last());
        println!(
            "child: {} lines from {first:?} to {last:?}, {status}",
            sorted.lines().count()
        );
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::thread;
    use std::time::{Duration, Instant};

    use exp6_combined::Async;
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
    use rustix::time::{timerfd_create, timerfd_settime};

    use super::Result;

    /// `sleep` is cheaper. A timer of the system can go by other clocks, such as one that wakes a machine that is suspended.
    pub(super) async fn timer() -> Result<()> {
        const PERIOD: Duration = Duration::from_millis(20);
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let (it_interval, it_value) = (Timespec::try_from(PERIOD)?, Timespec::try_from(PERIOD)?);
        let start = Instant::now();
        timerfd_settime(
            &timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval, it_value },
        )?;
        let timer = Async::new(File::from(timer))?;
        let mut ticks = 0;
        while ticks < 5 {
            // How often it has expired since the last read: a reader that is late counts none twice and misses none.
            let mut expired = [0; 8];
            timer.read_with(|mut timer| timer.read(&mut expired)).await?;
            ticks += u64::from_ne_bytes(expired);
        }
        assert!(start.elapsed() >= 5 * PERIOD);
        println!("timerfd: 5 ticks of {PERIOD:?}");
        Ok(())
    }

    /// A counter of the system, to which anybody who has the descriptor adds: another thread, another process, a driver.
    pub(super) async fn event() -> Result<()> {
        let counter = File::from(eventfd(0, EventfdFlags::CLOEXEC)?);
        let mut other = counter.try_clone()?;
        let counter = Async::new(counter)?;
        let adds = thread::spawn(move || other.write_all(&7u64.to_ne_bytes()));
        let mut sum = [0; 8];
        counter.read_with(|mut counter| counter.read(&mut sum)).await?;
        adds.join().expect("it does not panic")?;
        println!("eventfd: {}", u64::from_ne_bytes(sum));
        Ok(())
    }
}
