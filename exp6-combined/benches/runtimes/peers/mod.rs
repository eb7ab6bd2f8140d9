//! The runtimes that are compared.

mod exp6;
pub(crate) use exp6::Exp6;

mod tokio;
pub(crate) use tokio::Tokio;

mod smol;
pub(crate) use smol::Smol;

#[cfg(target_os = "linux")]
mod compio;
#[cfg(target_os = "linux")]
pub(crate) use compio::Compio;

#[cfg(target_os = "linux")]
mod monoio;
#[cfg(target_os = "linux")]
pub(crate) use monoio::Monoio;
