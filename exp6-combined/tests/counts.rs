//! Tests that count what a thread asks of the allocator, and a process of the system: in a program whose allocator does so.

use exp6_combined as sched;

#[path = "../../shared-testutil/suite/counts.rs"]
mod counts;
