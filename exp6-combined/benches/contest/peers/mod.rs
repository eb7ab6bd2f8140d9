//! The runtimes that are compared.

pub(crate) mod exp6;
pub(crate) mod plain;
pub(crate) mod smol;
pub(crate) mod tokio;

#[cfg(target_os = "linux")]
pub(crate) mod compio;
#[cfg(target_os = "linux")]
pub(crate) mod monoio;
