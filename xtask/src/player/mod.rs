//! `cargo xtask player`: the runs that the page's player steps through, recorded event by event.
//!
//! A scheduler is built for the recording alone: a copy of a step's plain sources in which hooks are put at marks. The
//! crates stay as they are. `docs/player` has what is recorded.

mod marks;
mod program;
mod recording;
mod runs;

use std::io::Write;

use lexopt::prelude::*;
use serde_json::{Value, json};

use crate::stop::{Result, failed, unknown};
use crate::tree::Tree;
use program::Program;
use recording::{Recording, parting, structure};
pub(crate) use runs::{RUNS, Run, Source};

const FOLDER: &str = "docs/player";

const COMMAND: &str = "cargo xtask player";

const HOOK: &str = include_str!("../../player/hook.rs");

/// A busy machine may disturb a run.
const TRIES: usize = 3;

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let (mut names, mut check) = (Vec::new(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => check = true,
            Value(name) => names.push(name.string()?),
            option => return Err(option.unexpected().into()),
        }
    }
    if let Some(name) = names.iter().find(|name| !RUNS.iter().any(|run| run.name == **name)) {
        return unknown("run", name, RUNS.iter().map(|run| run.name));
    }
    let wanted = |run: &&Run| names.is_empty() || names.iter().any(|name| name == run.name);
    let wanted: Vec<_> = RUNS.iter().filter(wanted).collect();
    let tree = Tree::find()?;
    let programs: Vec<Vec<_>> = wanted.iter().map(|run| programs(run)).collect();
    let target = program::build(&tree, &programs.iter().flatten().collect::<Vec<_>>())?;
    let mut stale = 0;
    for (run, programs) in wanted.iter().zip(&programs) {
        out.flush()?;
        let record = || {
            programs
                .iter()
                .map(|program| program.record(&tree, &target))
                .collect::<Result<Vec<_>>>()
        };
        if !check {
            tree.write(&run.file(), &text(&tree, run, &record()?)?)?;
            writeln!(out, "{} is written", run.file())?;
        } else if !is_repeated(&committed(&tree, run)?, record)? {
            writeln!(out, "{} is stale: another run does something else", run.file())?;
            stale += 1;
        }
    }
    match stale {
        0 => Ok(()),
        _ => failed(format!("player: this records them anew: {COMMAND}")),
    }
}

/// Without the mistake, and with it.
fn programs(run: &Run) -> Vec<Program<'_>> {
    let kinds: &[bool] = if run.is_mistake() { &[false, true] } else { &[false] };
    let program = |&with_mistake| Program { run, with_mistake };
    kinds.iter().map(program).collect()
}

fn text(tree: &Tree, run: &Run, recordings: &[Recording]) -> Result<String> {
    let parts = match recordings {
        [right, wrong] => {
            let parts = parting(&right.events, &wrong.events);
            if parts == [right.events.len(), wrong.events.len()] {
                return failed(format!("{}: the mistake does not show", run.name));
            }
            json!(parts)
        }
        _ => json!(null),
    };
    let files = recordings.iter().flat_map(|recording| &recording.files);
    let files: Vec<_> = files.map(String::as_str).collect();
    let runs: Vec<_> = recordings.iter().map(Recording::text).collect();
    Ok(format!(
        "{{\n\"program\": {},\n\"hash\": {},\n\"parts\": {parts},\n\"runs\": [\n{}\n]\n}}\n",
        json!(run.program()),
        json!(run.hash(tree, &files)?),
        runs.join(",\n")
    ))
}

/// As it was committed.
fn committed(tree: &Tree, run: &Run) -> Result<Value> {
    let file = run.file();
    let text = tree.read(&file)?;
    text.parse().or_else(|error| failed(format!("{file}: {error}")))
}

/// Runs it until it does what the committed recording says.
fn is_repeated(committed: &Value, record: impl Fn() -> Result<Vec<Recording>>) -> Result<bool> {
    let of_json = |run: &Value| -> Vec<_> { run["events"].as_array().into_iter().flatten().map(structure).collect() };
    let expected: Vec<_> = committed["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(of_json)
        .collect();
    for _ in 0..TRIES {
        let recorded = record()?;
        let found: Vec<_> = recorded
            .iter()
            .map(|run| run.events.iter().map(structure).collect::<Vec<_>>())
            .collect();
        if found == expected {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A recording, if it is there and comes from what is in the tree now; or what is wrong with it.
pub(crate) fn read(tree: &Tree, run: &Run) -> Result<std::result::Result<Value, String>> {
    if !tree.has(&run.file()) {
        return Ok(Err(format!("{} is not there: {COMMAND}", run.file())));
    }
    let value = committed(tree, run)?;
    let runs = value["runs"].as_array().into_iter().flatten();
    let files = runs.flat_map(|run| run["files"].as_array().into_iter().flatten());
    let files: Vec<_> = files.filter_map(Value::as_str).collect();
    if value["hash"] != run.hash(tree, &files)? {
        return Ok(Err(format!(
            "{} is stale: what it was recorded from has changed: {COMMAND}",
            run.file()
        )));
    }
    Ok(Ok(value))
}

/// A tree without the folder has none, and misses none.
pub(crate) fn has_recordings(tree: &Tree) -> bool {
    tree.path(FOLDER).is_dir()
}

/// The recordings that are missing or stale.
pub(crate) fn stale(tree: &Tree) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    if has_recordings(tree) {
        for run in RUNS {
            stale.extend(read(tree, run)?.err());
        }
    }
    Ok(stale)
}
