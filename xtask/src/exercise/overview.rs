//! What is done, and what comes next.

use std::io::Write;

use super::reader::{self, Kind, Reader};
use super::{predict, sought, write};
use crate::stop::Result;
use crate::tree::{STEPS, Tree};
use crate::unified::TITLE;

const WIDTH: usize = 20;

/// `[#####...............]`
pub(super) fn bar(done: usize, all: usize) -> String {
    let full = (done * WIDTH).checked_div(all).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), ".".repeat(WIDTH - full))
}

/// A line of the list: its title, and the exercises that it stands for.
type Group = (String, Vec<String>);

/// The exercises of each kind, in their order.
fn groups(tree: &Tree) -> Result<Vec<(Kind, Vec<Group>)>> {
    let steps = write::steps().map(|step| (step.short(), vec![step.short()]));
    let found = sought::list(tree)?
        .into_iter()
        .map(|(name, _)| name)
        .collect::<Vec<_>>();
    let tens = found.chunks(10).map(|names| {
        let (first, last) = (&names[0], &names[names.len() - 1]);
        (
            format!("{first} to {}", last.trim_start_matches("find-")),
            names.to_vec(),
        )
    });
    let programs = STEPS.iter().map(|step| {
        let names = (1..=predict::PROGRAMS).map(|number| predict::name(step, number));
        (step.short(), names.collect())
    });
    Ok(vec![
        (Kind::Write, steps.collect()),
        (Kind::Find, tens.collect()),
        (Kind::Predict, programs.collect()),
    ])
}

pub(super) fn write(tree: &Tree, reader: &Reader, out: &mut impl Write) -> Result {
    let groups = groups(tree)?;
    let count = |kind: Kind, names: &[String]| names.iter().filter(|name| reader.is_done(kind, name)).count();
    let all = groups
        .iter()
        .flat_map(|(kind, groups)| groups.iter().map(move |(_, names)| (*kind, names)));
    let (done, total) = all.fold((0, 0), |sum, (kind, names)| {
        (sum.0 + count(kind, names), sum.1 + names.len())
    });
    writeln!(out, "{TITLE}exercises{TITLE:#} in {}", reader.dir().display())?;
    writeln!(out, "{} {done} of {total}", bar(done, total))?;
    for (kind, groups) in &groups {
        writeln!(out, "\n{TITLE}{kind}{TITLE:#}")?;
        for (title, names) in groups {
            writeln!(out, "  {title:14} {}", state(reader, *kind, names, count(*kind, names)))?;
        }
    }
    writeln!(out, "\n{TITLE}next{TITLE:#}")?;
    for (kind, groups) in &groups {
        let mut names = groups.iter().flat_map(|(_, names)| names);
        if let Some(name) = names.find(|name| !reader.is_done(*kind, name)) {
            writeln!(out, "  {}", next(reader, *kind, name))?;
        }
    }
    if done == total {
        writeln!(out, "  nothing: all is done")?;
    }
    Ok(())
}

/// How far a group is.
fn state(reader: &Reader, kind: Kind, names: &[String], done: usize) -> String {
    match names {
        [name] => reader.progress(kind, name).unwrap_or("-").to_owned(),
        _ => format!("{} {done} of {}", bar(done, names.len()), names.len()),
    }
}

/// The command that goes on with it.
fn next(reader: &Reader, kind: Kind, name: &str) -> String {
    match (kind, reader.place_of(kind, name)) {
        (Kind::Predict, _) => {
            let (step, number) = name.split_once('-').unwrap_or((name, ""));
            format!("cargo xtask exercise predict {step} {number}")
        }
        (_, None) => format!("cargo xtask exercise {kind} {name}"),
        (_, Some(place)) => format!("cargo xtask exercise check {}", reader::as_word(place)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_what_is_done() {
        assert_eq!(bar(0, 0), "[....................]");
        assert_eq!(bar(1, 2), "[##########..........]");
        assert_eq!(bar(3, 3), "[####################]");
    }
}
