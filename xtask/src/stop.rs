//! Why a command ends before its end.

use std::fmt::Display;
use std::io;

/// What becomes of it: a message, and the exit code.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// A check has failed, or what the command needs is not there: exit code 1.
    Failed(String),
    /// Writing has failed: exit code 1, or none of our business if the reader has left.
    Output(io::Error),
}

pub(crate) type Result<T = ()> = std::result::Result<T, Stop>;

/// A wrong word on the command line, and the words that would have been right.
pub(crate) fn unknown<T>(what: &str, word: &str, valid: impl IntoIterator<Item: Display>) -> Result<T> {
    let valid: Vec<_> = valid.into_iter().map(|word| word.to_string()).collect();
    Err(Stop::Usage(format!(
        "unknown {what} `{word}`: there are {}",
        valid.join(", ")
    )))
}

pub(crate) fn failed<T>(message: impl Into<String>) -> Result<T> {
    Err(Stop::Failed(message.into()))
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<lexopt::Error> for Stop {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}
