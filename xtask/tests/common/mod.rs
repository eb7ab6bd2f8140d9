//! A small tree of six steps to try the commands on, and ways to run them.

#![allow(dead_code, reason = "every test file takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

pub(crate) const STEPS: [&str; 6] = [
    "exp1-simplest",
    "exp2-sleep",
    "exp3-spawn",
    "exp4-threadpool",
    "exp5-selectors",
    "exp6-combined",
];

/// The steps of the tree: which grew from which, by number.
pub(crate) const PAIRS: [(usize, usize); 6] = [(1, 2), (2, 3), (3, 4), (3, 5), (5, 6), (4, 6)];

const CONTRIBUTING: &str = "\
| file | 1 | 2 | 3 | 4 | 5 | 6 | holds |
|---|---|---|---|---|---|---|---|
| `scheduler.rs` | new | + | + | + | = exp3 | = exp4 | the loop |
| `timers.rs` | | new | = | = | = | = | the timers |
| `park.rs` | | new | = | = | rewritten | + | where the loop blocks |
| `blocking.rs` | | | | new | | = exp4 | the pool |
| `lib.rs` | new | + | = | + | = | + | the modules |
| `main.rs` | new | = | = | = | = | = | the demo |

| file | replaces | feature | holds |
|---|---|---|---|
| `fast/timers.rs` | `src/timers.rs` | `fast-timers` | the timers, for speed |
| `extra/mod.rs` | | | its modules |
| `extra/stalls.rs` | | | the stall detector |

<!-- generated: limits -->
<!-- /generated -->
";

/// The index of concepts, with one concept.
const CONCEPTS: &str = "\
# Concepts

