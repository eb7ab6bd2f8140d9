//! Tables, for the terminal and for Markdown alike: Markdown with its columns aligned.

/// A column wider than this stays ragged: padding it would help nobody.
const WIDE: usize = 60;

/// Rows of cells, the first of them the head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// `l` for a column of words, `r` for one of numbers.
    columns: &'static str,
}

impl Table {
    pub(crate) fn new(columns: &'static str, head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self {
            rows: vec![head],
            columns,
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn render(&self) -> String {
        let widths: Vec<_> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let rules = self.columns.chars().zip(&widths).map(|(column, &width)| match column {
            'l' => "-".repeat(width.max(3)),
            _ => format!("{}:", "-".repeat(width.max(3) - 1)),
        });
        let rules: Vec<_> = rules.collect();
        let (head, body) = self.rows.split_first().expect("a table has a head");
        let rows = [head, &rules].into_iter().chain(body);
        rows.map(|row| self.line(row, &widths)).collect()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells.max().filter(|width| *width <= WIDE).unwrap_or(0)
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(self.columns.chars()).zip(widths);
        let cells = cells.map(|((cell, column), &width)| match column {
            'l' => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new("lr", &["step", "lines"]);
        table.row(vec!["a".to_owned(), "7".to_owned()]);
        assert_eq!(table.render(), "| step | lines |\n| ---- | ----: |\n| a    |     7 |\n");
    }

    #[test]
    fn a_wide_column_stays_ragged() {
        let mut table = Table::new("l", &["where"]);
        table.row(vec!["x".repeat(WIDE + 1)]);
        table.row(vec!["y".to_owned()]);
        assert!(table.render().ends_with("| y |\n"));
    }
}
