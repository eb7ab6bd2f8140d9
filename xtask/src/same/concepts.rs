//! What `docs/concepts.md` names exists: the items, the tests, the patches, the invariants. Its links are looked at in
//! `links.rs`.

use crate::concepts::{self, Concept, HERE, INVARIANT, PAGE, PATCH, Project, Row, TEST};
use crate::markdown::{self, Link};
use crate::rust::Source;
use crate::same::Finding;
use crate::same::links::resolve;
use crate::stop::Result;
use crate::tree::Tree;

const SUITE: &str = "shared-testutil/suite/";
const MODELS: &str = "verify/tests/models.rs";
const MISTAKES: &str = "docs/broken.md";

/// What is wrong, if anything is.
type Fault = Option<String>;

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let page = tree.read(PAGE)?;
    let projects = concepts::projects(&page);
    let mut findings = Vec::new();
    for project in &projects {
        if !project.base.contains(project.version) {
            let problem = format!("{PAGE}: {} is not of version {}", project.base, project.version);
            findings.push(Finding::new(problem, "the address has the version's tag"));
        }
    }
    for concept in concepts::concepts(&page)? {
        findings.extend(incomplete(&concept, &projects));
        for row in &concept.rows {
            for link in &row.links {
                if let Some(fault) = look_up(tree, &concept, row, link, &projects)? {
                    let problem = format!("{PAGE}:{}: {}: {fault}", link.line, link.label);
                    findings.push(Finding::new(problem, "name what is there, or take the concept out"));
                }
            }
        }
    }
    Ok(findings)
}

/// Each concept says where it is, how it is tested and who else has it. Rows have links, and names that are known.
fn incomplete(concept: &Concept<'_>, projects: &[Project<'_>]) -> Vec<Finding> {
    let mut problems = Vec::new();
    for name in [HERE, TEST] {
        if concept.links(name).next().is_none() {
            problems.push((concept.line, format!("`{}` has no row `{name}`", concept.title)));
        }
    }
    let of_project = |row: &Row<'_>| projects.iter().any(|project| project.name == row.name);
    if !concept.rows.iter().any(of_project) {
        problems.push((concept.line, format!("`{}` is compared with no project", concept.title)));
    }
    for row in &concept.rows {
        if ![HERE, INVARIANT, TEST, PATCH].contains(&row.name) && !of_project(row) {
            let problem = format!("`{}` is no row, and no project of the page", row.name);
            problems.push((row.line, problem));
        }
        if row.links.is_empty() {
            problems.push((row.line, format!("the row `{}` has no link", row.name)));
        }
    }
    let finding =
        |(line, problem)| Finding::new(format!("{PAGE}:{line}: {problem}"), "see how the other concepts do it");
    problems.into_iter().map(finding).collect()
}

fn look_up(
    tree: &Tree,
    concept: &Concept<'_>,
    row: &Row<'_>,
    link: &Link<'_>,
    projects: &[Project<'_>],
) -> Result<Fault> {
    let path = resolve(PAGE, link.target.split('#').next().unwrap_or_default()).unwrap_or_default();
    match row.name {
        HERE => item(tree, concept, link, &path),
        INVARIANT => invariant(tree, concept, link, &path),
        TEST => test(tree, concept, link, &path),
        PATCH => patch(tree, link),
        name => Ok(projects
            .iter()
            .find(|project| project.name == name && link.is_external())
            .filter(|project| link.code().is_none() || !link.target.starts_with(&project.base))
            .map(|project| format!("an item as code, and an address that begins with {}", project.base))),
    }
}

/// An item of the concept's step.
fn item(tree: &Tree, concept: &Concept<'_>, link: &Link<'_>, path: &str) -> Result<Fault> {
    if !path.starts_with(&format!("{}/", concept.step)) || !tree.has(path) {
        return Ok(Some(format!("{path} is no file of {}", concept.step)));
    }
    let text = tree.read(path)?;
    let items = Source::parse(path, &text)?.items();
    let found = items.iter().any(|item| link.code() == Some(&*item.plain_name()));
    Ok((!found).then(|| format!("{path} has no such item")))
}

/// One of the numbered lines at the head of the step's scheduler.
fn invariant(tree: &Tree, concept: &Concept<'_>, link: &Link<'_>, path: &str) -> Result<Fault> {
    let scheduler = format!("{}/src/scheduler.rs", concept.step);
    if path != scheduler {
        return Ok(Some(format!("the invariants of {} are in {scheduler}", concept.step)));
    }
    let line = format!("//! {}. ", link.label);
    let found = tree.read(path)?.lines().any(|text| text.starts_with(&line));
    Ok((!found).then(|| format!("{path} has no invariant of this number")))
}

/// A test that the concept's step runs, or a model. Models stand in macros, so the files are not parsed.
fn test(tree: &Tree, concept: &Concept<'_>, link: &Link<'_>, path: &str) -> Result<Fault> {
    let names: Vec<_> = link.code().unwrap_or_default().split("::").collect();
    let (Some(file), [module, inner @ .., name]) = (path.rsplit('/').next(), &names[..]) else {
        return Ok(Some("a test is called `file::name`".to_owned()));
    };
    if file != format!("{module}.rs") || !tree.has(path) || !(path.starts_with(SUITE) || path == MODELS) {
        return Ok(Some(format!("{path} is no file of tests called {module}.rs")));
    }
    let text = tree.read(path)?;
    if !has_test(&text, name) || !inner.iter().all(|inner| text.contains(&format!("mod {inner} {{"))) {
        return Ok(Some(format!("{path} has no such test")));
    }
    let mut lists = String::new();
    for program in tree.files(&format!("{}/tests", concept.step), ".rs")? {
        lists.push_str(&tree.read(&program)?);
    }
    let runs = path == MODELS || lists.contains(&format!("\nmod {module};"));
    Ok((!runs).then(|| format!("{} does not run {path}", concept.step)))
}

/// Whether a function of that name has the attribute of a test.
fn has_test(text: &str, name: &str) -> bool {
    let start = format!("fn {name}(");
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.starts_with(&start));
    let above = lines[..at.unwrap_or(0)].iter().rev();
    above
        .take_while(|line| line.starts_with("#["))
        .any(|line| *line == "#[test]")
}

/// A patch, and the section that tells of it.
fn patch(tree: &Tree, link: &Link<'_>) -> Result<Fault> {
    let path = format!("patches/{}.patch", link.code().unwrap_or_default());
    if !tree.has(&path) {
        return Ok(Some(format!("there is no {path}")));
    }
    let page = tree.read(MISTAKES)?;
    let section = page
        .split("\n### ")
        .find(|section| section.contains(&format!("(../{path})")));
    let title = section.and_then(|section| section.lines().next()).unwrap_or_default();
    let wanted = format!("broken.md#{}", markdown::anchor(title));
    Ok((link.target != wanted).then(|| format!("{MISTAKES} tells of it at {wanted}")))
}
