//! The timer tests once more, on virtual time: what holds for sleeps holds there as well, and takes no time.

mod sched {
    use std::cell::Cell;
    use std::ops::Deref;
    use std::time::Instant;

    pub(super) use crate::sched::*;

    thread_local! {
        /// The latest virtual time that this thread has seen.
        pub(super) static LATEST: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// A scheduler with virtual time, where the tests ask for any.
    pub(super) struct Scheduler(crate::sched::Scheduler);

    impl Scheduler {
        pub(super) fn new() -> Self {
            let scheduler = crate::sched::Scheduler::with_virtual_time();
            // A test that runs several schedulers, one after the other, sees one time: the next goes on where the last ended.
            if let Some(latest) = LATEST.get() {
                scheduler.block_on(sleep_until(latest));
            }
            Self(scheduler)
        }

        pub(super) fn run(&self) {
            self.0.run();
            LATEST.set(Some(self.0.block_on(async { now() })));
        }
    }

    impl Deref for Scheduler {
        type Target = crate::sched::Scheduler;

        fn deref(&self) -> &Self::Target {
            &self.0
        }
    }
}

mod clock {
    use std::time::{Duration, Instant};

    /// The virtual time; outside of a scheduler, that at which the last one has ended.
    pub(super) fn now() -> Instant {
        let latest = super::sched::LATEST.get();
        let now = crate::sched::now();
        latest.map_or(now, |latest| latest.max(now))
    }

    /// The same, from the start that real time would have had.
    fn real(start: Instant) -> Instant {
        let took = now().saturating_duration_since(start);
        let now = Instant::now();
        now.checked_sub(took).expect("the machine has run for longer")
    }

    #[track_caller]
    pub(super) fn assert_at_least(what: &str, start: Instant, least: Duration) {
        shared_testutil::assert_at_least(what, real(start), least);
    }

    #[track_caller]
    pub(super) fn assert_took(what: &str, start: Instant, least: Duration, most: Duration) {
        shared_testutil::assert_took(what, real(start), least, most);
    }

    pub(super) fn needs_real_time(reason: &str) -> bool {
        println!("not on virtual time: {reason}");
        true
    }
}

#[allow(clippy::duplicate_mod)] // with another `sched` and another `clock`
#[path = "timers.rs"]
mod timers;

#[allow(clippy::duplicate_mod)] // with another `sched` and another `clock`
#[path = "timeout.rs"]
mod timeout;
