#![doc = include_str!("../README.md")]

mod scheduler;
pub use scheduler::Scheduler;

mod yield_now;
pub use yield_now::yield_now;

mod timers;
pub use timers::{Elapsed, Sleep, sleep, sleep_until, timeout};

mod task;

mod ready;

mod wait;
