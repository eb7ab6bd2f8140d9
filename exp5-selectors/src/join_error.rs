//! Why a task has no output.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Why a task has no output: it was cancelled, or it panicked.
pub struct JoinError {
    /// What it panicked with; `None` if it was cancelled. In a mutex, because an error should be `Sync`.
    payload: Option<Mutex<Box<dyn Any + Send>>>,
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        Self { payload: None }
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let payload = Some(Mutex::new(payload));
        Self { payload }
    }

    /// Whether the task was aborted, or its scheduler dropped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.payload.is_some()
    }

    /// What the task panicked with, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// If the task did not panic.
    #[track_caller]
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.try_into_panic().expect("`into_panic` needs a panic")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// The error itself, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        let payload = self.payload.ok_or_else(Self::cancelled)?;
        Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(payload) = &self.payload else {
            return f.write_str("the task was cancelled");
        };
        let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
        // `panic!` gives one of these two.
        let text = payload.downcast_ref::<&str>().copied();
        match text.or_else(|| payload.downcast_ref().map(String::as_str)) {
            Some(text) => write!(f, "the task panicked: {text}"),
            None => f.write_str("the task panicked"),
        }
    }
}

impl Error for JoinError {}
