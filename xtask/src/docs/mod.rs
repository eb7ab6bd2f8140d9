//! `cargo xtask docs`: writes what is generated, or says what is stale.

mod chart;
mod excerpt;
mod markers;
mod patch;
mod picture;
mod prices;
mod speed;
mod tables;

use std::fs;
use std::io::Write;

use lexopt::prelude::*;

use crate::compare;
use crate::concepts;
use crate::exercise;
use crate::player;
use crate::stop::{Result, failed};
use crate::trace;
use crate::tree::{Pair, STEPS, Tree};
use crate::twins;

pub(crate) use patch::Patch;

/// Where a pair's diff is.
pub(crate) fn diff_path(pair: Pair) -> String {
    format!("docs/diffs/{}.diff", pair.name())
}

/// The diff of each plain file of exp6 to its twin in `fast`.
pub(crate) const FAST: &str = "docs/diffs/fast.diff";

/// The reading order, as git takes it.
pub(crate) const ORDER: &str = "docs/order";

const ORDER_HEAD: &str = "\
# The reading order of each step's files. Written by `cargo xtask docs`.
# git diff -Odocs/order --no-index exp2-sleep/src exp3-spawn/src
# The twins come last. --diff-filter=M leaves out the files that have none.
# git diff -Odocs/order --no-index --diff-filter=M exp6-combined/src exp6-combined/fast
";

/// A file as it should be.
struct Generated {
    path: String,
    text: String,
}

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => check = true,
            arg => return Err(arg.unexpected().into()),
        }
    }
    let tree = Tree::find()?;
    let mut stale = generated(&tree, out)?;
    stale.retain(|file| tree.read(&file.path).ok().as_ref() != Some(&file.text));
    let left_over = left_over(&tree)?;
    // They are recorded by another command.
    let recordings = player::stale(&tree)?;
    for why in &recordings {
        writeln!(out, "{why}")?;
    }
    if check {
        report(out, &stale, &left_over)?;
        return recorded(&recordings);
    }
    for file in &stale {
        tree.write(&file.path, &file.text)?;
        writeln!(out, "{} is written", file.path)?;
    }
    for path in &left_over {
        fs::remove_file(tree.path(path)).or_else(|error| failed(format!("{path}: {error}")))?;
        writeln!(out, "{path} is removed")?;
    }
    recorded(&recordings)
}

fn recorded(stale: &[String]) -> Result {
    match stale.len() {
        0 => Ok(()),
        count => failed(format!("docs: runs of the player that are stale or not there: {count}")),
    }
}

fn report(out: &mut impl Write, stale: &[Generated], left_over: &[String]) -> Result {
    for file in stale {
        writeln!(out, "{} is stale", file.path)?;
    }
    for path in left_over {
        writeln!(out, "{path} belongs to no step of the tree")?;
    }
    match stale.len() + left_over.len() {
        0 => Ok(()),
        _ => failed("docs: what is generated does not fit the tree; this writes it anew: cargo xtask docs"),
    }
}

/// All that is generated. Says what has no place.
fn generated(tree: &Tree, out: &mut impl Write) -> Result<Vec<Generated>> {
    let mut files = Vec::new();
    for pair in Pair::all() {
        files.push(Generated {
            path: diff_path(pair),
            text: Patch::of(tree, pair)?.text,
        });
    }
    files.push(Generated {
        path: FAST.to_owned(),
        text: patch::of_twins(tree)?,
    });
    files.push(Generated {
        path: ORDER.to_owned(),
        text: order(tree)?,
    });
    files.push(Generated {
        path: chart::FILE.to_owned(),
        text: chart::draw(tree)?,
    });
    files.extend(speed::draw(tree)?.map(|text| Generated {
        path: speed::FILE.to_owned(),
        text,
    }));
    files.extend(pictures());
    let traces = trace::generated(tree)?;
    files.extend(traces.into_iter().map(|(path, text)| Generated { path, text }));
    for page in pages(tree)? {
        files.push(page.fill(tree, out)?);
    }
    Ok(files)
}

