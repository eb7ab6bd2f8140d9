//! A detector for values that are dropped on the wrong thread.

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Says whether a [`HomeThread`] has been dropped, and on which thread. A clone says the same, and may go to another thread.
#[derive(Clone, Debug, Default)]
pub struct DropFlag {
    dropped: Arc<Mutex<Option<Dropped>>>,
}

#[derive(Debug)]
struct Dropped {
    home: Thread,
    place: Thread,
}

impl DropFlag {
    /// Makes a flag for one value.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the value has been dropped, on whatever thread.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.lock().is_some()
    }

    /// Asserts that the value has been dropped on the thread that made it.
    ///
    /// # Panics
    ///
    /// If it has not been dropped yet, or on another thread.
    #[track_caller]
    pub fn assert_dropped_at_home(&self) {
        let Some(Dropped { home, place }) = &*self.lock() else {
            panic!("the value has not been dropped yet");
        };
        assert!(
            home.id() == place.id(),
            "the value was made on {home:?}, but dropped on {place:?}"
        );
    }

    /// Asserts that the value still lives.
    ///
    /// # Panics
    ///
    /// If it has been dropped.
    #[track_caller]
    pub fn assert_not_dropped(&self) {
        if let Some(Dropped { place, .. }) = &*self.lock() {
            panic!("the value was dropped on {place:?}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Dropped>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that must be dropped on the thread that made it, as an `Rc` must. Its [`DropFlag`] says whether it was.
///
/// A drop on another thread does not panic: the panic might be caught, or end a thread that nobody joins.
#[derive(Debug)]
pub struct HomeThread {
    home: Thread,
    flag: DropFlag,
    /// Neither `Send` nor `Sync`.
    _not_send: PhantomData<Rc<()>>,
}

impl HomeThread {
    /// Makes a value that must be dropped on this thread.
    #[must_use]
    pub fn new(flag: &DropFlag) -> Self {
        Self {
            home: thread::current(),
            flag: flag.clone(),
            _not_send: PhantomData,
        }
    }
}

impl Drop for HomeThread {
    fn drop(&mut self) {
        *self.flag.lock() = Some(Dropped {
            home: self.home.clone(),
            place: thread::current(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an unsound scheduler does.
    struct Smuggled(#[allow(dead_code, reason = "only its drop matters")] HomeThread);

    #[allow(unsafe_code)]
    // SAFETY: a `HomeThread` is made of `Send` fields, and of a marker that says otherwise.
    unsafe impl Send for Smuggled {}

    #[test]
    fn a_drop_at_home_is_told_from_none() {
        let flag = DropFlag::new();
        let value = HomeThread::new(&flag);
        flag.assert_not_dropped();
        assert!(!flag.is_dropped());
        drop(value);
        assert!(flag.is_dropped());
        flag.assert_dropped_at_home();
    }

    #[test]
    #[should_panic(expected = "but dropped on")]
    fn a_drop_abroad_is_told() {
        let flag = DropFlag::new();
        let value = Smuggled(HomeThread::new(&flag));
        thread::spawn(move || drop(value))
            .join()
            .expect("the drop itself does not panic");
        flag.assert_dropped_at_home();
    }

    #[test]
    #[should_panic(expected = "has not been dropped yet")]
    fn a_value_that_lives_is_not_dropped_at_home() {
        let flag = DropFlag::new();
        let _value = HomeThread::new(&flag);
        flag.assert_dropped_at_home();
    }

    #[test]
    #[should_panic(expected = "the value was dropped on")]
    fn a_dropped_value_does_not_live() {
        let flag = DropFlag::new();
        drop(HomeThread::new(&flag));
        flag.assert_not_dropped();
    }
}
