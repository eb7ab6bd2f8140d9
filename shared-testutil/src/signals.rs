//! Many signals, which interrupt every wait in the system.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use signal_hook::consts::SIGALRM;

/// Between two signals: a thousand a second.
const PAUSE: Duration = Duration::from_millis(1);

/// Sends `SIGALRM` to the thread that made it, about a thousand times a second, until it is dropped there.
///
/// The handler only sets a flag. But each wait in a selector, for a deadline or for the token of a parked thread ends with
/// `EINTR`.
#[derive(Debug)]
pub struct SignalStorm {
    state: Arc<State>,
    sender: Option<JoinHandle<()>>,
    /// Not `Send`: it is dropped on the thread that gets the signals, and so that thread lives until then.
    _not_send: PhantomData<Rc<()>>,
}

#[derive(Debug)]
struct State {
    /// The thread that gets the signals. A number, because with some C libraries a `Pthread` is a pointer, and so not `Send`.
    target: usize,
    over: AtomicBool,
    sent: AtomicU64,
    /// Set by the handler.
    arrived: Arc<AtomicBool>,
}

impl SignalStorm {
    /// Starts to send.
    ///
    /// # Panics
    ///
    /// If the system gives no handler or no thread.
    #[must_use = "the storm ends when it is dropped"]
    pub fn new() -> Self {
        let arrived = Arc::new(AtomicBool::new(false));
        // The handler stays for ever: without it, a signal that is still on its way would end the process.
        signal_hook::flag::register(SIGALRM, Arc::clone(&arrived)).expect("a handler for SIGALRM");
        let state = Arc::new(State {
            target: pthread_self() as usize,
            over: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            arrived,
        });
        let sender = thread::spawn({
            let state = Arc::clone(&state);
            move || state.send()
        });
        Self {
            state,
            sender: Some(sender),
            _not_send: PhantomData,
        }
    }

    /// How many signals were sent up to now.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }

    /// Whether one has arrived since the last call.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.state.arrived.swap(false, Ordering::Relaxed)
    }
}

impl Default for SignalStorm {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn send(&self) {
        while !self.over.load(Ordering::Relaxed) {
            pthread_kill(self.target as Pthread, Signal::SIGALRM).expect("the thread lives");
            self.sent.fetch_add(1, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for SignalStorm {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            let ended = sender.join();
            assert!(ended.is_ok() || thread::panicking(), "the storm panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn signals_arrive_while_the_thread_waits() {
        let storm = SignalStorm::new();
        let start = Instant::now();
        for _ in 0..10 {
            while !storm.has_arrived() {
                assert!(start.elapsed() < Duration::from_secs(60), "no signal arrives");
                thread::sleep(Duration::from_millis(5));
            }
        }
        assert!(storm.sent() >= 10);
    }
}
