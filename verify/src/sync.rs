//! Stands in for `std::sync`.

/// The real one: it is computed once, by whoever comes first.
pub use std::sync::LazyLock;
pub use std::sync::PoisonError;
/// The real one: a count orders nothing that the schedulers rely on, and `Wake` is for no other.
pub use std::sync::{Arc, Weak};

pub mod atomic {
    //! Stands in for `std::sync::atomic`.

    pub use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    /// A number of which loom sees the last use, too: all uses must be ordered before `get_mut`.
    #[derive(Debug)]
    pub struct AtomicI64 {
        number: loom::sync::atomic::AtomicI64,
        /// What `get_mut` has found.
        last: i64,
    }

    // std's functions are not `must_use` either.
    #[allow(clippy::must_use_candidate)]
    impl AtomicI64 {
        /// Makes one.
        #[must_use]
        #[track_caller]
        pub fn new(value: i64) -> Self {
            let number = loom::sync::atomic::AtomicI64::new(value);
            Self { number, last: value }
        }

        /// As in std.
        #[track_caller]
        pub fn load(&self, order: Ordering) -> i64 {
            self.number.load(order)
        }

        /// As in std.
        #[track_caller]
        pub fn fetch_add(&self, value: i64, order: Ordering) -> i64 {
            self.number.fetch_add(value, order)
        }

        /// As in std.
        #[track_caller]
        pub fn fetch_sub(&self, value: i64, order: Ordering) -> i64 {
            self.number.fetch_sub(value, order)
        }

        /// As in std, but that a change of it is lost.
        ///
        /// # Panics
        ///
        /// If another thread has used it, and nothing orders that before this.
        #[track_caller]
        pub fn get_mut(&mut self) -> &mut i64 {
            self.last = self.number.with_mut(|number| *number);
            &mut self.last
        }
    }
}

pub use loom::sync::{Condvar, Mutex, MutexGuard};
