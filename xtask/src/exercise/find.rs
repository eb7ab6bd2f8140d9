//! `exercise find`: a copy of a step with a mistake of `patches/` in it, and the test that fails.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::notes::save;
use super::reader::{DONE, Exercise, Kind, Reader};
use super::runner::{self, Failed, Program};
use super::{cargo, hints, models, package, why};
use crate::broken::{self, Mistake};
use crate::lines;
use crate::stop::{Result, failed, unknown};
use crate::tree::{Step, Tree};
use crate::unified::TITLE;

/// The list: a name, and a patch.
const LIST: &str = "xtask/exercise/find.txt";

/// Files of the suite that need more than the step: an example.
const LEFT_OUT: [&str; 2] = ["echo_server", "examples"];

/// No warning gives the mistake away.
const LINTS: &str = "[lints.rust]\nwarnings = \"allow\"\n";

/// A model takes longer than a test.
const MODEL_LIMIT: Duration = Duration::from_secs(60);

/// The names and the patches, from easy to hard.
pub(super) fn list(tree: &Tree) -> Result<Vec<(String, String)>> {
    let text = tree.read(LIST)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(name, patch)| (name.to_owned(), patch.to_owned())).collect())
}

/// What is to be found under this name.
struct Sought {
    name: String,
    mistake: Mistake,
    step: &'static Step,
    /// What the mistake makes of the files, and what they are without it, by their paths within the step's folder.
    files: Vec<(String, String, String)>,
}

impl Sought {
    fn read(tree: &Tree, name: &str) -> Result<Self> {
        let list = list(tree)?;
        let Some((_, patch)) = list.iter().find(|(known, _)| known == name) else {
            return unknown("mistake to find", name, list.iter().map(|(name, _)| name));
        };
        let mistakes = broken::read(tree)?;
        let Some(mistake) = mistakes.into_iter().find(|mistake| mistake.name == *patch) else {
            return failed(format!("{LIST}: there is no patch `{patch}`"));
        };
        let (mut step, mut files) = (None, Vec::new());
        for (path, after, before) in mistake.apply(tree)? {
            step = Step::of_path(path);
            let inner = path.split_once('/').map_or(path, |(_, inner)| inner);
            files.push((inner.to_owned(), after, before));
        }
        match step {
            Some(step) => Ok(Self {
                name: name.to_owned(),
                mistake,
                step,
                files,
            }),
            None => failed(format!("{LIST}: `{patch}` changes no step")),
        }
    }

    fn is_model(&self) -> bool {
        self.mistake.test.package() == models::PACKAGE
    }

    /// The files of the step, by their paths within its folder, with the mistake in them, and with few comments: a comment
    /// would tell what is right.
    fn copy(&self, tree: &Tree) -> Result<Vec<(String, String)>> {
        let mut copy = Vec::new();
        for folder in ["src", "extra"] {
            for path in tree.files(&format!("{}/{folder}", self.step), ".rs")? {
                let inner = path[self.step.dir.len() + 1..].to_owned();
                let wrong = self.files.iter().find(|(known, ..)| *known == inner);
                let text = match wrong {
                    Some((_, after, before)) => without_new_comments(before, after),
                    None => tree.read(&path)?,
                };
                copy.push((inner, without_comments(&self.named(&text))));
            }
        }
        Ok(copy)
    }

    /// The demo calls the crate by its name.
    fn named(&self, text: &str) -> String {
        let alias = format!("use {} as sched;\n", package::lib(&self.name));
        let text = self.step.without_alias(text).replacen("use … as sched;\n", &alias, 1);
        text.replace(&format!("cargo run -p {}", self.step), "cargo run")
    }

    fn put_tests(&self, tree: &Tree, dir: &Path) -> Result<bool> {
        let mut files = package::listed(tree, self.step, "suite")?;
        files.retain(|file| !LEFT_OUT.contains(&file.as_str()));
        let top = package::top(&self.name, self.step);
        let stdout = format!("{}/tests/demo.stdout", self.step);
        save(&dir.join("tests/demo.stdout"), &tree.read(&stdout)?)?;
        package::write_tests(tree, dir, "suite", &top, &files)
    }

