//! What a step is written from: the step before, the stubs, and the demo.

use crate::stop::{Result, failed};
use crate::tree::{STEPS, Step, Tree};

use super::package;

/// Parts, stubs and patches.
pub(super) const DATA: &str = "xtask/exercise/write";

/// The files of `src` to begin with: those of the step before, the stubs, and the demo of the step.
pub(super) fn files(tree: &Tree, step: &Step, package: &str) -> Result<Vec<(String, String)>> {
    let before = &STEPS[step.parents[0] - 1];
    let mut files = Vec::new();
    for name in tree.sources(before)? {
        files.push((name.clone(), tree.read(&format!("{before}/src/{name}"))?));
    }
    if let [_, given] = step.parents {
        give(tree, &STEPS[given - 1], &mut files)?;
    }
    let folder = format!("{DATA}/{}", step.short());
    for path in tree.files(&folder, "")? {
        let (name, text) = (path[folder.len() + 1..].to_owned(), tree.read(&path)?);
        change(&path, &name, &text, &mut files)?;
    }
    let demo = tree.read(&format!("{step}/src/main.rs"))?;
    let alias = format!("use {} as sched;\n", package::lib(package));
    let own = format!("cargo run -p {step}");
    put(
        "main.rs",
        step.without_alias(&demo)
            .replace("use … as sched;\n", &alias)
            .replace(&own, "cargo run"),
        &mut files,
    );
    Ok(files)
}

/// A stub is a file of its own; `NAME.rs.add` goes to the end of a file, and `NAME.rs.patch` changes it.
fn change(path: &str, name: &str, text: &str, files: &mut Vec<(String, String)>) -> Result {
    let (target, is_patch) = match (name.strip_suffix(".add"), name.strip_suffix(".patch")) {
        (Some(target), _) => (target, false),
        (None, Some(target)) => (target, true),
        (None, None) => {
            put(name, text.to_owned(), files);
            return Ok(());
        }
    };
    let Some((_, old)) = files.iter_mut().find(|(known, _)| known == target) else {
        return failed(format!("{path}: there is no {target}"));
    };
    *old = if is_patch {
        let patch = diffy::Patch::from_str(text).or_else(|error| failed(format!("{path}: {error}")))?;
        diffy::apply(old, &patch).or_else(|error| failed(format!("{path} does not apply: {error}")))?
    } else {
        format!("{old}{text}")
    };
    Ok(())
}

/// The new files of another step.
fn give(tree: &Tree, given: &Step, files: &mut Vec<(String, String)>) -> Result {
    for name in tree.sources(given)? {
        if !files.iter().any(|(known, _)| *known == name) {
            put(&name, tree.read(&format!("{given}/src/{name}"))?, files);
        }
    }
    Ok(())
}

fn put(name: &str, text: String, files: &mut Vec<(String, String)>) {
    files.retain(|(known, _)| known != name);
    files.push((name.to_owned(), text));
}
