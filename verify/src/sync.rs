//! Stands in for `std::sync`.

pub use std::sync::PoisonError;
/// The real one: a count orders nothing that the schedulers rely on, and `Wake` is for no other.
pub use std::sync::{Arc, Weak};

pub mod atomic {
    //! Stands in for `std::sync::atomic`.

    use std::ptr;

    pub use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

    /// A number of which loom sees the last use, too: all uses must be ordered before `get_mut`.
    #[derive(Debug)]
    pub struct AtomicI64(loom::sync::atomic::AtomicI64);

    impl AtomicI64 {
        /// Makes one.
        #[must_use]
        #[track_caller]
        pub fn new(value: i64) -> Self {
            Self(loom::sync::atomic::AtomicI64::new(value))
        }

        /// As in std.
        #[track_caller]
        pub fn load(&self, order: Ordering) -> i64 {
            self.0.load(order)
        }

        /// As in std.
        #[track_caller]
        pub fn fetch_add(&self, value: i64, order: Ordering) -> i64 {
            self.0.fetch_add(value, order)
        }

        /// As in std.
        #[track_caller]
        pub fn fetch_sub(&self, value: i64, order: Ordering) -> i64 {
            self.0.fetch_sub(value, order)
        }

        /// As in std.
        ///
        /// # Panics
        ///
        /// If another thread has used it, and nothing orders that before this.
        #[track_caller]
        #[allow(unsafe_code)]
        pub fn get_mut(&mut self) -> &mut i64 {
            let pointer = self.0.with_mut(ptr::from_mut);
            // SAFETY: the number is borrowed as long as the reference.
            unsafe { &mut *pointer }
        }
    }
}

pub use loom::sync::{Mutex, MutexGuard};
