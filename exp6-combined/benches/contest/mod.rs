//! The runtimes and what is asked of them. Each bench uses a part of it.

#![allow(dead_code, unused_imports)]

pub(crate) mod peers;
pub(crate) mod runtime;
pub(crate) mod work;
