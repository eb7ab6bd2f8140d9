//! Two texts, line by line and word by word.

use std::hash::Hash;
use std::iter;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};
use similar::DiffOp;

/// Lines that gave way to others; either side may be empty. Counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) old: Range<usize>,
    pub(crate) new: Range<usize>,
}

/// Changes close to each other, and the equal lines around them.
#[derive(Debug)]
pub(crate) struct Hunk {
    pub(crate) old: Range<usize>,
    pub(crate) new: Range<usize>,
    pub(crate) changes: Vec<Change>,
}

/// How alike two lines must be for one to be called the other's new version.
const ALIKE: f32 = 0.5;

/// Beyond so many lines times lines a change is not a change but a replacement, and pairing them costs too much.
const TOO_MANY_PAIRS: usize = 40_000;

/// A text's lines, each with its line break: a missing one at the end is a difference.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What makes one text into the other, as `git diff` sees it.
pub(crate) fn changes(old: &str, new: &str) -> Vec<Change> {
    let (old, new) = (split(old), split(new));
    let twice = compare_twice(&old, &new, Diff::postprocess_lines);
    // Where nothing was found even then, git has another limit for what stands in many places: it finds blank lines.
    let again = |change: Change| {
        let starts = (change.old.start, change.new.start);
        let inner = compare_all(&old[change.old], &new[change.new]);
        inner.into_iter().map(move |inner| inner.moved(starts))
    };
    twice.into_iter().flat_map(again).collect()
}

/// The same, as `git diff -w` sees it.
pub(crate) fn changes_of_words(old: &str, new: &str) -> Vec<Change> {
    let squeeze = |text| -> Vec<_> {
        let lines = split(text).into_iter();
        lines.map(|line| line.split_whitespace().collect::<String>()).collect()
    };
    compare_twice(&squeeze(old), &squeeze(new), |_, _| ())
}

/// Lines that stand in many places, such as blank ones, are not compared at first: so each change is looked at again.
fn compare_twice<T: Clone + Default + Eq + Hash>(
    old: &[T],
    new: &[T],
    finish: impl Fn(&mut Diff, &InternedInput<T>),
) -> Vec<Change> {
    let again = |change: Change| {
        let starts = (change.old.start, change.new.start);
        let inner = compare(&old[change.old], &new[change.new], &finish);
        inner.into_iter().map(move |inner| inner.moved(starts))
    };
    compare(old, new, &finish).into_iter().flat_map(again).collect()
}

fn compare<T: Clone + Default + Eq + Hash>(
    old: &[T],
    new: &[T],
    finish: impl Fn(&mut Diff, &InternedInput<T>),
) -> Vec<Change> {
    let mut input = InternedInput::default();
    input.update_before(old.iter().cloned());
    input.update_after(new.iter().cloned());
    let mut diff = Diff::compute(Algorithm::MyersMinimal, &input);
    finish(&mut diff, &input);
    to_changes(&diff)
}

/// With each line, however often it stands there.
fn compare_all<T: Eq + Hash + Ord>(old: &[T], new: &[T]) -> Vec<Change> {
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, old, new);
    let changed = ops.into_iter().filter(|op| op.tag() != similar::DiffTag::Equal);
    let changes = changed.map(|op| Change {
        old: op.old_range(),
        new: op.new_range(),
    });
    changes.collect()
}

impl Change {
    /// The same, further on.
    fn moved(self, (old, new): (usize, usize)) -> Self {
        Self {
            old: self.old.start + old..self.old.end + old,
            new: self.new.start + new..self.new.end + new,
        }
    }
}

fn to_changes(diff: &Diff) -> Vec<Change> {
    let widen = |range: Range<u32>| range.start as usize..range.end as usize;
    let hunks = diff.hunks();
    let changes = hunks.map(|hunk| Change {
        old: widen(hunk.before),
        new: widen(hunk.after),
    });
    changes.collect()
}

/// How many lines are added and removed.
pub(crate) fn count(changes: &[Change]) -> (usize, usize) {
    let added = changes.iter().map(|change| change.new.len()).sum();
    let removed = changes.iter().map(|change| change.old.len()).sum();
    (added, removed)
}

