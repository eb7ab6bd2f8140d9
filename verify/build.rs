//! Copies the schedulers' sources, with the names of what loom has to see replaced by those of its stand-ins.
//!
//! So the models run the very files that are read and used, and these need no `cfg` for it.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// The steps, and those of their files that are modelled. exp5 is deaf to other threads: it has nothing to model.
const STEPS: [(&str, &str, &[&str]); 4] = [
    ("exp2", "exp2-sleep", &[]),
    ("exp3", "exp3-spawn", &["join", "block_on"]),
    ("exp4", "exp4-threadpool", &["join", "block_on", "blocking"]),
    (
        "exp6",
        "exp6-combined",
        &["join", "block_on", "blocking", "source", "watch"],
    ),
];

/// The files that all of them have.
const ALL: [&str; 6] = ["scheduler", "yield_now", "timers", "task", "ready", "wait"];

/// What is replaced, and by what. A line stays a line, so that messages name the right one.
const REPLACED: [(&str, &str); 11] = [
    // First, because the stand-ins' paths begin with `crate` too.
    ("crate::", "crate::STEP::"),
    ("std::sync::", "crate::sync::"),
    ("std::thread", "crate::thread"),
    ("thread_local! {", "loom::thread_local! {"),
    ("const { RefCell::new(None) }", "RefCell::new(None)"),
    ("threadpool::ThreadPool", "crate::thread::ThreadPool"),
    ("std::os::unix::net::UnixStream", "crate::os::UnixStream"),
    ("rustix::io::read(", "crate::os::read("),
    // Of the two selectors, Linux's is replaced, whatever the system.
    ("crate::STEP::epoll::", "crate::os::"),
    ("all(target_os = \"linux\", not(feature = \"portable\"))", "unix"),
    ("any(not(target_os = \"linux\"), feature = \"portable\")", "not(unix)"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let out = env::var("OUT_DIR").expect("set by Cargo");
    let mut modules = String::new();
    for (step, folder, files) in STEPS {
        let mut body = String::from("pub use scheduler::Scheduler;\npub use yield_now::yield_now;\n");
        for file in ALL.iter().chain(files) {
            let from = root.join(folder).join("src").join(file).with_extension("rs");
            println!("cargo::rerun-if-changed={}", from.display());
            let source = fs::read_to_string(&from).expect("a source file");
            let to = format!("{out}/{step}_{file}.rs");
            fs::write(&to, modelled(&source, step, file)).expect("a copy");
            writeln!(body, "#[path = {to:?}]\nmod {file};").expect("room");
        }
        if files.contains(&"join") {
            body.push_str("pub use join::{JoinError, JoinHandle, spawn};\n");
        }
        if files.contains(&"blocking") {
            body.push_str("pub use blocking::spawn_blocking;\n");
        }
        let doc = format!("/// The scheduler of `{folder}`.\n");
        writeln!(
            modules,
            "{doc}#[allow(warnings, clippy::all)]\npub mod {step} {{\n{body}}}"
        )
        .expect("room");
    }
    fs::write(format!("{out}/steps.rs"), modules).expect("a list of modules");
}

fn modelled(source: &str, step: &str, file: &str) -> String {
    let mut text = source.to_owned();
    for (from, to) in REPLACED {
        // A static of loom's cannot be initialised: the timers' counter stays what it is. It orders nothing. Nor does the
        // watch, which is off.
        if ["timers", "watch"].contains(&file) && from.starts_with("std::") {
            continue;
        }
        // The count of operations is the loop's own: no other thread asks for it.
        if file == "source" && from == "thread_local! {" {
            continue;
        }
        text = text.replace(from, to);
    }
    text.replace("STEP::", &format!("{step}::"))
}
