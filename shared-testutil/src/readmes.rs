//! The programs in the pages that rustdoc does not show, so that they are tested.

#[doc = include_str!("../../README.md")]
mod top {}

#[doc = include_str!("../../exp1-simplest/README.md")]
mod exp1 {}

#[doc = include_str!("../../exp2-sleep/README.md")]
mod exp2 {}

#[doc = include_str!("../../exp3-spawn/README.md")]
mod exp3 {}

#[doc = include_str!("../../exp4-threadpool/README.md")]
mod exp4 {}

#[doc = include_str!("../../exp5-selectors/README.md")]
mod exp5 {}

#[doc = include_str!("../../exp6-combined/README.md")]
mod exp6 {}
