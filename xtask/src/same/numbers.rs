//! What the text of docs/numbers.md says of its tables is still true: a number in a paragraph stands in one of the rows that
//! the paragraph names in italics.

use std::collections::BTreeMap;

use crate::same::Finding;
use crate::stop::Result;
use crate::tree::Tree;

const PAGE: &str = "docs/numbers.md";
const REMEDY: &str = "look at the table again, and mend what the text says of it";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let page = tree.read(PAGE)?;
    let rows = rows(&page);
    let mut problems: Vec<_> = paragraphs(&page)
        .iter()
        .flat_map(|text| check_paragraph(text, &rows))
        .collect();
    problems.extend(check_version(tree)?);
    let findings = problems.into_iter().map(|problem| Finding::new(problem, REMEDY));
    Ok(findings.collect())
}

/// The cells of every row, by the text of its first one.
fn rows(page: &str) -> BTreeMap<String, Vec<&str>> {
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let first = cells.next().unwrap_or_default().replace('`', "");
        // A cell that is a link goes by its label.
        let label = first.strip_prefix('[').and_then(|link| link.split(']').next());
        rows.entry(label.unwrap_or(&first).to_owned())
            .or_default()
            .extend(cells);
    }
    rows
}

/// The text between blank lines, without tables, headings and code; each item of a list for itself.
fn paragraphs(page: &str) -> Vec<String> {
    let (mut found, mut in_block) = (vec![String::new()], false);
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        in_block ^= is_fence;
        if line.trim().is_empty() || line.starts_with("- ") {
            found.push(String::new());
        }
        if let (false, false, Some(last)) = (
            is_fence || in_block,
            line.starts_with(['|', '#', '<']),
            found.last_mut(),
        ) {
            last.push_str(line);
            last.push(' ');
        }
    }
    found
}

fn check_paragraph(text: &str, rows: &BTreeMap<String, Vec<&str>>) -> Vec<String> {
    let text = without_targets(text);
    // Every second part stands in italics.
    let parts: Vec<_> = text.split('*').collect();
    let (mut problems, mut cells) = (Vec::new(), Vec::new());
    for title in parts.iter().skip(1).step_by(2) {
        match rows.get(&title.replace('`', "")) {
            Some(row) => cells.extend(row),
            None => problems.push(format!("{PAGE}: no table has the row *{title}*")),
        }
    }
    // And of the rest, every second part in backticks.
    let prose: String = parts.into_iter().step_by(2).collect();
    for number in prose.split('`').step_by(2).flat_map(numbers) {
        if !cells.contains(&number) {
            let begin: String = text.trim().chars().take(60).collect();
            problems.push(format!(
                "{PAGE}: {number} is in no row that this paragraph names: {begin}…"
            ));
        }
    }
    problems
}

/// Without the paths in links.
fn without_targets(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, link)) = rest.split_once("](") {
        kept.push_str(before);
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Digits that are not part of a name such as `exp2`, with the signs between them.
fn numbers(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ',' | '-'));
    let words = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

/// README.md asks for the Rust that the workspace asks for.
fn check_version(tree: &Tree) -> Result<Option<String>> {
    let manifest = tree.read_toml("Cargo.toml")?;
    let package = manifest.get("workspace").and_then(|table| table.get("package"));
    let version = package.and_then(|package| package.get("rust-version")?.as_str());
    let Some(version) = version else { return Ok(None) };
    let said = tree.read("README.md")?.contains(&format!("Rust {version} or newer"));
    Ok((!said).then(|| format!("README.md does not say that one needs Rust {version} or newer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# 1 page

| | exp1 | exp2 |
|---|--:|--:|
| calls: a `wait`, 50 times | 1 | 2.17 |
| [1→2](diffs/1-2.diff) | 491 | 35 |

*calls: a `wait`, 50 times*: exp2 takes 2.17, and
exp1 takes 1.

- *1→2* adds 491 lines
- and `17` nothing, see [the diff](diffs/1-2.diff).
";

    fn problems(page: &str) -> Vec<String> {
        let rows = rows(page);
        let paragraphs = paragraphs(page);
        paragraphs
            .iter()
            .flat_map(|text| check_paragraph(text, &rows))
            .collect()
    }

    #[test]
    fn what_is_in_the_rows_that_are_named_passes() {
        assert_eq!(problems(PAGE), [""; 0]);
    }

    #[test]
    fn a_number_that_is_in_another_row_or_in_none_is_found() {
        for (old, new) in [
            ("takes 2.17", "takes 2.18"),
            ("takes 1.", "takes 35."),
            ("nothing", "17 lines"),
            ("*1→2*", "It"),
        ] {
            let found = problems(&PAGE.replace(old, new));
            assert_eq!(found.len(), 1, "{new}: {found:?}");
            assert!(found[0].contains("is in no row"), "{found:?}");
        }
    }

    #[test]
    fn a_row_that_is_not_there_is_found() {
        let found = problems(&PAGE.replace("*1→2* adds 491", "*1→3* adds"));
        assert_eq!(found, ["docs/numbers.md: no table has the row *1→3*"]);
    }
}
