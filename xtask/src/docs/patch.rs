//! A pair's diff as git writes it, so that a reader's own is the same.

use std::process::{Command, Stdio};

use crate::rust::Source;
use crate::stop::{Result, failed};
use crate::tree::{Pair, Tree};

/// What `git diff --no-index` says of two steps.
pub(crate) struct Patch {
    pub(crate) text: String,
}

/// A place in a patch.
#[derive(Debug)]
pub(crate) struct Place {
    /// The file without the step's folder: `scheduler.rs`.
    pub(crate) file: String,
    /// The line of the patch, counted from 1.
    pub(crate) line: usize,
    /// What changes there, by name.
    pub(crate) items: Vec<String>,
}

impl Patch {
    /// Nothing that a user may have set plays a part.
    pub(crate) fn of(tree: &Tree, pair: Pair) -> Result<Self> {
        let output = Command::new("git")
            .args(["diff", "--no-index", "--no-color", "--no-ext-diff", "--abbrev=7"])
            .args([format!("{}/src", pair.old), format!("{}/src", pair.new)])
            .current_dir(tree.root())
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .env_remove("GIT_DIFF_OPTS")
            .stdin(Stdio::null())
            .output();
        match output {
            // 1 says that the two differ.
            Ok(output) if output.status.code() <= Some(1) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                Ok(Self { text })
            }
            Ok(output) => failed(format!("git diff: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => failed(format!("git writes docs/diffs, and cannot be run: {error}")),
        }
    }

    /// Every hunk, and what changes in it.
    pub(crate) fn places(&self, tree: &Tree, pair: Pair) -> Result<Vec<Place>> {
        let mut places: Vec<Place> = Vec::new();
        let (mut file, mut names, mut line) = ("", Vec::new(), 0);
        for (index, text) in self.text.lines().enumerate() {
            if let Some(path) = text.strip_prefix("+++ b/") {
                file = path.rsplit('/').next().unwrap_or(path);
                names = names_by_line(path, &tree.read(&format!("{}/src/{file}", pair.new))?)?;
            } else if let Some(header) = text.strip_prefix("@@ ") {
                line = first_new_line(header);
                places.push(Place {
                    file: file.to_owned(),
                    line: index + 1,
                    items: Vec::new(),
                });
            } else if text.starts_with("diff ") {
                // Until the next hunk nothing counts.
                file = "";
            } else if let Some(place) = places.last_mut().filter(|_| !file.is_empty()) {
                let changed = text.starts_with(['+', '-']);
                let name: Option<&String> = names.get(line.saturating_sub(1)).filter(|_| changed);
                let name = name.filter(|name| !name.is_empty() && !place.items.contains(name));
                place.items.extend(name.cloned());
                line += usize::from(!text.starts_with(['-', '\\']));
            }
        }
        Ok(places)
    }
}

/// From `-1,59 +1,184 @@ …` the line with which the new side begins.
fn first_new_line(header: &str) -> usize {
    let new = header.split_whitespace().nth(1).unwrap_or("");
    let start = new.trim_start_matches('+').split(',').next().unwrap_or("");
    start.parse().unwrap_or(1)
}

/// For every line the item that it belongs to; empty for a blank between two.
fn names_by_line(path: &str, text: &str) -> Result<Vec<String>> {
    let source = Source::parse(path, text)?;
    let mut names = vec![String::new(); text.lines().count()];
    let uses = if path.ends_with("/lib.rs") {
        "modules"
    } else {
        "imports"
    };
    for line in source.import_lines() {
        names[line - 1] = uses.to_owned();
    }
    for item in source.items() {
        let end = item.line - 1 + item.text.lines().count();
        names[item.line - 1..end].fill(item.plain_name());
    }
    Ok(names)
}
