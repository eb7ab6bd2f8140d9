//! What the workloads are timed with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Whether the thread's own time counts, and not the time that passes. It does not see the others on the machine; nor
/// does it see what the thread waits for, and what pools do.
static CPU: AtomicBool = AtomicBool::new(false);

pub(crate) fn count_cpu_time() {
    CPU.store(true, Ordering::Relaxed);
}

pub(crate) fn now() -> Duration {
    let clock = match CPU.load(Ordering::Relaxed) {
        true => ClockId::ThreadCPUTime,
        false => ClockId::Monotonic,
    };
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
