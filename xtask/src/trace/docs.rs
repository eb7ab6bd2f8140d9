//! The pictures of real runs in the pages.
//!
//! `cargo xtask trace --docs` runs the programs and writes what is recorded to `docs/trace`. From that, `cargo xtask docs`
//! draws the pictures, and needs to build and to run nothing.

use std::hash::Hasher;
use std::io::Write;
use std::path::Path;

use fnv::FnvHasher;
use serde_json::{Value, json};

use super::LIMIT;
use super::program::Program;
use super::record::Record;
use super::svg::{self, Look};
use crate::stop::{Result, failed};
use crate::tree::{STEPS, Step, Tree};

const FOLDER: &str = "docs/trace";

const COMMAND: &str = "cargo xtask trace --docs";

const WAITS: Option<&str> = Some("xtask/trace/waits.rs");
const COMPUTES: Option<&str> = Some("xtask/trace/computes.rs");

/// A busy machine may disturb a run.
const TRIES: usize = 3;

/// A run: its name, its step, and its program unless that is the demo.
struct Run(&'static str, usize, Option<&'static str>);

const RUNS: [Run; 9] = [
    Run("demo-1", 1, None),
    Run("demo-2", 2, None),
    Run("demo-3", 3, None),
    Run("demo-4", 4, None),
    Run("computes-3", 3, COMPUTES),
    Run("computes-4", 4, COMPUTES),
    Run("waits-4", 4, WAITS),
    Run("waits-5", 5, WAITS),
    Run("waits-6", 6, WAITS),
];

/// A picture, the run that it shows, and what is to be seen, for readers who cannot see it.
struct Picture {
    name: &'static str,
    run: &'static str,
    look: Look,
    alt: &'static str,
}

const WIDE: Look = Look {
    to_scale: false,
    is_small: false,
};

const TO_SCALE: Look = Look {
    to_scale: true,
    is_small: false,
};

const SMALL: Look = Look {
    to_scale: true,
    is_small: true,
};

const PICTURES: [Picture; 11] = [
    Picture {
        name: "1",
        run: "demo-1",
        look: WIDE,
        alt: "A run of exp1: c1 and c2 are polled in turn, five times each, and the loop is never parked.",
    },
    Picture {
        name: "2",
        run: "demo-2",
        look: WIDE,
        alt: "A run of exp2: while c1 sleeps, c2 is polled until it sleeps as well; then the loop is parked until c1's \
              deadline, and later until that of c2.",
    },
    Picture {
        name: "3",
        run: "demo-3",
        look: WIDE,
        alt: "A run of exp3: c2 spawns c3 in the middle of the run, and c3 is polled behind the tasks that are queued already.",
    },
    Picture {
        name: "4",
        run: "demo-4",
        look: WIDE,
        alt: "A run of exp4: the job of c3 runs on another thread for 100 ms; the loop is parked meanwhile, and c3 is woken \
              when the job has ended.",
    },
    Picture {
        name: "5",
        run: "waits-5",
        look: TO_SCALE,
        alt: "A run of exp5: the byte of peer comes after 40 ms and ends the park, so the task socket is polled at once; \
              the wake from the thread adder comes after 80 ms and does not end the park, so the task result is polled only \
              after 120 ms, when the sleep has ended.",
    },
    Picture {
        name: "6",
        run: "waits-6",
        look: TO_SCALE,
        alt: "A run of exp6: the byte of peer ends the first park after 40 ms, and the wake from the thread adder, by way of \
              the self-socket, the second one after 80 ms; both tasks are polled at once.",
    },
    Picture {
        name: "computes-3",
        run: "computes-3",
        look: SMALL,
        alt: "On exp3 the task computes is polled for 80 ms, and meanwhile the task ticks, which was to be polled every 20 ms, is not.",
    },
    Picture {
        name: "computes-4",
        run: "computes-4",
        look: SMALL,
        alt: "On exp4 the job of computes runs on another thread for 80 ms, and meanwhile ticks is polled every 20 ms.",
    },
    Picture {
        name: "waits-4",
        run: "waits-4",
        look: SMALL,
        alt: "On exp4 the task result is polled at once after 80 ms, and the task socket 80 ms after its byte came.",
    },
    Picture {
        name: "waits-5",
        run: "waits-5",
        look: SMALL,
        alt: "On exp5 the task socket is polled at once after 40 ms, and the task result 40 ms after it was woken.",
    },
    Picture {
        name: "waits-6",
        run: "waits-6",
        look: SMALL,
        alt: "On exp6 the task socket is polled at once after 40 ms, and the task result at once after 80 ms.",
    },
];

