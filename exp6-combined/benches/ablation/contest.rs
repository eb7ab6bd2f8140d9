//! Of the contest the workloads, and exp6 alone: a variant is built without the other runtimes.

#![allow(dead_code)]

#[path = "../contest/peers/exp6.rs"]
pub(crate) mod exp6;
#[path = "../contest/runtime.rs"]
pub(crate) mod runtime;
#[path = "../contest/work.rs"]
pub(crate) mod work;
