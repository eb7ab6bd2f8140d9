//! The programs: a package with one program for each run, made of a step's sources with hooks.

use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

use super::HOOK;
use super::marks;
use super::recording::Recording;
use super::runs::Run;
use crate::stop::{Result, failed};
use crate::tree::Tree;

const FOLDER: &str = "target/player";

/// What a step's library needs that is not of the standard library.
const CRATES: [&str; 5] = ["futures-io", "libc", "polling", "socket2", "threadpool"];

const ROOT: &str = "\n#[macro_use]\nmod hook;\nmod program;\n\nfn main() {\n    hook::run(program::main);\n}\n";

/// One run of one program: with the mistake, or without.
pub(crate) struct Program<'a> {
    pub(crate) run: &'a Run,
    pub(crate) with_mistake: bool,
}

impl Program<'_> {
    fn name(&self) -> String {
        format!(
            "{}-{}",
            self.run.name,
            if self.with_mistake { "with" } else { "without" }
        )
    }

    /// Writes its sources.
    fn write(&self, tree: &Tree) -> Result {
        let (run, folder) = (self.run, format!("{FOLDER}/{}", self.name()));
        marks::check_files(run.step, &tree.sources(run.step())?)?;
        for source in run.sources(tree, self.with_mistake)? {
            let text = run.hooked(&source)?;
            if source.name == "lib.rs" {
                // The documentation is elsewhere, and of no use here.
                let text = text.replace("#![doc = include_str!(\"../docs.md\")]\n", "");
                tree.write(
                    &format!("{folder}/src/root.rs"),
                    &format!("#![allow(warnings)]\n{text}{ROOT}"),
                )?;
            } else {
                tree.write(&format!("{folder}/src/{}", source.name), &text)?;
            }
        }
        for file in tree.files(&format!("{}/extra", run.step()), ".rs")? {
            let name = &file[run.step().dir.len() + 1..];
            tree.write(&format!("{folder}/{name}"), &tree.read(&file)?)?;
        }
        tree.write(&format!("{folder}/src/hook.rs"), HOOK)?;
        tree.write(&format!("{folder}/src/program.rs"), &self.program(tree)?)
    }

    /// It is a module here, it names this step, and it says what it prints.
    fn program(&self, tree: &Tree) -> Result<String> {
        let (path, text) = (self.run.program(), self.run.program_text(tree)?);
        let (_, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            lines.push(match line {
                line if line.starts_with("use ") && line.ends_with(" as sched;") => "use crate as sched;".to_owned(),
                line if line.starts_with("fn main(") => format!("pub(crate) {line}"),
                line => line.replace("println!(", &format!("said!(({file:?}, {}), ", index + 1)),
            });
        }
        Ok(lines.join("\n") + "\n")
    }

    /// Runs it, and reads what it has recorded.
    pub(crate) fn record(&self, tree: &Tree, target: &Path) -> Result<Recording> {
        let file = tree.path(&format!("{FOLDER}/{}/record", self.name()));
        let _ = fs::remove_file(&file);
        let status = Command::new(target.join("debug").join(self.name()))
            .env("PLAYER_FILE", &file)
            .env("PLAYER_EVENTS", self.run.most.to_string())
            .env("PLAYER_PAUSE", self.run.pause.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        let Ok(text) = fs::read_to_string(&file) else {
            return failed(format!("{}: nothing is recorded: {status}", self.name()));
        };
        Recording::parse(&text)
    }
}

/// Builds all of them at once.
pub(crate) fn build(tree: &Tree, programs: &[&Program<'_>]) -> Result<PathBuf> {
    let mut manifest =
        "[package]\nname = \"player\"\nedition = \"2024\"\npublish = false\nautobins = false\n\n[workspace]\n\n\
         [profile.dev]\ndebug = false\n"
            .to_owned();
    for program in programs {
        program.write(tree)?;
        let name = program.name();
        manifest += &format!("\n[[bin]]\nname = \"{name}\"\npath = \"{name}/src/root.rs\"\n");
    }
    manifest += "\n[dependencies]\n";
    let versions = tree.read("Cargo.toml")?;
    for name in CRATES {
        let needs =
            |program: &&Program<'_>| Ok(tree.read(&format!("{}/Cargo.toml", program.run.step()))?.contains(name));
        let needed = programs.iter().map(needs).collect::<Result<Vec<_>>>()?;
        if needed.contains(&true) {
            let version = versions.lines().filter(|line| line.starts_with(&format!("{name} = ")));
            manifest.extend(version.take(1).flat_map(|line| [line, "\n"]));
        }
    }
    tree.write(&format!("{FOLDER}/Cargo.toml"), &manifest)?;
    // The same versions, so that nothing has to be fetched.
    tree.write(&format!("{FOLDER}/Cargo.lock"), &tree.read("Cargo.lock")?)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.path("target"), PathBuf::from);
    let target = path::absolute(target)?.join("player");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--quiet", "--bins", "--target-dir"])
        .arg(&target);
    match command.current_dir(tree.path(FOLDER)).status()?.success() {
        true => Ok(target),
        false => failed(format!("a program with hooks does not compile: {FOLDER}")),
    }
}
