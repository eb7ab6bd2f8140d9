//! A crate outside of the workspace, with a step's dependencies and tests. All paths in it are absolute.

use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{self, Path};

use fnv::FnvHasher;
use toml::{Table, Value};

use super::cargo;
use super::notes::save;
use crate::stop::{Result, failed};
use crate::tree::{PLAIN, Step, Tree};

/// A file of the suite stands here, and the list of them beside the folder.
const SUITE: &str = "shared-testutil/suite";

/// What is said when the tests were changed.
pub(super) const PUT_BACK: &str = "the tests were changed, and are put back";

/// As in the project, so that what it shares with others is built once.
pub(super) const PROFILES: &str = "\
[profile.dev]
debug = \"line-tables-only\"

[profile.test]
debug = false

[profile.dev.package.\"*\"]
debug = false
";

/// The folder whose manifest and tests a step's exercises have.
pub(super) fn folder(step: &Step) -> &'static str {
    if step.number == 6 { PLAIN } else { step.dir }
}

/// The name by which the tests' line `use … as sched;` calls a package.
pub(super) fn lib(package: &str) -> String {
    package.replace('-', "_")
}

/// What Cargo needs: a manifest, the versions of the project, and where to build. `env` is what it tells the programs that it runs.
pub(super) fn write(tree: &Tree, dir: &Path, manifest: &str, env: &str) -> Result {
    save(&dir.join("Cargo.toml"), manifest)?;
    // Nothing has to be fetched that the project does not have.
    if !dir.join("Cargo.lock").exists() {
        save(&dir.join("Cargo.lock"), &tree.read("Cargo.lock")?)?;
    }
    save(&dir.join(".cargo/config.toml"), &config(tree, dir, env)?)
}

/// `cargo test` builds where `cargo xtask exercise check` does, and `cargo xtask` works there, too.
fn config(tree: &Tree, dir: &Path, env: &str) -> Result<String> {
    let project = tree.root().join("Cargo.toml");
    let (xtask, target) = (cargo::project_target(tree)?, cargo::target(tree)?);
    let words = ["run", "--quiet", "--package", "xtask", "--manifest-path"].map(str::to_owned);
    let mut words = words.to_vec();
    words.extend([
        project.display().to_string(),
        "--target-dir".to_owned(),
        xtask.display().to_string(),
        "--".to_owned(),
    ]);
    let target = target.display().to_string();
    let alias = match words.iter().any(|word| word.contains(char::is_whitespace)) {
        // The project has a text. Cargo does not merge a list with it, and there is no other way to write such a path.
        true if path::absolute(dir)?.starts_with(tree.root()) => String::new(),
        true => format!("[alias]\nxtask = {words:?}\n\n"),
        false => format!("[alias]\nxtask = {:?}\n\n", words.join(" ")),
    };
    Ok(format!(
        "{alias}[build]\ntarget-dir = {target:?}\n\n[env]\nRUST_TEST_THREADS = \"8\"\n{env}"
    ))
}

/// A version that tells packages of one name in several folders apart: Cargo takes them for one otherwise, as they share a
/// target folder, and builds only one of them.
pub(super) fn version(dir: &Path) -> Result<String> {
    let mut hasher = FnvHasher::default();
    path::absolute(dir)?.hash(&mut hasher);
    Ok(format!("0.1.0+{:x}", hasher.finish() as u32))
}