/// The loop of each step, and all of them together.
fn pictures() -> Vec<Generated> {
    let draw = |step| Generated {
        path: picture::path(step),
        text: picture::draw(step),
    };
    let mut pictures: Vec<_> = STEPS.iter().map(draw).collect();
    pictures.push(Generated {
        path: picture::ALL.to_owned(),
        text: picture::draw_all(),
    });
    pictures
}

/// A page with parts that are generated: those of its own, by name, and what its other markers ask for.
struct Page {
    path: String,
    blocks: Vec<(&'static str, String)>,
}

fn pages(tree: &Tree) -> Result<Vec<Page>> {
    let page = |path: &str, blocks| Page {
        path: path.to_owned(),
        blocks,
    };
    let numbers = vec![
        ("sizes", tables::sizes(tree)?),
        ("changes", tables::changes(tree)?),
        ("features", prices::features(tree)?),
    ];
    let mut pages = vec![
        page("README.md", Vec::new()),
        page("CONTRIBUTING.md", vec![("limits", tables::limits(tree)?)]),
        page("docs/numbers.md", numbers),
        page(
            concepts::PAGE,
            vec![("concepts", concepts::table(&tree.read(concepts::PAGE)?)?)],
        ),
    ];
    if tree.has(prices::PAGE) {
        pages.push(page(prices::PAGE, vec![("twins", prices::table(tree)?)]));
    }
    let has_exercises = tree.has(exercise::PAGE);
    if has_exercises {
        pages.push(page(exercise::PAGE, exercise::lists(tree)?));
    }
    for step in &STEPS {
        let mut blocks = vec![("changed", tables::changed(tree, step)?)];
        if has_exercises {
            blocks.push(("exercises", exercise::of_step(tree, step)?));
        }
        pages.push(page(&format!("{step}/README.md"), blocks));
    }
    Ok(pages)
}

impl Page {
    /// Says which part of its own has no place.
    fn fill(self, tree: &Tree, out: &mut impl Write) -> Result<Generated> {
        let Self { path, blocks } = self;
        let mut placed = Vec::new();
        let text = markers::fill(&path, &tree.read(&path)?, |name| {
            placed.push(name.to_owned());
            match blocks.iter().find(|(known, _)| *known == name) {
                Some((_, block)) => Ok(Some(block.clone())),
                None => match trace::block(tree, &path, name)? {
                    Some(block) => Ok(Some(block)),
                    None => excerpt::block(tree, name),
                },
            }
        })?;
        for (name, _) in blocks
            .iter()
            .filter(|(name, _)| !placed.iter().any(|placed| placed == name))
        {
            writeln!(
                out,
                "{path} has no place for what is generated: <!-- generated: {name} -->"
            )?;
        }
        let text = tables::cells(tree, &text)?;
        Ok(Generated { path, text })
    }
}

/// The files of each step in the order in which its diff shows them, then the twins. A path may begin with the way to the
/// project's folder.
fn order(tree: &Tree) -> Result<String> {
    let mut text = ORDER_HEAD.to_owned();
    for step in STEPS.iter().filter(|step| !step.parents.is_empty()) {
        let names = compare::reading_order(tree, step)?;
        text.extend(names.iter().map(|name| format!("*{step}/src/{name}\n")));
    }
    text.extend(twins::twins(tree)?.iter().map(|twin| format!("*{}\n", twin.fast)));
    Ok(text)
}

/// Diffs of steps that are not compared.
fn left_over(tree: &Tree) -> Result<Vec<String>> {
    let mut wanted: Vec<_> = Pair::all().map(diff_path).collect();
    wanted.push(FAST.to_owned());
    let mut found = tree.files("docs/diffs", "")?;
    found.retain(|path| !wanted.contains(path));
    Ok(found)
}
