//! `cargo xtask exercise`: steps to write, mistakes to find, output to predict.

mod cargo;
mod difference;
mod docs;
mod facade;
mod find;
mod hints;
mod models;
mod notes;
mod overview;
mod package;
mod parts;
mod predict;
mod reader;
mod runner;
mod sought;
mod start;
mod why;
mod write;

use std::io::Write;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;

use crate::stop::{Result, Stop, unknown};
use crate::tree::Tree;

pub(crate) use docs::{PAGE, lists, of_step};
use reader::{Exercise, Kind, Reader};

const WORDS: [&str; 4] = ["write", "find", "predict", "check"];

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let (mut words, mut hint) = (Vec::new(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("hint") => hint = true,
            Value(word) => words.push(word),
            arg => return Err(arg.unexpected().into()),
        }
    }
    let name = |place: usize| words.get(place).map(|word| word.to_string_lossy().into_owned());
    let dir = |place: usize| words.get(place).map(PathBuf::from);
    let command = name(0);
    let most = match command.as_deref() {
        None => 0,
        Some("check") => 2,
        _ => 3,
    };
    if words.len() > most || hint && command.as_deref() != Some("check") {
        return Err(Stop::Usage("this is one word too many: cargo xtask help".to_owned()));
    }
    let tree = tree()?;
    let reader = Reader::find(&tree)?;
    match command.as_deref() {
        None => overview::write(&tree, &reader, out),
        Some("write") => write::make(&tree, reader, name(1), dir(2), out),
        Some("find") => find::make(&tree, reader, name(1), dir(2), out),
        Some("predict") => predict::run(&tree, reader, name(1), name(2), out),
        Some("check") => check(&tree, reader, dir(1), hint, out),
        Some(word) => unknown("exercise", word, WORDS),
    }
}

/// The project that is above the current folder, or the one that this program was built in: an exercise is outside of both.
fn tree() -> Result<Tree> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Tree::find().or_else(|stop| Tree::at(&project).ok_or(stop))
}

fn check(tree: &Tree, mut reader: Reader, dir: Option<PathBuf>, hint: bool, out: &mut impl Write) -> Result {
    let mut exercise = match dir {
        Some(dir) => Exercise::open(&dir)?,
        None => match Exercise::around(&std::env::current_dir()?)? {
            Some(exercise) => exercise,
            None => reader.latest()?,
        },
    };
    reader.note_latest(&exercise)?;
    match exercise.kind()? {
        Kind::Write => write::check(tree, &mut reader, &mut exercise, hint, out),
        Kind::Find => find::check(tree, &mut reader, &mut exercise, hint, out),
        Kind::Predict => predict::check(tree, &mut reader, &exercise, out),
    }
}
