//! `cargo xtask growth`: the numbers of growth.

use std::io::Write;

use crate::compare::{self, Kind};
use crate::lines;
use crate::rust::Source;
use crate::stop::Result;
use crate::table::Table;
use crate::tree::{Pair, STEPS, Step, Tree};

/// What a reader must know to count the same.
pub(crate) const KEY: &str = "Code lines are those of `src/` without the demo, blanks, comments and `use`. \
     Lines added and removed are \
     all lines of `src/`, as `git diff --no-index` counts them, and as it does with `-w`.";

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    let tree = Tree::find()?;
    let changes = changes(&tree, Pair::short, |step| step.dir.to_owned())?;
    write!(out, "{}\n{changes}\n", steps(&tree)?)?;
    Ok(writeln!(out, "{KEY}")?)
}

/// What a step is.
pub(crate) struct Size {
    pub(crate) code: usize,
    public: usize,
    unsafe_lines: usize,
    dependencies: Vec<String>,
}

impl Size {
    pub(crate) fn of(tree: &Tree, step: &Step) -> Result<Self> {
        let mut size = Self {
            code: 0,
            public: 0,
            unsafe_lines: 0,
            dependencies: dependencies(tree, step)?,
        };
        for name in library(tree, step)? {
            let path = format!("{step}/src/{name}");
            let text = tree.read(&path)?;
            let source = Source::parse(&path, &text)?;
            size.code += source.code_lines();
            size.public += source.public_items();
            size.unsafe_lines += source.unsafe_lines();
        }
        Ok(size)
    }
}

/// The source files that make the scheduler: all but the demo.
pub(crate) fn library(tree: &Tree, step: &Step) -> Result<Vec<String>> {
    let mut names = tree.sources(step)?;
    names.retain(|name| name != "main.rs");
    Ok(names)
}

/// The crates that a step names in `[dependencies]`, or in such a table for some systems.
fn dependencies(tree: &Tree, step: &Step) -> Result<Vec<String>> {
    let manifest = tree.read_toml(&format!("{step}/Cargo.toml"))?;
    let systems = manifest.get("target").and_then(toml::Value::as_table);
    let systems = systems.into_iter().flat_map(|systems| systems.values());
    let tables = std::iter::once(manifest.get("dependencies"))
        .chain(systems.map(|system| system.get("dependencies")))
        .filter_map(|table| table?.as_table());
    Ok(tables.flat_map(|table| table.keys().cloned()).collect())
}

/// A row a step.
pub(crate) fn steps(tree: &Tree) -> Result<String> {
    let mut table = Table::new(
        "lrrrr",
        &[
            "step",
            "code lines",
            "public items",
            "lines with `unsafe`",
            "dependencies",
        ],
    );
    for step in &STEPS {
        let size = Size::of(tree, step)?;
        table.row(vec![
            step.dir.to_owned(),
            size.code.to_string(),
            size.public.to_string(),
            size.unsafe_lines.to_string(),
            size.dependencies.len().to_string(),
        ]);
    }
    Ok(table.render())
}

/// A row for each step of the tree, with the words that a pair and its later step go by.
pub(crate) fn changes(tree: &Tree, from: impl Fn(Pair) -> String, to: impl Fn(&Step) -> String) -> Result<String> {
    let head = [
        "diff",
        "step",
        "added",
        "removed",
        "added, `-w`",
        "removed, `-w`",
        "new",
        "changed",
        "identical",
    ];
    let mut table = Table::new("llrrrrrrr", &head);
    for pair in Pair::all() {
        let files = compare::files(tree, pair)?;
        let (added, removed) = compare::totals(&files);
        let of_words = files
            .iter()
            .map(|file| lines::count(&lines::changes_of_words(&file.old, &file.new)));
        let words = of_words.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
        let count = |kind| compare::names(&files, kind).len();
        let kinds = [Kind::New, Kind::Changed, Kind::Identical].map(count);
        let numbers = [added, removed, words.0, words.1].into_iter().chain(kinds);
        let mut row = vec![from(pair), to(pair.new)];
        row.extend(numbers.map(|number| number.to_string()));
        table.row(row);
    }
    Ok(table.render())
}
