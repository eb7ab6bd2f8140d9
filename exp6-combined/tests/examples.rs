//! Tests of the examples that need other crates. They are a program of their own because these crates take a while to build.

#[cfg(unix)] // as the tests themselves
use exp6_combined as sched;

#[path = "../../shared-testutil/suite/examples.rs"]
mod examples;