    fn page(&self) -> String {
        let test = &self.mistake.test.name;
        let how = if self.is_model() {
            "This is a model: it runs the step's files on [loom](https://docs.rs/loom), in every order of the threads that can make \
             a difference. Tests with real threads hardly ever see this mistake. `cargo xtask exercise check` runs the model. It is in \
             `verify/tests/models.rs` of the project."
        } else {
            "The test is in `tests/suite`."
        };
        format!(
            "# {}\n\nThis is {}, with a mistake in `src`. {}\n\nThe symptom: this test fails.\n\n```text\n{test}\n```\n\n\
             It says: {} {how}\n\n\
             Mend the mistake, and break nothing else. Many comments were taken out of the copy, because they would tell too much.\n\n\
             ```text\n\
             cargo xtask exercise check           # whether it is mended\n\
             cargo xtask exercise check --hint    # a hint; there are three\n\
             ```\n",
            self.name,
            self.step,
            self.step.idea,
            runner::sentence(test),
        )
    }

    /// What kind of mistake it is, in which file, and where.
    fn hints(&self, page: &str) -> Vec<String> {
        let kind = match page.find(&format!("\n### {}", self.mistake.title)) {
            Some(place) => page[..place]
                .rsplit("\n## ")
                .next()
                .and_then(|text| text.lines().next()),
            None => None,
        };
        let names: Vec<_> = self.files.iter().map(|(name, ..)| name.as_str()).collect();
        let places = self
            .files
            .iter()
            .flat_map(|(name, after, before)| places(name, after, before));
        vec![
            format!("docs/broken.md has it in the chapter \"{}\".", kind.unwrap_or_default()),
            format!("It is in {}.", names.join(" and ")),
            format!("Look at {}.", places.collect::<Vec<_>>().join(", and at ")),
        ]
    }
}

