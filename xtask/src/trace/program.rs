//! A program of a step, built in a package of its own, in which the step's crate is replaced by a facade that records.

use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::record::Record;
use crate::stop::{Result, failed};
use crate::tree::{STEPS, Step, Tree};

pub(crate) const FACADE: &str = include_str!("../../trace/facade.rs");

/// A program that has been told to end gets this much longer to write what is recorded.
const GRACE: Duration = Duration::from_secs(10);

/// A run.
pub(crate) struct Ended {
    pub(crate) record: Record,
    pub(crate) was_cut: bool,
    /// What is wrong with its end.
    pub(crate) failure: Option<String>,
}

pub(crate) struct Program {
    step: &'static Step,
    name: String,
    binary: PathBuf,
    record: PathBuf,
}

impl Program {
    /// Builds the step's demo, or another program for it: one that names any step names this one then.
    pub(crate) fn new(tree: &Tree, step: &'static Step, program: Option<&Path>) -> Result<Self> {
        let demo = tree.path(&format!("{step}/src/main.rs"));
        let source = program.unwrap_or(&demo);
        let Ok(text) = fs::read_to_string(source) else {
            return failed(format!("{}: there is no such program", source.display()));
        };
        let name = program.map_or_else(|| "demo".to_owned(), stem);
        let package = format!("trace-{}-{name}", step.number);
        let folder = format!("target/trace/{package}");
        let text = match program {
            Some(_) => for_step(&text, step),
            None => text,
        };
        tree.write(&format!("{folder}/Cargo.toml"), &manifest(tree, step, &package))?;
        tree.write(&format!("{folder}/lib.rs"), FACADE)?;
        tree.write(&format!("{folder}/main.rs"), &text)?;
        // The same versions, so that nothing has to be fetched.
        tree.write(&format!("{folder}/Cargo.lock"), &tree.read("Cargo.lock")?)?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.path("target"), PathBuf::from);
        let target = path::absolute(target)?;
        build(&tree.path(&folder), &target)?;
        Ok(Self {
            step,
            name,
            binary: target.join("debug").join(&package),
            // Its own for each call: two that trace the same step at once do not take each other's.
            record: tree.path(&format!("{folder}/record-{}.json", process::id())),
        })
    }

    pub(crate) fn title(&self) -> String {
        match self.name.as_str() {
            "demo" => self.step.dir.to_owned(),
            name => format!("{name}.rs on {}", self.step.dir),
        }
    }

    /// What it prints appears.
    pub(crate) fn run(&self, limit: Duration) -> Result<Ended> {
        let child = Command::new(&self.binary)
            .env("TRACE_FILE", &self.record)
            .env("TRACE_LIMIT", limit.as_secs_f64().to_string())
            .stdin(Stdio::null())
            .spawn();
        let child = child.or_else(|error| failed(format!("{}: {error}", self.binary.display())))?;
        let status = wait(child, limit.saturating_add(GRACE))?;
        let Ok(text) = fs::read_to_string(&self.record) else {
            return failed(format!(
                "{}: it ran no scheduler to its end, so nothing is recorded",
                self.title()
            ));
        };
        fs::remove_file(&self.record)?;
        let value: Value = text
            .parse()
            .or_else(|error| failed(format!("the record of the run: {error}")))?;
        let failure = format!("{}: {status}", self.title());
        Ok(Ended {
            record: Record::parse(&value["record"])?,
            was_cut: value["cut"] == true,
            failure: (!status.success()).then_some(failure),
        })
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // Also the name of a package.
    stem.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_', "-")
}

/// The program names this step, and its threads are recorded.
fn for_step(text: &str, step: &Step) -> String {
    let neutral = STEPS
        .iter()
        .fold(text.to_owned(), |text, step| step.without_alias(&text));
    step.with_alias(&neutral)
        .replace("\nuse std::thread;\n", "\nuse sched::thread;\n")
}

fn manifest(tree: &Tree, step: &Step, package: &str) -> String {
    let path = |folder: &str| format!("{:?}", tree.path(folder).display().to_string());
    let features = [
        ("join", step.number >= 3),
        ("pool", [4, 6].contains(&step.number)),
        ("sockets", step.number >= 5),
    ];
    let names = |all: bool| -> Vec<_> {
        let chosen = features.iter().filter(|(_, has)| all || *has);
        chosen.map(|(name, _)| format!("{name:?}")).collect()
    };
    let declared: String = names(true).iter().map(|name| format!("{name} = []\n")).collect();
    let lib = step.dir.replace('-', "_");
    format!(
        "[package]\nname = \"{package}\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [lib]\nname = \"{lib}\"\npath = \"lib.rs\"\n\n[[bin]]\nname = \"{package}\"\npath = \"main.rs\"\n\n\
         [features]\ndefault = [{}]\n{declared}\n\
         [dependencies]\nreal = {{ package = \"{step}\", path = {} }}\nshared-testutil = {{ path = {} }}\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n[profile.dev.package.\"*\"]\ndebug = false\n",
        names(false).join(", "),
        path(step.dir),
        path("shared-testutil"),
    )
}

fn build(folder: &Path, target: &Path) -> Result {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--quiet", "--manifest-path"])
        .arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(target).current_dir(folder);
    match command.status()?.success() {
        true => Ok(()),
        false => failed(format!(
            "the program does not compile: {}",
            folder.join("main.rs").display()
        )),
    }
}

/// It ends itself, unless it is stopped or its cut-off hangs.
fn wait(mut child: Child, limit: Duration) -> Result<ExitStatus> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    Ok(child.wait()?)
}
