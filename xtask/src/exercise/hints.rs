//! Hints: those that were given stay, and each `--hint` gives one more.

use std::io::Write;

use super::reader::Exercise;
use crate::stop::Result;

/// `name` is where the exercise notes how many were given.
pub(super) fn tell(exercise: &mut Exercise, name: &str, hints: &[String], more: bool, out: &mut impl Write) -> Result {
    let given: usize = exercise
        .notes
        .get(name)
        .and_then(|level| level.parse().ok())
        .unwrap_or(0);
    let level = (given + usize::from(more)).min(hints.len());
    if more {
        exercise.notes.set(name, level)?;
    }
    writeln!(out)?;
    for (number, hint) in (1..).zip(&hints[..level]) {
        writeln!(out, "hint {number}: {hint}")?;
    }
    match level {
        _ if level == hints.len() => Ok(()),
        0 => Ok(writeln!(out, "a hint: cargo xtask exercise check --hint")?),
        _ => Ok(writeln!(out, "the next hint: cargo xtask exercise check --hint")?),
    }
}
