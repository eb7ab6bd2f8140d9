//! What the workloads are timed with.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Whether the thread's own time counts, and not the time that passes. It does not see the others on the machine; nor
/// does it see what the thread waits for, and what pools do.
static CPU: AtomicBool = AtomicBool::new(false);

pub(crate) fn count_cpu_time() {
    CPU.store(true, Ordering::Relaxed);
}

/// What the times are, for whoever reads them.
pub(crate) fn kind() -> &'static str {
    match CPU.load(Ordering::Relaxed) {
        true => {
            "Processor time of the scheduler's thread, which does not see what it waits for, nor the threads of a pool."
        }
        false => "Time on the wall.",
    }
}

/// Since some moment in the past.
pub(crate) fn now() -> Duration {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    if !CPU.load(Ordering::Relaxed) {
        return EPOCH.elapsed();
    }
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
