//! The reader's folder: the exercises, each in a folder of its own, and a file that tells how far they are.

use std::env;
use std::fmt;
use std::fs;
use std::path::{self, Path, PathBuf};

use super::notes::Notes;
use crate::stop::{Result, failed};
use crate::tree::Tree;

/// Where the reader's folder is, if not beside the project's.
const PLACE: &str = "EXERCISES";
const BESIDE: &str = "exercises";

const PROGRESS: &str = "progress.txt";
const PROGRESS_HEAD: &str = "How far the exercises are. `cargo xtask exercise` shows it.";

/// Marks a folder as an exercise: nothing is written into others.
const MARK: &str = "exercise.txt";
const MARK_HEAD: &str = "An exercise. This tells how far it is: cargo xtask exercise check";

const LATEST: &str = "latest";

pub(super) const DONE: &str = "done";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Find,
    Predict,
}

const KINDS: [(Kind, &str); 3] = [(Kind::Write, "write"), (Kind::Find, "find"), (Kind::Predict, "predict")];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = KINDS.iter().find(|(kind, _)| kind == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}

#[derive(Debug)]
pub(super) struct Reader {
    dir: PathBuf,
    progress: Notes,
}

impl Reader {
    pub(super) fn find(tree: &Tree) -> Result<Self> {
        let beside = tree.root().parent().unwrap_or(tree.root()).join(BESIDE);
        let dir = path::absolute(env::var_os(PLACE).map_or(beside, PathBuf::from))?;
        let progress = Notes::read(dir.join(PROGRESS), PROGRESS_HEAD)?;
        Ok(Self { dir, progress })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// For Cargo's configuration: in an exercise, `cargo xtask` finds this folder.
    pub(super) fn env(&self) -> String {
        format!("{PLACE} = {:?}\n", self.dir.display().to_string())
    }

    /// Where an exercise of this name goes, if nothing else is said.
    pub(super) fn place(&self, name: &str, said: Option<PathBuf>) -> Result<PathBuf> {
        self.is_ours()?;
        Ok(said.unwrap_or_else(|| self.dir.join(name)))
    }

    /// A folder that holds something else is left alone.
    fn is_ours(&self) -> Result {
        if is_full(&self.dir) && !self.progress.path().exists() || self.dir.is_file() {
            return failed(format!(
                "{} is there already, and holds something else: say where the exercises go, in the variable {PLACE}",
                self.dir.display()
            ));
        }
        Ok(())
    }

    /// Notes that an exercise has been made, and where.
    pub(super) fn begin(&mut self, kind: Kind, name: &str, exercise: &Exercise) -> Result {
        self.progress
            .set(&format!("place of {kind} {name}"), exercise.dir.display())?;
        self.note(kind, name, "begun")?;
        self.note_latest(exercise)
    }

    /// Where an exercise is.
    pub(super) fn place_of(&self, kind: Kind, name: &str) -> Option<&str> {
        self.progress.get(&format!("place of {kind} {name}"))
    }

    pub(super) fn progress(&self, kind: Kind, name: &str) -> Option<&str> {
        self.progress.get(&format!("{kind} {name}"))
    }

    pub(super) fn is_done(&self, kind: Kind, name: &str) -> bool {
        self.progress(kind, name) == Some(DONE)
    }

    /// What is done stays done.
    pub(super) fn note(&mut self, kind: Kind, name: &str, value: &str) -> Result {
        match self.is_done(kind, name) {
            true => Ok(()),
            false => self.progress.set(&format!("{kind} {name}"), value),
        }
    }

    pub(super) fn note_latest(&mut self, exercise: &Exercise) -> Result {
        self.is_ours()?;
        self.progress.set(LATEST, exercise.dir.display())
    }

    /// The exercise that was made or checked last.
    pub(super) fn latest(&self) -> Result<Exercise> {
        match self.progress.get(LATEST) {
            Some(dir) => Exercise::open(Path::new(dir)),
            None => failed("say which exercise: its folder, behind `check`"),
        }
    }
}

/// A folder with a mark.
#[derive(Debug)]
pub(super) struct Exercise {
    pub(super) dir: PathBuf,
    pub(super) notes: Notes,
}

impl Exercise {
    /// In a folder that is not there, that is empty, or that is this exercise already.
    pub(super) fn make(dir: &Path, kind: Kind, name: &str) -> Result<Self> {
        let dir = path::absolute(dir)?;
        if dir.exists() && !dir.is_dir() || is_full(&dir) && !dir.join(MARK).exists() {
            return failed(format!(
                "{} is there already, and is no exercise: nothing is written into it",
                dir.display()
            ));
        }
        if dir.join(MARK).exists() {
            return failed(format!(
                "{} is an exercise already. This tells how far it is: cargo xtask exercise check {}",
                dir.display(),
                as_word(dir.display())
            ));
        }
        let mut notes = Notes::read(dir.join(MARK), MARK_HEAD)?;
        notes.set("kind", kind)?;
        notes.set("name", name)?;
        Ok(Self { dir, notes })
    }

    pub(super) fn open(dir: &Path) -> Result<Self> {
        let dir = path::absolute(dir)?;
        if !dir.join(MARK).is_file() {
            return failed(format!("{} is no exercise: it has no {MARK}", dir.display()));
        }
        let notes = Notes::read(dir.join(MARK), MARK_HEAD)?;
        Ok(Self { dir, notes })
    }

    /// The one that this folder is in.
    pub(super) fn around(dir: &Path) -> Result<Option<Self>> {
        let found = dir.ancestors().find(|dir| dir.join(MARK).is_file());
        found.map(Self::open).transpose()
    }

    pub(super) fn kind(&self) -> Result<Kind> {
        let word = self.notes.get("kind").unwrap_or_default();
        match KINDS.iter().find(|(_, known)| *known == word) {
            Some((kind, _)) => Ok(*kind),
            None => failed(format!("{}: there is no kind `{word}`", self.notes.path().display())),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.notes.get("name").unwrap_or_default()
    }
}

/// A path on a command line that can be copied.
pub(super) fn as_word(path: impl fmt::Display) -> String {
    let path = path.to_string();
    if path.contains(char::is_whitespace) {
        format!("\"{path}\"")
    } else {
        path
    }
}

/// Whether there is something in it.
fn is_full(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}
