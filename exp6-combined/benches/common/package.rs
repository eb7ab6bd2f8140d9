//! Packages that a bench writes and builds: outside the workspace, with its versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package in a folder of its own.
pub(crate) struct Package {
    folder: PathBuf,
}

impl Package {
    /// Writes the manifest, with a workspace that has no other member.
    pub(crate) fn new(folder: PathBuf, manifest: &str) -> Self {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Cargo.toml"), format!("{manifest}\n[workspace]\n")).unwrap();
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        fs::copy(lock, folder.join("Cargo.lock")).unwrap();
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where cargo puts what it builds, whatever the caller's environment says.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).current_dir(&self.folder);
        command.env("CARGO_TARGET_DIR", self.target());
        command
    }
}
