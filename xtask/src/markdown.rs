//! What the checks want to know of Markdown: its links, and what links can point to.

use std::collections::BTreeSet;

/// `[label](target)`, in the text and not in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Its last line, if it has several.
    pub(crate) label: &'a str,
    pub(crate) target: &'a str,
}

impl Link<'_> {
    /// The label, if it is code and nothing else: `` `Task::poll` ``.
    pub(crate) fn code(&self) -> Option<&str> {
        let code = self.label.strip_prefix('`')?.strip_suffix('`')?;
        (!code.contains('`')).then_some(code)
    }

    /// Whether it leads out of the project.
    pub(crate) fn is_external(&self) -> bool {
        self.target.contains("://") || self.target.starts_with("mailto:")
    }
}

/// All lines that are not in a block of code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text, false)
}

/// All lines that are in a block of code.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    lines(text, true).map(|(_, line)| line)
}

/// The lines in blocks of code, or the others.
fn lines(text: &str, of_code: bool) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        (!is_fence && in_block == of_code).then_some((number, line))
    })
}

pub(crate) fn links(text: &str) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for (at, _) in line.match_indices("](") {
            let (before, after) = (&line[..at], &line[at + 2..]);
            // An odd number of backticks: this is within code.
            if before.matches('`').count() % 2 == 1 {
                continue;
            }
            if let Some(end) = after.find(')') {
                found.push(Link {
                    line: number,
                    label: &before[start_of_label(before)..],
                    target: &after[..end],
                });
            }
        }
    }
    found
}

/// Behind the bracket that opens the label that ends here; a label may have brackets of its own.
fn start_of_label(before: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in before.char_indices().rev() {
        match letter {
            ']' => depth += 1,
            '[' if depth == 0 => return at + 1,
            '[' => depth -= 1,
            _ => {}
        }
    }
    0
}

/// The headings: the line, the level, and the text.
pub(crate) fn headings(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    prose(text).filter_map(|(number, line)| {
        let level = line.len() - line.trim_start_matches('#').len();
        let title = line[level..].strip_prefix(' ')?;
        (1..=6).contains(&level).then_some((number, level, title.trim()))
    })
}

/// What a link to a heading has behind its `#`, as GitHub makes it.
pub(crate) fn anchor(title: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let text = title.to_lowercase();
    text.chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The anchors of all headings. Of equal ones, all but the first have a number.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, _, title) in headings(text) {
        let first = anchor(title);
        let numbered = (1..).map(|number| format!("{first}-{number}"));
        let mut names = std::iter::once(first.clone()).chain(numbered);
        let free = names.find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A page

See [the `loop`](src/scheduler.rs), ![a chart](chart.svg) and [`list[0]`](#an-end); not `[a](b)`.

```rust
# [no](heading)
let x = [f](y);
```

## `run` ends: there's no I/O budget

### An end
### An end
";

    #[test]
    fn links_are_found_with_their_labels_but_not_in_code() {
        let found: Vec<_> = links(TEXT).iter().map(|link| (link.label, link.target)).collect();
        let expected = [
            ("the `loop`", "src/scheduler.rs"),
            ("a chart", "chart.svg"),
            ("`list[0]`", "#an-end"),
        ];
        assert_eq!(found, expected);
        assert!(links(TEXT).iter().all(|link| link.line == 3));
    }

    #[test]
    fn a_label_is_code_if_all_of_it_is() {
        let codes: Vec<_> = links(TEXT).iter().map(|link| link.code().map(str::to_owned)).collect();
        assert_eq!(codes, [None, None, Some("list[0]".to_owned())]);
    }

    #[test]
    fn anchors_are_those_of_github() {
        let expected = ["a-page", "an-end", "an-end-1", "run-ends-theres-no-io-budget"];
        assert_eq!(anchors(TEXT), expected.map(str::to_owned).into());
    }
}