/// The functions in which two texts differ.
fn places(name: &str, text: &str, other: &str) -> Vec<String> {
    let (lines, mut places) = (lines::split(text), Vec::<String>::new());
    for change in lines::changes(text, other) {
        let above = lines[..change.old.end.max(change.old.start + 1).min(lines.len())]
            .iter()
            .rev();
        let is_item = |line: &&&str| {
            let line = line.trim_start();
            !line.starts_with("//")
                && ["fn ", "struct ", "const ", "impl", "static "]
                    .iter()
                    .any(|word| line.contains(word))
        };
        let mut above = above.filter(is_item);
        if let Some(item) = above.next() {
            let place = format!("`{}` in {name}", item.trim().trim_end_matches(['{', ' ']));
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Comments that came with a mistake are left out.
fn without_new_comments(before: &str, after: &str) -> String {
    let new: Vec<_> = lines::changes(before, after)
        .iter()
        .flat_map(|change| change.new.clone())
        .collect();
    let kept = lines::split(after).into_iter().enumerate();
    kept.filter(|(number, line)| !(is_comment(line) && new.contains(number)))
        .map(|(_, line)| line)
        .collect()
}

/// The documentation stays, and what makes unsafe code sound.
fn without_comments(text: &str) -> String {
    let (mut kept, mut is_safety) = (String::new(), false);
    for line in lines::split(text) {
        let start = line.trim_start();
        if !start.starts_with("//") {
            is_safety = false;
        } else if start.starts_with("// SAFETY:") {
            is_safety = true;
        }
        if is_safety || !start.starts_with("//") || start.starts_with("///") || start.starts_with("//!") {
            kept.push_str(line);
        }
    }
    kept
}

pub(super) fn make(
    tree: &Tree,
    mut reader: Reader,
    name: Option<String>,
    dir: Option<PathBuf>,
    out: &mut impl Write,
) -> Result {
    let name = match name {
        Some(name) => name,
        None => match list(tree)?
            .into_iter()
            .find(|(name, _)| !reader.is_done(Kind::Find, name))
        {
            Some((name, _)) => name,
            None => return Ok(writeln!(out, "all mistakes are found")?),
        },
    };
    let sought = Sought::read(tree, &name)?;
    let dir = reader.place(&name, dir)?;
    let (files, manifest) = (
        sought.copy(tree)?,
        package::manifest(tree, &dir, package::folder(sought.step), &name, LINTS)?,
    );
    let exercise = Exercise::make(&dir, Kind::Find, &name)?;
    reader.begin(Kind::Find, &name, &exercise)?;
    for (file, text) in files {
        save(&exercise.dir.join(file), &text)?;
    }
    package::write(tree, &exercise.dir, &manifest, &reader.env())?;
    sought.put_tests(tree, &exercise.dir)?;
    save(&exercise.dir.join("README.md"), &sought.page())?;
    save(
        &exercise.dir.join("docs.md"),
        &format!("{name}: README.md says what is wrong.\n"),
    )?;
    let (dir, test) = (exercise.dir.display(), &sought.mistake.test.name);
    writeln!(
        out,
        "{TITLE}{name}{TITLE:#} is in {dir}: {} with a mistake",
        sought.step
    )?;
    writeln!(out, "the symptom: this test fails: {test}")?;
    writeln!(out, "whether it is mended:")?;
    Ok(writeln!(out, "  cargo xtask exercise check {dir}")?)
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
        writeln!(out, "the tests were changed, and are put back")?;
    }
    out.flush()?;
    let built = cargo::build(tree, &exercise.dir, &["test", "--no-run", "--test", "suite"])?;
    let suite = Program::new(tree, cargo::program(&built, "suite")?, &exercise.dir)?;
    let symptom = vec![sought.mistake.test.name.clone()];
    let program = if sought.is_model() {
        &sought.model(tree, &exercise.dir)?
    } else {
        &suite
    };
    if !program.tests()?.contains(&symptom[0]) {
        return failed(format!(
            "this system does not have the test {}: try another exercise",
            symptom[0]
        ));
    }
    if let Some(failure) = program.first_failure(&symptom)? {
        writeln!(out, "{TITLE}{}{TITLE:#} is not mended yet\n", sought.name)?;
        sought.tell(tree, exercise, &symptom[0], &failure, out)?;
        hints::tell(exercise, "hints", &sought.hints(&tree.read(broken::PAGE)?), hint, out)?;
        return failed(format!("{}: the test of the symptom fails", sought.name));
    }
    let all = suite.tests()?;
    // Once more alone: tests of other programs may use the same ports at the same time.
    let place = suite.first_failure(&all)?.map_or(all.len(), |failure| failure.place);
    let again = all.get(place).map(std::slice::from_ref).unwrap_or_default();
    if let Some(failure) = suite.first_failure(again)? {
        let test = &again[failure.place];
        writeln!(
            out,
            "{TITLE}{}{TITLE:#}: the symptom is gone, but something else is broken\n",
            sought.name
        )?;
        sought.tell(tree, exercise, test, &failure, out)?;
        return failed(format!("{}: this test fails now: {test}", sought.name));
    }
    reader.note(Kind::Find, &sought.name, DONE)?;
    writeln!(
        out,
        "{TITLE}{} is mended{TITLE:#}: all {} tests pass. This is the chapter on it:\n",
        sought.name,
        all.len()
    )?;
    Ok(writeln!(out, "{}", sought.chapter(&tree.read(broken::PAGE)?))?)
}

impl Sought {
    /// The model, built from the reader's files.
    fn model(&self, tree: &Tree, dir: &Path) -> Result<Program> {
        let program = Program::new(tree, models::build(tree, self.step, dir)?, dir)?;
        Ok(Program {
            limit: MODEL_LIMIT,
            ..program
        })
    }

    fn tell(&self, tree: &Tree, exercise: &Exercise, test: &str, failure: &Failed, out: &mut impl Write) -> Result {
        failure.tell(test, &runner::sentence(test), out)?;
        if failure.hangs && !self.is_model() {
            out.flush()?;
            for line in why::explain(tree, self.step, &exercise.dir, &self.name, test)? {
                writeln!(out, "    {line}")?;
            }
        }
        Ok(())
    }

    /// What docs/broken.md says of it.
    fn chapter(&self, page: &str) -> String {
        let patch = format!("{}/{}.patch", broken::PATCHES, self.mistake.name);
        let mut chapters = page.split("\n### ").flat_map(|text| text.split("\n## "));
        let found = chapters.find(|chapter| chapter.contains(&format!("(../{patch})")));
        format!("### {}", found.unwrap_or_default().trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_that_tell_are_left_out() {
        let text = "//! A.\n\n/// B.\nfn f() {\n    // C.\n    // SAFETY: D\n    // E.\n    g();\n    // F.\n}\n";
        assert_eq!(
            without_comments(text),
            "//! A.\n\n/// B.\nfn f() {\n    // SAFETY: D\n    // E.\n    g();\n}\n"
        );
        assert_eq!(without_new_comments("a\n", "/// It is wrong.\na\n"), "a\n");
    }

    #[test]
    fn a_hint_names_the_function() {
        let text = "impl A {\n    fn f() {\n        g();\n    }\n}\n";
        assert_eq!(places("a.rs", text, &text.replace("g", "h")), ["`fn f()` in a.rs"]);
    }
}
