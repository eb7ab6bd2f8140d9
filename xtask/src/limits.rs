//! How large the steps may be, and how large they are.

use crate::compare;
use crate::growth::Size;
use crate::lines;
use crate::rust::Source;
use crate::stop::Result;
use crate::tree::{Pair, STEPS, Tree};

/// What is limited.
#[derive(Clone, Copy, Debug)]
enum What {
    /// The code lines of a step.
    Step(usize),
    /// The code lines that a step adds to the one that it grew from.
    Added(usize, usize),
    /// The code lines of a folder beside exp6's `src`.
    Folder(&'static str),
    /// The code lines of the longest demo.
    Demo,
}

/// All limits. One is raised only with a sentence in CONTRIBUTING.md on what the reader gains.
const LIMITS: [(What, usize); 15] = [
    (What::Step(1), 50),
    (What::Step(2), 315),
    (What::Step(3), 520),
    (What::Step(4), 560),
    (What::Step(5), 790),
    (What::Step(6), 900),
    (What::Added(1, 2), 280),
    (What::Added(2, 3), 220),
    (What::Added(3, 4), 50),
    (What::Added(3, 5), 300),
    (What::Added(5, 6), 120),
    (What::Added(4, 6), 360),
    (What::Folder("exp6-combined/fast"), 1500),
    (What::Folder("exp6-combined/extra"), 955),
    (What::Demo, 90),
];

/// A limit, and how much of it is used.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) what: String,
    pub(crate) lines: usize,
    pub(crate) most: usize,
}

pub(crate) fn measure(tree: &Tree) -> Result<Vec<Measured>> {
    let measured = LIMITS.iter().map(|&(what, most)| {
        Ok(Measured {
            what: what.name(),
            lines: what.lines(tree)?,
            most,
        })
    });
    measured.collect()
}

impl What {
    fn name(self) -> String {
        match self {
            Self::Step(number) => STEPS[number - 1].to_string(),
            Self::Added(..) => format!("added, {}", self.pair().short()),
            Self::Folder(dir) => format!("{dir}/"),
            Self::Demo => "the longest demo".to_owned(),
        }
    }

    fn lines(self, tree: &Tree) -> Result<usize> {
        match self {
            Self::Step(number) => Ok(Size::of(tree, &STEPS[number - 1])?.code),
            Self::Added(..) => added(tree, self.pair()),
            Self::Folder(dir) => folder(tree, dir),
            Self::Demo => {
                let demos = STEPS.iter().map(|step| format!("{step}/src/main.rs"));
                let counts = demos.map(|path| code_lines(tree, &path)).collect::<Result<Vec<_>>>();
                Ok(counts?.into_iter().max().unwrap_or(0))
            }
        }
    }

    /// Only for what a step adds.
    fn pair(self) -> Pair {
        let Self::Added(old, new) = self else {
            unreachable!("only what is added has two steps");
        };
        let (old, new) = (&STEPS[old - 1], &STEPS[new - 1]);
        Pair { old, new }
    }
}

/// The code lines of all files of a folder.
pub(crate) fn folder(tree: &Tree, dir: &str) -> Result<usize> {
    let counts = tree.files(dir, ".rs")?.into_iter().map(|path| code_lines(tree, &path));
    counts.sum()
}

fn code_lines(tree: &Tree, path: &str) -> Result<usize> {
    let text = tree.read(path)?;
    Ok(Source::parse(path, &text)?.code_lines())
}

/// The code lines that a diff adds. What a comment takes is no burden, and lines that move are no new ones.
pub(crate) fn added(tree: &Tree, pair: Pair) -> Result<usize> {
    let mut sum = 0;
    for file in compare::files(tree, pair)?.iter().filter(|file| file.name != "main.rs") {
        let code = |text: &str| -> Result<_> { Ok(Source::parse(&file.name, text)?.code()) };
        let changes = lines::changes(&code(&file.old)?, &code(&file.new)?);
        sum += lines::count(&changes).0;
    }
    Ok(sum)
}
