//! `exercise predict`: small programs, of which the reader says what they print.

use std::fs::{self, File};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::notes::save;
use super::reader::{DONE, Exercise, Kind, Reader};
use super::runner::LIMIT;
use super::{cargo, facade, package};
use crate::child;
use crate::stop::{Result, Stop, failed, unknown};
use crate::trace::record::Record;
use crate::trace::terminal;
use crate::tree::{STEPS, Step, Tree};
use crate::unified::{ADDED, REMOVED, TITLE};

/// The programs, and what they print.
const DATA: &str = "xtask/exercise/predict";

/// So many for each step.
pub(super) const PROGRAMS: usize = 5;

pub(super) fn name(step: &Step, number: usize) -> String {
    format!("{}-{number}", step.short())
}

/// The programs of a step, in a folder of the reader's.
fn folder(step: &Step) -> String {
    format!("predict-{}", step.short())
}

fn source(step: &Step, number: usize) -> String {
    format!("{DATA}/{}.rs", name(step, number))
}

/// What a program says of itself in its first line.
pub(super) fn title(tree: &Tree, step: &Step, number: usize) -> Result<String> {
    let text = tree.read(&source(step, number))?;
    let title = text.lines().next().and_then(|line| line.strip_prefix("//! "));
    title.map_or_else(
        || failed(format!("{} has no title", source(step, number))),
        |title| Ok(title.to_owned()),
    )
}

pub(super) fn run(
    tree: &Tree,
    mut reader: Reader,
    step: Option<String>,
    number: Option<String>,
    out: &mut impl Write,
) -> Result {
    let undone = |step: &Step, reader: &Reader| {
        (1..=PROGRAMS).find(|number| !reader.is_done(Kind::Predict, &name(step, *number)))
    };
    let step = match step {
        Some(word) => Step::parse(&word)?,
        None => match STEPS.iter().find(|step| undone(step, &reader).is_some()) {
            Some(step) => step,
            None => return Ok(writeln!(out, "all output is predicted")?),
        },
    };
    let number = match number {
        Some(word) => match word.parse().ok().filter(|number| (1..=PROGRAMS).contains(number)) {
            Some(number) => number,
            None => return unknown("program", &word, 1..=PROGRAMS),
        },
        None => undone(step, &reader).unwrap_or(1),
    };
    let exercise = open(tree, &mut reader, step)?;
    reader.note_latest(&exercise)?;
    let answer = match given(&exercise, number)? {
        Some(answer) => answer,
        None => return ask(tree, &mut reader, &exercise, step, number, out),
    };
    compare(tree, &mut reader, step, number, &answer, out)
}

/// All programs with an answer.
pub(super) fn check(tree: &Tree, reader: &mut Reader, exercise: &Exercise, out: &mut impl Write) -> Result {
    let step = Step::parse(exercise.name())?;
    let mut wrong = 0;
    for number in 1..=PROGRAMS {
        match written(exercise, number)? {
            None => writeln!(out, "{}: no answer yet", name(step, number))?,
            Some(answer) => match compare(tree, reader, step, number, &answer, out) {
                Err(Stop::Failed(_)) => wrong += 1,
                ended => ended?,
            },
        }
    }
    match wrong {
        0 => Ok(()),
        _ => failed(format!("{}: answers that are wrong: {wrong}", folder(step))),
    }
}

fn open(tree: &Tree, reader: &mut Reader, step: &Step) -> Result<Exercise> {
    let dir = reader.place(&folder(step), None)?;
    if let Ok(exercise) = Exercise::open(&dir) {
        return Ok(exercise);
    }
    let exercise = Exercise::make(&dir, Kind::Predict, &step.short())?;
    reader.begin(Kind::Predict, &step.short(), &exercise)?;
    for number in 1..=PROGRAMS {
        save(&dir.join(format!("{number}.rs")), &tree.read(&source(step, number))?)?;
    }
    Ok(exercise)
}

fn answer_path(exercise: &Exercise, number: usize) -> std::path::PathBuf {
    exercise.dir.join(format!("{number}.txt"))
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// The answer in the reader's file.
fn written(exercise: &Exercise, number: usize) -> Result<Option<Vec<String>>> {
    let path = answer_path(exercise, number);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).or_else(|error| failed(format!("{}: {error}", path.display())))?;
    Ok(Some(lines(&text)).filter(|lines| !lines.is_empty()))
}

/// From a pipe, or from the file.
fn given(exercise: &Exercise, number: usize) -> Result<Option<Vec<String>>> {
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        if !lines(&text).is_empty() {
            save(&answer_path(exercise, number), &text)?;
        }
    }
    written(exercise, number)
}

