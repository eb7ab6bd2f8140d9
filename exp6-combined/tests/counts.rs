//! Tests that count what a thread asks of the allocator, which counts here, and what a process asks of the system.

use exp6_combined as sched;

#[path = "../../shared-testutil/suite/counts.rs"]
mod counts;
