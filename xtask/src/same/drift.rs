//! Items that two steps have in nearly the same words: either the difference is meant, or one of them was forgotten.

use std::hash::Hasher;
use std::ops::Range;

use fnv::FnvHasher;

use crate::lines;
use crate::rust::{Item, Source};
use crate::same::meant::{Entry, Meant, NO_REASON};
use crate::same::{Finding, copies};
use crate::stop::Result;
use crate::tree::{Pair, Step, Tree};

/// Below this share of common words two items have no more than their name in common.
const NEARLY: f32 = 0.6;

/// An item that moves to another file is looked for there if it has more lines than this: constants of the same name are
/// no copies.
const SHORT: usize = 3;

/// An item and where it stands, as `src/task.rs`.
struct Found {
    file: String,
    item: Item,
}

/// An item of one step beside its near copy in the next.
struct Near {
    pair: Pair,
    old: Found,
    new: Found,
    fingerprint: String,
}

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let meant = Meant::read(tree)?;
    let near = near(tree, Twice::Hidden)?;
    let mut findings: Vec<_> = near.iter().filter_map(|near| near.check(&meant)).collect();
    for entry in &meant.0 {
        if entry.why.is_empty() || entry.why == NO_REASON {
            let problem = format!("{}: no reason is given: {}", Meant::FILE, entry.line());
            findings.push(Finding::new(problem, "say in a few words why the steps differ there"));
        }
        if !near.iter().any(|near| near.is(entry)) {
            let problem = format!("{}: there is no such difference: {}", Meant::FILE, entry.line());
            findings.push(Finding::new(problem, "take the line out: cargo xtask same --update"));
        }
    }
    Ok(findings)
}

/// Brings the list up to date; the reasons stay.
pub(crate) fn update(tree: &Tree) -> Result {
    let meant = Meant::read(tree)?;
    let near = near(tree, Twice::Hidden)?;
    let mut entries = Vec::new();
    for pair in Pair::all() {
        let of_pair = near.iter().filter(|near| near.pair.name() == pair.name());
        entries.extend(of_pair.map(|near| near.entry(&meant)));
    }
    Meant(entries).write(tree)
}

/// Why an item is not the same in the next step.
#[derive(Debug)]
pub(crate) struct Reason {
    /// As in `Pair::name`.
    pub(crate) pair: String,
    pub(crate) file: String,
    pub(crate) item: String,
    /// Where it stands in the later step, counted from 0.
    pub(crate) lines: Range<usize>,
    pub(crate) why: String,
}

/// Every reason that is given. exp6 differs from exp5 as exp4 does from exp3, and for the same reasons.
pub(crate) fn reasons(tree: &Tree) -> Result<Vec<Reason>> {
    let meant = Meant::read(tree)?;
    let found = near(tree, Twice::Shown)?.into_iter().filter_map(|near| {
        let start = near.new.item.line - 1;
        let mut entries = meant.0.iter();
        let known = entries.find(|entry| near.is(entry) || near.is_same_as(entry))?;
        Some(Reason {
            pair: near.pair.name(),
            lines: start..start + near.new.item.text.lines().count(),
            item: near.new.item.plain_name(),
            file: near.new.file,
            why: known.why.clone(),
        })
    });
    Ok(found.collect())
}

/// What becomes of a difference that another pair of steps has as well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    Shown,
    /// exp6 takes from exp5 to exp4 what took exp3 there: listing it once is enough.
    Hidden,
}

/// All near copies in the tree of steps.
fn near(tree: &Tree, twice: Twice) -> Result<Vec<Near>> {
    let mut near = Vec::new();
    for pair in Pair::all() {
        let (mut old, new) = items(tree, pair)?;
        for new in new {
            let twin = |old: &Found| old.item.name == new.item.name;
            let moved = |old: &Found| twin(old) && new.item.text.lines().count() > SHORT;
            let same_file = old.iter().position(|old| twin(old) && old.file == new.file);
            let Some(index) = same_file.or_else(|| old.iter().position(moved)) else {
                continue;
            };
            let old = old.swap_remove(index);
            let known = |near: &Near| near.old.item.text == old.item.text && near.new.item.text == new.item.text;
            let hidden = twice == Twice::Hidden && near.iter().any(known);
            let differs = old.item.text != new.item.text && !hidden;
            if differs && lines::same_words(&old.item.text, &new.item.text) >= NEARLY {
                near.push(Near {
                    fingerprint: fingerprint(&old.item.text, &new.item.text),
                    pair,
                    old,
                    new,
                });
            }
        }
    }
    Ok(near)
}

