//! The tables in CONTRIBUTING.md that say which file came with which step, and what stands beside exp6's `src`, against the
//! tree.

use std::collections::BTreeMap;

use crate::compare::FileDiff;
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{STEPS, Step, Tree};
use crate::twins;

const PAGE: &str = "CONTRIBUTING.md";

const HEAD: [&str; 8] = ["file", "1", "2", "3", "4", "5", "6", "holds"];

/// Of the table of what stands beside exp6's `src`.
const BESIDE: [&str; 4] = ["file", "replaces", "feature", "holds"];

const VALID: &str = "a cell is empty, `new`, `+`, `rewritten`, `=` or `= exp3`";

/// A file that grew keeps at least so much of the old lines.
const GROWN: f64 = 0.4;

/// What a cell says of a file in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Absent,
    New,
    Grown,
    Rewritten,
    /// As in that step; as in every step that this one grew from.
    Same(Option<&'static Step>),
}

struct Row {
    file: String,
    cells: Vec<Cell>,
}

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let page = tree.read(PAGE)?;
    let (rows, mut findings) = parse(&page);
    for row in &rows {
        for (step, &cell) in STEPS.iter().zip(&row.cells) {
            findings.extend(check_cell(tree, step, &row.file, cell)?);
        }
    }
    for step in &STEPS {
        let unlisted = tree
            .sources(step)?
            .into_iter()
            .filter(|name| rows.iter().all(|row| row.file != *name));
        findings.extend(unlisted.map(|name| {
            let problem = format!("{step}/src/{name} is not in the table in {PAGE}");
            Finding::new(problem, "give it a row")
        }));
    }
    findings.extend(check_beside(tree, &page)?);
    Ok(findings)
}

/// What is in `fast` and `extra`, what that replaces, and behind which feature.
fn check_beside(tree: &Tree, page: &str) -> Result<Vec<Finding>> {
    let (rows, missing) = rows(page, &BESIDE);
    let mut findings = Vec::from_iter(missing);
    let mut wanted = BTreeMap::new();
    for module in twins::modules(tree)? {
        let plain = twins::short(&module.plain).to_owned();
        if let Some(fast) = module.fast {
            let feature = fast.feature().unwrap_or_default().to_owned();
            wanted.insert(twins::short(&fast.path).to_owned(), (plain.clone(), feature));
        }
        if plain.starts_with("extra/") {
            wanted.insert(plain, (String::new(), String::new()));
        }
    }
    for cells in rows {
        let [file, replaces, feature, ..] = cells.as_slice() else {
            let problem = format!("{PAGE}: a row has too few cells: {}", cells.join(" | "));
            findings.push(Finding::new(problem, format!("its columns are {}", BESIDE.join(", "))));
            continue;
        };
        let fits = wanted.remove(*file);
        if fits != Some(((*replaces).to_owned(), (*feature).to_owned())) {
            let problem = format!("{PAGE}: the row of {file} does not fit {}/src/lib.rs", twins::STEP);
            findings.push(Finding::new(
                problem,
                "say which file it replaces, and by which feature",
            ));
        }
    }
    findings.extend(wanted.keys().map(|file| {
        let problem = format!("{}/{file} is not in the table in {PAGE}", twins::STEP);
        Finding::new(problem, "give it a row")
    }));
    Ok(findings)
}

/// What each file of `fast` and `extra` holds, in one sentence: `fast/timers.rs` has its own.
pub(crate) fn held_beside(tree: &Tree) -> Result<BTreeMap<String, String>> {
    let page = tree.read(PAGE)?;
    let (rows, _) = rows(&page, &BESIDE);
    let held = rows.iter().filter_map(|cells| match cells.as_slice() {
        [file, _, _, holds] => Some(((*file).to_owned(), (*holds).to_owned())),
        _ => None,
    });
    Ok(held.collect())
}

/// The rows of the table with that head, and what is wrong if there is none.
fn rows<'a>(page: &'a str, head: &[&str]) -> (Vec<Vec<&'a str>>, Option<Finding>) {
    let mut lines = page.lines().skip_while(|line| cells(line) != head);
    let missing = lines.next().is_none().then(|| {
        let problem = format!("{PAGE} has no table with the columns {}", head.join(", "));
        Finding::new(problem, "it says what each file is for")
    });
    let body = lines.skip(1).take_while(|line| line.starts_with('|'));
    (body.map(cells).collect(), missing)
}

fn parse(page: &str) -> (Vec<Row>, Vec<Finding>) {
    let (lines, missing) = rows(page, &HEAD);
    let (mut rows, mut findings) = (Vec::new(), Vec::from_iter(missing));
    for cells in lines {
        let parsed: Option<Vec<_>> = cells
            .iter()
            .skip(1)
            .take(STEPS.len())
            .map(|cell| Cell::parse(cell))
            .collect();
        match parsed {
            Some(parsed) if cells.len() == HEAD.len() => rows.push(Row {
                file: cells[0].to_owned(),
                cells: parsed,
            }),
            _ => findings.push(Finding::new(format!("{PAGE}: {}", cells.join(" | ")), VALID)),
        }
    }
    (rows, findings)
}

/// A table row's cells. One that is nothing but code stands without its quotes.
fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| unquoted(cell.trim())).collect()
}

