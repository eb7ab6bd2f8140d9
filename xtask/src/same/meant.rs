//! The differences that are meant, each with its reason.

use crate::stop::{Result, failed};
use crate::tree::{Pair, Tree};

/// In the place of a reason that nobody has given yet.
pub(crate) const NO_REASON: &str = "?";

const HEAD: &str = "\
# Differences that are meant: what two steps have in nearly the same words, and why not in the same.
#
# steps | file | item | fingerprint of the difference | why
#
# A fix that reaches both steps leaves their difference, and so its fingerprint, as it is. One that reaches only one of
# them does not, and `cargo xtask same` says so. `cargo xtask same --update` puts in what is new, for you to say why.
";

/// A line of the list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As in `Pair::name`.
    pub(crate) pair: String,
    pub(crate) file: String,
    pub(crate) item: String,
    pub(crate) fingerprint: String,
    pub(crate) why: String,
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Meant(pub(crate) Vec<Entry>);

impl Meant {
    pub(crate) const FILE: &str = "xtask/meant.txt";

    pub(crate) fn read(tree: &Tree) -> Result<Self> {
        let mut entries = Vec::new();
        for line in tree.read(Self::FILE)?.lines() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let cells: Vec<_> = line.splitn(5, '|').map(|cell| cell.trim().to_owned()).collect();
            let Ok([pair, file, item, fingerprint, why]) = <[String; 5]>::try_from(cells) else {
                return failed(format!("{}: five columns are wanted: {line}", Self::FILE));
            };
            entries.push(Entry {
                pair,
                file,
                item,
                fingerprint,
                why,
            });
        }
        Ok(Self(entries))
    }

    pub(crate) fn write(&self, tree: &Tree) -> Result {
        let mut text = HEAD.to_owned();
        let mut last = "";
        for entry in &self.0 {
            if entry.pair != last {
                text.push('\n');
            }
            last = &entry.pair;
            text.push_str(&entry.line());
            text.push('\n');
        }
        tree.write(Self::FILE, &text)
    }

    pub(crate) fn find(&self, pair: Pair, file: &str, item: &str) -> Option<&Entry> {
        let name = pair.name();
        let mut entries = self.0.iter();
        entries.find(|entry| entry.pair == name && entry.file == file && entry.item == item)
    }
}

impl Entry {
    pub(crate) fn line(&self) -> String {
        let Self {
            pair,
            file,
            item,
            fingerprint,
            why,
        } = self;
        format!("{pair} | {file} | {item} | {fingerprint} | {why}")
    }
}
