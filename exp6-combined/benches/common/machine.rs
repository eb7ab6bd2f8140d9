//! What the figures were taken with, for whoever reads them elsewhere.

use std::path::Path;
use std::thread::available_parallelism;
use std::{env, fs};

/// The versions of these crates, as the lock file has them.
pub(crate) fn versions(crates: &[&str]) -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let versions: Vec<_> = crates.iter().map(|name| version(&lock, name)).collect();
    versions.join(", ")
}

fn version(lock: &str, name: &str) -> String {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let found = lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next());
    format!("{name} {}", found.unwrap_or("?"))
}

pub(crate) fn machine() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or(env::consts::ARCH, |model| model.trim_start_matches([' ', '\t', ':']));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    let tcp = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    // It decides how the kernel paces a stream, even one that stays on the machine.
    let tcp = if tcp.is_empty() {
        String::new()
    } else {
        format!(", TCP with {}", tcp.trim())
    };
    format!("{cores} processors, {model}, {} {kernel}{tcp}", env::consts::OS)
}
