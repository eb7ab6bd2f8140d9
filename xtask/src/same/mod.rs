//! `cargo xtask same`: what the steps share is the same, and the rules of growth hold.

mod circles;
mod concepts;
mod copies;
mod crate_page;
mod drift;
mod links;
mod meant;
mod measured;
mod numbers;
mod plain;
mod questions;
mod suite;
mod table;
mod tidy;
mod twins;
mod words;

use std::io::Write;

use lexopt::prelude::*;

use crate::compare::FileDiff;
use crate::limits::{self, Measured};
use crate::stop::{Result, failed};
use crate::tree::Tree;
use crate::unified::{self, TITLE};

pub(crate) use drift::{Reason, reasons};
pub(crate) use table::held_beside;

type Check = fn(&Tree) -> Result<Vec<Finding>>;

const CHECKS: [Check; 15] = [
    table::check,
    copies::check,
    suite::check,
    twins::check,
    plain::check,
    circles::check,
    words::check,
    drift::check,
    tidy::check,
    concepts::check,
    links::check,
    crate_page::check,
    questions::check,
    numbers::check,
    measured::check,
];

/// For what is above its limit.
const REMEDY: &str = "move something to fast/, to extra/ or out; a limit is raised only with a sentence in CONTRIBUTING.md \
     on what the reader gains";

/// What is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Finding {
    problem: String,
    remedy: String,
    /// The two paths and their difference.
    diff: Option<(String, String, FileDiff)>,
}

impl Finding {
    fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: remedy.into(),
            diff: None,
        }
    }

    fn with_diff(mut self, old: (&str, String), new: (&str, String)) -> Self {
        let diff = FileDiff::between(new.0, Some(old.1), Some(new.1));
        self.diff = Some((old.0.to_owned(), new.0.to_owned(), diff));
        self
    }

    fn write(&self, out: &mut impl Write) -> Result {
        writeln!(out, "{TITLE}{}{TITLE:#}\n  {}", self.problem, self.remedy)?;
        if let Some((old, new, diff)) = &self.diff {
            unified::write(out, Some(old), Some(new), diff)?;
        }
        Ok(writeln!(out)?)
    }
}

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let mut update = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("update") => update = true,
            arg => return Err(arg.unexpected().into()),
        }
    }
    let tree = Tree::find()?;
    if update {
        drift::update(&tree)?;
    }
    let mut findings = Vec::new();
    for check in CHECKS {
        findings.extend(check(&tree)?);
    }
    let sizes = limits::measure(&tree)?;
    findings.extend(sizes.iter().filter_map(above_limit));
    for finding in &findings {
        finding.write(out)?;
    }
    write_sizes(out, &sizes)?;
    match findings.len() {
        0 => Ok(()),
        1 => failed("same: one finding"),
        n => failed(format!("same: {n} findings")),
    }
}

fn above_limit(size: &Measured) -> Option<Finding> {
    let Measured { what, lines, most } = size;
    (lines > most).then(|| {
        let problem = format!("{what}: {lines} code lines, and the limit is {most}");
        Finding::new(problem, REMEDY)
    })
}

fn write_sizes(out: &mut impl Write, sizes: &[Measured]) -> Result {
    for Measured { what, lines, most } in sizes {
        writeln!(out, "{what}: {lines} code lines of at most {most}")?;
    }
    Ok(())
}
