//! The parts in which a step is written: what each is about, three hints, and its tests in the order in which they can be met.
//!
//! `xtask/exercise/write/expN.txt` has them. A part begins with `== its title`; then there is its text, the hints behind `1:`,
//! `2:` and `3:`, and a test a line: `- wakes::a_wake_never_polls`, with ` | a sentence` if the name does not say it all.
//! `- wakes::*` stands for all that are not named anywhere. Files that are not part of the exercise are named at the end, with
//! the reason: `not echo_server: it tests an example`; `not *` stands for all others.

use super::runner;
use crate::stop::{Result, failed};

pub(super) const LEVELS: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) hints: Vec<String>,
    entries: Vec<(String, Option<String>)>,
}

#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// Files of the suite that are left out.
    left_out: Vec<String>,
}

/// A test, with the place of its part.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) test: String,
    pub(super) part: usize,
    sentence: Option<String>,
}

impl Listed {
    /// What the test expects.
    pub(super) fn sentence(&self) -> String {
        self.sentence.clone().unwrap_or_else(|| runner::sentence(&self.test))
    }
}

impl Parts {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self> {
        let mut parts = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            if parts.add(line.trim_end()).is_none() {
                return failed(format!("{path}:{number}: this belongs to no part"));
            }
        }
        match parts.parts.iter().find(|part| part.hints.len() != LEVELS) {
            Some(part) => failed(format!("{path}: `{}` has not {LEVELS} hints", part.title)),
            None => Ok(parts),
        }
    }

    fn add(&mut self, line: &str) -> Option<()> {
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        if let Some(title) = line.strip_prefix("== ") {
            self.parts.push(Part {
                title: title.to_owned(),
                ..Part::default()
            });
            return Some(());
        }
        if let Some((file, _reason)) = line.strip_prefix("not ").and_then(|line| line.split_once(": ")) {
            self.left_out.push(file.to_owned());
            return Some(());
        }
        let part = self.parts.last_mut()?;
        if let Some(entry) = line.strip_prefix("- ") {
            let (test, sentence) = match entry.split_once(" | ") {
                Some((test, sentence)) => (test, Some(sentence.to_owned())),
                None => (entry, None),
            };
            part.entries.push((test.to_owned(), sentence));
        } else if let Some(hint) = line
            .strip_prefix(|c: char| c.is_ascii_digit())
            .and_then(|line| line.strip_prefix(": "))
        {
            part.hints.push(hint.to_owned());
        } else {
            // A line that goes on.
            let text = part.hints.last_mut().unwrap_or(&mut part.text);
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim_start());
        }
        Some(())
    }

    /// The files of the suite whose tests these are.
    pub(super) fn has_file(&self, file: &str) -> bool {
        let of_file = |(test, _): &(String, _)| test.split("::").next() == Some(file);
        self.parts.iter().any(|part| part.entries.iter().any(of_file))
    }

    /// The tests that are named, and `file::*`.
    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<&str> {
        let entries = self.parts.iter().flat_map(|part| &part.entries);
        entries.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether a file of the suite is left out on purpose.
    #[cfg(test)]
    pub(super) fn leaves_out(&self, file: &str) -> bool {
        let is_it = |name: &String| name == file || name == "*" && !self.has_file(file);
        self.left_out.iter().any(is_it)
    }

    /// All tests in their order. A test that is not there on this system is left out.
    pub(super) fn order(&self, tests: &[String]) -> Vec<Listed> {
        let all = || {
            self.parts
                .iter()
                .enumerate()
                .flat_map(|(part, with)| with.entries.iter().map(move |entry| (part, entry)))
        };
        let is_named = |test: &String| all().any(|(_, (name, _))| name == test);
        let mut listed = Vec::new();
        for (part, (name, sentence)) in all() {
            let file = name.strip_suffix('*');
            let is_it = |test: &&String| match file {
                Some(file) => test.starts_with(file) && !is_named(test),
                None => *test == name,
            };
            listed.extend(tests.iter().filter(is_it).map(|test| Listed {
                test: test.clone(),
                part,
                sentence: sentence.clone(),
            }));
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
== One
What it
is about.
1: a
2: b
  goes on
3: c
- x::second | It is told.
- x::first
== Two
More.
1: d
2: e
3: f
- x::*
not y: it is another matter
";

    #[test]
    fn tests_come_in_the_order_of_the_parts() {
        let parts = Parts::parse("x", TEXT).expect("it is sound");
        assert_eq!(parts.parts[0].text, "What it is about.");
        assert_eq!(parts.parts[0].hints, ["a", "b goes on", "c"]);
        assert_eq!(parts.left_out, ["y"]);
        let tests = ["x::first", "x::second", "x::third", "z::other"].map(str::to_owned);
        let order = parts.order(&tests);
        let names: Vec<_> = order.iter().map(|listed| (listed.test.as_str(), listed.part)).collect();
        assert_eq!(names, [("x::second", 0), ("x::first", 0), ("x::third", 1)]);
        assert_eq!(order[0].sentence.as_deref(), Some("It is told."));
    }

    #[test]
    fn a_part_without_its_hints_is_refused() {
        Parts::parse("x", &TEXT.replace("3: f\n", "")).expect_err("a hint is missing");
        Parts::parse("x", "- x::*\n").expect_err("there is no part");
    }
}
