//! A processor each for the client and the server. Otherwise the system sometimes puts both on one: a thread that is woken
//! often comes to where it is woken from.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that this process may use, the first and the last of them. `None` if there is only one.
pub(crate) fn two() -> Option<[usize; 2]> {
    let allowed = sched_getaffinity(None).ok()?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor));
    Some([usable.next()?, usable.next_back()?])
}

/// Keeps this thread, and those that it starts, on one processor. Where that is refused, they run anywhere.
pub(crate) fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    let _ = sched_setaffinity(None, &set);
}
