//! The reader's files against ours.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::compare::{self, FileDiff};
use crate::stop::Result;
use crate::tree::{Step, Tree};
use crate::unified;

/// File by file, in the reading order. The demo was given, and is left out.
pub(super) fn write(tree: &Tree, step: &Step, dir: &Path, package: &str, out: &mut impl Write) -> Result {
    writeln!(out, "From yours (a) to ours (b), file by file:\n")?;
    for file in files(tree, step, dir)? {
        let path = |folder: &str, there: bool| there.then(|| format!("{folder}/src/{}", file.name));
        match file.kind {
            compare::Kind::Identical => writeln!(out, "{}: the same", file.name)?,
            kind => {
                let mine = path(package, kind != compare::Kind::New);
                let our = path(step.dir, kind != compare::Kind::Gone);
                unified::write(out, mine.as_deref(), our.as_deref(), &file)?;
            }
        }
    }
    Ok(())
}

fn files(tree: &Tree, step: &Step, dir: &Path) -> Result<Vec<FileDiff>> {
    let ours = tree.sources(step)?;
    let mut names = ours.clone();
    for entry in fs::read_dir(dir.join("src"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rs") && !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| name != "main.rs");
    let mut files = Vec::new();
    for name in names {
        let mine = fs::read_to_string(dir.join("src").join(&name)).ok();
        let our = ours.contains(&name).then(|| tree.read(&format!("{step}/src/{name}")));
        files.push(FileDiff::between(&name, mine, our.transpose()?));
    }
    files.sort_by_key(|file| compare::place(step, file));
    Ok(files)
}
