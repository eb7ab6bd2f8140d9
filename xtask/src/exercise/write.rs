//! `exercise write`: the step before, the tests of the next, and stubs of its public functions.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::notes::save;
use super::parts::{LEVELS, Parts};
use super::reader::{self, DONE, Exercise, Kind, Reader};
use super::runner::Program;
use super::start::{self, DATA};
use super::{difference, hints, overview, package, why};
use crate::stop::{Result, failed, unknown};
use crate::tree::{STEPS, Step, Tree};
use crate::unified::TITLE;

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
    let (parts, files) = (parts(tree, step)?, start::files(tree, step, &name)?);
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
    Ok(writeln!(out, "  cargo xtask exercise check {}", reader::as_word(&dir))?)
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
    let mut parents = step.parents().map(Step::short);
    let before = parents.next().unwrap_or_default();
    let given = match parents.next() {
        Some(other) => format!(
            "what {other} has added to it, and the demo of {}. No public function is new.",
            step.short()
        ),
        None => format!(
            "the demo of {}, and stubs of the new public functions. Their documentation says what they are to do. Only \
             these are given: how the rest is cut into files is up to you.",
            step.short()
        ),
    };
    let mut text = format!(
        "# {name}\n\n{}\n\n`src` has {before}, {given}\n\n\
         ```text\n\
         cargo xtask exercise check           # the first test that fails\n\
         cargo xtask exercise check --hint    # a hint; there are {LEVELS} for each part\n\
         cargo test                           # all tests at once\n\
         ```\n\n\
         The tests are in `tests/suite`. They are run in the order of these parts:\n",
        step.idea
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
    let (name, parts) = (package_name(step), parts(tree, step)?);
    if put_tests(tree, step, &parts, &exercise.dir)? {
        writeln!(out, "{}", package::PUT_BACK)?;
    }
    out.flush()?;
    let program = Program::build(tree, &exercise.dir)?;
    let order = parts.order(&program.tests()?);
    let tests: Vec<_> = order.iter().map(|listed| listed.test.clone()).collect();
    let Some(failure) = program.first_failure(&tests, false)? else {
        reader.note(Kind::Write, &step.short(), DONE)?;
        difference::write(tree, step, &exercise.dir, &name, out)?;
        // Last, because the difference is long.
        return Ok(writeln!(
            out,
            "\n{TITLE}{name} is written{TITLE:#}: all {} tests pass. Above is what the project does in another way.",
            tests.len()
        )?);
    };
    let (passed, listed) = (failure.place, &order[failure.place]);
    reader.note(Kind::Write, &step.short(), &format!("{passed} of {}", tests.len()))?;
    write_part(&name, &parts, listed.part, out)?;
    let bar = overview::bar(passed, tests.len());
    writeln!(out, "{bar} {passed} of {} tests pass, in their order\n", tests.len())?;
    failure.tell(&listed.test, &listed.sentence(), out)?;
    if failure.hangs {
        why::tell(tree, step, &exercise.dir, &name, &listed.test, out)?;
    }
    let (note, hints) = (format!("hints {}", listed.part + 1), &parts.parts[listed.part].hints);
    hints::tell(exercise, &note, hints, hint, out)?;
    failed(format!("{name}: this test fails: {}", listed.test))
}

fn write_part(name: &str, parts: &Parts, place: usize, out: &mut impl Write) -> Result {
    let (part, all) = (&parts.parts[place], parts.parts.len());
    writeln!(
        out,
        "{TITLE}{name}, part {} of {all}: {}{TITLE:#}",
        place + 1,
        part.title
    )?;
    Ok(writeln!(out, "{}\n", hints::wrapped(&part.text))?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rust::Source;

    fn tree() -> Tree {
        Tree::find().expect("the project")
    }

    #[test]
    fn each_file_of_the_suite_is_in_a_part_or_left_out() {
        let tree = tree();
        for step in steps() {
            let parts = parts(&tree, step).expect("its parts");
            for file in package::listed(&tree, step, "suite").expect("the list") {
                assert_ne!(parts.has_file(&file), parts.leaves_out(&file), "{step}: {file}.rs");
            }
        }
    }

    #[test]
    fn each_test_that_a_part_names_is_there() {
        let tree = tree();
        for step in steps() {
            let parts = parts(&tree, step).expect("its parts");
            let names = parts.names();
            assert_eq!(
                names.len(),
                names.iter().collect::<BTreeSet<_>>().len(),
                "{step} names one twice"
            );
            for name in names {
                let (file, test) = name.split_once("::").expect("a file and a test");
                let text = tree
                    .read(&format!("shared-testutil/suite/{file}.rs"))
                    .expect("a file of the suite");
                let function = format!("fn {}(", test.rsplit("::").next().unwrap_or(test));
                assert!(test == "*" || text.contains(&function), "{step}: {name}");
            }
        }
    }

    #[test]
    fn the_stubs_have_the_documentation_of_the_step_and_all_of_its_public_functions() {
        let tree = tree();
        for step in steps() {
            for (file, text) in start::files(&tree, step, "my-step").expect("the stubs") {
                if file == "main.rs" || file == "lib.rs" || step.number == 6 {
                    continue;
                }
                let path = format!("{step}/src/{file}");
                let ours = tree.read(&path).expect("a file of that name");
                let docs = |text: &str| Source::parse(&path, text).expect("Rust").public_docs();
                let (stubs, ours) = (docs(&text), docs(&ours));
                // exp2 says of the methods that exp1 had what is true of them from then on.
                if !(step.number == 2 && file == "scheduler.rs") {
                    assert_eq!(stubs, ours, "{path}");
                }
            }
        }
    }
}
