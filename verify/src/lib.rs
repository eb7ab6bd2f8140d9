//! The schedulers, built on loom's stand-ins for atomics, locks and threads, for the models in `tests/models.rs`.
//!
//! `build.rs` makes them from the steps' own files, and replaces the names of what loom has to see. So the models run what
//! is read and used, loop and all, and the files need no `cfg` for it. Two more things stand in for what loom does not
//! have: the pool starts a thread a job, and exp6's selector and self-socket are a counter that holds one byte.
//!
//! Not modelled: time, so no model has a timer; sources, which belong to the loop's thread; the counts of `Arc`; and
//! exp5, which is deaf to other threads.
//!
//! With `LOOM_LOCATION=1` the report of a deadlock says where each thread is blocked.

pub mod os;
pub mod sync;
pub mod thread;

include!(concat!(env!("OUT_DIR"), "/steps.rs"));
