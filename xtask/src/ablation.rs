//! What exp6 takes without each of its fast features, as a bench has measured it and written it into docs/numbers.md.

use crate::stop::Result;
use crate::tree::Tree;

pub(crate) const PAGE: &str = "docs/numbers.md";

/// What measures it, and writes it there.
pub(crate) const COMMAND: &str = "cargo bench -p exp6-combined --bench ablation -- --publish";

const MARKS: [&str; 2] = ["<!-- ablation -->\n", "<!-- end of ablation -->"];

/// The part of the table that compares exp6 without one feature and exp6 with all.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ablation {
    pub(crate) features: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A workload, by time or by memory: instructions are another measure of the same work.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) work: String,
    /// For each feature what the workload takes without it, as a multiple of what it takes with all.
    pub(crate) ratios: Vec<f64>,
}

/// Empty if nothing has been published.
pub(crate) fn read(tree: &Tree) -> Result<Ablation> {
    Ok(parse(&tree.read(PAGE)?))
}

fn parse(page: &str) -> Ablation {
    let [begin, end] = MARKS;
    let block = page.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    let (block, _) = block.unwrap_or_default();
    let mut lines = block.lines().filter(|line| line.starts_with('|'));
    let head = cells(lines.next().unwrap_or_default());
    let columns = head.iter().enumerate();
    let columns: Vec<_> = columns
        .filter_map(|(place, title)| Some((place, without(title)?)))
        .collect();
    let row = |line: &str| {
        let cells = cells(line);
        let (work, unit) = cells[0].split_once(": ")?;
        let ratio = |(place, _): &(usize, _)| cells.get(*place)?.parse().ok();
        let ratios = columns.iter().map(ratio).collect::<Option<_>>()?;
        let work = work.to_owned();
        ["ns", "bytes"].contains(&unit).then_some(Row { work, ratios })
    };
    Ablation {
        rows: lines.filter_map(row).collect(),
        features: columns.iter().map(|(_, feature)| (*feature).to_owned()).collect(),
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The feature that the column is without.
fn without(title: &str) -> Option<&str> {
    title.strip_prefix("without `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "\
<!-- ablation -->
Time on the wall.

| 9 rounds | all | without `fast-a` | without `fast-b` | plain | `fast-a` alone | `fast-b` alone |
|---|--:|--:|--:|--:|--:|--:|
| spawn: ns | 100 | 2.50 | 1.01 | 300 | 3.00 | 1.02 |
| spawn: instructions | 1000 | 2.60 | 1.00 | 300 | 3.00 | 1.02 |
| idle_bytes: bytes | 400 | 1.50 | 0.90 | 700 | 1.51 | 1.00 |

| gains at most | `fast-a` | `fast-b` |
|---|--:|--:|
| ns, alone | spawn: 3.00 [2.90 3.10] | spawn: 1.02 [1.00 1.04] |

<!-- end of ablation -->
";

    #[test]
    fn times_and_bytes_without_each_feature_are_read() {
        let row = |work: &str, ratios: [f64; 2]| Row {
            work: work.to_owned(),
            ratios: ratios.to_vec(),
        };
        let expected = Ablation {
            features: ["fast-a", "fast-b"].map(str::to_owned).to_vec(),
            rows: vec![row("spawn", [2.5, 1.01]), row("idle_bytes", [1.5, 0.9])],
        };
        assert_eq!(parse(&format!("Before.\n{BLOCK}After.\n")), expected);
    }

    #[test]
    fn a_page_without_the_block_has_none() {
        assert_eq!(parse("| step | without `fast-a` |\n"), Ablation::default());
        assert_eq!(
            parse("<!-- ablation -->\n\n<!-- end of ablation -->\n"),
            Ablation::default()
        );
    }
}
