//! What programs need and the lesson does not.

mod async_rw;

#[cfg_attr(all(feature = "fast-io", target_os = "linux"), path = "../fast/read.rs")]
mod read;

mod stalls;
pub use stalls::detect_stalls;

mod poll_with;

mod drive;

mod host;

mod remote;
pub use remote::{Remote, RemoteHandle};

#[cfg(feature = "signals")]
mod signals;
#[cfg(all(feature = "signals", unix))]
pub use signals::signal;
#[cfg(feature = "signals")]
pub use signals::{Signal, ctrl_c};

pub(crate) mod clock;
pub use clock::now;

mod virtual_time;

mod dump;
pub use dump::{Dump, TaskDump, TaskState, dump, named};
