//! `cargo xtask trace`: a step's demo, run under the recorder of `shared-testutil`, as a timeline.

mod axis;
mod chrome;
mod docs;
pub(crate) mod program;
pub(crate) mod record;
mod svg;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::*;

use crate::stop::{Result, Stop, failed};
use crate::tree::{STEPS, Step, Tree};

pub(crate) use docs::{block, generated};
use program::Program;
use svg::Look;

/// A program that takes longer is cut off.
const LIMIT: Duration = Duration::from_secs(10);

/// What the command line asks for.
enum Asked {
    /// The records behind the pictures of the pages, anew, or a check of their structure.
    Docs {
        check: bool,
    },
    Run(Wanted),
}

/// One run.
struct Wanted {
    step: &'static Step,
    program: Option<PathBuf>,
    svg: Option<PathBuf>,
    json: Option<PathBuf>,
    limit: Duration,
    look: Look,
}

pub(crate) fn run(args: lexopt::Parser, out: &mut impl Write) -> Result {
    let wanted = match Asked::parse(args)? {
        Asked::Docs { check } => return docs::record(&Tree::find()?, check, out),
        Asked::Run(wanted) => wanted,
    };
    let tree = Tree::find()?;
    // Before the program is built, which takes a while.
    wanted
        .svg
        .iter()
        .chain(&wanted.json)
        .try_for_each(|file| writable(file))?;
    out.flush()?;
    let program = Program::new(&tree, wanted.step, wanted.program.as_deref())?;
    let ended = program.run(wanted.limit)?;
    let record = &ended.record;
    let title = program.title();
    // The files first: a reader of the timeline may leave before its end.
    if let Some(file) = &wanted.svg {
        let alt = format!("Timeline of {title}, one row a task.");
        save(file, &svg::draw(&title, &alt, record, wanted.look))?;
    }
    if let Some(file) = &wanted.json {
        save(file, &chrome::json(&title, record).to_string())?;
    }
    writeln!(out)?;
    terminal::write(out, &title, record, wanted.look.to_scale)?;
    if ended.was_cut {
        let seconds = wanted.limit.as_secs_f64();
        writeln!(out, "cut off after {seconds} s: the program had not ended (--limit)")?;
    }
    ended.failure.map_or(Ok(()), failed)
}

impl Asked {
    fn parse(mut args: lexopt::Parser) -> Result<Self> {
        let (mut step, mut docs, mut check) = (None, false, false);
        let mut wanted = Wanted {
            step: &STEPS[0],
            program: None,
            svg: None,
            json: None,
            limit: LIMIT,
            look: Look::default(),
        };
        while let Some(arg) = args.next()? {
            match arg {
                Long("program") => wanted.program = Some(args.value()?.into()),
                Long("svg") => wanted.svg = Some(args.value()?.into()),
                Long("json") => wanted.json = Some(args.value()?.into()),
                Long("limit") => wanted.limit = seconds(&args.value()?.string()?)?,
                Long("to-scale") => wanted.look.to_scale = true,
                Long("docs") => docs = true,
                Long("check") => check = true,
                Value(word) if step.is_none() => step = Some(Step::parse(&word.string()?)?),
                arg => return Err(arg.unexpected().into()),
            }
        }
        match step {
            None if docs => Ok(Self::Docs { check }),
            Some(step) if !docs && !check => Ok(Self::Run(Wanted { step, ..wanted })),
            _ => Err(Stop::Usage("say which step, 1 to 6, or --docs [--check]".to_owned())),
        }
    }
}

fn seconds(word: &str) -> Result<Duration> {
    let limit = word.parse().ok().filter(|seconds| *seconds > 0.0);
    let limit = limit.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let wrong = || Stop::Usage(format!("--limit is a number of seconds above 0, and not `{word}`"));
    limit.ok_or_else(wrong)
}

fn writable(file: &Path) -> Result {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(file);
    opened
        .map(drop)
        .or_else(|error| failed(format!("{}: {error}", file.display())))
}

fn save(file: &Path, text: &str) -> Result {
    std::fs::write(file, text).or_else(|error| failed(format!("{}: {error}", file.display())))
}
