//! Stands in for `std::cell::UnsafeCell`.

/// A cell of which loom sees each access.
///
/// Each access counts as a write, and as over at once. That is enough: two accesses of different threads that nothing
/// orders are found out in every run, whichever comes first.
#[derive(Debug, Default)]
pub struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// Makes one.
    #[must_use]
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Returns a pointer to the value.
    ///
    /// # Panics
    ///
    /// If another thread has asked for it, and nothing orders that before this.
    #[track_caller]
    pub fn get(&self) -> *mut T {
        self.0.with_mut(|pointer| pointer)
    }
}
