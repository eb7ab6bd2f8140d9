//! Cargo, for crates outside of the workspace. One target folder serves them all.

use std::env;
use std::io::{self, IsTerminal};
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::stop::{Result, failed};
use crate::tree::Tree;

pub(super) fn project_target(tree: &Tree) -> Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.path("target"), PathBuf::from);
    Ok(path::absolute(target)?)
}

pub(super) fn target(tree: &Tree) -> Result<PathBuf> {
    Ok(project_target(tree)?.join("exercise"))
}

/// Builds the programs that `words` ask for, and returns those that can be run: their names and their paths. What the
/// compiler says appears.
pub(super) fn build(tree: &Tree, dir: &Path, words: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    // Who waits at a terminal sees that something goes on.
    let quiet: &[&str] = if io::stderr().is_terminal() { &[] } else { &["--quiet"] };
    match run(tree, dir, &[words, quiet].concat(), Stdio::inherit())? {
        Some(programs) => Ok(programs),
        None => failed(format!("it does not compile: {}", dir.display())),
    }
}

/// The same, and nothing appears. `None` if it does not compile.
pub(super) fn build_silently(tree: &Tree, dir: &Path, words: &[&str]) -> Result<Option<Vec<(String, PathBuf)>>> {
    run(tree, dir, words, Stdio::null())
}

fn run(tree: &Tree, dir: &Path, words: &[&str], stderr: Stdio) -> Result<Option<Vec<(String, PathBuf)>>> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(dir).args(words);
    command.args(["--message-format", "json-render-diagnostics", "--target-dir"]);
    command.arg(target(tree)?);
    let output = command.stdin(Stdio::null()).stderr(stderr).output()?;
    if !output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| line.parse::<Value>().ok());
    let program = |message: Value| {
        let path = message["executable"].as_str()?;
        let name = message["target"]["name"].as_str()?;
        Some((name.to_owned(), PathBuf::from(path)))
    };
    Ok(Some(messages.filter_map(program).collect()))
}

/// The path of one of them.
pub(super) fn program(programs: &[(String, PathBuf)], name: &str) -> Result<PathBuf> {
    match programs.iter().find(|(known, _)| known == name) {
        Some((_, path)) => Ok(path.clone()),
        None => failed(format!("Cargo has built no program `{name}`")),
    }
}
