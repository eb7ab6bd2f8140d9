//! Stands in for `std::sync`.

pub use std::sync::PoisonError;
/// The real one: a count orders nothing that the schedulers rely on, and `Wake` is for no other.
pub use std::sync::{Arc, Weak};

pub use loom::sync::atomic;
pub use loom::sync::{Mutex, MutexGuard};
