//! What a page shows of the code itself: a few items as a diff, or what a demo prints. The page says in the marker which.

use std::fmt::Write;

use crate::lines;
use crate::rust::Source;
use crate::stop::{Result, failed};
use crate::tree::{Pair, Step, Tree};

/// `demo exp3-spawn`, or `diff 1-2 scheduler.rs Scheduler::run Core::next`. `None` if the marker is another one.
pub(crate) fn block(tree: &Tree, marker: &str) -> Result<Option<String>> {
    match marker.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["demo", step] => demo(tree, Step::parse(step)?).map(Some),
        ["diff", pair, file, items @ ..] => match Pair::all().find(|known| known.name() == *pair) {
            Some(pair) => diff(tree, pair, file, items).map(Some),
            None => failed(format!("<!-- generated: {marker} -->: there is no step {pair}")),
        },
        _ => Ok(None),
    }
}

/// The command, and what it prints. A test of each step compares that with what the demo does print.
fn demo(tree: &Tree, step: &Step) -> Result<String> {
    let printed = tree.read(&format!("{step}/tests/demo.stdout"))?;
    Ok(format!("```text\n$ cargo run -p {step}\n{printed}```\n"))
}

/// The items of a file before and after a step, with all their lines. An item may be in one of the two only.
fn diff(tree: &Tree, pair: Pair, file: &str, items: &[&str]) -> Result<String> {
    let [old_path, new_path] = [pair.old, pair.new].map(|step| format!("{step}/src/{file}"));
    let [old_text, new_text] = [tree.read(&old_path)?, tree.read(&new_path)?];
    let (old_source, new_source) = (
        Source::parse(&old_path, &old_text)?,
        Source::parse(&new_path, &new_text)?,
    );
    let mut text = format!("```diff\n--- {old_path}\n+++ {new_path}\n");
    for &name in items {
        let (old, new) = (body(&old_source, name), body(&new_source, name));
        let what = match (&old, &new) {
            (Some(_), Some(_)) => "",
            (None, Some(_)) => ", new",
            (Some(_), None) => ", gone",
            (None, None) => return failed(format!("neither {old_path} nor {new_path} has `{name}`")),
        };
        writeln!(text, "@@ {name}{what} @@").expect("a string takes all");
        write_diff(&mut text, &old.unwrap_or_default(), &new.unwrap_or_default());
    }
    text.push_str("```\n");
    Ok(text)
}

/// An item without what stands above it, such as its documentation, and without the indentation of its first line.
fn body(source: &Source<'_>, name: &str) -> Option<String> {
    let item = source.items().into_iter().find(|item| item.plain_name() == name)?;
    let is_above = |line: &&str| ["//", "#["].iter().any(|begin| line.trim_start().starts_with(begin));
    let lines: Vec<_> = item.text.lines().skip_while(is_above).collect();
    let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
    let lines = lines.into_iter().map(|line| line.get(indent..).unwrap_or_default());
    Some(lines.map(|line| format!("{line}\n")).collect())
}

/// All lines of both, each with its sign.
fn write_diff(text: &mut String, old: &str, new: &str) {
    let changes = lines::changes(old, new);
    let (old, new) = (lines::split(old), lines::split(new));
    let mut write = |sign, lines: &[&str]| text.extend(lines.iter().map(|line| format!("{sign}{line}")));
    let mut done = 0;
    for change in changes {
        write(' ', &old[done..change.old.start]);
        write('-', &old[change.old.clone()]);
        write('+', &new[change.new.clone()]);
        done = change.old.end;
    }
    write(' ', &old[done..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_shown_without_its_documentation_and_indentation() {
        let text =
            "impl A {\n    /// Runs.\n    #[inline]\n    pub fn run() {\n        // Why.\n        go();\n\n    }\n}\n";
        let source = Source::parse("a.rs", text).expect("it is Rust");
        let expected = "pub fn run() {\n    // Why.\n    go();\n\n}\n";
        assert_eq!(body(&source, "A::run").as_deref(), Some(expected));
        assert_eq!(body(&source, "run"), None);
    }

    #[test]
    fn a_diff_has_all_lines_of_both() {
        let mut text = String::new();
        write_diff(&mut text, "a\nb\nc\n", "a\nx\ny\nc\nd\n");
        assert_eq!(text, " a\n-b\n+x\n+y\n c\n+d\n");
    }
}
