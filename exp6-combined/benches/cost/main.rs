//! What a runtime costs to have: an echo server is built on each from nothing. `cargo bench -p exp6-combined --bench cost`, and
//! with `-- --publish` it goes into the README of the benches.
//!
//! Sources are fetched before the clock starts, versions are those of the workspace, and the profile is cargo's release
//! profile with the symbols stripped.

#[path = "../common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs, process};

use common::package::Package;
use common::page::{BENCHES, Page};
use common::quartiles;

/// A server, and what its `Cargo.toml` asks for.
struct Server {
    name: &'static str,
    source: &'static str,
    dependency: &'static str,
}

const SERVERS: [Server; 3] = [
    Server {
        name: "exp6",
        source: include_str!("exp6.rs"),
        dependency: concat!("exp6-combined = { path = \"", env!("CARGO_MANIFEST_DIR"), "\" }"),
    },
    Server {
        name: "tokio",
        source: include_str!("tokio.rs"),
        dependency: "tokio = { version = \"1\", features = [\"io-util\", \"net\", \"rt\"] }",
    },
    Server {
        name: "smol",
        source: include_str!("smol.rs"),
        dependency: "smol = \"2\"",
    },
];

/// Builds of each.
const TIMES: usize = 3;

/// The unit in which Linux tells processor times.
const TICKS_A_SECOND: f64 = 100.0;

/// What one build took.
struct Build {
    seconds: f64,
    processor_seconds: f64,
    crates: usize,
}

fn main() {
    if !env::args().any(|arg| arg == "--bench") {
        // Cargo says so. This is a test, and cargo has its hands full.
        println!("nothing is built: this is for `cargo bench`");
        return;
    }
    let place = env::temp_dir().join(format!("cost-{}", process::id()));
    let mut page = Page::default();
    page.line("| echo server on | built in | processor time | crates | stripped |");
    page.line("|---|--:|--:|--:|--:|");
    for server in &SERVERS {
        let folder = place.join(server.name);
        let package = prepare(server, folder);
        let builds: Vec<_> = (0..TIMES).map(|_| build(&package)).collect();
        let program = package.target().join("release/server");
        check(&program);
        let median = |value: fn(&Build) -> f64| quartiles(&builds.iter().map(value).collect::<Vec<_>>())[1];
        page.line(&format!(
            "| {} | {:.1} s | {:.1} s | {} | {:.0} KiB |",
            server.name,
            median(|build| build.seconds),
            median(|build| build.processor_seconds),
            builds[0].crates,
            fs::metadata(program).unwrap().len() as f64 / 1024.0,
        ));
    }
    fs::remove_dir_all(place).unwrap();
    if env::args().any(|arg| arg == "--publish") {
        page.publish(BENCHES, "cost", None);
    }
}

/// Writes the package, and fetches what it depends on.
fn prepare(server: &Server, folder: PathBuf) -> Package {
    let manifest = format!(
        "[package]\nname = \"server\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n[profile.release]\nstrip = true\n",
        server.dependency
    );
    let package = Package::new(folder, &manifest);
    fs::create_dir_all(package.folder().join("src")).unwrap();
    fs::write(package.folder().join("src/main.rs"), server.source).unwrap();
    let status = package.cargo(&["fetch", "--quiet"]).status().unwrap();
    assert!(status.success(), "the sources cannot be fetched");
    package
}

fn build(package: &Package) -> Build {
    let _ = fs::remove_dir_all(package.target());
    let (start, processor) = (Instant::now(), processor_seconds());
    let output = package.cargo(&["build", "--release", "--offline"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Build {
        seconds: start.elapsed().as_secs_f64(),
        processor_seconds: processor_seconds() - processor,
        crates: errors.lines().filter(|line| line.contains("Compiling")).count(),
    }
}

/// What the processes that have ended have used. Zero where the system does not tell in Linux's way.
fn processor_seconds() -> f64 {
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may contain spaces, the 14th and the 15th value.
    let values = status.rsplit(')').next().unwrap_or_default();
    let ticks = values.split_whitespace().skip(13).take(2);
    ticks.flat_map(str::parse::<f64>).sum::<f64>() / TICKS_A_SECOND
}

/// Has the server echo a message.
fn check(program: &Path) {
    let mut server = Command::new(program).stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    output.read_line(&mut address).unwrap();
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    stream.write_all(b"TEST").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"TEST");
    server.kill().unwrap();
    server.wait().unwrap();
}
