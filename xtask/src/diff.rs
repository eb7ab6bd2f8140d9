//! `cargo xtask diff`: what a step changes, or a twin.

use std::io::Write;

use lexopt::prelude::*;

use crate::compare::{self, FileDiff, Kind};
use crate::lines;
use crate::split;
use crate::stop::{Result, Stop, unknown};
use crate::tree::{Pair, Step, Tree};
use crate::twins::{self, Twin};
use crate::unified::{self, ADDED, REMOVED, TITLE};

/// The word for the twins, in the place of a step.
const FAST: &str = "fast";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Unified,
    Split,
    Stat,
}

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let (mut words, mut form) = (Vec::new(), Form::Unified);
    while let Some(arg) = args.next()? {
        match arg {
            Long("stat") => form = Form::Stat,
            Long("split") => form = Form::Split,
            Value(word) => words.push(word.string()?),
            arg => return Err(arg.unexpected().into()),
        }
    }
    if let [FAST, names @ ..] = words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        return write_twins(out, &chosen(twins::twins(&Tree::find()?)?, names)?, form);
    }
    let steps = words.iter().map(|word| Step::parse(word)).collect::<Result<Vec<_>>>()?;
    let pairs = pairs(&steps)?;
    let tree = Tree::find()?;
    for pair in pairs {
        write_pair(out, &tree, pair, form)?;
    }
    Ok(())
}

fn pairs(steps: &[&'static Step]) -> Result<Vec<Pair>> {
    match *steps {
        [] => Ok(Pair::all().collect()),
        [step] if step.parents.is_empty() => {
            let message = format!("{step} grew from nothing: say which step to compare it with");
            Err(Stop::Usage(message))
        }
        [step] => Ok(Pair::to(step).collect()),
        [old, new] => Ok(vec![Pair { old, new }]),
        _ => Err(Stop::Usage("two steps at most".to_owned())),
    }
}

fn write_pair(out: &mut impl Write, tree: &Tree, pair: Pair, form: Form) -> Result {
    let files = compare::files(tree, pair)?;
    write_title(out, pair, &files)?;
    for file in files.iter().filter(|file| file.kind != Kind::Identical) {
        let path = |step, absent| (file.kind != absent).then(|| format!("{step}/src/{}", file.name));
        let (old, new) = (path(pair.old, Kind::New), path(pair.new, Kind::Gone));
        match form {
            Form::Unified => unified::write(out, old.as_deref(), new.as_deref(), file)?,
            Form::Split => split::write(out, &file.name, file, width())?,
            Form::Stat => write_stat(out, file)?,
        }
    }
    Ok(writeln!(out)?)
}

/// The twins with these names, each with or without its ending; all of them if there is no name.
fn chosen(mut twins: Vec<Twin>, names: &[&str]) -> Result<Vec<Twin>> {
    let stem = |name: &str| name.trim_end_matches(".rs").to_owned();
    let stems: Vec<_> = twins.iter().map(|twin| stem(&twin.diff.name)).collect();
    if let Some(name) = names.iter().find(|name| !stems.contains(&stem(name))) {
        return unknown("twin", name, stems);
    }
    twins.retain(|twin| names.is_empty() || names.iter().any(|name| stem(name) == stem(&twin.diff.name)));
    Ok(twins)
}

fn write_twins(out: &mut impl Write, twins: &[Twin], form: Form) -> Result {
    let counted = twins.iter().map(|twin| lines::count(&twin.diff.changes));
    let (added, removed) = counted.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    let (step, counts) = (twins::STEP, counts(added, removed));
    writeln!(out, "{TITLE}{step}: plain → {FAST}{TITLE:#}  {counts}")?;
    for twin in twins {
        let title = || format!("{} → {}", twins::short(&twin.plain), twins::short(&twin.fast));
        match form {
            Form::Unified => unified::write(out, Some(&twin.plain), Some(&twin.fast), &twin.diff)?,
            Form::Split => split::write(out, &title(), &twin.diff, width())?,
            Form::Stat => write_stat(out, &twin.diff)?,
        }
    }
    Ok(writeln!(out)?)
}

fn write_title(out: &mut impl Write, pair: Pair, files: &[FileDiff]) -> Result {
    let (added, removed) = compare::totals(files);
    writeln!(out, "{TITLE}{pair}{TITLE:#}  {}", counts(added, removed))?;
    let identical = compare::names(files, Kind::Identical);
    if !identical.is_empty() {
        writeln!(out, "identical: {}", identical.join(", "))?;
    }
    Ok(())
}

fn counts(added: usize, removed: usize) -> String {
    format!("{ADDED}+{added}{ADDED:#} {REMOVED}-{removed}{REMOVED:#}")
}

fn write_stat(out: &mut impl Write, file: &FileDiff) -> Result {
    let (added, removed) = lines::count(&file.changes);
    // A sign for every eight lines, and one at least.
    let bar = |sign: &str, lines: usize| sign.repeat(lines.div_ceil(8));
    let (plus, minus) = (bar("+", added), bar("-", removed));
    let (name, kind) = (&file.name, file.kind.word());
    write!(out, "  {name:<14} {kind:<8} {added:>4} {removed:>4}  ")?;
    Ok(writeln!(out, "{ADDED}{plus}{ADDED:#}{REMOVED}{minus}{REMOVED:#}")?)
}

/// The terminal's width, or one that holds two columns.
fn width() -> usize {
    terminal_size::terminal_size().map_or(160, |(width, _)| usize::from(width.0))
}
