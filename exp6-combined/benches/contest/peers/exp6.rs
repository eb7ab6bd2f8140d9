//! exp6 as it is built here: with the files of `fast`, unless the bench runs with other features.

use exp6_combined as sched;

const NAME: &str = "exp6";

// The other variant has it as well.
#[allow(clippy::duplicate_mod)]
#[path = "ours.rs"]
mod ours;

pub(crate) use ours::Ours as Exp6;
