#![doc = include_str!("../README.md")]

mod scheduler;
pub use scheduler::Scheduler;

mod yield_now;
pub use yield_now::yield_now;

mod timers;
pub use timers::{Elapsed, Sleep, sleep, sleep_until, timeout};

mod task;

mod ready;

mod wait;

mod join;
pub use join::{JoinError, JoinHandle, spawn};

mod block_on;

mod source;
pub use source::Async;

mod tcp;

mod blocking;
pub use blocking::spawn_blocking;

mod async_rw;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod epoll;

mod watch;
