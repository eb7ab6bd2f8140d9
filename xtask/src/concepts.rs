//! The index of concepts: what `docs/concepts.md` says of each, and the table that is made of it.

use std::collections::BTreeMap;

use crate::markdown::{self, Link};
use crate::stop::{Result, failed};
use crate::table::Table;
use crate::tree::{STEPS, Step};

pub(crate) const PAGE: &str = "docs/concepts.md";

/// The rows that a concept may have. Every other row is named after a project whose source was read.
pub(crate) const HERE: &str = "Here";
pub(crate) const INVARIANT: &str = "Invariant";
pub(crate) const TEST: &str = "Test";
pub(crate) const PATCH: &str = "Broken by";

/// A project whose source was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Project<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// How the address of each of its files begins.
    pub(crate) base: String,
}

#[derive(Debug)]
pub(crate) struct Concept<'a> {
    pub(crate) title: &'a str,
    pub(crate) line: usize,
    /// The step that introduces it.
    pub(crate) step: &'static Step,
    pub(crate) rows: Vec<Row<'a>>,
}

/// `- **Test:** [...](...)`, and the lines below it that are indented.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) line: usize,
    pub(crate) links: Vec<Link<'a>>,
}

impl<'a> Concept<'a> {
    fn new(title: &'a str, line: usize, step: &'static Step) -> Self {
        let rows = Vec::new();
        Self {
            title,
            line,
            step,
            rows,
        }
    }

    /// The links of all rows of a name.
    pub(crate) fn links(&self, name: &str) -> impl Iterator<Item = &Link<'a>> {
        let rows = self.rows.iter().filter(move |row| row.name == name);
        rows.flat_map(|row| &row.links)
    }
}

/// The table of projects: `| [tokio](https://…/tree/tokio-1.0.0/tokio) | 1.0.0 |`.
pub(crate) fn projects(page: &str) -> Vec<Project<'_>> {
    let rows = page.lines().filter_map(|line| {
        let (link, rest) = line.strip_prefix("| [")?.split_once(") | ")?;
        let (name, address) = link.split_once("](")?;
        let (host, path) = address.split_once("/tree/")?;
        let base = format!("{host}/blob/{path}/");
        let version = rest.split_once(" |")?.0;
        Some(Project { name, version, base })
    });
    rows.collect()
}

/// The concepts, each a heading of the third level below one of the second that names its step: `## exp2: …`.
pub(crate) fn concepts(page: &str) -> Result<Vec<Concept<'_>>> {
    let headings: BTreeMap<_, _> = markdown::headings(page)
        .map(|(line, level, title)| (line, (level, title)))
        .collect();
    let links = markdown::links(page);
    let (mut concepts, mut step) = (Vec::<Concept<'_>>::new(), None);
    // The rows that the next line may add to: those of the open concept, and the links of its open row.
    let (mut in_concept, mut in_row) = (false, false);
    for (text, line) in page.lines().zip(1..) {
        if let Some(&(level, title)) = headings.get(&line) {
            (in_concept, in_row) = (level == 3, false);
            match (level, step) {
                (1 | 2, _) => step = step_of(title),
                (3, Some(step)) => concepts.push(Concept::new(title, line, step)),
                _ => {
                    return failed(format!(
                        "{PAGE}:{line}: `{title}` stands below no step, such as `## exp2: …`"
                    ));
                }
            }
            continue;
        }
        let Some(concept) = concepts.last_mut().filter(|_| in_concept) else {
            continue;
        };
        if let Some((name, _)) = text.strip_prefix("- **").and_then(|text| text.split_once(":**")) {
            let links = Vec::new();
            concept.rows.push(Row { name, line, links });
            in_row = true;
        } else {
            in_row &= text.starts_with("  ");
        }
        if let Some(row) = concept.rows.last_mut().filter(|_| in_row) {
            row.links.extend(links.iter().filter(|link| link.line == line));
        }
    }
    Ok(concepts)
}

fn step_of(title: &str) -> Option<&'static Step> {
    let (name, _) = title.split_once(": ")?;
    STEPS.iter().find(|step| step.short() == name)
}

