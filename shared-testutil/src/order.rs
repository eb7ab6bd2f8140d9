//! A log of events: it shows their order without a clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What happened, in order. A clone shares the log, and may go to another thread.
#[derive(Clone, Debug, Default)]
pub struct OrderLog {
    events: Arc<Mutex<Vec<String>>>,
}

impl OrderLog {
    /// Makes an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an event.
    pub fn note(&self, event: impl Into<String>) {
        self.lock().push(event.into());
    }

    /// The events up to now.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// How often `event` happened.
    #[must_use]
    pub fn count(&self, event: &str) -> usize {
        self.lock().iter().filter(|noted| *noted == event).count()
    }

    /// Asserts that these events happened, in this order, and no others.
    ///
    /// # Panics
    ///
    /// If not.
    #[track_caller]
    pub fn assert_is(&self, expected: &[&str]) {
        let events = self.events();
        assert!(
            events == expected,
            "expected {expected:?}, but this happened: {events:?}"
        );
    }

    /// Asserts that `first` happened before `second`. Each must have happened once.
    ///
    /// # Panics
    ///
    /// If not.
    #[track_caller]
    pub fn assert_before(&self, first: &str, second: &str) {
        let (a, b) = (self.place(first), self.place(second));
        assert!(a < b, "{first:?} did not happen before {second:?}: {:?}", self.events());
    }

    /// Asserts that two spans overlap: each, given as its first and its last event, starts before the other ends.
    ///
    /// # Panics
    ///
    /// If one ended before the other started.
    #[track_caller]
    pub fn assert_overlap(&self, a: (&str, &str), b: (&str, &str)) {
        self.assert_before(a.0, a.1);
        self.assert_before(b.0, b.1);
        self.assert_before(a.0, b.1);
        self.assert_before(b.0, a.1);
    }

    #[track_caller]
    fn place(&self, event: &str) -> usize {
        let events = self.events();
        let places: Vec<usize> = (0..events.len()).filter(|&place| events[place] == event).collect();
        let [place] = places[..] else {
            panic!("{event:?} happened {} times and not once: {events:?}", places.len());
        };
        place
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(events: &[&str]) -> OrderLog {
        let log = OrderLog::new();
        events.iter().for_each(|event| log.note(*event));
        log
    }

    #[test]
    fn a_clone_shares_the_log() {
        let log = log(&["a"]);
        log.clone().note("b");
        log.assert_is(&["a", "b"]);
        assert_eq!(log.count("b"), 1);
    }

    #[test]
    #[should_panic(expected = "this happened: [\"a\", \"b\"]")]
    fn another_order_fails() {
        log(&["a", "b"]).assert_is(&["b", "a"]);
    }

    #[test]
    #[should_panic(expected = "did not happen before")]
    fn the_wrong_way_round_fails() {
        log(&["b", "a"]).assert_before("a", "b");
    }

    #[test]
    #[should_panic(expected = "happened 0 times")]
    fn an_event_that_did_not_happen_fails() {
        log(&["a"]).assert_before("a", "b");
    }

    #[test]
    fn spans_that_cross_or_contain_each_other_overlap() {
        log(&["a+", "b+", "a-", "b-"]).assert_overlap(("a+", "a-"), ("b+", "b-"));
        log(&["b+", "a+", "a-", "b-"]).assert_overlap(("a+", "a-"), ("b+", "b-"));
    }

    #[test]
    #[should_panic(expected = "\"b+\" did not happen before \"a-\"")]
    fn spans_one_after_the_other_do_not_overlap() {
        log(&["a+", "a-", "b+", "b-"]).assert_overlap(("a+", "a-"), ("b+", "b-"));
    }
}
