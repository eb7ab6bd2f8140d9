//! exp6 without the files of `fast`.

use exp6_plain as sched;

const NAME: &str = "plain";

// The other variant has it as well.
#[allow(clippy::duplicate_mod)]
#[path = "ours.rs"]
mod ours;

pub(crate) use ours::Ours as Plain;
