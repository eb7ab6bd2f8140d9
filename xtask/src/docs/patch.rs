//! A pair's diff as git writes it, so that a reader's own is the same.

use std::iter;
use std::process::{Command, Stdio};

use crate::compare;
use crate::rust::Source;
use crate::stop::{Result, failed};
use crate::tree::{Pair, Tree};
use crate::twins;

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
    /// In the reading order.
    pub(crate) fn of(tree: &Tree, pair: Pair) -> Result<Self> {
        let text = git_diff(tree, &format!("{}/src", pair.old), &format!("{}/src", pair.new))?;
        let order = compare::reading_order(tree, pair.new)?;
        let place = |section: &str| {
            let path = section.lines().next().unwrap_or_default();
            order.iter().position(|name| path.ends_with(&format!("/{name}")))
        };
        let mut sections = sections(&text);
        sections.sort_by_key(|section| place(section));
        let text = sections.concat();
        Ok(Self { text })
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

/// What git says of two files or folders. Nothing that a user may have set plays a part.
fn git_diff(tree: &Tree, old: &str, new: &str) -> Result<String> {
    let output = Command::new("git")
        .args(["diff", "--no-index", "--no-color", "--no-ext-diff", "--abbrev=7"])
        .args([old, new])
        .current_dir(tree.root())
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .env_remove("GIT_DIFF_OPTS")
        .stdin(Stdio::null())
        .output();
    match output {
        // 1 says that the two differ.
        Ok(output) if output.status.code() <= Some(1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => failed(format!("git diff: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => failed(format!("git writes docs/diffs, and cannot be run: {error}")),
    }
}

/// The plain files of exp6 against those that replace them, in the reading order.
pub(crate) fn of_twins(tree: &Tree) -> Result<String> {
    let diffs = twins::twins(tree)?.into_iter();
    diffs.map(|twin| git_diff(tree, &twin.plain, &twin.fast)).collect()
}

/// The part of each file. No line of a file begins with `diff`, because each has a sign before it.
fn sections(text: &str) -> Vec<&str> {
    let starts = text.match_indices("\ndiff --git ").map(|(at, _)| at + 1);
    let bounds: Vec<_> = iter::once(0).chain(starts).chain([text.len()]).collect();
    bounds.windows(2).map(|bound| &text[bound[0]..bound[1]]).collect()
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
