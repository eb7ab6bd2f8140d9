//! The models of `verify`, on the reader's files. A small tree is made for them: its build script takes the files from there.

use std::path::{Path, PathBuf};

use super::{cargo, package};
use crate::broken;
use crate::stop::Result;
use crate::tree::{STEPS, Step, Tree};

pub(super) const PACKAGE: &str = "verify";

const PROGRAM: &str = "models";

/// As in the project: the models' time is spent in there.
const PROFILES: &str = "\
[profile.dev.package.generator]
opt-level = 3

[profile.dev.package.loom]
opt-level = 3

";

/// The program of the models, with the files of `dir` for the step.
pub(super) fn build(tree: &Tree, step: &Step, dir: &Path) -> Result<PathBuf> {
    let root = cargo::target(tree)?.join(PROGRAM);
    for other in &STEPS {
        let folder = root.join(other.dir);
        let from = if other == step {
            dir.to_owned()
        } else {
            tree.path(other.dir)
        };
        for part in ["src", "fast", "extra"] {
            // The reader's copy has no twins.
            let place = if from.join(part).is_dir() {
                from.join(part)
            } else {
                tree.path(other.dir).join(part)
            };
            if place.is_dir() {
                std::fs::create_dir_all(&folder)?;
                broken::same(&place, &folder.join(part))?;
            }
        }
    }
    let package = root.join(PACKAGE);
    std::fs::create_dir_all(&package)?;
    for part in ["src", "tests", "build.rs"] {
        broken::same(&tree.path(PACKAGE).join(part), &package.join(part))?;
    }
    package::write(
        tree,
        &package,
        &package::manifest(tree, &package, PACKAGE, PACKAGE, PROFILES)?,
        "",
    )?;
    let built = cargo::build(tree, &package, &["test", "--no-run", "--test", PROGRAM])?;
    cargo::program(&built, PROGRAM)
}
