//! Copies the schedulers' sources, with the names of what loom has to see replaced by those of its stand-ins.
//!
//! So the models run the very files that are read and used, and these need no `cfg` for it.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// A module of copies.
struct Step {
    name: &'static str,
    folder: &'static str,
    /// The files that it has beside those that all have.
    files: &'static [&'static str],
    /// Those that are taken from `fast`.
    fast: &'static [&'static str],
    /// Whether loom's stand-ins replace what std has.
    on_loom: bool,
}

/// No other thread ends the park of exp5: it has nothing to model. Of exp6's features only `fast-tasks` and `fast-jobs` matter to
/// other threads.
const STEPS: [Step; 7] = [
    Step {
        name: "exp2",
        folder: "exp2-sleep",
        files: &[],
        fast: &[],
        on_loom: true,
    },
    Step {
        name: "exp3",
        folder: "exp3-spawn",
        files: &["join_error", "join", "block_on"],
        fast: &[],
        on_loom: true,
    },
    Step {
        name: "exp4",
        folder: "exp4-threadpool",
        files: &["join_error", "join", "block_on", "pool", "blocking"],
        fast: &[],
        on_loom: true,
    },
    Step {
        name: "exp6",
        folder: "exp6-combined",
        files: EXP6,
        fast: &[],
        on_loom: true,
    },
    Step {
        name: "exp6_fast",
        folder: "exp6-combined",
        files: EXP6,
        fast: FAST_TASKS,
        on_loom: true,
    },
    // For the pool alone: a scheduler would start more of its threads than loom has. See `POOL`.
    Step {
        name: "exp6_pool",
        folder: "exp6-combined",
        files: EXP6,
        fast: &["pool"],
        on_loom: true,
    },
    // The files of `fast-tasks` on a park that Miri knows: it has no selector.
    Step {
        name: "exp4_fast",
        folder: "exp4-threadpool",
        files: &["sleep", "timeout", "join_error", "join", "block_on", "pool", "blocking"],
        fast: FAST_TASKS,
        on_loom: false,
    },
];

const FAST_TASKS: &[&str] = &["run_queue", "task", "join"];

const EXP6: &[&str] = &[
    "join_error",
    "join",
    "block_on",
    "pool",
    "blocking",
    "poller",
    "source",
    "self_socket",
];

/// The files that all of them have.
const ALL: [&str; 6] = ["scheduler", "yield_now", "run_queue", "task", "timers", "park"];

/// What is replaced, and by what, in this order. A line stays a line, so that messages name the right one.
const REPLACED: [(&str, &str); 17] = [
    // The clock of `extra/`, of which the models have nothing.
    ("crate::now()", "Instant::now()"),
    // Before the others, because the stand-ins' paths begin with `crate` too.
    ("crate::", "crate::STEP::"),
    ("std::sync::", "crate::sync::"),
    ("std::thread", "crate::thread"),
    ("std::cell::UnsafeCell", "crate::cell::UnsafeCell"),
    ("thread_local! {", "loom::thread_local! {"),
    ("const { RefCell::new(None) }", "RefCell::new(None)"),
    ("const { Cell::new(0) }", "Cell::new(0)"),
    ("if cfg!(miri) { 0 } else { 1 << 20 }", "0"),
    // Loom reports what is not given back.
    (
        "std::alloc::{Layout, alloc, dealloc}",
        "loom::alloc::{Layout, alloc, dealloc}",
    ),
    // A static of loom's cannot be initialised: these stay what they are. They are counters, which order nothing.
    (
        ": AtomicU64 = AtomicU64::new(0);",
        ": std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);",
    ),
    ("std::hint", "loom::hint"),
    ("threadpool::ThreadPool", "crate::thread::ThreadPool"),
    ("polling::", "crate::os::"),
    ("socket2::", "crate::os::"),
    // The self-socket is the same on all systems.
    ("#[cfg(unix)]", ""),
    ("#[cfg(windows)]", "#[cfg(any())]"),
];

/// More of it in the pool's twin: the models have its threads spin, and that is to look once, because loom knows no time.
const POOL: [(&str, &str); 3] = [
    ("pub(crate)", "pub"),
    ("cores.get() > 1", "cores.get() > 0"),
    ("Duration::from_micros(50)", "Duration::ZERO"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let out = env::var("OUT_DIR").expect("set by Cargo");
    let mut modules = String::new();
    for step in STEPS {
        let Step { name, folder, .. } = step;
        let mut body = String::from("pub use scheduler::Scheduler;\npub use yield_now::yield_now;\n");
        for file in ALL.iter().chain(step.files) {
            let place = if step.fast.contains(file) { "fast" } else { "src" };
            let folder = if place == "fast" { "exp6-combined" } else { folder };
            let from = root.join(folder).join(place).join(file).with_extension("rs");
            println!("cargo::rerun-if-changed={}", from.display());
            let source = fs::read_to_string(&from).expect("a source file");
            let to = format!("{out}/{name}_{file}.rs");
            let replaced = if step.on_loom { &REPLACED[..] } else { &REPLACED[..2] };
            let mut text = copied(&source, name, replaced);
            if step.fast.contains(&"pool") && *file == "pool" {
                text = copied(&text, name, &POOL);
            }
            fs::write(&to, text).expect("a copy");
            writeln!(body, "#[path = {to:?}]\nmod {file};").expect("room");
        }
        if step.files.contains(&"join") {
            body.push_str("pub use join::{JoinHandle, spawn};\npub use join_error::JoinError;\n");
        }
        if step.files.contains(&"sleep") {
            body.push_str("pub use sleep::{Sleep, sleep, sleep_until};\npub use timeout::{Elapsed, timeout};\n");
        }
        if step.files.contains(&"blocking") {
            body.push_str("pub use blocking::spawn_blocking;\n");
        }
        if step.fast.contains(&"pool") {
            body.push_str("pub use pool::ThreadPool;\n");
        }
        let feature = match step.fast {
            [] => "",
            ["pool"] => " with `fast-jobs`",
            _ => " with `fast-tasks`",
        };
        writeln!(
            modules,
            "/// The scheduler of `{folder}`{feature}.\n#[allow(warnings, clippy::all)]\npub mod {name} {{\n{body}}}"
        )
        .expect("room");
    }
    fs::write(format!("{out}/steps.rs"), modules).expect("a list of modules");
}

fn copied(source: &str, step: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = source.to_owned();
    for (from, to) in replaced {
        text = text.replace(from, to);
    }
    text.replace("STEP::", &format!("{step}::"))
}
