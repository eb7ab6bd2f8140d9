//! The generated parts of the Markdown pages.

use std::fmt::Write;

use crate::compare::{self, FileDiff, Kind};
use crate::docs::chart;
use crate::docs::patch::{Patch, Place};
use crate::docs::{FAST, ORDER, diff_path};
use crate::growth::{self, Size};
use crate::limits;
use crate::lines;
use crate::stop::Result;
use crate::table::Table;
use crate::tree::{Pair, STEPS, Step, Tree};

/// More names than this, and a hunk is named after its first alone.
const NAMES: usize = 3;

/// README.md: the numbers of growth, with the way to every diff.
pub(crate) fn steps(tree: &Tree) -> Result<String> {
    let mut text = growth::steps(tree)?;
    let (alt, file) = (chart::ALT, chart::FILE);
    write!(text, "\n![{alt}]({file})\n\n").expect("a string takes all");
    let linked = |pair: Pair| format!("[{}]({})", pair.short(), diff_path(pair));
    let by_file = |step: &Step| format!("[{step}]({step}/README.md#what-changed)");
    text.push_str(&growth::changes(tree, linked, by_file)?);
    write!(
        text,
        "\n[The plain files of exp6 against their twins in `fast/`]({FAST})\n"
    )
    .expect("a string takes all");
    Ok(text)
}

/// A table that is written by hand, but for its column of code lines: there each step's row gets its number.
pub(crate) fn code_cells(tree: &Tree, page: &str) -> Result<String> {
    let (mut text, mut column) = (String::new(), None);
    for line in page.split_inclusive('\n') {
        let mut cells: Vec<_> = line.split('|').map(str::to_owned).collect();
        if line.starts_with("| step |") {
            column = cells.iter().position(|cell| cell == " code lines ");
        }
        let step = STEPS.iter().find(|step| line.starts_with(&format!("| [{step}](")));
        if let (Some(step), Some(cell)) = (step, column.and_then(|column| cells.get_mut(column))) {
            *cell = format!(" {} ", Size::of(tree, step)?.code);
        }
        text.push_str(&cells.join("|"));
    }
    Ok(text)
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