/// Shows the program. Whoever sits at a terminal can answer at once.
fn ask(
    tree: &Tree,
    reader: &mut Reader,
    exercise: &Exercise,
    step: &'static Step,
    number: usize,
    out: &mut impl Write,
) -> Result {
    let path = answer_path(exercise, number);
    writeln!(out, "{}", tree.read(&source(step, number))?)?;
    writeln!(out, "{TITLE}What does {} print?{TITLE:#}", name(step, number))?;
    if !io::stdin().is_terminal() {
        writeln!(out, "Write the lines into {}, and then:", path.display())?;
        return Ok(writeln!(
            out,
            "  cargo xtask exercise predict {} {number}",
            step.number
        )?);
    }
    writeln!(out, "One line after the other; an empty line ends it.")?;
    out.flush()?;
    let text = typed()?;
    if text.is_empty() {
        return Ok(writeln!(
            out,
            "no answer: the program is {} in {}",
            number,
            exercise.dir.display()
        )?);
    }
    save(&path, &text)?;
    compare(tree, reader, step, number, &lines(&text), out)
}

/// Lines up to an empty one.
fn typed() -> Result<String> {
    let mut text = String::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn compare(
    tree: &Tree,
    reader: &mut Reader,
    step: &'static Step,
    number: usize,
    answer: &[String],
    out: &mut impl Write,
) -> Result {
    out.flush()?;
    let (real, record) = execute(tree, step, number)?;
    let name = name(step, number);
    if *answer == real {
        reader.note(Kind::Predict, &name, DONE)?;
        return Ok(writeln!(
            out,
            "{TITLE}{name} is right{TITLE:#}: all {} lines",
            real.len()
        )?);
    }
    let same = answer.iter().zip(&real).take_while(|(a, b)| a == b).count();
    writeln!(out, "{TITLE}{name}: here they part{TITLE:#}\n")?;
    for (line, text) in (1..).zip(&real[..same]) {
        writeln!(out, "{line:>4}  {text}")?;
    }
    let end = "(nothing more)";
    let (mine, its) = (
        answer.get(same).map_or(end, String::as_str),
        real.get(same).map_or(end, String::as_str),
    );
    writeln!(out, "{:>4}  {REMOVED}you:        {mine}{REMOVED:#}", same + 1)?;
    writeln!(out, "      {ADDED}the program: {its}{ADDED:#}\n")?;
    if let Some(record) = record {
        terminal::write(out, &format!("{name} on {step}"), &record, false)?;
    }
    failed(format!("{name}: line {} is another", same + 1))
}

/// What a program prints, and what was recorded of it.
fn execute(tree: &Tree, step: &'static Step, number: usize) -> Result<(Vec<String>, Option<Record>)> {
    let dir = cargo::target(tree)?.join(folder(step));
    write(tree, step, &dir)?;
    let programs = cargo::build(tree, &dir, &["build", "--bins"])?;
    let binary = cargo::program(&programs, &name(step, number))?;
    let id = format!("{}-{number}", std::process::id());
    let (log, record) = (dir.join(format!("{id}.txt")), dir.join(format!("{id}.json")));
    let mut command = Command::new(binary);
    command
        .env("TRACE_FILE", &record)
        .env("TRACE_LIMIT", LIMIT.as_secs_f64().to_string());
    command
        .stdin(Stdio::null())
        .stdout(File::create(&log)?)
        .stderr(Stdio::null());
    let ended = child::run(&mut command, 2 * LIMIT)?;
    let text = fs::read_to_string(&log)?;
    let recorded = fs::read_to_string(&record).unwrap_or_default();
    for path in [log, record] {
        // There is no record if the program ended too early.
        let _may_be_missing = fs::remove_file(path);
    }
    match ended {
        Some(status) if status.success() => {}
        _ => return failed(format!("{} has not come to its end", source(step, number))),
    }
    let value: Value = recorded.parse().unwrap_or_default();
    Ok((lines(&text), Record::parse(&value["record"]).ok()))
}

/// One package with all programs of a step, and the facade that records in the place of the step.
fn write(tree: &Tree, step: &Step, dir: &Path) -> Result {
    let package = folder(step);
    let lib = package::lib(step.dir);
    let mut manifest = format!(
        "[package]\nname = \"{package}\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [lib]\nname = \"{lib}\"\npath = \"lib.rs\"\n\n"
    );
    for number in 1..=PROGRAMS {
        let program = name(step, number);
        manifest.push_str(&format!("[[bin]]\nname = \"{program}\"\npath = \"{program}.rs\"\n\n"));
        save(&dir.join(format!("{program}.rs")), &tree.read(&source(step, number))?)?;
    }
    manifest.push_str(&facade::dependencies(tree, step.dir, &tree.path(step.dir)));
    save(&dir.join("lib.rs"), &facade::text(step))?;
    package::write(tree, dir, &format!("{manifest}\n{}", package::PROFILES), "")
}
