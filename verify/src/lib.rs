//! The schedulers, built on loom's stand-ins for atomics, locks and threads, for the models in `tests/models.rs`.
//!
//! `build.rs` makes them from the steps' own files, and replaces the names of what loom has to see. So the models run what
//! is read and used, loop and all, and the files need no `cfg` for it. exp6 is built twice: plain, and with the files of
//! `fast-tasks`. `exp6_pool` is for the pool of `fast-jobs`, without a scheduler. Two more things stand in for what loom does not have: the pool starts a thread a job, and exp6's selector
//! and self-socket are a counter of bytes.
//!
//! Not modelled: time, so no model has a timer; sources, which belong to the loop's thread, and with them `fast-io`;
//! `RefCell` and `Cell`, and the counts of `Arc`; how many bytes and ids there are, as long as they do what they are for;
//! and exp5, whose park no other thread ends.
//!
//! `exp4_fast` is not built on loom: it is exp4 with the files of `fast-tasks`, for the suite under Miri (`tests/suite.rs`).
//! In exp6 these files need a selector, which Miri does not have.
//!
//! With `LOOM_LOCATION=1` the report of a deadlock says where each thread is blocked. The first message counts: what is
//! dropped after a deadlock may ask loom for something, panic, and so abort the process.

pub mod cell;
pub mod os;
pub mod sync;
pub mod thread;

include!(concat!(env!("OUT_DIR"), "/steps.rs"));
