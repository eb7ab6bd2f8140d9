//! The selector: tells which descriptors are ready. In a file of its own, because one of exp6's `fast/` can take its place.

pub(crate) use polling::{Event, Events, Poller};