/// Changes joined where fewer than twice `context` lines lie between them. `old_lines` is the length of the old text.
pub(crate) fn hunks(changes: &[Change], context: usize, old_lines: usize) -> Vec<Hunk> {
    let near = |left: &Change, right: &Change| right.old.start - left.old.end <= 2 * context;
    let groups = changes.chunk_by(near);
    let hunks = groups.map(|group| {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let before = context.min(first.old.start);
        let after = context.min(old_lines - last.old.end);
        Hunk {
            old: first.old.start - before..last.old.end + after,
            new: first.new.start - before..last.new.end + after,
            changes: group.to_vec(),
        }
    });
    hunks.collect()
}

/// The old lines that have a new version, each with it. Pairs do not cross.
pub(crate) fn pairs(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    if old.len() * new.len() > TOO_MANY_PAIRS {
        return Vec::new();
    }
    let gains = gains(old, new);
    let (mut pairs, mut i, mut j) = (Vec::new(), 0, 0);
    while i < old.len() && j < new.len() {
        if gains[i][j] == gains[i + 1][j] {
            i += 1;
        } else if gains[i][j] == gains[i][j + 1] {
            j += 1;
        } else {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        }
    }
    pairs
}

/// A row when both sides stand next to each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) old: Option<usize>,
    pub(crate) new: Option<usize>,
    /// The one is the other's new version; else they only share the row.
    pub(crate) paired: bool,
}

/// The rows of a change of `old` into `new` lines, given their pairs.
pub(crate) fn rows(old: usize, new: usize, pairs: &[(usize, usize)]) -> Vec<Row> {
    let (mut rows, mut i, mut j) = (Vec::new(), 0, 0);
    for &(to_i, to_j) in pairs.iter().chain([&(old, new)]) {
        while i < to_i || j < to_j {
            rows.push(Row {
                old: (i < to_i).then_some(i),
                new: (j < to_j).then_some(j),
                paired: false,
            });
            (i, j) = ((i + 1).min(to_i), (j + 1).min(to_j));
        }
        if (to_i, to_j) != (old, new) {
            rows.push(Row {
                old: Some(i),
                new: Some(j),
                paired: true,
            });
            (i, j) = (i + 1, j + 1);
        }
    }
    rows
}

/// For every place the most likeness that pairs from there on can have in all, without crossing.
fn gains(old: &[&str], new: &[&str]) -> Vec<Vec<f32>> {
    let old: Vec<_> = old.iter().map(|line| bag(line)).collect();
    let new: Vec<_> = new.iter().map(|line| bag(line)).collect();
    let mut gains = vec![vec![0.0_f32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let alike = likeness(&old[i], &new[j]);
            let paired = if alike < ALIKE {
                0.0
            } else {
                alike + gains[i + 1][j + 1]
            };
            gains[i][j] = paired.max(gains[i + 1][j]).max(gains[i][j + 1]);
        }
    }
    gains
}

/// A line's names and numbers in order of the alphabet; its signs, if it has nothing else.
fn bag(line: &str) -> Vec<&str> {
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let mut bag: Vec<_> = words(line).filter(is_name).collect();
    if bag.is_empty() {
        bag = words(line.trim()).collect();
    }
    bag.sort_unstable();
    bag
}

/// The share of words that two bags have in common, from 0 to 1.
fn likeness(left: &[&str], right: &[&str]) -> f32 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        match left[i].cmp(right[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, common) = (i + 1, j + 1, common + 1),
        }
    }
    2.0 * common as f32 / (left.len() + right.len()).max(1) as f32
}

/// How much of two texts is the same words in the same order, from 0 to 1.
pub(crate) fn same_words(old: &str, new: &str) -> f32 {
    let solid = |text| words(text).filter(|word| !word.trim().is_empty()).collect::<Vec<_>>();
    let (old, new) = (solid(old), solid(new));
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, &old, &new);
    let same = ops.iter().map(|op| match op {
        DiffOp::Equal { len, .. } => *len,
        _ => 0,
    });
    2.0 * same.sum::<usize>() as f32 / (old.len() + new.len()).max(1) as f32
}

/// The parts of a line and of its new version that the other does not have.
pub(crate) fn marks(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (old_words, new_words): (Vec<_>, Vec<_>) = (words(old).collect(), words(new).collect());
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, &old_words, &new_words);
    let changed = || ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    (
        join(old, &old_words, changed().map(DiffOp::old_range)),
        join(new, &new_words, changed().map(DiffOp::new_range)),
    )
}

