#![doc = include_str!("../README.md")]

mod timing;
pub use timing::{assert_at_least, assert_took};

pub mod real_clock;

mod order;
pub use order::OrderLog;

mod waker;
pub use waker::CountingWaker;

mod home_thread;
pub use home_thread::{DropFlag, HomeThread};

mod watchdog;
pub use watchdog::{Watchdog, watchdog};

mod own_process;
pub use own_process::in_own_process;

mod panics;
pub use panics::{line_of_panic, message_in, message_of_panic};

#[cfg(unix)]
mod signals;
#[cfg(unix)]
pub use signals::SignalStorm;

mod server;
pub use server::{EchoServer, Fault};

mod client;
pub use client::EchoClient;

mod stream_pair;
pub use stream_pair::{LocalStream, stream_pair};

mod interrupt;
pub use interrupt::interrupt;

pub mod recorder;
pub use recorder::Recorder;

#[cfg(doctest)]
mod readmes;
