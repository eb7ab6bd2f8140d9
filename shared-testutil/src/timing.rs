//! Assertions on time. The lower bound is strict, because nothing may end early. The upper bound finds hangs, and things that
//! are done one after the other although they should overlap. It should be seconds away, because the machine may be busy.

use std::time::{Duration, Instant};

/// Asserts that `least` or more has passed since `start`. There is no tolerance: take `start` before what is measured.
///
/// # Panics
///
/// If less has passed. The message says what was measured, and both times.
#[track_caller]
pub fn assert_at_least(what: &str, start: Instant, least: Duration) {
    let took = start.elapsed();
    assert!(
        took >= least,
        "{what} took {took:?}, but ought to take {least:?} at least"
    );
}

/// Asserts that `least` or more and `most` or less has passed since `start`. Choose `most` with seconds to spare.
///
/// # Panics
///
/// If less or more has passed. The message says what was measured, and the times.
#[track_caller]
pub fn assert_took(what: &str, start: Instant, least: Duration, most: Duration) {
    let took = start.elapsed();
    assert!(
        took >= least,
        "{what} took {took:?}, but ought to take {least:?} at least"
    );
    assert!(took <= most, "{what} took {took:?}, but ought to take {most:?} at most");
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_time_within_the_bounds_passes() {
        let start = Instant::now()
            .checked_sub(SECOND)
            .expect("the clock is older than a second");
        assert_at_least("the past second", start, SECOND);
        assert_took("the past second", start, SECOND, 60 * SECOND);
    }

    #[test]
    #[should_panic(expected = "the wait took")]
    fn a_time_below_the_lower_bound_fails_and_says_what_was_measured() {
        assert_at_least("the wait", Instant::now(), 60 * SECOND);
    }

    #[test]
    #[should_panic(expected = "ought to take 60s at least")]
    fn assert_took_minds_the_lower_bound() {
        assert_took("the wait", Instant::now(), 60 * SECOND, 120 * SECOND);
    }

    #[test]
    #[should_panic(expected = "ought to take 1s at most")]
    fn assert_took_minds_the_upper_bound() {
        let start = Instant::now()
            .checked_sub(2 * SECOND)
            .expect("the clock is older than that");
        assert_took("the wait", start, SECOND, SECOND);
    }
}