/// All concepts, one a line.
pub(crate) fn table(page: &str) -> Result<String> {
    let mut table = Table::new("lllll", &["step", "concept", "here", "invariant", "compare"]);
    let projects = projects(page);
    for concept in concepts(page)? {
        let here = concept.links(HERE).next();
        let here = here.map(|link| format!("[{}]({})", link.label, link.target));
        let invariants: Vec<_> = concept.links(INVARIANT).map(|link| link.label).collect();
        let names = concept.rows.iter().map(|row| row.name);
        let names: Vec<_> = names
            .filter(|name| projects.iter().any(|project| project.name == *name))
            .collect();
        table.row(vec![
            concept.step.short(),
            format!("[{}](#{})", concept.title, markdown::anchor(concept.title)),
            here.unwrap_or_default(),
            invariants.join(", "),
            names.join(", "),
        ]);
    }
    Ok(table.render())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::*;

    const TEXT: &str = "\
# Concepts

| project | version |
|---|---|
| [wheels](https://example.org/wheels/tree/v1.2.3/core) | 1.2.3 |

## exp2: sleep

### A timer's queue

What it is, with [a link](elsewhere.md) that belongs to no row.

- **Here:** [`Timers`](../exp2-sleep/src/timers.rs) and
  [`Key`](../exp2-sleep/src/timers.rs).
- **Invariant:** [4](../exp2-sleep/src/scheduler.rs)
- **wheels:** [`Wheel::turn`](https://example.org/wheels/blob/v1.2.3/core/src/wheel.rs): turns.

[Behind](the-rows.md).

## How to add one

Nothing.
";

    #[test]
    fn a_concept_has_its_step_and_its_rows_with_their_links() {
        let concepts = concepts(TEXT).expect("a good page");
        let [concept] = &concepts[..] else {
            panic!("one concept: {concepts:?}")
        };
        assert_eq!((concept.title, concept.step.number), ("A timer's queue", 2));
        let rows: Vec<_> = concept.rows.iter().map(|row| (row.name, row.links.len())).collect();
        assert_eq!(rows, [("Here", 2), ("Invariant", 1), ("wheels", 1)]);
    }

    #[test]
    fn the_table_has_a_line_for_each_concept() {
        let table = table(TEXT).expect("a good page");
        let line = table.lines().last().expect("a row");
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let here = "[`Timers`](../exp2-sleep/src/timers.rs)";
        let expected = [
            "",
            "exp2",
            "[A timer's queue](#a-timers-queue)",
            here,
            "4",
            "wheels",
            "",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn a_project_has_a_version_and_an_address() {
        let base = "https://example.org/wheels/blob/v1.2.3/core/".to_owned();
        let (name, version) = ("wheels", "1.2.3");
        assert_eq!(projects(TEXT), [Project { name, version, base }]);
    }

    #[test]
    fn a_concept_of_no_step_is_an_error() {
        concepts("# Page\n\n## exp9: no step\n\n### A concept\n").expect_err("there is no exp9");
    }

    /// The source of a project: where Cargo keeps it, or rustup the standard library's.
    fn source(project: &Project<'_>) -> Option<PathBuf> {
        if project.name == "std" {
            let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
            let sysroot = String::from_utf8(sysroot.stdout).ok()?;
            let version = Command::new("rustc").arg("--version").output().ok()?;
            let is_that = String::from_utf8(version.stdout).ok()?.contains(project.version);
            let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
            return (is_that && source.is_dir()).then_some(source);
        }
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")))?;
        let registries = fs::read_dir(home.join("registry/src")).ok()?;
        let folder = format!("{}-{}", project.name, project.version);
        let mut sources = registries.filter_map(|entry| Some(entry.ok()?.path().join(&folder)));
        sources.find(|source| source.is_dir())
    }

    /// Whether the last part of a name is defined in the text, and the part before it is there. (Macros wrap many of
    /// tokio's items, so the files are not parsed.)
    fn defines(text: &str, item: &str) -> bool {
        let (owner, name) = item.rsplit_once("::").unwrap_or(("", item));
        let kinds = [
            "fn",
            "struct",
            "enum",
            "trait",
            "type",
            "const",
            "static",
            "mod",
            "macro_rules!",
        ];
        let is_word = |at: usize, word: &str| {
            let next = text[at + word.len()..].chars().next();
            next.is_none_or(|next| !next.is_alphanumeric() && next != '_')
        };
        let stands = |words: &str| text.match_indices(words).any(|(at, _)| is_word(at, words));
        let owner = owner.rsplit("::").next().unwrap_or_default();
        kinds.iter().any(|kind| stands(&format!("{kind} {name}"))) && (owner.is_empty() || stands(owner))
    }

    #[test]
    fn an_item_is_defined_or_not() {
        let text = "impl Wheel {\n    pub(crate) fn turn_on(&self) {}\n}\n";
        assert!(defines(text, "Wheel::turn_on"));
        for other in ["Wheel::turn", "Whee::turn_on", "Wheel"] {
            assert!(!defines(text, other), "{other}");
        }
    }

    /// In the sources of those versions, as far as they are on this machine: the steps' tests and benches fetch most.
    #[test]
    fn what_the_page_cites_of_other_projects_is_there() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
        let page = fs::read_to_string(page).expect("the page");
        let (mut missing, mut counts) = (Vec::new(), BTreeMap::new());
        let projects = projects(&page);
        for concept in concepts(&page).expect("a good page") {
            for project in &projects {
                let Some(source) = source(project) else { continue };
                for link in concept.links(project.name).filter(|link| link.is_external()) {
                    let path = link.target.strip_prefix(&project.base).unwrap_or_default();
                    let text = fs::read_to_string(source.join(path)).unwrap_or_default();
                    if !link.code().is_some_and(|item| defines(&text, item)) {
                        missing.push(format!("{PAGE}:{}: {} {}", link.line, link.label, link.target));
                    }
                    *counts.entry(project.name).or_insert(0) += 1;
                }
            }
        }
        println!("places that were looked up: {counts:?}");
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