fn unquoted(cell: &str) -> &str {
    let inner = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    inner.filter(|inner| !inner.contains('`')).unwrap_or(cell)
}

impl Cell {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::Absent),
            "new" => Some(Self::New),
            "+" => Some(Self::Grown),
            "rewritten" => Some(Self::Rewritten),
            "=" => Some(Self::Same(None)),
            _ => {
                let step = Step::parse(text.strip_prefix("= ")?).ok()?;
                Some(Self::Same(Some(step)))
            }
        }
    }
}

fn check_cell(tree: &Tree, step: &'static Step, file: &str, cell: Cell) -> Result<Vec<Finding>> {
    let path = format!("{step}/src/{file}");
    let problem = match (cell, tree.has(&path)) {
        (Cell::Absent, false) => return Ok(Vec::new()),
        (Cell::Absent, true) => format!("{path} is there, but its cell in {PAGE} is empty"),
        (_, false) => format!("{path} is not there, but {PAGE} lists it"),
        (Cell::Same(from), true) => return check_same(tree, step, file, from),
        (_, true) => match check_change(&ancestors(tree, step, file)?, cell) {
            Some(problem) => format!("{path}: {problem}"),
            None => return Ok(Vec::new()),
        },
    };
    Ok(vec![Finding::new(
        problem,
        format!("change the tree or the cell; {VALID}"),
    )])
}

/// A file as it differs from each of its step's parents that have it.
fn ancestors(tree: &Tree, step: &Step, file: &str) -> Result<Vec<FileDiff>> {
    let having = step
        .parents()
        .filter(|parent| tree.has(&format!("{parent}/src/{file}")));
    let diffs = having.map(|parent| {
        let old = tree.read(&format!("{parent}/src/{file}"))?;
        let new = tree.read(&format!("{step}/src/{file}"))?;
        Ok(FileDiff::between(file, Some(old), Some(new)))
    });
    diffs.collect()
}

/// What is wrong with a cell that says that a file is new or has changed.
fn check_change(ancestors: &[FileDiff], cell: Cell) -> Option<&'static str> {
    let kept = ancestors.iter().map(FileDiff::kept).fold(0.0, f64::max);
    let copied = ancestors.iter().any(|diff| diff.changes.is_empty());
    match cell {
        _ if copied => Some("a copy, so its cell is `=`"),
        Cell::Grown | Cell::Rewritten if ancestors.is_empty() => Some("no earlier step has it, so its cell is `new`"),
        Cell::Grown if kept < GROWN => Some("most of the old lines are gone, so its cell is `rewritten`"),
        Cell::New if kept >= GROWN => Some("much of it is old, so its cell is `+`"),
        _ => None,
    }
}

fn check_same(tree: &Tree, step: &'static Step, file: &str, from: Option<&'static Step>) -> Result<Vec<Finding>> {
    let read = |step: &Step| -> Result<String> {
        let text = tree.read(&format!("{step}/src/{file}"))?;
        Ok(step.without_alias(&text))
    };
    let copy = read(step)?;
    let mut origins: Vec<_> = from.map_or_else(|| step.parents().collect(), |from| vec![from]);
    origins.retain(|origin| tree.has(&format!("{origin}/src/{file}")));
    let path = format!("{step}/src/{file}");
    if origins.is_empty() {
        let problem = format!("{path} is marked `=`, but no step that it could equal has it");
        return Ok(vec![Finding::new(problem, "mark it `new`")]);
    }
    let mut findings = Vec::new();
    for origin in origins {
        let text = read(origin)?;
        if text != copy {
            let original = format!("{origin}/src/{file}");
            let problem = format!("{path} is not {original}, but {PAGE} says that it is the same file");
            let remedy = format!(
                "carry the change on: cargo xtask forward {file} --from {}",
                origin.short()
            );
            findings.push(Finding::new(problem, remedy).with_diff((&original, text), (&path, copy.clone())));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
Text.

| file | 1 | 2 | 3 | 4 | 5 | 6 | holds |
|---|---|---|---|---|---|---|---|
| `a.rs` | new | = | rewritten | + | = exp3 | = exp4 | words |

More text.
";

    #[test]
    fn a_row_is_read_cell_by_cell() {
        let (rows, findings) = parse(PAGE);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].file, "a.rs");
        let expected = [
            Cell::New,
            Cell::Same(None),
            Cell::Rewritten,
            Cell::Grown,
            Cell::Same(Some(&STEPS[2])),
            Cell::Same(Some(&STEPS[3])),
        ];
        assert_eq!(rows[0].cells, expected);
    }

    #[test]
    fn a_cell_of_code_alone_loses_its_quotes() {
        assert_eq!(cells("| `a.rs` | |"), ["a.rs", ""]);
        assert_eq!(cells("| `Sleep`, `sleep` |"), ["`Sleep`, `sleep`"]);
    }

    #[test]
    fn a_cell_that_says_nothing_known_is_found() {
        let (rows, findings) = parse(&PAGE.replace("= exp3", "same"));
        assert!(rows.is_empty());
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn a_page_without_the_table_is_found() {
        let (_, findings) = parse("No table.\n");
        assert_eq!(findings.len(), 1);
    }
}
