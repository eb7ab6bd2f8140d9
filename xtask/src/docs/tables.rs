//! The generated parts of the Markdown pages.

use std::fmt::Write;

use crate::compare::{self, FileDiff, Kind};
use crate::docs::patch::{Patch, Place};
use crate::docs::{ORDER, diff_path};
use crate::growth::{self, Size};
use crate::limits;
use crate::lines;
use crate::stop::Result;
use crate::table::Table;
use crate::tree::{Pair, STEPS, Step, Tree};

/// More names than this, and a hunk is named after its first alone.
const NAMES: usize = 3;

/// docs/numbers.md: what each step is.
pub(crate) fn sizes(tree: &Tree) -> Result<String> {
    growth::steps(tree)
}

/// docs/numbers.md: what each step changes, with a link to every diff.
pub(crate) fn changes(tree: &Tree) -> Result<String> {
    let linked = |pair: Pair| format!("[{}](diffs/{}.diff)", pair.short(), pair.name());
    let by_step = |step: &Step| format!("[{step}](../{step}/README.md#what-changed)");
    growth::changes(tree, linked, by_step)
}

/// A table that is written by hand, but for two columns: there each step's row gets its code lines, and how many of them it
/// adds to each of the steps that it grew from, with a link to that diff.
pub(crate) fn cells(tree: &Tree, page: &str) -> Result<String> {
    let (mut text, mut head) = (String::new(), Vec::new());
    for line in page.split_inclusive('\n') {
        let mut cells: Vec<_> = line.split('|').map(str::to_owned).collect();
        if line.starts_with("| step |") {
            head = cells.clone();
        }
        if let Some(step) = STEPS.iter().find(|step| line.starts_with(&format!("| [{step}]("))) {
            for (cell, title) in cells.iter_mut().zip(&head) {
                match title.as_str() {
                    " code lines " => *cell = format!(" {} ", Size::of(tree, step)?.code),
                    " added " => *cell = format!(" {} ", added(tree, step)?),
                    _ => {}
                }
            }
        }
        text.push_str(&cells.join("|"));
    }
    Ok(text)
}

fn added(tree: &Tree, step: &'static Step) -> Result<String> {
    let mut links = Vec::new();
    for pair in Pair::to(step) {
        links.push(format!("[{}]({})", limits::added(tree, pair)?, diff_path(pair)));
    }
    Ok(match links.as_slice() {
        [] => "–".to_owned(),
        links => links.join(", "),
    })
}

/// CONTRIBUTING.md: what each step may have and has.
pub(crate) fn limits(tree: &Tree) -> Result<String> {
    let mut table = Table::new("lrr", &["what", "code lines", "at most"]);
    for limit in limits::measure(tree)? {
        table.row(vec![limit.what, limit.lines.to_string(), limit.most.to_string()]);
    }
    Ok(table.render())
}

/// A step's README.md: what changed since the step it grew from.
pub(crate) fn changed(tree: &Tree, step: &'static Step) -> Result<String> {
    let mut parts = Vec::new();
    for pair in Pair::to(step) {
        parts.push(since(tree, pair)?);
    }
    if parts.is_empty() {
        let (files, code) = (tree.sources(step)?.len(), Size::of(tree, step)?.code);
        parts.push(format!(
            "All is new, because this is the first step: {files} files, {code} code lines.\n"
        ));
    }
    Ok(parts.join("\n"))
}

fn since(tree: &Tree, pair: Pair) -> Result<String> {
    let files = compare::files(tree, pair)?;
    let places = Patch::of(tree, pair)?.places(tree, pair)?;
    let Pair { old, new } = pair;
    let (added, removed) = compare::totals(&files);
    let mut text = format!(
        "From [{old}](../{old}/README.md): {added} lines added, {removed} removed. [The diff](../{}), or\n\
         `git diff -O{ORDER} --no-index {old}/src {new}/src`, or `cargo xtask diff {} {}`.\n\n",
        diff_path(pair),
        old.number,
        new.number
    );
    let mut table = Table::new("llrrl", &["file", "is", "added", "removed", "where"]);
    for file in files.iter().filter(|file| file.kind != Kind::Identical) {
        let here: Vec<_> = places.iter().filter(|place| place.file == file.name).collect();
        table.row(row(pair, file, &here));
    }
    text.push_str(&table.render());
    let identical: Vec<_> = compare::names(&files, Kind::Identical)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    if !identical.is_empty() {
        write!(text, "\nThe same to the byte: {}.\n", identical.join(", ")).expect("a string takes all");
    }
    Ok(text)
}

fn row(pair: Pair, file: &FileDiff, places: &[&Place]) -> Vec<String> {
    let (added, removed) = lines::count(&file.changes);
    let link = |place: &&Place| {
        let label = match file.kind {
            Kind::Changed if places.len() > 1 || place.items.len() <= NAMES => label(&place.items),
            _ => "all of it".to_owned(),
        };
        format!("[{label}](../{}#L{})", diff_path(pair), place.line)
    };
    vec![
        format!("[`{0}`](src/{0})", file.name),
        file.kind.word().to_owned(),
        added.to_string(),
        removed.to_string(),
        places.iter().map(link).collect::<Vec<_>>().join(", "),
    ]
}

/// What a hunk is called.
fn label(items: &[String]) -> String {
    let code = |item: &String| match item.as_str() {
        "head" | "imports" | "modules" => item.clone(),
        item => format!("`{item}`"),
    };
    match items {
        [] => "between".to_owned(),
        [first, rest @ ..] if rest.len() >= NAMES => format!("{} and {} more", code(first), rest.len()),
        items => items.iter().map(code).collect::<Vec<_>>().join(", "),
    }
}
