//! Each file of exp6's `fast` replaces one plain file, and says the same to users. Each file of `extra` is compiled.

use crate::rust::Source;
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::Tree;
use crate::twins::{self, EXTRA, Fast, Module, STEP};

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let modules = twins::modules(tree)?;
    let mut findings = Vec::new();
    for path in tree.files(&format!("{STEP}/fast"), ".rs")? {
        let is_it = |fast: &Fast| fast.path == path;
        if !modules.iter().any(|module| module.fast.as_ref().is_some_and(is_it)) {
            let problem = format!("{path} replaces no module of {STEP}/src/lib.rs");
            let remedy = "above its module: #[cfg_attr(feature = \"fast-…\", path = \"../fast/….rs\")]";
            findings.push(Finding::new(problem, remedy));
        }
    }
    for path in tree.files(&format!("{STEP}/extra"), ".rs")? {
        if !modules.iter().any(|module| module.plain == path) {
            let problem = format!("{path} is no module of {STEP}/{EXTRA}");
            let remedy = "declare it there: mod …;";
            findings.push(Finding::new(problem, remedy));
        }
    }
    for module in &modules {
        if let Some(fast) = &module.fast {
            let found = check_twin(tree, module, fast)?;
            if found.is_empty() {
                findings.extend(check_docs(tree, module, fast)?);
            }
            findings.extend(found);
        }
    }
    Ok(findings)
}

/// Whether the two files are there, under the same name, and a feature chooses between them.
fn check_twin(tree: &Tree, module: &Module, fast: &Fast) -> Result<Vec<Finding>> {
    let name = format!("{}.rs", module.name);
    let mut findings = Vec::new();
    for path in [&module.plain, &fast.path] {
        if !tree.has(path) || !path.ends_with(&format!("/{name}")) {
            let problem = format!("the module `{}` of {STEP} has no file {path}", module.name);
            let remedy = format!("fast/{name} replaces src/{name} or extra/{name}");
            findings.push(Finding::new(problem, remedy));
        }
    }
    if fast.feature().is_none() {
        let problem = format!("{} depends on no feature `fast-…`", fast.path);
        findings.push(Finding::new(problem, "#[cfg_attr(feature = \"fast-…\", path = …)]"));
    }
    Ok(findings)
}

/// What users read of an item does not depend on the features.
fn check_docs(tree: &Tree, module: &Module, fast: &Fast) -> Result<Vec<Finding>> {
    let (plain, twin) = (tree.read(&module.plain)?, tree.read(&fast.path)?);
    let plain_docs = Source::parse(&module.plain, &plain)?.public_docs();
    let twin_docs = Source::parse(&fast.path, &twin)?.public_docs();
    let mut findings = Vec::new();
    for (name, doc) in plain_docs {
        let Some(other) = twin_docs.get(&name).filter(|other| **other != doc) else {
            continue;
        };
        let problem = format!(
            "`{name}`: {} documents it in other words than {}",
            fast.path, module.plain
        );
        let finding = Finding::new(problem, "a twin has the documentation of the plain file");
        findings.push(finding.with_diff((&module.plain, doc), (&fast.path, other.clone())));
    }
    Ok(findings)
}
