//! A file's diff as text: both versions side by side, long lines wrapped.

use std::io::Write;
use std::ops::Range;

use anstyle::Style;

use crate::compare::FileDiff;
use crate::lines;
use crate::stop::Result;
use crate::unified::{ADDED, CONTEXT, HUNK, REMOVED, TITLE, enclosing, parts, write_part};

/// A line's number and the sign before it.
const MARGIN: usize = 6;

/// One line of one version, or the place where it has none.
#[derive(Default)]
struct Cell<'a> {
    number: Option<usize>,
    sign: char,
    style: Style,
    /// The text, cut at marks and at the column's width.
    rows: Vec<Vec<(&'a str, bool)>>,
}

/// Writes the diff under a title, in two columns that share `width` characters.
pub(crate) fn write(out: &mut impl Write, title: &str, file: &FileDiff, width: usize) -> Result {
    let column = (width.saturating_sub(3) / 2).saturating_sub(MARGIN).max(20);
    let (old, new) = (lines::split(&file.old), lines::split(&file.new));
    writeln!(out, "{TITLE}{title}{TITLE:#}")?;
    for hunk in lines::hunks(&file.changes, CONTEXT, old.len()) {
        let item = enclosing(&old, hunk.old.start).unwrap_or("");
        writeln!(out, "{HUNK}{}{HUNK:#}", format!("@@ {item}").trim_end())?;
        let (mut i, mut j) = (hunk.old.start, hunk.new.start);
        for change in &hunk.changes {
            write_equal(out, &old, i..change.old.start, j, column)?;
            let (before, after) = (&old[change.old.clone()], &new[change.new.clone()]);
            let pairs = lines::pairs(before, after);
            for row in lines::rows(before.len(), after.len(), &pairs) {
                let both = row.old.map_or("", |i| before[i]);
                let marks = match row.new {
                    Some(j) if row.paired => lines::marks(both, after[j]),
                    _ => Default::default(),
                };
                let left = row
                    .old
                    .map(|i| Cell::new(change.old.start + i, '-', REMOVED, before[i], &marks.0, column));
                let right = row
                    .new
                    .map(|j| Cell::new(change.new.start + j, '+', ADDED, after[j], &marks.1, column));
                write_row(out, &left.unwrap_or_default(), &right.unwrap_or_default(), column)?;
            }
            (i, j) = (change.old.end, change.new.end);
        }
        write_equal(out, &old, i..hunk.old.end, j, column)?;
    }
    Ok(())
}

fn write_equal(out: &mut impl Write, old: &[&str], range: Range<usize>, new: usize, column: usize) -> Result {
    for (offset, line) in range.clone().enumerate() {
        let left = Cell::new(line, ' ', Style::new(), old[line], &[], column);
        let right = Cell::new(new + offset, ' ', Style::new(), old[line], &[], column);
        write_row(out, &left, &right, column)?;
    }
    Ok(())
}

impl<'a> Cell<'a> {
    fn new(line: usize, sign: char, style: Style, text: &'a str, marks: &[Range<usize>], column: usize) -> Self {
        Self {
            number: Some(line + 1),
            sign,
            style,
            rows: wrap(text.trim_end_matches('\n'), marks, column),
        }
    }

    fn write_row(&self, out: &mut impl Write, row: usize) -> Result {
        let number = self
            .number
            .filter(|_| row == 0)
            .map_or(String::new(), |number| number.to_string());
        let sign = if self.number.is_some() { self.sign } else { ' ' };
        let style = self.style;
        write!(out, "{number:>4}{style}{sign}{style:#} ")?;
        let parts = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        for &(part, marked) in parts {
            write_part(out, part, self.style, marked)?;
        }
        Ok(())
    }

    /// What a row lacks to fill the column.
    fn room(&self, row: usize, column: usize) -> usize {
        let used = self
            .rows
            .get(row)
            .into_iter()
            .flatten()
            .map(|(part, _)| part.chars().count());
        column.saturating_sub(used.sum())
    }
}

fn write_row(out: &mut impl Write, left: &Cell<'_>, right: &Cell<'_>, column: usize) -> Result {
    for row in 0..left.rows.len().max(right.rows.len()).max(1) {
        left.write_row(out, row)?;
        write!(out, "{:1$} │ ", "", left.room(row, column))?;
        right.write_row(out, row)?;
        writeln!(out)?;
    }
    Ok(())
}

/// A line in rows no wider than the column, each cut at its marks.
fn wrap<'a>(line: &'a str, marks: &[Range<usize>], column: usize) -> Vec<Vec<(&'a str, bool)>> {
    let (mut rows, mut start) = (Vec::new(), 0);
    while start < line.len() {
        let end = start + fitting(&line[start..], column);
        let here = marks.iter().filter(|mark| mark.start < end && start < mark.end);
        let here: Vec<_> = here
            .map(|mark| mark.start.max(start) - start..mark.end.min(end) - start)
            .collect();
        rows.push(parts(&line[start..end], &here));
        start = end;
    }
    rows
}

/// How many bytes of a text fit into a row: up to the last gap, unless that leaves half of the row empty.
fn fitting(text: &str, column: usize) -> usize {
    let Some((limit, _)) = text.char_indices().nth(column) else {
        return text.len();
    };
    match text[..limit].rfind(' ') {
        Some(gap) if gap >= limit / 2 => gap + 1,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(line: &str, column: usize) -> Vec<String> {
        let rows = wrap(line, &[], column).into_iter();
        rows.map(|row| row.into_iter().map(|(part, _)| part).collect())
            .collect()
    }

    #[test]
    fn a_line_is_cut_at_a_gap() {
        assert_eq!(rows("one two three", 8), ["one two ", "three"]);
    }

    #[test]
    fn a_word_wider_than_the_column_is_cut_anywhere() {
        assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    #[test]
    fn a_mark_goes_on_in_the_next_row() {
        let mark = 2..5;
        let rows = wrap("abcdef", std::slice::from_ref(&mark), 3);
        assert_eq!(rows, [[("ab", false), ("c", true)], [("de", true), ("f", false)]]);
    }
}
