//! A mistake to find: the copy of the step that has it, the symptom, and the hints.

use std::path::Path;

use super::notes::save;
use super::{models, package, runner};
use crate::broken::{self, Mistake};
use crate::lines;
use crate::stop::{Result, failed, unknown};
use crate::tree::{Step, Tree};

/// The list: a name, and a patch.
const LIST: &str = "xtask/exercise/find.txt";

/// Files of the suite that need more than the step: an example.
const LEFT_OUT: [&str; 2] = ["echo_server", "examples"];

/// The names and the patches, from easy to hard.
pub(super) fn list(tree: &Tree) -> Result<Vec<(String, String)>> {
    let text = tree.read(LIST)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    Ok(pairs.map(|(name, patch)| (name.to_owned(), patch.to_owned())).collect())
}

/// What is to be found under a name.
pub(super) struct Sought {
    pub(super) name: String,
    pub(super) mistake: Mistake,
    pub(super) step: &'static Step,
    /// What the mistake makes of the files, and what they are without it, by their paths within the step's folder.
    files: Vec<(String, String, String)>,
}

/// All of the list.
pub(super) fn all(tree: &Tree) -> Result<Vec<Sought>> {
    let mut mistakes = broken::read(tree)?;
    let mut all = Vec::new();
    for (name, patch) in list(tree)? {
        let Some(place) = mistakes.iter().position(|mistake| mistake.name == patch) else {
            return failed(format!("{LIST}: there is no patch `{patch}`, or it is there twice"));
        };
        all.push(Sought::new(tree, name, mistakes.swap_remove(place))?);
    }
    Ok(all)
}

impl Sought {
    pub(super) fn read(tree: &Tree, name: &str) -> Result<Self> {
        let names: Vec<_> = list(tree)?.into_iter().map(|(name, _)| name).collect();
        match all(tree)?.into_iter().find(|sought| sought.name == name) {
            Some(sought) => Ok(sought),
            None => unknown("mistake to find", name, names),
        }
    }

    fn new(tree: &Tree, name: String, mistake: Mistake) -> Result<Self> {
        let (mut step, mut files) = (None, Vec::new());
        for (path, after, before) in mistake.apply(tree)? {
            step = Step::of_path(path);
            let inner = path.split_once('/').map_or(path, |(_, inner)| inner);
            files.push((inner.to_owned(), after, before));
        }
        match step {
            Some(step) => Ok(Self {
                name,
                mistake,
                step,
                files,
            }),
            None => failed(format!("{LIST}: `{}` changes no step", mistake.name)),
        }
    }

    pub(super) fn is_model(&self) -> bool {
        self.mistake.test.package() == models::PACKAGE
    }

    /// The files of the step, by their paths within its folder, with the mistake in them, and with few comments: a comment
    /// would tell what is right.
    pub(super) fn copy(&self, tree: &Tree) -> Result<Vec<(String, String)>> {
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

    pub(super) fn put_tests(&self, tree: &Tree, dir: &Path) -> Result<bool> {
        let mut files = package::listed(tree, self.step, "suite")?;
        files.retain(|file| !LEFT_OUT.contains(&file.as_str()));
        let top = package::top(&self.name, self.step);
        let stdout = format!("{}/tests/demo.stdout", self.step);
        save(&dir.join("tests/demo.stdout"), &tree.read(&stdout)?)?;
        package::write_tests(tree, dir, "suite", &top, &files)
    }

    pub(super) fn page(&self) -> String {
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
    pub(super) fn hints(&self, page: &str) -> Vec<String> {
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

impl Sought {
    /// What docs/broken.md says of it.
    pub(super) fn chapter(&self, page: &str) -> String {
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

    #[test]
    fn the_list_has_thirty_mistakes_and_more_each_with_a_test_and_three_hints() {
        let tree = Tree::find().expect("the project");
        let all = all(&tree).expect("the list");
        assert!(all.len() >= 30, "{}", all.len());
        let page = tree.read(broken::PAGE).expect("the page");
        for (number, sought) in (1..).zip(&all) {
            assert_eq!(sought.name, format!("find-{number:02}"));
            assert!(
                sought.chapter(&page).contains(&sought.mistake.test.name),
                "{}",
                sought.name
            );
            let file = sought
                .mistake
                .test
                .name
                .split("::")
                .next()
                .unwrap_or_default()
                .to_owned();
            let listed = package::listed(&tree, sought.step, "suite").expect("the list");
            assert!(sought.is_model() || listed.contains(&file), "{}: {file}", sought.name);
            let hints = sought.hints(&page);
            assert!(
                !hints[0].contains("\"\"") && hints[2].len() > "Look at .".len(),
                "{hints:?}"
            );
        }
    }
}
