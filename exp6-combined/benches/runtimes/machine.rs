//! What the figures were taken with, for whoever reads them elsewhere.

use crate::common::machine::{machine, versions};

/// Versions, drivers and machine, in a line each.
pub(crate) fn describe() -> String {
    let versions = versions(&["tokio", "smol", "compio", "monoio"]);
    format!("{versions}{}.\n{}.\n", drivers(), machine())
}

/// What the runtimes that can use io_uring use here.
#[cfg(target_os = "linux")]
fn drivers() -> String {
    let compio = compio::runtime::Runtime::new().map(|runtime| format!("{:?}", runtime.driver_type()));
    let monoio = if monoio::utils::detect_uring() {
        "IoUring"
    } else {
        "Legacy"
    };
    let compio = compio.unwrap_or_else(|error| error.to_string());
    format!("; compio's driver is {compio}, monoio's {monoio}")
}

#[cfg(not(target_os = "linux"))]
fn drivers() -> String {
    String::new()
}
