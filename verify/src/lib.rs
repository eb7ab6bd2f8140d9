//! The schedulers, built on loom's stand-ins for atomics, locks and threads. `build.rs` makes them from their sources.

pub mod os;
pub mod sync;
pub mod thread;

include!(concat!(env!("OUT_DIR"), "/steps.rs"));
