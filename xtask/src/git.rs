//! What is asked of git.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::stop::{Result, Stop, failed};
use crate::tree::Tree;

/// Runs git in the project's folder. What the exit code means is the caller's business.
pub(crate) fn git(tree: &Tree, args: &[&str]) -> Result<Output> {
    let mut command = Command::new("git");
    command.args(args).current_dir(tree.root()).stdin(Stdio::null());
    command
        .output()
        .map_err(|error| Stop::Failed(format!("git cannot be run: {error}")))
}

/// Fails where there is no history of this project: in an archive, say, that lies within another project.
pub(crate) fn need_history(tree: &Tree) -> Result {
    let top = git(tree, &["rev-parse", "--show-toplevel"])?;
    let top = String::from_utf8_lossy(&top.stdout).trim().to_owned();
    let same = Path::new(&top).canonicalize().ok() == tree.root().canonicalize().ok();
    match same
        && git(tree, &["rev-parse", "--verify", "--quiet", "HEAD"])?
            .status
            .success()
    {
        true => Ok(()),
        false => failed("this needs the project's history, and here is no git checkout of it"),
    }
}

/// A file as it was last committed. `None` if it was not.
pub(crate) fn committed(tree: &Tree, path: &str) -> Result<Option<String>> {
    let shown = git(tree, &["show", &format!("HEAD:{path}")])?;
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    Ok(shown.status.success().then_some(text))
}
