//! The facade of `cargo xtask trace`, which records each task: it stands for a step's crate, or for the reader's.

use std::path::Path;

use crate::trace::program::FACADE;
use crate::tree::{Step, Tree};

/// With what the step has.
pub(super) fn text(step: &Step) -> String {
    let features = [
        ("join", step.number >= 3),
        ("pool", [4, 6].contains(&step.number)),
        ("sockets", step.number >= 5),
    ];
    let put = |text: String, (name, has): (&str, bool)| {
        let (yes, no) = if has { ("all()", "any()") } else { ("any()", "all()") };
        text.replace(&format!("not(feature = \"{name}\")"), no)
            .replace(&format!("feature = \"{name}\""), yes)
    };
    features.into_iter().fold(FACADE.to_owned(), put)
}

/// What it needs: the crate that it stands for, and the recorder.
pub(super) fn dependencies(tree: &Tree, package: &str, dir: &Path) -> String {
    let path = |path: &Path| format!("{:?}", path.display().to_string());
    format!(
        "[dependencies]\nreal = {{ package = \"{package}\", path = {} }}\nshared-testutil = {{ path = {} }}\n",
        path(dir),
        path(&tree.path("shared-testutil")),
    )
}
