//! A file of notes, each a line: `name = value`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::stop::{Result, failed};

#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    /// The comment at its top.
    head: &'static str,
    values: BTreeMap<String, String>,
}

impl Notes {
    /// What is in the file. Nothing, if there is no file.
    pub(super) fn read(path: PathBuf, head: &'static str) -> Result<Self> {
        let text = match path.exists() {
            true => fs::read_to_string(&path).or_else(|error| failed(format!("{}: {error}", path.display())))?,
            false => String::new(),
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| line.split_once('='));
        let values = values.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        let values = values.collect();
        Ok(Self { path, head, values })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Writes it to the file as well.
    pub(super) fn set(&mut self, name: &str, value: impl ToString) -> Result {
        let value = value.to_string();
        if self.get(name) == Some(&value) && self.path.exists() {
            return Ok(());
        }
        self.values.insert(name.to_owned(), value);
        let lines = self.values.iter().map(|(name, value)| format!("{name} = {value}\n"));
        let text = format!("# {}\n{}", self.head, lines.collect::<String>());
        save(&self.path, &text)
    }
}

/// All at once or not at all, with the folders that it needs.
pub(super) fn save(path: &Path, text: &str) -> Result {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let half = path.with_extension("half-written");
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&half, text))
        .and_then(|()| fs::rename(&half, path));
    written.or_else(|error| failed(format!("{}: {error}", path.display())))
}
