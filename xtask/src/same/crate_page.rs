//! A crate's documentation stands alone. rustdoc shows it without the files beside it; and each public item has an example,
//! its own or one of the crate's page, `docs.md`.

use crate::markdown;
use crate::rust::Source;
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{STEPS, Tree};

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for step in &STEPS {
        let page = format!("{step}/docs.md");
        if !tree.has(&page) {
            continue;
        }
        let text = tree.read(&page)?;
        findings.extend(lost_links(&page, &text));
        let folders = ["src", "extra"].map(|folder| tree.files(&format!("{step}/{folder}"), ".rs"));
        for path in folders.into_iter().collect::<Result<Vec<_>>>()?.concat() {
            for (item, docs) in Source::parse(&path, &tree.read(&path)?)?.public_docs() {
                findings.extend(lost_links(&format!("{path}, `{item}`"), &docs));
                if !docs.contains("```") && !is_in_example(&text, &item) {
                    let problem = format!("{path}: no example has `{item}`");
                    findings.push(Finding::new(
                        problem,
                        format!("give it one, or use it in an example of {page}"),
                    ));
                }
            }
        }
    }
    Ok(findings)
}

/// Links to files.
fn lost_links(place: &str, text: &str) -> Vec<Finding> {
    let links = markdown::links(text).into_iter();
    let lost = links.filter(|link| !link.is_external() && link.target.contains(['/', '.']));
    let finding = |link: markdown::Link<'_>| {
        let problem = format!("{place}: line {} links to a file: {}", link.line, link.target);
        Finding::new(
            problem,
            "the documentation of a crate is shown without its files: name an item, or nothing",
        )
    };
    lost.map(finding).collect()
}

fn is_in_example(page: &str, item: &str) -> bool {
    let name = item.rsplit("::").next().unwrap_or(item);
    markdown::code(page).any(|line| {
        line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .any(|word| word == name)
    })
}
