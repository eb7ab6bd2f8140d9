//! Tests that measure their process, in a program whose allocator counts. Each has a process of its own.

use exp6_plain as sched;

#[path = "../../../shared-testutil/suite/allocator.rs"]
mod allocator;

#[path = "../../../shared-testutil/suite/leaks.rs"]
mod leaks;

#[path = "../../../shared-testutil/suite/soak.rs"]
mod soak;
