//! `cargo xtask same`: what the steps share is the same, and the rules of growth hold.

mod copies;
mod drift;
mod meant;
mod suite;
mod table;
mod tidy;

use std::io::Write;

use lexopt::prelude::*;

use crate::compare::FileDiff;
use crate::growth::Size;
use crate::stop::{Result, failed};
use crate::tree::{STEPS, Tree};
use crate::unified::{self, TITLE};

pub(crate) use drift::{Reason, reasons};

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
    let mut findings = table::check(&tree)?;
    findings.extend(copies::check(&tree)?);
    findings.extend(suite::check(&tree)?);
    findings.extend(drift::check(&tree)?);
    findings.extend(tidy::check(&tree)?);
    for finding in &findings {
        finding.write(out)?;
    }
    write_sizes(out, &tree)?;
    match findings.len() {
        0 => Ok(()),
        1 => failed("same: one finding"),
        n => failed(format!("same: {n} findings")),
    }
}

fn write_sizes(out: &mut impl Write, tree: &Tree) -> Result {
    for step in &STEPS {
        let (code, budget) = (Size::of(tree, step)?.code, step.budget);
        let over = if code > budget {
            format!(", {} over", code - budget)
        } else {
            String::new()
        };
        writeln!(out, "{step}: {code} code lines, meant to be about {budget}{over}")?;
    }
    Ok(())
}
