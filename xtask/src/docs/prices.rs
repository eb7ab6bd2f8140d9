//! `exp6-combined/fast/README.md`: the price of each twin, in lines.

use std::path::Path;

use crate::lines;
use crate::rust::Source;
use crate::stop::Result;
use crate::table::Table;
use crate::tree::Tree;
use crate::twins;

/// The page.
pub(super) const PAGE: &str = "exp6-combined/fast/README.md";

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
        let name = Path::new(&fast.path).file_name().unwrap_or_default().to_string_lossy();
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
        for name in ["timers.rs", "join.rs", "source.rs", "async_io.rs", "read.rs"] {
            assert_eq!(unsafe_lines(name), 0, "{name}");
        }
        assert_eq!(table.lines().count(), 2 + 8);
    }
}