/// From ranges of words to ranges of bytes; those with nothing but white space between them become one.
fn join(line: &str, words: &[&str], ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let width = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges.filter(|range| !range.is_empty()) {
        let start = width(&words[..range.start]);
        let end = start + width(&words[range]);
        match joined.last_mut() {
            Some(last) if line[last.end..start].trim().is_empty() => last.end = end,
            _ => joined.push(start..end),
        }
    }
    joined.into_iter().map(|range| trim(line, range)).collect()
}

/// A range without the white space at its ends, unless it has nothing else.
fn trim(line: &str, range: Range<usize>) -> Range<usize> {
    let text = &line[range.clone()];
    let solid = text.trim();
    let start = range.start + text.len() - text.trim_start().len();
    if solid.is_empty() {
        range
    } else {
        start..start + solid.len()
    }
}

/// Names and numbers whole, runs of white space whole, all else by itself.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut rest = text;
    iter::from_fn(move || {
        let first = kind(rest.chars().next()?);
        let mut others = rest.char_indices().skip(1);
        let end = others.find(|&(_, c)| first == 2 || kind(c) != first);
        let (word, after) = rest.split_at(end.map_or(rest.len(), |(end, _)| end));
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_gaps_and_signs() {
        let found: Vec<_> = words("let a_1  = b.c();").collect();
        assert_eq!(found, ["let", " ", "a_1", "  ", "=", " ", "b", ".", "c", "(", ")", ";"]);
    }

    #[test]
    fn marks_cover_what_differs_and_no_more() {
        let (old, new) = ("let id = queue.pop();", "let task = queue.pop();");
        let (in_old, in_new) = marks(old, new);
        assert_eq!(in_old.iter().map(|mark| &old[mark.clone()]).collect::<Vec<_>>(), ["id"]);
        assert_eq!(
            in_new.iter().map(|mark| &new[mark.clone()]).collect::<Vec<_>>(),
            ["task"]
        );
    }

    #[test]
    fn marks_leave_out_the_gaps_around_them() {
        let (_, in_new) = marks("a z", "a new z");
        assert_eq!(in_new.len(), 1);
        assert_eq!(&"a new z"[in_new[0].clone()], "new");
    }

    #[test]
    fn a_gap_between_two_marks_is_marked_too() {
        let (_, new) = marks("a z", "a big cat z");
        assert_eq!(new.len(), 1);
    }

    #[test]
    fn a_line_is_paired_with_its_new_version() {
        let old = ["let id = queue.pop();", "poll(id);"];
        let new = ["// The next one.", "let task = queue.pop();"];
        assert_eq!(pairs(&old, &new), [(0, 1)]);
    }

    #[test]
    fn pairs_do_not_cross() {
        let old = ["alpha(one, two);", "beta(three, four);"];
        let new = ["beta(three, five);", "alpha(one, six);"];
        assert_eq!(pairs(&old, &new).len(), 1);
    }

    #[test]
    fn rows_hold_every_line_once_and_in_order() {
        let rows = rows(3, 4, &[(1, 0)]);
        let sides: Vec<_> = rows.iter().map(|row| (row.old, row.new)).collect();
        let expected = [
            (Some(0), None),
            (Some(1), Some(0)),
            (Some(2), Some(1)),
            (None, Some(2)),
            (None, Some(3)),
        ];
        assert_eq!(sides, expected);
        assert_eq!(rows.iter().filter(|row| row.paired).count(), 1);
    }

    #[test]
    fn hunks_take_three_lines_of_context_and_join_when_close() {
        let old: String = (0..30).map(|n| format!("{n}\n")).collect();
        let new = old
            .replace("\n10\n", "\nten\n")
            .replace("\n16\n", "\n")
            .replace("\n27\n", "\n27\nnew\n");
        let found = hunks(&changes(&old, &new), 3, 30);
        let ranges: Vec<_> = found.iter().map(|hunk| (hunk.old.clone(), hunk.new.clone())).collect();
        assert_eq!(ranges, [(7..20, 7..19), (25..30, 24..30)]);
    }

    #[test]
    fn white_space_alone_is_no_change_of_words() {
        let (old, new) = ("if a {\nb();\n}\n", "if a {\n    b( );\n}\n");
        assert_eq!(changes(old, new).len(), 1);
        assert_eq!(changes_of_words(old, new), []);
    }

    #[test]
    fn a_missing_line_break_at_the_end_is_a_change() {
        assert_eq!(changes("a\nb\n", "a\nb").len(), 1);
    }
}
