//! Signals as futures. The handler of a signal writes a byte into a pair of sockets, and the receiver is a source like any
//! other.

use std::fmt;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::Socket;

use crate::async_io::Async;
use crate::self_socket;

/// Listens for Ctrl-C: on Unix for `SIGINT`, on Windows for what the console reports.
///
/// ```no_run
/// # use exp6_combined::{Scheduler, ctrl_c};
/// Scheduler::new().block_on(async {
///     ctrl_c()?.await?;
///     println!("goodbye");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// From the first call on, Ctrl-C does not end the process any more, even when all [`Signal`]s are dropped.
///
/// # Errors
///
/// If the system gives no sockets or no handler. On Windows also if another part of the program has set a handler with the
/// crate ctrlc, which has room for one.
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[track_caller]
pub fn ctrl_c() -> io::Result<Signal> {
    Signal::new(sys::CTRL_C)
}

/// Listens for a signal, by its number: `libc::SIGTERM`, for example.
///
/// ```
/// # use exp6_combined::{Scheduler, signal};
/// Scheduler::new().block_on(async {
///     let mut hangup = signal(libc::SIGHUP)?;
///     for _ in 0..2 {
///         signal_hook::low_level::raise(libc::SIGHUP)?; // somebody sends one
///     }
///     // None of the two is lost.
///     (&mut hangup).await?;
///     (&mut hangup).await?;
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
///
/// From the first call on, the signal does not do any more what it does by itself, such as ending the process, even when all
/// [`Signal`]s for it are dropped.
///
/// # Errors
///
/// `InvalidInput` for a signal that nobody can catch, or that tells of a fault of the program: `SIGKILL`, `SIGSTOP`, `SIGILL`,
/// `SIGFPE` and `SIGSEGV`, and for a number that is no signal. Or if the system gives no sockets or no handler.
///
/// # Panics
///
/// If no scheduler runs on this thread.
#[cfg(unix)]
#[track_caller]
pub fn signal(number: i32) -> io::Result<Signal> {
    Signal::new(number)
}

/// Waits for a signal. It may be awaited again and again, by `(&mut signal).await`. It gets each signal that comes after it
/// was made, also those that come while nobody awaits it. Several may be there for one signal: each gets all.
///
/// The system itself keeps a signal once while the process has not taken it: of two that are sent at the same moment, it may
/// report one. If nobody awaits a `Signal`, it keeps some hundreds; what comes then is lost. Dropping it ends that.
///
/// ```no_run
/// # use exp6_combined::{Scheduler, Signal, ctrl_c};
/// async fn until_the_second(mut interrupts: Signal) -> std::io::Result<()> {
///     (&mut interrupts).await?;
///     println!("once more to end at once");
///     interrupts.await
/// }
/// Scheduler::new().block_on(async { until_the_second(ctrl_c()?).await })?;
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// If its scheduler is not the one that runs on this thread.
///
/// # Cancel safety
///
/// Awaiting `&mut signal` and dropping that future loses nothing.
#[must_use = "it does nothing unless it is awaited"]
pub struct Signal {
    /// Declared first, and so dropped first: the handler does not write to a closed peer.
    _registration: sys::Registration,
    receiver: Async<Socket>,
}

impl Signal {
    #[track_caller]
    fn new(number: i32) -> io::Result<Self> {
        let (receiver, sender) = self_socket::pair()?;
        let receiver = Async::new(receiver)?;
        let registration = sys::Registration::new(number, sender)?;
        Ok(Self {
            _registration: registration,
            receiver,
        })
    }
}

impl Future for Signal {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let one = |mut socket: &Socket| socket.read_exact(&mut [0]);
        self.receiver.poll_read_with(cx, one)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}

#[cfg(unix)]
mod sys {
    use std::io;

    use signal_hook::SigId;
    use signal_hook::consts::{FORBIDDEN, SIGINT};
    use signal_hook::low_level::{pipe, unregister};
    use socket2::Socket;

    pub(super) const CTRL_C: i32 = SIGINT;

    pub(super) struct Registration(SigId);

    impl Registration {
        pub(super) fn new(number: i32, sender: Socket) -> io::Result<Self> {
            if FORBIDDEN.contains(&number) {
                let text = format!("signal {number} cannot be listened for");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            pipe::register(number, sender).map(Self)
        }
    }

    impl Drop for Registration {
        fn drop(&mut self) {
            unregister(self.0);
        }
    }
}

/// ctrlc takes one handler, for ever. It runs on a thread of its own, and so it may lock.
#[cfg(windows)]
mod sys {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use socket2::Socket;

    pub(super) const CTRL_C: i32 = 0;

    static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners {
        has_handler: false,
        senders: Vec::new(),
    });

    struct Listeners {
        has_handler: bool,
        senders: Vec<Arc<Socket>>,
    }

    pub(super) struct Registration(Arc<Socket>);

    impl Registration {
        pub(super) fn new(_: i32, sender: Socket) -> io::Result<Self> {
            let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
            if !listeners.has_handler {
                ctrlc::set_handler(tell_all).map_err(io::Error::other)?;
                listeners.has_handler = true;
            }
            let sender = Arc::new(sender);
            listeners.senders.push(Arc::clone(&sender));
            Ok(Self(sender))
        }
    }

    fn tell_all() {
        let listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        for mut sender in listeners.senders.iter().map(|sender| &**sender) {
            // If the socket is full, there are bytes enough in it.
            let _ = sender.write(&[1]);
        }
    }

    impl Drop for Registration {
        fn drop(&mut self) {
            let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.senders.retain(|sender| !Arc::ptr_eq(sender, &self.0));
        }
    }
}
