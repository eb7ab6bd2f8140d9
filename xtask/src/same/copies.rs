//! Benches and examples that are carried from step to step: the same but for the line that names the crate.

use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{Pair, Step, Tree};

/// Folders of a step, apart from `src/` and `tests/`, that hold Rust.
const FOLDERS: [&str; 2] = ["benches", "examples"];

/// The Rust files of those folders, without the step's own.
pub(crate) fn files(tree: &Tree, step: &Step) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let files = tree.files(&format!("{step}/{folder}"), ".rs")?;
        found.extend(files.iter().map(|file| file[step.dir.len() + 1..].to_owned()));
    }
    Ok(found)
}

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for pair in Pair::all() {
        let copied = files(tree, pair.new)?;
        for file in files(tree, pair.old)?.iter().filter(|file| copied.contains(file)) {
            findings.extend(check_copy(tree, pair, file)?);
        }
    }
    Ok(findings)
}

fn check_copy(tree: &Tree, pair: Pair, file: &str) -> Result<Option<Finding>> {
    let (old, new) = (format!("{}/{file}", pair.old), format!("{}/{file}", pair.new));
    let original = pair.old.without_alias(&tree.read(&old)?);
    let copy = pair.new.without_alias(&tree.read(&new)?);
    if original == copy {
        return Ok(None);
    }
    let problem = format!("{new} is not {old}");
    let remedy = format!(
        "they differ in the line `use … as sched;` alone: cargo xtask forward {file} --from {}",
        pair.old.short()
    );
    let finding = Finding::new(problem, remedy);
    Ok(Some(finding.with_diff((&old, original), (&new, copy))))
}
