//! `exercise write`: the step before, the tests of the next, and stubs of its public functions.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::notes::save;
use super::package;
use super::parts::{LEVELS, Parts};
use super::reader::{DONE, Exercise, Kind, Reader};
use super::runner::{self, Program};
use super::{cargo, hints, why};
use crate::compare::{self, FileDiff};
use crate::stop::{Result, failed, unknown};
use crate::tree::{STEPS, Step, Tree};
use crate::unified::{self, TITLE};

/// Parts, stubs and patches.
const DATA: &str = "xtask/exercise/write";

/// exp1 to exp4 need no unsafe code.
const SAFE: &str = "[lints.rust]\nunsafe_code = \"forbid\"\n";

/// The steps that can be written: all that grew from another.
pub(super) fn steps() -> impl Iterator<Item = &'static Step> {
    STEPS.iter().filter(|step| !step.parents.is_empty())
}

fn find(name: &str) -> Result<&'static Step> {
    let is_it = |step: &&Step| [&step.number.to_string(), &step.short(), step.dir].contains(&name);
    steps()
        .find(is_it)
        .map_or_else(|| unknown("step to write", name, steps()), Ok)
}

fn package_name(step: &Step) -> String {
    format!("my-{}", step.short())
}

pub(super) fn parts(tree: &Tree, step: &Step) -> Result<Parts> {
    let path = format!("{DATA}/{}.txt", step.short());
    Parts::parse(&path, &tree.read(&path)?)
}

pub(super) fn make(
    tree: &Tree,
    mut reader: Reader,
    name: Option<String>,
    dir: Option<PathBuf>,
    out: &mut impl Write,
) -> Result {
    let step = match name {
        Some(name) => find(&name)?,
        None => match steps().find(|step| !reader.is_done(Kind::Write, &step.short())) {
            Some(step) => step,
            None => return Ok(writeln!(out, "all steps are written")?),
        },
    };
    let dir = reader.place(&package_name(step), dir)?;
    let (name, lint) = (package_name(step), if step.number < 5 { SAFE } else { "" });
    let (parts, files) = (parts(tree, step)?, start(tree, step)?);
    let manifest = package::manifest(tree, &dir, package::folder(step), &name, lint)?;
    let exercise = Exercise::make(&dir, Kind::Write, &step.short())?;
    reader.begin(Kind::Write, &step.short(), &exercise)?;
    for (file, text) in files {
        save(&exercise.dir.join("src").join(file), &text)?;
    }
    package::write(tree, &exercise.dir, &manifest, &reader.env())?;
    put_tests(tree, step, &parts, &exercise.dir)?;
    save(&exercise.dir.join("README.md"), &page(step, &parts))?;
    save(
        &exercise.dir.join("docs.md"),
        &format!("{name}: README.md says what it is to become.\n"),
    )?;
    let dir = exercise.dir.display();
    writeln!(out, "{TITLE}{name}{TITLE:#} is in {dir}")?;
    writeln!(out, "its README.md says what to do; this tells how far it is:")?;
    Ok(writeln!(out, "  cargo xtask exercise check {dir}")?)
}

/// The files of `src` to begin with: those of the step before, the stubs, and the demo of the step.
pub(super) fn start(tree: &Tree, step: &Step) -> Result<Vec<(String, String)>> {
    let before = &STEPS[step.parents[0] - 1];
    let mut files = Vec::new();
    for name in tree.sources(before)? {
        files.push((name.clone(), tree.read(&format!("{before}/src/{name}"))?));
    }
    if let [_, given] = step.parents {
        give(tree, &STEPS[given - 1], &mut files)?;
    }
    let folder = format!("{DATA}/{}", step.short());
    for path in tree.files(&folder, "")? {
        let (name, text) = (path[folder.len() + 1..].to_owned(), tree.read(&path)?);
        change(&path, &name, &text, &mut files)?;
    }
    let demo = tree.read(&format!("{step}/src/main.rs"))?;
    let alias = format!("use {} as sched;\n", package::lib(&package_name(step)));
    let own = format!("cargo run -p {step}");
    put(
        "main.rs",
        step.without_alias(&demo)
            .replace("use … as sched;\n", &alias)
            .replace(&own, "cargo run"),
        &mut files,
    );
    Ok(files)
}

/// A stub is a file of its own; `NAME.rs.add` goes to the end of a file, and `NAME.rs.patch` changes it.
fn change(path: &str, name: &str, text: &str, files: &mut Vec<(String, String)>) -> Result {
    let (target, is_patch) = match (name.strip_suffix(".add"), name.strip_suffix(".patch")) {
        (Some(target), _) => (target, false),
        (None, Some(target)) => (target, true),
        (None, None) => {
            put(name, text.to_owned(), files);
            return Ok(());
        }
    };
    let Some((_, old)) = files.iter_mut().find(|(known, _)| known == target) else {
        return failed(format!("{path}: there is no {target}"));
    };
    *old = if is_patch {
        let patch = diffy::Patch::from_str(text).or_else(|error| failed(format!("{path}: {error}")))?;
        diffy::apply(old, &patch).or_else(|error| failed(format!("{path} does not apply: {error}")))?
    } else {
        format!("{old}{text}")
    };
    Ok(())
}

/// The new files of another step.
fn give(tree: &Tree, given: &Step, files: &mut Vec<(String, String)>) -> Result {
    for name in tree.sources(given)? {
        if !files.iter().any(|(known, _)| *known == name) {
            put(&name, tree.read(&format!("{given}/src/{name}"))?, files);
        }
    }
    Ok(())
}

