//! A file's diff as text: unified, one column, the form that `patch` and `git apply` read.

use std::io::Write;
use std::ops::Range;

use anstyle::{AnsiColor, Effects, Style};

use crate::compare::FileDiff;
use crate::lines::{self, Change, Hunk};
use crate::stop::Result;

pub(crate) const TITLE: Style = Style::new().bold();
pub(crate) const HUNK: Style = AnsiColor::Cyan.on_default();
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();

/// On top of the line's own style, for words that its other version does not have.
const MARK: Effects = Effects::BOLD.insert(Effects::UNDERLINE);

/// Equal lines around a change.
pub(crate) const CONTEXT: usize = 3;

/// Writes the diff under the two paths; `None` for a file that is not there.
pub(crate) fn write(out: &mut impl Write, old_path: Option<&str>, new_path: Option<&str>, file: &FileDiff) -> Result {
    let side = |prefix, path| match path {
        Some(path) => format!("{prefix}/{path}"),
        None => "/dev/null".to_owned(),
    };
    writeln!(out, "{TITLE}--- {}{TITLE:#}", side("a", old_path))?;
    writeln!(out, "{TITLE}+++ {}{TITLE:#}", side("b", new_path))?;
    let (old, new) = (lines::split(&file.old), lines::split(&file.new));
    for hunk in lines::hunks(&file.changes, CONTEXT, old.len()) {
        writeln!(out, "{HUNK}{}{HUNK:#}", header(&hunk, &old))?;
        let mut equal = hunk.old.start;
        for change in &hunk.changes {
            write_plain(out, &old[equal..change.old.start])?;
            write_change(out, change, &old, &new)?;
            equal = change.old.end;
        }
        write_plain(out, &old[equal..hunk.old.end])?;
    }
    Ok(())
}

fn header(hunk: &Hunk, old: &[&str]) -> String {
    let around = enclosing(old, hunk.old.start).map_or(String::new(), |line| format!(" {line}"));
    format!("@@ -{} +{} @@{around}", span(&hunk.old), span(&hunk.new))
}

/// Where a hunk lies, as in its header.
pub(crate) fn span(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        len => format!("{},{len}", range.start + 1),
    }
}

/// The item that a line stands in: the last line above that is not indented.
pub(crate) fn enclosing<'a>(lines: &[&'a str], line: usize) -> Option<&'a str> {
    let mut above = lines[..line].iter().rev();
    let found = above.find(|line| line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))?;
    Some(found.trim_end())
}

fn write_plain(out: &mut impl Write, lines: &[&str]) -> Result {
    lines
        .iter()
        .try_for_each(|line| write_line(out, ' ', Style::new(), line, &[]))
}

/// First all that goes, then all that comes, as ever; the words that differ are marked in both.
fn write_change(out: &mut impl Write, change: &Change, old: &[&str], new: &[&str]) -> Result {
    let (old, new) = (&old[change.old.clone()], &new[change.new.clone()]);
    let mut old_marks = vec![Vec::new(); old.len()];
    let mut new_marks = vec![Vec::new(); new.len()];
    for (i, j) in lines::pairs(old, new) {
        (old_marks[i], new_marks[j]) = lines::marks(old[i], new[j]);
    }
    for (line, marks) in old.iter().zip(&old_marks) {
        write_line(out, '-', REMOVED, line, marks)?;
    }
    for (line, marks) in new.iter().zip(&new_marks) {
        write_line(out, '+', ADDED, line, marks)?;
    }
    Ok(())
}

fn write_line(out: &mut impl Write, sign: char, style: Style, line: &str, marks: &[Range<usize>]) -> Result {
    let text = line.strip_suffix('\n').unwrap_or(line);
    write!(out, "{style}{sign}{style:#}")?;
    for (part, marked) in parts(text, marks) {
        write_part(out, part, style, marked)?;
    }
    writeln!(out)?;
    if text.len() == line.len() {
        writeln!(out, "\\ No newline at end of file")?;
    }
    Ok(())
}

pub(crate) fn write_part(out: &mut impl Write, part: &str, style: Style, marked: bool) -> Result {
    let style = if marked { style.effects(MARK) } else { style };
    Ok(write!(out, "{style}{part}{style:#}")?)
}

/// A line cut at its marks: every part, and whether it is marked.
pub(crate) fn parts<'a>(line: &'a str, marks: &[Range<usize>]) -> Vec<(&'a str, bool)> {
    let (mut parts, mut done) = (Vec::new(), 0);
    for mark in marks {
        let end = mark.end.min(line.len());
        parts.push((&line[done..mark.start], false));
        parts.push((&line[mark.start..end], true));
        done = end;
    }
    parts.push((&line[done..], false));
    parts.retain(|(part, _)| !part.is_empty());
    parts
}
