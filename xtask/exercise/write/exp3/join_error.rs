//! Why a task has no output.

use std::any::Any;
use std::error::Error;
use std::fmt;

/// Why a task has no output: it was cancelled, or it panicked.
#[derive(Debug)]
pub struct JoinError {}

impl JoinError {
    /// Whether the task was aborted, or its scheduler dropped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        todo!("whether a task was cancelled")
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        todo!("whether a task panicked")
    }

    /// What the task panicked with, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// If the task did not panic.
    #[track_caller]
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        todo!("what a task panicked with")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// The error itself, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        todo!("what a task panicked with")
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!("what happened, in words")
    }
}

impl Error for JoinError {}
