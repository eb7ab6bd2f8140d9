//! The tree of steps, and their files.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::rust;
use crate::stop::{Result, failed, unknown};

/// A step of the ladder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) number: usize,
    pub(crate) dir: &'static str,
    /// The steps it grew from, the nearest first.
    pub(crate) parents: &'static [usize],
    /// Its idea, in two sentences.
    pub(crate) idea: &'static str,
    /// The file that holds the idea: whoever reads the step reads it first.
    pub(crate) story: &'static str,
}

/// In the order in which one reads them: no step stands before one that it grew from.
pub(crate) const STEPS: [Step; 6] = [
    Step {
        number: 1,
        dir: "exp1-simplest",
        parents: &[],
        idea: "A queue of futures, and a loop that polls one after the other until none is left. \
               A task cannot wait: one that has nothing to do is polled all the same.",
        story: "scheduler.rs",
    },
    Step {
        number: 2,
        dir: "exp2-sleep",
        parents: &[1],
        idea: "Tasks sleep, so the loop needs wakers, a run queue, a timer queue and a place to park. \
               Only tasks that were woken are polled, and the thread parks while no task can run.",
        story: "scheduler.rs",
    },
    Step {
        number: 3,
        dir: "exp3-spawn",
        parents: &[2],
        idea: "A task spawns other tasks, and awaits or aborts them through a handle. \
               A future around the user's puts the result, or the panic, into a cell that the task and its handle share.",
        story: "join.rs",
    },
    Step {
        number: 4,
        dir: "exp4-threadpool",
        parents: &[3],
        idea: "A job that would block every other task runs on a thread of a pool. \
               An ordinary task awaits its result, and the pool's thread wakes that task as any other thread could since exp2.",
        story: "blocking.rs",
    },
    Step {
        number: 5,
        dir: "exp5-selectors",
        parents: &[3],
        idea: "Tasks wait for sockets and other descriptors, so the loop parks in a selector, which reports the ready ones. \
               An operation is tried first, and the task waits only after `WouldBlock`.",
        story: "park.rs",
    },
    Step {
        number: 6,
        dir: "exp6-combined",
        parents: &[5, 4],
        idea: "A thread can block in one place only, so a wake from another thread has to look like a readable socket. \
               It writes a byte into the self-socket, whose other end is registered with the selector.",
        story: "park.rs",
    },
];

/// The package that compiles exp6's library without the files of `fast`.
pub(crate) const PLAIN: &str = "exp6-combined/plain";

const NO_ALIAS: &str = "use … as sched;\n";

/// Two steps to compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) old: &'static Step,
    pub(crate) new: &'static Step,
}

impl Step {
    /// By its number, its short name or its folder.
    pub(crate) fn parse(word: &str) -> Result<&'static Self> {
        let name = word.trim_end_matches('/');
        let found = STEPS
            .iter()
            .find(|step| [&step.number.to_string(), &step.short(), step.dir].contains(&name));
        found.map_or_else(|| unknown("step", word, &STEPS), Ok)
    }

    /// As in a path or in prose: `exp3`.
    pub(crate) fn short(&self) -> String {
        format!("exp{}", self.number)
    }

    pub(crate) fn parents(&self) -> impl Iterator<Item = &'static Self> {
        self.parents.iter().map(|number| &STEPS[number - 1])
    }

    /// The one line in which the steps' demos, benches and examples may differ: what they call the crate.
    fn alias(&self) -> String {
        format!("use {} as sched;\n", self.dir.replace('-', "_"))
    }

    /// A file of the step with that line as in no step.
    pub(crate) fn without_alias(&self, text: &str) -> String {
        text.replacen(&self.alias(), NO_ALIAS, 1)
    }

    /// The other way round.
    pub(crate) fn with_alias(&self, text: &str) -> String {
        text.replacen(NO_ALIAS, &self.alias(), 1)
    }

    /// The step of the folder that a path begins with.
    pub(crate) fn of_path(path: &str) -> Option<&'static Self> {
        let dir = path.split('/').next()?;
        STEPS.iter().find(|step| step.dir == dir)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dir)
    }
}

impl Pair {
    /// The steps of the tree, each with what it grew from.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        STEPS.iter().flat_map(Self::to)
    }

    /// A step with each of its parents.
    pub(crate) fn to(new: &'static Step) -> impl Iterator<Item = Self> {
        new.parents().map(move |old| Self { old, new })
    }

    /// As in a table: `1→2`.
    pub(crate) fn short(self) -> String {
        format!("{}→{}", self.old.number, self.new.number)
    }

    /// As in the name of a file: `1-2`.
    pub(crate) fn name(self) -> String {
        format!("{}-{}", self.old.number, self.new.number)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.old, self.new)
    }
}

/// The project's folder.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// From the current folder upwards.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::current_dir()?;
        match here
            .ancestors()
            .find(|dir| STEPS.iter().all(|step| dir.join(step.dir).is_dir()))
        {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => failed(format!("no folder above {} holds the six steps", here.display())),
        }
    }

    /// This folder, if it is the project's.
    pub(crate) fn at(root: &Path) -> Option<Self> {
        let root = root.canonicalize().ok()?;
        // Windows marks what is canonical. Not all programs take such a path.
        let root = root
            .to_str()
            .and_then(|path| path.strip_prefix(r"\\?\"))
            .map_or(root.clone(), PathBuf::from);
        let is_it = STEPS.iter().all(|step| root.join(step.dir).is_dir());
        is_it.then_some(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.path(file).is_file()
    }

    pub(crate) fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.path(file)).or_else(|error| failed(format!("{file}: {error}")))
    }

    /// All at once or not at all: a reader never finds half a file.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result {
        let path = self.path(file);
        let half = path.with_extension("half-written");
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&half, text))
            .and_then(|()| fs::rename(&half, &path));
        written.or_else(|error| failed(format!("{file}: {error}")))
    }

    /// A file in TOML.
    pub(crate) fn read_toml(&self, file: &str) -> Result<toml::Table> {
        self.read(file)?
            .parse()
            .or_else(|error| failed(format!("{file}: {error}")))
    }

    /// The folders of the workspace's crates.
    pub(crate) fn members(&self) -> Result<Vec<String>> {
        let manifest = self.read_toml("Cargo.toml")?;
        let members = manifest
            .get("workspace")
            .and_then(|table| table.get("members")?.as_array());
        let names = members.into_iter().flatten().filter_map(toml::Value::as_str);
        Ok(names.map(str::to_owned).collect())
    }

    /// The files below a folder with this ending, by name. None if there is no such folder.
    pub(crate) fn files(&self, dir: &str, ending: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let Ok(entries) = fs::read_dir(self.path(dir)) else {
            return Ok(found);
        };
        for entry in entries {
            let entry = entry?;
            let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                found.extend(self.files(&path, ending)?);
            } else if path.ends_with(ending) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// A step's source files without the folder: as `lib.rs` names them, then `lib.rs` itself, and the demo last.
    pub(crate) fn sources(&self, step: &Step) -> Result<Vec<String>> {
        let src = format!("{step}/src");
        let modules = rust::modules(&self.read(&format!("{src}/lib.rs"))?);
        let place = |name: &String| match name.strip_suffix(".rs").unwrap_or(name) {
            "main" => usize::MAX,
            "lib" => usize::MAX - 1,
            name => modules
                .iter()
                .position(|module| module == name)
                .unwrap_or(modules.len()),
        };
        let files = self.files(&src, ".rs")?;
        let mut names: Vec<_> = files.iter().map(|file| file[src.len() + 1..].to_owned()).collect();
        names.sort_by_key(place);
        Ok(names)
    }
}
