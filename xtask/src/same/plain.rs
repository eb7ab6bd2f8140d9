//! exp6-plain compiles exp6's library a second time: with the same dependencies and features, and none of them on.

use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{PLAIN, Tree};
use crate::twins::STEP;

/// The tables of a manifest that both have to have.
const TABLES: [&str; 2] = ["dependencies", "target"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let (path, plain_path) = (format!("{STEP}/Cargo.toml"), format!("{PLAIN}/Cargo.toml"));
    let (exp6, plain) = (tree.read_toml(&path)?, tree.read_toml(&plain_path)?);
    let mut findings = Vec::new();
    let lib = plain.get("lib").and_then(|lib| lib.get("path")?.as_str());
    if lib != Some("../src/lib.rs") {
        let problem = format!("{plain_path} does not compile {STEP}'s library");
        findings.push(Finding::new(problem, "[lib] path = \"../src/lib.rs\""));
    }
    for table in TABLES {
        if without_tests(exp6.get(table)) != without_tests(plain.get(table)) {
            let problem = format!("[{table}] of {plain_path} is not that of {path}");
            let remedy = "both compile the same library, so both have the same dependencies";
            findings.push(Finding::new(problem, remedy));
        }
    }
    let features = |manifest: &toml::Table| manifest.get("features").and_then(toml::Value::as_table).cloned();
    let (mut own, plain) = (
        features(&exp6).unwrap_or_default(),
        features(&plain).unwrap_or_default(),
    );
    let default = own.remove("default");
    if own != plain {
        let problem = format!("[features] of {plain_path} are not those of {path} without `default`");
        findings.push(Finding::new(problem, "copy them: exp6-plain has none of them on"));
    }
    let wanted: Vec<_> = own.keys().filter(|name| name.starts_with("fast-")).collect();
    let mut fast = names(own.get("fast"));
    fast.sort_unstable();
    if names(default.as_ref()) != ["fast"] || fast != wanted {
        let problem = format!("{path} does not ship all of `fast`");
        let remedy = format!("default = [\"fast\"], and fast = {wanted:?}");
        findings.push(Finding::new(problem, remedy));
    }
    Ok(findings)
}

fn names(feature: Option<&toml::Value>) -> Vec<&str> {
    let names = feature.and_then(toml::Value::as_array).into_iter().flatten();
    names.filter_map(toml::Value::as_str).collect()
}

/// What tests need is each package's own business.
fn without_tests(table: Option<&toml::Value>) -> Option<toml::Value> {
    let mut table = table?.clone();
    for (_, system) in table.as_table_mut()?.iter_mut() {
        if let Some(system) = system.as_table_mut() {
            system.remove("dev-dependencies");
        }
    }
    let is_empty = |system: &toml::Value| system.as_table().is_some_and(toml::Table::is_empty);
    table.as_table_mut()?.retain(|_, system| !is_empty(system));
    Some(table).filter(|table| !is_empty(table))
}
