//! The clock that sleeps go by: the system's, or that of a scheduler with virtual time. `timers.rs` asks here, and this file
//! knows nothing of schedulers: `virtual_time.rs` puts a hook in, with the first clock that it makes.

use std::sync::OnceLock;
use std::time::Instant;

/// Tells the virtual time, if the scheduler that runs on this thread has one.
type Hook = fn() -> Option<Instant>;

/// Until somebody asks for virtual time, it is empty, and nothing else is looked at.
static HOOK: OnceLock<Hook> = OnceLock::new();

pub(crate) fn set_hook(hook: Hook) {
    HOOK.get_or_init(|| hook);
}

pub(crate) fn virtual_now() -> Option<Instant> {
    HOOK.get().and_then(ask)
}

/// Out of line, because nearly all schedulers have the real clock.
#[cold]
fn ask(hook: &Hook) -> Option<Instant> {
    hook()
}

/// The time that sleeps go by. In a scheduler that was made by
/// [`with_virtual_time`](crate::Scheduler::with_virtual_time) and that runs on this thread, it is the virtual time. Anywhere
/// else it is [`Instant::now`]. Code that looks at the time by this function can be tested with either.
///
/// ```
/// # use std::time::Duration;
/// # use exp6_combined::{Scheduler, now, sleep_until};
/// let scheduler = Scheduler::with_virtual_time();
/// scheduler.block_on(async {
///     let midnight = now() + Duration::from_secs(3600);
///     sleep_until(midnight).await;
///     assert_eq!(now(), midnight);
/// });
/// ```
#[must_use]
pub fn now() -> Instant {
    virtual_now().unwrap_or_else(Instant::now)
}
