#![doc = include_str!("../docs.md")]

#[cfg(not(any(unix, windows)))]
compile_error!("this crate needs descriptors and a selector: Unix or Windows");

mod scheduler;
pub use scheduler::Scheduler;

mod yield_now;
pub use yield_now::yield_now;

mod park;

// With a feature `fast-…`, a file of `fast/` takes the place of the plain one.
#[cfg_attr(feature = "fast-tasks", path = "../fast/run_queue.rs")]
mod run_queue;

#[cfg_attr(feature = "fast-tasks", path = "../fast/task.rs")]
mod task;

#[cfg_attr(feature = "fast-timers", path = "../fast/timers.rs")]
mod timers;

mod sleep;
pub use sleep::{Sleep, sleep, sleep_until};

mod timeout;
pub use timeout::{Elapsed, timeout};

mod join_error;
pub use join_error::JoinError;

#[cfg_attr(feature = "fast-tasks", path = "../fast/join.rs")]
mod join;
pub use join::{JoinHandle, spawn};

mod block_on;

#[cfg_attr(all(feature = "fast-io", target_os = "linux"), path = "../fast/poller.rs")]
mod poller;

#[cfg_attr(all(feature = "fast-io", target_os = "linux"), path = "../fast/source.rs")]
mod source;

#[cfg_attr(all(feature = "fast-io", target_os = "linux"), path = "../fast/async_io.rs")]
mod async_io;
pub use async_io::Async;

mod tcp;

#[cfg_attr(feature = "fast-jobs", path = "../fast/pool.rs")]
mod pool;

mod blocking;
pub use blocking::spawn_blocking;

mod self_socket;

// `extra/` is for use, and not part of the lesson.
#[path = "../extra/mod.rs"]
mod extra;
pub use extra::*;
