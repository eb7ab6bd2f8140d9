//! `exercise find`: a copy of a step with a mistake of `patches/` in it, and the test that fails.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice;
use std::time::Duration;

use super::notes::save;
use super::reader::{self, DONE, Exercise, Kind, Reader};
use super::runner::{self, Failed, Program};
use super::sought::{self, Sought};
use super::{hints, models, package, why};
use crate::broken;
use crate::stop::{Result, failed};
use crate::tree::Tree;
use crate::unified::TITLE;

/// No warning gives the mistake away.
const LINTS: &str = "[lints.rust]\nwarnings = \"allow\"\n";

/// A model takes longer than a test.
const MODEL_LIMIT: Duration = Duration::from_secs(60);

pub(super) fn make(
    tree: &Tree,
    mut reader: Reader,
    name: Option<String>,
    dir: Option<PathBuf>,
    out: &mut impl Write,
) -> Result {
    let mut names = sought::list(tree)?.into_iter().map(|(name, _)| name);
    let next = names.find(|name| !reader.is_done(Kind::Find, name));
    let Some(name) = name.or(next) else {
        return Ok(writeln!(out, "all mistakes are found")?);
    };
    let sought = Sought::read(tree, &name)?;
    let dir = reader.place(&name, dir)?;
    let manifest = package::manifest(tree, &dir, package::folder(sought.step), &name, LINTS)?;
    let files = sought.copy(tree)?;
    let exercise = Exercise::make(&dir, Kind::Find, &name)?;
    reader.begin(Kind::Find, &name, &exercise)?;
    for (file, text) in files {
        save(&exercise.dir.join(file), &text)?;
    }
    package::write(tree, &exercise.dir, &manifest, &reader.env())?;
    sought.put_tests(tree, &exercise.dir)?;
    let docs = format!("{name}: README.md says what is wrong.\n");
    save(&exercise.dir.join("README.md"), &sought.page())?;
    save(&exercise.dir.join("docs.md"), &docs)?;
    let (dir, step, test) = (exercise.dir.display(), sought.step, &sought.mistake.test.name);
    writeln!(out, "{TITLE}{name}{TITLE:#} is in {dir}: {step} with a mistake")?;
    writeln!(out, "the symptom: this test fails: {test}")?;
    writeln!(out, "whether it is mended:")?;
    Ok(writeln!(out, "  cargo xtask exercise check {}", reader::as_word(&dir))?)
}

pub(super) fn check(
    tree: &Tree,
    reader: &mut Reader,
    exercise: &mut Exercise,
    hint: bool,
    out: &mut impl Write,
) -> Result {
    let sought = Sought::read(tree, exercise.name())?;
    if sought.put_tests(tree, &exercise.dir)? {
        writeln!(out, "{}", package::PUT_BACK)?;
    }
    out.flush()?;
    let suite = Program::build(tree, &exercise.dir)?;
    if let Some(failure) = symptom(tree, &sought, &suite)? {
        writeln!(out, "{TITLE}{}{TITLE:#} is not mended yet\n", sought.name)?;
        tell(tree, &sought, &exercise.dir, &sought.mistake.test.name, &failure, out)?;
        hints::tell(exercise, "hints", &sought.hints(&tree.read(broken::PAGE)?), hint, out)?;
        return failed(format!("{}: the test of the symptom fails", sought.name));
    }
    refuse_untouched(tree, &sought, &exercise.dir)?;
    check_all(tree, reader, &sought, &suite, out)
}

/// The symptom is gone: all other tests pass as well, and then it is done.
fn check_all(tree: &Tree, reader: &mut Reader, sought: &Sought, suite: &Program, out: &mut impl Write) -> Result {
    let all = suite.tests()?;
    // Each that fails is run alone once more: tests of other programs may use the same ports at the same time.
    if let Some(failure) = suite.first_failure(&all, true)? {
        let test = &all[failure.place];
        let problem = "the symptom is gone, but something else is broken";
        writeln!(out, "{TITLE}{}{TITLE:#}: {problem}\n", sought.name)?;
        tell(tree, sought, &suite.dir, test, &failure, out)?;
        return failed(format!("{}: this test fails now: {test}", sought.name));
    }
    reader.note(Kind::Find, &sought.name, DONE)?;
    writeln!(
        out,
        "{TITLE}{} is mended{TITLE:#}: all {} tests pass",
        sought.name,
        all.len()
    )?;
    let chapter = sought.chapter(&tree.read(broken::PAGE)?);
    Ok(writeln!(
        out,
        "This is the chapter of {} on it:\n\n{chapter}",
        broken::PAGE
    )?)
}

/// A test of the processor time may miss the mistake on a busy machine.
fn refuse_untouched(tree: &Tree, sought: &Sought, dir: &Path) -> Result {
    let files = sought.copy(tree)?;
    let is_same = |(file, text): &(String, String)| fs::read_to_string(dir.join(file)).is_ok_and(|now| now == *text);
    if !files.iter().all(is_same) {
        return Ok(());
    }
    failed(format!(
        "{}: the test of the symptom passes although nothing was changed: a busy machine may hide it, so check again",
        sought.name
    ))
}

/// The test that the mistake makes fail: one of the suite, or a model that is built from the reader's files.
fn symptom(tree: &Tree, sought: &Sought, suite: &Program) -> Result<Option<Failed>> {
    let test = &sought.mistake.test.name;
    let model = match sought.is_model() {
        true => Some(Program::new(
            tree,
            models::build(tree, sought.step, &suite.dir)?,
            &suite.dir,
        )?),
        false => None,
    };
    let model = model.map(|program| Program {
        limit: MODEL_LIMIT,
        ..program
    });
    let program = model.as_ref().unwrap_or(suite);
    match program.tests()?.contains(test) {
        true => program.first_failure(slice::from_ref(test), false),
        false => failed(format!(
            "this system does not have the test {test}: try another exercise"
        )),
    }
}

fn tell(tree: &Tree, sought: &Sought, dir: &Path, test: &str, failure: &Failed, out: &mut impl Write) -> Result {
    failure.tell(test, &runner::sentence(test), out)?;
    match failure.hangs && !sought.is_model() {
        true => why::tell(tree, sought.step, dir, &sought.name, test, out),
        false => Ok(()),
    }
}