impl Run {
    fn step(&self) -> &'static Step {
        &STEPS[self.1 - 1]
    }

    fn file(&self) -> String {
        format!("{FOLDER}/{}.json", self.0)
    }

    fn source(&self) -> String {
        self.2
            .map_or_else(|| format!("{}/src/main.rs", self.step()), str::to_owned)
    }

    fn title(&self) -> String {
        match self.2 {
            Some(program) => format!("{}: {}", self.step(), program.rsplit('/').next().unwrap_or(program)),
            None => self.step().to_string(),
        }
    }

    /// Of the program.
    fn hash(&self, tree: &Tree) -> Result<String> {
        let mut hasher = FnvHasher::default();
        hasher.write(tree.read(&self.source())?.as_bytes());
        Ok(format!("{:016x}", hasher.finish()))
    }

    fn run(&self, tree: &Tree) -> Result<Record> {
        let path = self.2.map(|program| tree.path(program));
        let ended = Program::new(tree, self.step(), path.as_deref().map(Path::new))?.run(LIMIT)?;
        ended.failure.map_or(Ok(ended.record), failed)
    }

    /// As it was committed. It is stale if its program has changed since.
    fn read(&self, tree: &Tree) -> Result<Record> {
        let file = self.file();
        let value: Value = tree
            .read(&file)?
            .parse()
            .or_else(|error| failed(format!("{file}: {error}")))?;
        if value["hash"] != self.hash(tree)? {
            return failed(format!("{file} is stale: {} has changed: {COMMAND}", self.source()));
        }
        Record::parse(&value["record"])
    }

    fn write(&self, tree: &Tree, record: &Record) -> Result {
        let (program, hash) = (json!(self.source()), json!(self.hash(tree)?));
        let record = record.text();
        let text = format!("{{\n\"program\": {program},\n\"hash\": {hash},\n\"record\": {record}\n}}\n");
        tree.write(&self.file(), &text)
    }

    /// Runs it until it does what the committed record says.
    fn check(&self, tree: &Tree) -> Result<bool> {
        let committed = self.read(tree)?.structure();
        for _ in 0..TRIES {
            if self.run(tree)?.structure() == committed {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Runs all programs, and writes what is recorded, or says where its structure is not that of the committed record.
pub(crate) fn record(tree: &Tree, check: bool, out: &mut impl Write) -> Result {
    let mut stale = 0;
    for run in &RUNS {
        out.flush()?;
        if !check {
            run.write(tree, &run.run(tree)?)?;
            writeln!(out, "{} is written", run.file())?;
        } else if !run.check(tree)? {
            writeln!(out, "{} is stale: another run does something else", run.file())?;
            stale += 1;
        }
    }
    for (path, text) in generated(tree)? {
        if !check {
            tree.write(&path, &text)?;
        }
    }
    match stale {
        0 => Ok(()),
        _ => failed(format!("trace: this records them anew: {COMMAND}")),
    }
}

/// The pictures of the runs that are recorded.
pub(crate) fn generated(tree: &Tree) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for picture in &PICTURES {
        if let Some(run) = RUNS.iter().find(|run| run.0 == picture.run && tree.has(&run.file())) {
            let text = svg::draw(&run.title(), picture.alt, &run.read(tree)?, picture.look);
            files.push((path(picture), text));
        }
    }
    Ok(files)
}

fn path(picture: &Picture) -> String {
    format!("{FOLDER}/{}.svg", picture.name)
}

/// For a page: `trace 1` is a picture, and `trace computes-3 computes-4` two side by side.
pub(crate) fn block(tree: &Tree, page: &str, name: &str) -> Result<Option<String>> {
    let Some(names) = name.strip_prefix("trace ") else {
        return Ok(None);
    };
    let up = "../".repeat(page.matches('/').count());
    let mut images = Vec::new();
    for name in names.split(' ') {
        let Some(picture) = PICTURES.iter().find(|picture| picture.name == name) else {
            return Ok(None);
        };
        if !tree.has(&format!("{FOLDER}/{}.json", picture.run)) {
            return failed(format!(
                "{page}: the run of the picture `{name}` is not recorded: {COMMAND}"
            ));
        }
        images.push(format!("![{}]({up}{})", picture.alt, path(picture)));
    }
    Ok(Some(match &images[..] {
        [image] => image.clone(),
        images => {
            let steps: Vec<_> = names
                .split(' ')
                .map(|name| format!("exp{}", &name[name.len() - 1..]))
                .collect();
            let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            format!("{}|{}\n{}", row(&steps), "---|".repeat(images.len()), row(images))
        }
    }))
}
