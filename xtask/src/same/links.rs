//! Every link of a Markdown page to another place of the project leads there.

use std::collections::BTreeSet;

use crate::markdown::{self, Link};
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in pages(tree)? {
        let text = tree.read(&path)?;
        for link in markdown::links(&text) {
            if let Some(problem) = broken(tree, &path, &text, &link)? {
                let problem = format!("{path}:{}: {problem}: {}", link.line, link.target);
                findings.push(Finding::new(problem, "mend the link, or the place that it leads to"));
            }
        }
    }
    Ok(findings)
}

/// The pages of the root, of `docs` and of the crates.
fn pages(tree: &Tree) -> Result<BTreeSet<String>> {
    let mut pages: BTreeSet<_> = tree.files("docs", ".md")?.into_iter().collect();
    for entry in tree.root().read_dir()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            pages.insert(name);
        }
    }
    for member in tree.members()? {
        pages.extend(tree.files(&member, ".md")?);
    }
    Ok(pages)
}

/// GitHub's list of what is published: it shows README.md two folders below the project's address, and that may be any.
const DEPLOYMENTS: (&str, &str) = ("README.md", "../../deployments");

/// What is wrong with a link.
fn broken(tree: &Tree, page: &str, text: &str, link: &Link<'_>) -> Result<Option<&'static str>> {
    if link.is_external() || (page, link.target) == DEPLOYMENTS {
        return Ok(None);
    }
    let (file, fragment) = link.target.split_once('#').unwrap_or((link.target, ""));
    let Some(path) = resolve(page, file) else {
        return Ok(Some("the link leaves the project"));
    };
    if !tree.path(&path).exists() {
        return Ok(Some("there is no such file"));
    }
    let found = match fragment.strip_prefix('L').and_then(|number| number.parse().ok()) {
        _ if fragment.is_empty() => true,
        _ if file.is_empty() => markdown::anchors(text).contains(fragment),
        _ if !tree.has(&path) => false,
        Some(line) if !path.ends_with(".md") => (1..=tree.read(&path)?.lines().count()).contains(&line),
        _ => markdown::anchors(&tree.read(&path)?).contains(fragment),
    };
    Ok((!found).then_some("there is no such place in the file"))
}

/// A link's path, seen from the project's folder. `None` if it is outside.
pub(crate) fn resolve(page: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<_> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_seen_from_its_page() {
        let from_page = |target| resolve("docs/broken.md", target);
        assert_eq!(from_page("../patches/a.patch").as_deref(), Some("patches/a.patch"));
        assert_eq!(from_page("./reliability.md").as_deref(), Some("docs/reliability.md"));
        assert_eq!(from_page("").as_deref(), Some("docs/broken.md"));
        assert_eq!(from_page("../../etc/passwd"), None);
    }
}