| project | version |
|---|---|
| [wheels](https://example.org/wheels/tree/v1.2.3/core) | 1.2.3 |

<!-- generated: concepts -->
<!-- /generated -->

## exp2: timers

### A tick

How long it is: see [the steps](../README.md), and [below](#a-tick).

- **Here:** [`ticks`](../exp2-sleep/src/timers.rs)
- **Test:** [`yields::a_task_is_polled_until_it_ends`](../shared-testutil/suite/yields.rs)
- **Broken by:** [`a-tick-is-long`](broken.md#a-tick-that-is-long)
- **wheels:** [`Wheel::tick`](https://example.org/wheels/blob/v1.2.3/core/src/wheel.rs): longer than
  [here](#a-tick).
";

const MISTAKES: &str = "\
# Broken on purpose

### A tick that is long

[`a-tick-is-long.patch`](../patches/a-tick-is-long.patch), exp2.
";

const README: &str = "\
<!-- generated: diff 1-2 scheduler.rs run -->
<!-- /generated -->

| step | code lines | idea | added |
|---|--:|---|--:|
| [exp1-simplest](exp1-simplest/README.md) | ? | it polls | ? |
| [exp6-combined](exp6-combined/README.md) | ? | it has all | ? |
";

const NUMBERS: &str = "\
<!-- generated: sizes -->
<!-- /generated -->

<!-- generated: changes -->
<!-- /generated -->

<!-- ablation -->
| 9 rounds | all | without `fast-timers` | plain | `fast-timers` alone |
|---|--:|--:|--:|--:|
| sleeps: ns | 100 | 2.00 | 200 | 2.00 |
<!-- end of ablation -->

<!-- generated: features -->
<!-- /generated -->
";

const SCHEDULER: &str = "\
//! The loop.

/// Runs until no task is left.
pub fn run(mut tasks: Vec<u32>) -> usize {
    let mut polls = 0;
    while let Some(task) = tasks.pop() {
        polls += 1;
        if task > 0 {
            tasks.push(task - 1);
        }
    }
    polls
}
";

const TIMERS: &str = "\
//! The timers.

use std::time::Duration;

/// How long a sleep of so many ticks takes.
#[must_use]
pub fn ticks(count: u32) -> Duration {
    Duration::from_millis(10) * count
}
";

/// The same for users.
const FAST_TIMERS: &str = "\
//! The timers, for speed.

use std::time::Duration;

/// How long a sleep of so many ticks takes.
#[must_use]
pub fn ticks(count: u32) -> Duration {
    Duration::from_micros(10_000 * u64::from(count))
}
";

const STALLS: &str = "\
//! The stall detector.

/// Reports what blocks the thread.
pub fn detect_stalls() {}
";

const PARK: &str = "\
//! Where the loop blocks: it parks.

/// Parks.
pub fn park() {
    std::thread::park();
}
";

const SELECTOR: &str = "\
//! Where the loop blocks: in a selector.

/// Blocks until one of the descriptors is ready.
pub fn select(descriptors: &[i32], timeout: Option<u64>) -> usize {
    let ready = descriptors.iter().filter(|descriptor| **descriptor >= 0).count();
    ready + usize::from(timeout.is_some())
}
";

const BLOCKING: &str = "\
//! The pool.

/// Runs a job elsewhere.
pub fn spawn_blocking(job: impl FnOnce() + Send + 'static) {
    std::thread::spawn(job);
}
";

const MAIN: &str = "\
//! The demo.

use exp1_simplest as sched;

fn main() {
    println!(\"{}\", sched::run(vec![3]));
}
";

const TEST: &str = "\
//! Turns.

use crate::sched;

#[test]
fn a_task_is_polled_until_it_ends() {
    assert_eq!(sched::run(vec![3]), 4);
}
";

const LIST: &str = "\
//! The tests.

use exp1_simplest as sched;

#[path = \"../../shared-testutil/suite/yields.rs\"]
mod yields;
";

/// A tree in a folder of its own.
#[derive(Debug)]
pub(crate) struct Tree {
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tree {
    /// A sound one: every check passes, every generated file is fresh.
    pub(crate) fn new() -> Self {
        // Made once, and copied for each test: the commands that make it take longer than most tests.
        static SOUND: LazyLock<Vec<(PathBuf, String)>> = LazyLock::new(|| Tree::sound().files(Path::new("")));
        let tree = Self {
            dir: TempDir::new().expect("a folder"),
        };
        for (file, text) in SOUND.iter() {
            tree.write(&file.to_string_lossy(), text);
        }
        tree
    }

    fn sound() -> Self {
        let tree = Self::raw();
        assert_eq!(
            tree.xtask(&["same", "--update"]).code,
            Some(1),
            "the reasons are missing yet"
        );
        tree.edit("xtask/meant.txt", |text| text.replace("| ?\n", "| it grows\n"));
        tree.xtask(&["docs"]).succeeded();
        tree
    }

    fn raw() -> Self {
        let tree = Self {
            dir: TempDir::new().expect("a folder"),
        };
        let members = STEPS.iter().chain(["exp6-combined/plain"].iter());
        let members: Vec<_> = members.map(|member| format!("\"{member}\"")).collect();
        tree.write(
            "Cargo.toml",
            &format!("[workspace]\nmembers = [{}]\n", members.join(", ")),
        );
        tree.write("CONTRIBUTING.md", CONTRIBUTING);
        tree.write("README.md", README);
        tree.write("docs/numbers.md", NUMBERS);
        tree.write("docs/concepts.md", CONCEPTS);
        tree.write("docs/broken.md", MISTAKES);
        tree.write("patches/a-tick-is-long.patch", "");
        tree.write("xtask/meant.txt", "");
        tree.write("shared-testutil/suite/yields.rs", TEST);
        for (index, step) in STEPS.iter().enumerate() {
            tree.write_step(index + 1, step);
        }
        tree.write_variants();
        tree
    }

    /// What stands beside exp6's `src`.
    fn write_variants(&self) {
        let write = |file: &str, text: &str| self.write(&format!("exp6-combined/{file}"), text);
        write("fast/timers.rs", FAST_TIMERS);
        write(
            "extra/mod.rs",
            "//! What is for use.\n\nmod stalls;\npub use stalls::*;\n",
        );
        write("extra/stalls.rs", STALLS);
        let list = LIST
            .replace("exp1_simplest", "exp6_plain")
            .replace("../../", "../../../");
        write("plain/tests/suite.rs", &list);
        let features = "[features]\nfast = [\"fast-timers\"]\nfast-timers = []\n";
        write(
            "plain/Cargo.toml",
            &format!("[package]\nname = \"exp6-plain\"\n[lib]\npath = \"../src/lib.rs\"\n[dependencies]\n{features}"),
        );
        self.edit("exp6-combined/Cargo.toml", |text| {
            text + &features.replace("fast =", "default = [\"fast\"]\nfast =")
        });
        self.edit("exp6-combined/src/lib.rs", |text| {
            let twin = "#[cfg_attr(feature = \"fast-timers\", path = \"../fast/timers.rs\")]\nmod timers;";
            let extra = "\n#[path = \"../extra/mod.rs\"]\nmod extra;\npub use extra::*;\n";
            text.replace("mod timers;", twin) + extra
        });
    }

    fn write_step(&self, number: usize, step: &str) {
        let write = |file: &str, text: &str| {
            let alias = format!("use {} as sched;", step.replace('-', "_"));
            self.write(
                &format!("{step}/{file}"),
                &text.replace("use exp1_simplest as sched;", &alias),
            );
        };
        let lints = if number < 5 {
            "[lints.rust]\nunsafe_code = \"forbid\"\n"
        } else {
            ""
        };
        write(
            "Cargo.toml",
            &format!("[package]\nname = \"{step}\"\n{lints}[dependencies]\n"),
        );
        write(
            "README.md",
            "## What changed\n\n<!-- generated: changed -->\n<!-- /generated -->\n",
        );
        let mut scheduler = SCHEDULER.to_owned();
        if number >= 2 {
            scheduler = scheduler.replace("    polls\n", "    crate::park();\n    polls\n");
        }
        if number >= 3 {
            scheduler.push_str("\n/// Adds a task.\npub fn spawn(tasks: &mut Vec<u32>) {\n    tasks.push(0);\n}\n");
        }
        if [4, 6].contains(&number) {
            scheduler = scheduler.replace(
                "    let mut polls",
                "    crate::spawn_blocking(|| ());\n    let mut polls",
            );
        }
        write("src/scheduler.rs", &scheduler);
        let mut modules = "mod scheduler;\npub use scheduler::*;\n".to_owned();
        if number >= 2 {
            modules.push_str("\nmod timers;\npub use timers::*;\n\nmod park;\npub use park::*;\n");
            write("src/timers.rs", TIMERS);
            match number {
                2..=4 => write("src/park.rs", PARK),
                5 => write("src/park.rs", SELECTOR),
                _ => write(
                    "src/park.rs",
                    &format!("{SELECTOR}\n/// Unparks.\npub fn unpark() {{}}\n"),
                ),
            }
        }
        if [4, 6].contains(&number) {
            modules.push_str("\nmod blocking;\npub use blocking::*;\n");
            write("src/blocking.rs", BLOCKING);
        }
        write("src/lib.rs", &modules);
        write("src/main.rs", MAIN);
        write("tests/suite.rs", LIST);
    }

    /// What a folder holds, and the folders in it.
    fn files(&self, folder: &Path) -> Vec<(PathBuf, String)> {
        let entries = fs::read_dir(self.dir.path().join(folder)).expect("a folder");
        let files = entries.flat_map(|entry| {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            match entry.path().is_dir() {
                true => self.files(&path),
                false => vec![(path, fs::read_to_string(entry.path()).expect("a file"))],
            }
        });
        files.collect()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Changes a file; an edit that changes nothing is a mistake in the test.
    pub(crate) fn edit(&self, file: &str, edit: impl FnOnce(String) -> String) {
        let old = self.read(file);
        let new = edit(old.clone());
        assert_ne!(old, new, "the edit of {file} does nothing");
        self.write(file, &new);
    }

    pub(crate) fn xtask(&self, args: &[&str]) -> Ended {
        self.xtask_in("", args)
    }

    /// From a sub-folder.
    pub(crate) fn xtask_in(&self, folder: &str, args: &[&str]) -> Ended {
        run(xtask().args(args).current_dir(self.path(folder)))
    }

    /// Makes a checkout of the tree, with all of it committed.
    pub(crate) fn commit(&self) {
        for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "All"]] {
            let identity = [
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.org",
                "-c",
                "commit.gpgsign=false",
            ];
            run(Command::new("git")
                .args(identity)
                .args(args)
                .current_dir(self.dir.path()))
            .succeeded();
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// A check has failed and says so.
    #[track_caller]
    pub(crate) fn failed(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:#?}");
        self.says(words)
    }

    /// The command line is wrong: one line says in what.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{self:#?}");
        assert_eq!(self.stdout, "", "only the complaint");
        assert_eq!(self.stderr.lines().count(), 1, "{self:#?}");
        self.says(words)
    }

    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            let said = self.stdout.contains(word) || self.stderr.contains(word);
            assert!(said, "`{word}` is not in {self:#?}");
        }
        self
    }
}

/// The program, untouched by what the environment says of colours or git.
pub(crate) fn xtask() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().expect("it can be run");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The project's own tree.
pub(crate) fn project() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the project").to_owned()
}

/// The project's steps in a folder of their own, so that nobody changes them meanwhile.
pub(crate) fn copy_of_the_project() -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let others = [
        "Cargo.lock",
        "Cargo.toml",
        "CONTRIBUTING.md",
        "docs/diffs",
        "docs/player",
        "patches",
        "xtask/meant.txt",
        "xtask/player",
    ];
    for path in STEPS.iter().chain(&others) {
        copy(&project().join(path), &dir.path().join(path));
    }
    dir
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, to).expect("a copy");
    }
}
