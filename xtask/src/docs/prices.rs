//! The price of speed in lines: of each twin for `exp6-combined/fast/README.md`, of each feature for docs/numbers.md.

use std::path::Path;

use crate::lines;
use crate::rust::Source;
use crate::stop::Result;
use crate::table::Table;
use crate::tree::Tree;
use crate::twins::{self, Twin};

/// The page.
pub(super) const PAGE: &str = "exp6-combined/fast/README.md";

/// What a feature costs whoever reads it.
#[derive(Debug, Default)]
pub(super) struct Price {
    /// Names of its files, which are in `fast`.
    files: Vec<String>,
    /// Code lines of these files, and of the plain ones.
    fast: usize,
    plain: usize,
    /// Code lines that the plain files do not have.
    pub(super) added: usize,
    unsafe_lines: usize,
}

/// The features in the reading order.
pub(super) fn by_feature(tree: &Tree) -> Result<Vec<(String, Price)>> {
    let mut prices: Vec<(String, Price)> = Vec::new();
    for twin in twins::twins(tree)? {
        if prices.last().is_none_or(|(feature, _)| *feature != twin.feature) {
            prices.push((twin.feature.clone(), Price::default()));
        }
        if let Some((_, price)) = prices.last_mut() {
            price.add(&twin)?;
        }
    }
    Ok(prices)
}

impl Price {
    fn add(&mut self, twin: &Twin) -> Result {
        let plain = Source::parse(&twin.plain, &twin.diff.old)?;
        let fast = Source::parse(&twin.fast, &twin.diff.new)?;
        self.files.push(name(&twin.fast));
        self.fast += fast.code_lines();
        self.plain += plain.code_lines();
        self.added += lines::count(&lines::changes(&plain.code(), &fast.code())).0;
        self.unsafe_lines += fast.unsafe_lines();
        Ok(())
    }
}

/// A row for each feature: its files and their code lines, those of the plain files, how many of them are new, and the lines
/// with `unsafe`.
pub(super) fn features(tree: &Tree) -> Result<String> {
    let head = [
        "feature",
        "files",
        "code lines",
        "plain",
        "added",
        "lines with `unsafe`",
    ];
    let mut table = Table::new("llrrrr", &head);
    for (feature, price) in by_feature(tree)? {
        let numbers = [price.fast, price.plain, price.added, price.unsafe_lines];
        let files: Vec<_> = price.files.iter().map(|file| format!("`{file}`")).collect();
        let mut row = vec![format!("`{feature}`"), files.join(", ")];
        row.extend(numbers.map(|number| number.to_string()));
        table.row(row);
    }
    Ok(table.render())
}

fn name(path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A row for each twin: its code lines beside those of the plain file, the lines of the diff, and the lines with `unsafe`.
pub(super) fn table(tree: &Tree) -> Result<String> {
    let head = ["twin", "code lines", "plain", "added", "removed", "lines with `unsafe`"];
    let mut table = Table::new("lrrrrr", &head);
    for module in twins::modules(tree)? {
        let Some(fast) = &module.fast else { continue };
        let (old, new) = (tree.read(&module.plain)?, tree.read(&fast.path)?);
        let (plain, twin) = (Source::parse(&module.plain, &old)?, Source::parse(&fast.path, &new)?);
        let (added, removed) = lines::count(&lines::changes(&old, &new));
        let numbers = [
            twin.code_lines(),
            plain.code_lines(),
            added,
            removed,
            twin.unsafe_lines(),
        ];
        let name = name(&fast.path);
        let mut row = vec![format!("[`{name}`]({name})")];
        row.extend(numbers.map(|number| number.to_string()));
        table.row(row);
    }
    Ok(table.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_twin_has_a_row_and_only_unsafe_twins_say_so() {
        let table = table(&Tree::find().expect("the project")).expect("a table");
        let unsafe_lines = |name: &str| {
            let row = table.lines().find(|line| line.contains(&format!("[`{name}`]")));
            let cells = row.expect("a row").trim_end_matches(" |").rsplit_once('|');
            cells.expect("cells").1.trim().parse::<usize>().expect("a number")
        };
        for name in ["run_queue.rs", "task.rs"] {
            assert!(unsafe_lines(name) > 0, "{name}");
        }
        for name in ["timers.rs", "join.rs", "source.rs", "async_io.rs", "read.rs", "pool.rs"] {
            assert_eq!(unsafe_lines(name), 0, "{name}");
        }
        assert_eq!(table.lines().count(), 2 + 9);
    }
}
