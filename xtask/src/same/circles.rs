//! Imports form no circles within a crate: a reader can begin with the leaves.

use std::collections::{BTreeMap, BTreeSet};

use crate::rust::Source;
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{STEPS, Step, Tree};
use crate::twins::{self, Module};

/// Which modules each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for step in &STEPS {
        for files in variants(tree, step)? {
            let imports = imports(tree, step, &files)?;
            let Some(circle) = circle(&imports) else { continue };
            let problem = format!("the imports of {step} form a circle: {}", circle.join(" → "));
            let remedy = "move what both need into a module that imports neither of them";
            findings.push(Finding::new(problem, remedy));
            break;
        }
    }
    Ok(findings)
}

/// The modules of a step with their files: plain, and in exp6 also with the twins.
fn variants(tree: &Tree, step: &Step) -> Result<Vec<BTreeMap<String, String>>> {
    let mut plain = BTreeMap::new();
    for name in tree.sources(step)? {
        if !["lib.rs", "main.rs"].contains(&name.as_str()) {
            plain.insert(name.trim_end_matches(".rs").to_owned(), format!("{step}/src/{name}"));
        }
    }
    if step.dir != twins::STEP {
        return Ok(vec![plain]);
    }
    let mut fast = plain.clone();
    for module in twins::modules(tree)?.into_iter().filter(|module| !is_extra(module)) {
        let file = module.fast.map_or_else(|| module.plain.clone(), |fast| fast.path);
        fast.insert(module.name.clone(), file);
        plain.insert(module.name, module.plain);
    }
    Ok(vec![plain, fast])
}

/// It declares modules, and nothing else.
fn is_extra(module: &Module) -> bool {
    twins::short(&module.plain) == twins::EXTRA
}

fn imports(tree: &Tree, step: &Step, files: &BTreeMap<String, String>) -> Result<Imports> {
    let mut exports = BTreeMap::new();
    for root in ["src/lib.rs", twins::EXTRA].map(|file| format!("{step}/{file}")) {
        if tree.has(&root) {
            exports.extend(Source::parse(&root, &tree.read(&root)?)?.exports());
        }
    }
    let mut imports = Imports::new();
    for (module, path) in files.iter().filter(|(_, path)| tree.has(path)) {
        let names = Source::parse(path, &tree.read(path)?)?.imports();
        let modules = names.into_iter().filter_map(|name| match files.contains_key(&name) {
            true => Some(name),
            false => exports.get(&name).cloned(),
        });
        imports.insert(module.clone(), modules.filter(|name| name != module).collect());
    }
    Ok(imports)
}

/// The first circle, with its first module at both ends.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|module| walk(imports, module, &mut Vec::new(), &mut done))
}

/// Along the imports from a module. `path` leads to it; nothing that is `done` leads to a circle.
fn walk<'a>(
    imports: &'a Imports,
    module: &'a String,
    path: &mut Vec<&'a String>,
    done: &mut BTreeSet<&'a String>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|before| *before == module) {
        let circle = path[start..].iter().chain([&module]);
        return Some(circle.map(|module| (*module).clone()).collect());
    }
    if done.contains(module) {
        return None;
    }
    path.push(module);
    let mut next = imports.get(module).into_iter().flatten();
    let found = next.find_map(|next| walk(imports, next, path, done));
    path.pop();
    done.insert(module);
    found
}
