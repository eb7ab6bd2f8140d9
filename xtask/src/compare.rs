//! What became of a step's files in another step.

use crate::lines::{self, Change};
use crate::stop::Result;
use crate::tree::{Pair, Step, Tree};

/// A file of `src/` in one step or in both.
#[derive(Debug)]
pub(crate) struct FileDiff {
    /// Without the step's folder: `scheduler.rs`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Empty if the step has no such file.
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) changes: Vec<Change>,
}

/// In the order in which files are shown, apart from those that have a place of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Changed,
    New,
    /// Only where the later step did not grow from the other.
    Gone,
    Identical,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Identical => "identical",
        }
    }
}

impl FileDiff {
    pub(crate) fn between(name: &str, old: Option<String>, new: Option<String>) -> Self {
        let kind = match (&old, &new) {
            (None, _) => Kind::New,
            (_, None) => Kind::Gone,
            (old, new) if old == new => Kind::Identical,
            _ => Kind::Changed,
        };
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let changes = lines::changes(&old, &new);
        Self {
            name: name.to_owned(),
            kind,
            old,
            new,
            changes,
        }
    }

    /// The share of the old lines that are still there, from 0 to 1.
    pub(crate) fn kept(&self) -> f64 {
        let (_, removed) = lines::count(&self.changes);
        1.0 - removed as f64 / self.old.lines().count().max(1) as f64
    }
}

/// The files of both steps, in the order in which one reads them.
pub(crate) fn files(tree: &Tree, pair: Pair) -> Result<Vec<FileDiff>> {
    let mut names = tree.sources(pair.new)?;
    let gone = tree.sources(pair.old)?;
    names.extend(
        gone.into_iter()
            .filter(|name| !names.contains(name))
            .collect::<Vec<_>>(),
    );
    let mut files = Vec::new();
    for name in names {
        let read = |step| {
            let path = format!("{step}/src/{name}");
            tree.has(&path).then(|| tree.read(&path)).transpose()
        };
        files.push(FileDiff::between(&name, read(pair.old)?, read(pair.new)?));
    }
    files.sort_by_key(|file| place(pair.new, file));
    Ok(files)
}

/// The reading order: the file with the step's idea, the loop, what else has changed, what is new, the list of modules, the
/// demo. Within one of these, files stay as they were. Identical files come last: they are only named.
pub(crate) fn place(step: &Step, file: &FileDiff) -> (bool, usize, Kind) {
    let part = match file.name.as_str() {
        name if name == step.story => 0,
        "scheduler.rs" => 1,
        "lib.rs" => 3,
        "main.rs" => 4,
        _ => 2,
    };
    (file.kind == Kind::Identical, part, file.kind)
}

/// The files that a step changes or adds, in one order that shows its diff to each of its parents in the reading order.
pub(crate) fn reading_order(tree: &Tree, step: &'static Step) -> Result<Vec<String>> {
    let mut shown = Vec::new();
    for pair in Pair::to(step) {
        shown.extend(files(tree, pair)?);
    }
    shown.retain(|file| file.kind != Kind::Identical);
    let place = |name: &String| {
        let places = shown.iter().filter(|file| file.name == *name);
        places.map(|file| place(step, file)).min()
    };
    let mut names = tree.sources(step)?;
    names.retain(|name| place(name).is_some());
    names.sort_by_key(place);
    Ok(names)
}

/// The files of a kind, by name.
pub(crate) fn names(files: &[FileDiff], kind: Kind) -> Vec<&str> {
    let found = files.iter().filter(|file| file.kind == kind);
    found.map(|file| file.name.as_str()).collect()
}

/// The lines added and removed in all files.
pub(crate) fn totals(files: &[FileDiff]) -> (usize, usize) {
    let counts = files.iter().map(|file| lines::count(&file.changes));
    counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
}