fn put(name: &str, text: String, files: &mut Vec<(String, String)>) {
    files.retain(|(known, _)| known != name);
    files.push((name.to_owned(), text));
}

fn put_tests(tree: &Tree, step: &Step, parts: &Parts, dir: &Path) -> Result<bool> {
    let mut files = package::listed(tree, step, "suite")?;
    files.retain(|file| parts.has_file(file));
    let top = package::top(&package_name(step), step);
    save(
        &dir.join("tests/demo.stdout"),
        &tree.read(&format!("{step}/tests/demo.stdout"))?,
    )?;
    package::write_tests(tree, dir, "suite", &top, &files)
}

fn page(step: &Step, parts: &Parts) -> String {
    let name = package_name(step);
    let before = step.parents().map(Step::short).collect::<Vec<_>>().join(" and ");
    let mut text = format!(
        "# {name}\n\n{}\n\n`src` has {before}, the demo of {}, and stubs of the new public functions. Their documentation says what \
         they are to do. Only the public functions are given: how the rest is cut into files is up to you.\n\n\
         ```text\n\
         cargo xtask exercise check           # the first test that fails\n\
         cargo xtask exercise check --hint    # a hint; there are {LEVELS} for each part\n\
         cargo test                           # all tests at once\n\
         ```\n\n\
         The tests are in `tests/suite`. They are run in the order of these parts:\n",
        step.idea,
        step.short(),
    );
    for (number, part) in (1..).zip(&parts.parts) {
        text.push_str(&format!("\n{number}. **{}.** {}\n", part.title, part.text));
    }
    text
}

pub(super) fn check(
    tree: &Tree,
    reader: &mut Reader,
    exercise: &mut Exercise,
    hint: bool,
    out: &mut impl Write,
) -> Result {
    let step = find(exercise.name())?;
    let parts = parts(tree, step)?;
    if put_tests(tree, step, &parts, &exercise.dir)? {
        writeln!(out, "the tests were changed, and are put back")?;
    }
    out.flush()?;
    let built = cargo::build(tree, &exercise.dir, &["test", "--no-run", "--test", "suite"])?;
    let program = Program::new(tree, cargo::program(&built, "suite")?, &exercise.dir)?;
    let order = parts.order(&program.tests()?);
    let tests: Vec<_> = order.iter().map(|listed| listed.test.clone()).collect();
    let Some(failure) = program.first_failure(&tests)? else {
        reader.note(Kind::Write, &step.short(), DONE)?;
        writeln!(
            out,
            "{TITLE}{} is written{TITLE:#}: all {} tests pass\n",
            package_name(step),
            tests.len()
        )?;
        return differences(tree, step, &exercise.dir, out);
    };
    reader.note(
        Kind::Write,
        &step.short(),
        &format!("{} of {}", failure.place, tests.len()),
    )?;
    let listed = &order[failure.place];
    let part = &parts.parts[listed.part];
    let title = format!("part {} of {}: {}", listed.part + 1, parts.parts.len(), part.title);
    writeln!(out, "{TITLE}{} {title}{TITLE:#}", package_name(step))?;
    let bar = super::overview::bar(failure.place, tests.len());
    writeln!(
        out,
        "{bar} {} of {} tests pass, in their order\n\n{}\n",
        failure.place,
        tests.len(),
        part.text
    )?;
    let sentence = listed
        .sentence
        .clone()
        .unwrap_or_else(|| runner::sentence(&listed.test));
    failure.tell(&listed.test, &sentence, out)?;
    if failure.hangs {
        out.flush()?;
        for line in why::explain(tree, step, &exercise.dir, &package_name(step), &listed.test)? {
            writeln!(out, "    {line}")?;
        }
    }
    hints::tell(exercise, &format!("hints {}", listed.part + 1), &part.hints, hint, out)?;
    failed(format!("{}: this test fails: {}", package_name(step), listed.test))
}

/// The reader's files against ours.
fn differences(tree: &Tree, step: &Step, dir: &Path, out: &mut impl Write) -> Result {
    writeln!(out, "From yours (a) to ours (b), file by file:\n")?;
    let mut ours = tree.sources(step)?;
    // The demo was given.
    ours.retain(|name| name != "main.rs");
    let mut names = ours.clone();
    for entry in fs::read_dir(dir.join("src"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rs") && name != "main.rs" && !names.contains(&name) {
            names.push(name);
        }
    }
    let mut files = Vec::new();
    for name in names {
        let mine = fs::read_to_string(dir.join("src").join(&name)).ok();
        let our = ours
            .contains(&name)
            .then(|| tree.read(&format!("{step}/src/{name}")))
            .transpose()?;
        files.push(FileDiff::between(&name, mine, our));
    }
    files.sort_by_key(|file| compare::place(step, file));
    for file in &files {
        let path = |folder: &str, there: bool| there.then(|| format!("{folder}/src/{}", file.name));
        match file.kind {
            compare::Kind::Identical => writeln!(out, "{}: the same", file.name)?,
            kind => {
                let mine = path(&package_name(step), kind != compare::Kind::New);
                let our = path(step.dir, kind != compare::Kind::Gone);
                unified::write(out, mine.as_deref(), our.as_deref(), file)?;
            }
        }
    }
    Ok(())
}
