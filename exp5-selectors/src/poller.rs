//! The selector: tells which descriptors are ready.

pub(crate) use polling::{Event, Events, Poller};