/// A manifest for a package in `dir`, with the dependencies of the crate in `folder`. `more` goes into it as well.
pub(super) fn manifest(tree: &Tree, dir: &Path, folder: &str, package: &str, more: &str) -> Result<String> {
    let from = format!("{folder}/Cargo.toml");
    let (own, project) = (tree.read_toml(&from)?, tree.read_toml("Cargo.toml")?);
    let shared = project.get("workspace").and_then(|table| table.get("dependencies"));
    let Some(shared) = shared.and_then(Value::as_table) else {
        return failed("Cargo.toml: there is no [workspace.dependencies]");
    };
    let version = version(dir)?;
    let mut text = format!(
        "[package]\nname = \"{package}\"\nversion = \"{version}\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [lib]\ndoctest = false\n\n{more}"
    );
    let mut section = |head: &str, table: &Table| -> Result {
        for kind in ["dependencies", "dev-dependencies"] {
            let Some(all) = table.get(kind).and_then(Value::as_table) else {
                continue;
            };
            text.push_str(&format!("\n[{head}{kind}]\n"));
            for (name, asked) in all {
                text.push_str(&dependency(tree, shared, name, asked)?);
            }
        }
        Ok(())
    };
    section("", &own)?;
    for (target, table) in own.get("target").and_then(Value::as_table).into_iter().flatten() {
        if let Some(table) = table.as_table() {
            section(&format!("target.'{target}'."), table)?;
        }
    }
    if let Some(features) = own.get("features").and_then(Value::as_table) {
        text.push_str("\n[features]\n");
        let line = |(name, on): (&String, &Value)| format!("{name} = {}\n", inline(on));
        text.extend(features.iter().map(line));
    }
    Ok(format!("{text}\n{PROFILES}"))
}

/// A line of the manifest: what the workspace says of a dependency, and what the step adds to that.
fn dependency(tree: &Tree, shared: &Table, name: &str, asked: &Value) -> Result<String> {
    let mut table = match shared.get(name) {
        Some(Value::Table(table)) => table.clone(),
        Some(version) => Table::from_iter([("version".to_owned(), version.clone())]),
        None => return failed(format!("Cargo.toml: [workspace.dependencies] has no `{name}`")),
    };
    if let Some(Value::String(path)) = table.get_mut("path") {
        *path = tree.path(path).display().to_string();
    }
    for (key, value) in asked.as_table().into_iter().flatten() {
        let known = table.get_mut(key).and_then(Value::as_array_mut);
        match (key.as_str(), known, value.as_array()) {
            ("workspace", ..) => {}
            (_, Some(known), Some(more)) => known.extend(more.iter().cloned()),
            _ => drop(table.insert(key.clone(), value.clone())),
        }
    }
    Ok(format!("{name} = {}\n", inline(&Value::Table(table))))
}

/// A value in one line. Strings, lists and tables are all that there is.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let fields = table.iter().map(|(name, value)| format!("{name} = {}", inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Datetime(value) => value.to_string(),
    }
}

/// The files of the suite that a program of a step's tests lists.
pub(super) fn listed(tree: &Tree, step: &Step, program: &str) -> Result<Vec<String>> {
    let text = tree.read(&format!("{}/tests/{program}.rs", folder(step)))?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    Ok(names.map(str::to_owned).collect())
}

/// Puts a program of tests into the folder: the list, with those of the step's files that are wanted, and the files. `top` is
/// what the list begins with. Says whether something there was different.
pub(super) fn write_tests(tree: &Tree, dir: &Path, program: &str, top: &str, files: &[String]) -> Result<bool> {
    let mut list = format!("//! The tests. `cargo xtask exercise check` puts them back if they are changed.\n\n{top}");
    let mut changed = false;
    let mut put = |path: &Path, text: &str| -> Result {
        changed |= fs::read_to_string(path).is_ok_and(|old| old != text);
        save(path, text)
    };
    for name in files {
        list.push_str(&format!("\n#[path = \"suite/{name}.rs\"]\nmod {name};\n"));
        let path = format!("{SUITE}/{name}.rs");
        let text = tree.read(&path)?;
        put(&dir.join("tests/suite").join(format!("{name}.rs")), &text)?;
    }
    put(&dir.join("tests").join(format!("{program}.rs")), &list)?;
    Ok(changed)
}

/// How the list begins: what the files of the suite call the crate, and the clock.
pub(super) fn top(package: &str, step: &Step) -> String {
    let clock = if step.number > 1 {
        "use shared_testutil::real_clock as clock;\n"
    } else {
        ""
    };
    format!("use {} as sched;\n{clock}", lib(package))
}