/// The items of both steps. Benches and examples that both have are left to `copies`, which wants them the same as a whole.
fn items(tree: &Tree, pair: Pair) -> Result<(Vec<Found>, Vec<Found>)> {
    let (old, new) = (copies::files(tree, pair.old)?, copies::files(tree, pair.new)?);
    let own = |files: &[String], others: &[String]| {
        let own = files.iter().filter(|file| !others.contains(file));
        own.cloned().collect::<Vec<_>>()
    };
    Ok((
        items_of(tree, pair.old, own(&old, &new))?,
        items_of(tree, pair.new, own(&new, &old))?,
    ))
}

fn items_of(tree: &Tree, step: &Step, tests: Vec<String>) -> Result<Vec<Found>> {
    let sources = tree.sources(step)?.into_iter().map(|name| format!("src/{name}"));
    let mut found = Vec::new();
    for file in sources.chain(tests) {
        let path = format!("{step}/{file}");
        let text = tree.read(&path)?;
        let items = Source::parse(&path, &text)?.items();
        found.extend(items.into_iter().map(|item| Found {
            file: file.clone(),
            item,
        }));
    }
    Ok(found)
}

/// Stands for the lines that differ, and for nothing else.
fn fingerprint(old: &str, new: &str) -> String {
    let (old_lines, new_lines): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let mut hasher = FnvHasher::default();
    let mut add = |sign: u8, lines: &[&str]| {
        for line in lines {
            hasher.write_u8(sign);
            hasher.write(line.as_bytes());
        }
    };
    for change in lines::changes(&format!("{old}\n"), &format!("{new}\n")) {
        add(b'-', &old_lines[change.old]);
        add(b'+', &new_lines[change.new]);
    }
    format!("{:08x}", hasher.finish() as u32)
}

impl Near {
    fn is(&self, entry: &Entry) -> bool {
        entry.pair == self.pair.name() && entry.file == self.new.file && entry.item == self.new.item.name
    }

    /// The same difference in another pair of steps.
    fn is_same_as(&self, entry: &Entry) -> bool {
        entry.file == self.new.file && entry.item == self.new.item.name && entry.fingerprint == self.fingerprint
    }

    /// The line for the list, with the reason that is there already.
    fn entry(&self, meant: &Meant) -> Entry {
        let known = meant.0.iter().find(|entry| self.is(entry));
        Entry {
            pair: self.pair.name(),
            file: self.new.file.clone(),
            item: self.new.item.name.clone(),
            fingerprint: self.fingerprint.clone(),
            why: known.map_or(NO_REASON, |entry| &entry.why).to_owned(),
        }
    }

    fn check(&self, meant: &Meant) -> Option<Finding> {
        let Self { pair, old, new, .. } = self;
        let known = meant.find(*pair, &new.file, &new.item.name);
        if known.is_some_and(|entry| entry.fingerprint == self.fingerprint) {
            return None;
        }
        let place = |step, found: &Found| format!("{step}/{}:{}", found.file, found.item.line);
        let (old_place, new_place) = (place(pair.old, old), place(pair.new, new));
        let what = match known {
            None => "are nearly the same",
            Some(_) => "differ in another way than is meant",
        };
        let problem = format!("`{}`: {old_place} and {new_place} {what}", new.item.name);
        let file = new.file.strip_prefix("src/").unwrap_or(&new.file);
        let remedy = format!(
            "forgotten in {0}: cargo xtask forward {file} --from {1}; meant: cargo xtask same --update, and say why in {2}",
            pair.new,
            pair.old.short(),
            Meant::FILE
        );
        let text = |found: &Found| format!("{}\n", found.item.text);
        let finding = Finding::new(problem, remedy);
        Some(finding.with_diff((&old_place, text(old)), (&new_place, text(new))))
    }
}
