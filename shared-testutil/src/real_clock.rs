//! What the suite's timer tests know of time, where sleeps go by the system's clock. A list of tests says
//! `use shared_testutil::real_clock as clock;`. `suite/on_virtual_time.rs` has another `clock`, and runs the same tests on it.

use std::time::Instant;

pub use crate::timing::{assert_at_least, assert_took};

/// The time that sleeps go by.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Whether a test has to be left out, because `_reason` holds on virtual time. Here nothing is left out.
#[must_use]
pub const fn needs_real_time(_reason: &str) -> bool {
    false
}
