//! The lists of exercises in docs/exercises.md and in the steps' READMEs. They name no mistake.

use super::sought::{self, Sought};
use super::{predict, runner, write};
use crate::stop::Result;
use crate::table::Table;
use crate::tree::{STEPS, Step, Tree};

/// Where the exercises are told of.
pub(crate) const PAGE: &str = "docs/exercises.md";

/// What is generated there, by name.
pub(crate) fn lists(tree: &Tree) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("exercises to write", parts(tree)?),
        ("exercises to find", mistakes(tree)?),
        ("exercises to predict", programs(tree)?),
    ])
}

/// The parts of each step to write.
fn parts(tree: &Tree) -> Result<String> {
    let mut rows = Vec::new();
    for step in write::steps() {
        let parts = write::parts(tree, step)?.parts;
        let titles: Vec<_> = (1..)
            .zip(&parts)
            .map(|(number, part)| format!("{number}. {}", part.title))
            .collect();
        rows.push([format!("`write {}`", step.short()), titles.join("<br>")]);
    }
    Ok(table(["exercise", "its parts"], &rows))
}

/// The mistakes to find, each with its symptom.
fn mistakes(tree: &Tree) -> Result<String> {
    let mut rows = Vec::new();
    for sought in sought::all(tree)? {
        rows.push([format!("`find {}`", sought.name), sought.step.short(), symptom(&sought)]);
    }
    Ok(table(["exercise", "step", "what does not hold"], &rows))
}

fn symptom(sought: &Sought) -> String {
    let model = if sought.is_model() { " (a model)" } else { "" };
    format!("{}{model}", runner::sentence(&sought.mistake.test.name))
}

fn programs(tree: &Tree) -> Result<String> {
    let mut rows = Vec::new();
    for step in &STEPS {
        for number in 1..=predict::PROGRAMS {
            let title = predict::title(tree, step, number)?;
            rows.push([format!("`predict {} {number}`", step.number), title]);
        }
    }
    Ok(table(["exercise", "the program"], &rows))
}

/// What there is for a step: at the end of its README.
pub(crate) fn of_step(tree: &Tree, step: &Step) -> Result<String> {
    let mut rows = Vec::new();
    if !step.parents.is_empty() {
        let parts = write::parts(tree, step)?.parts.len();
        let short = step.short();
        rows.push([
            format!("Write {short} yourself, in {parts} parts"),
            format!("`cargo xtask exercise write {short}`"),
        ]);
    }
    let mistakes = sought::all(tree)?;
    let names: Vec<_> = mistakes
        .iter()
        .filter(|sought| sought.step == step)
        .map(|sought| sought.name.as_str())
        .collect();
    if let Some(first) = names.first() {
        let rest: Vec<_> = names
            .iter()
            .skip(1)
            .map(|name| name.trim_start_matches("find-"))
            .collect();
        let others = if rest.is_empty() {
            String::new()
        } else {
            format!(", and {}", rest.join(", "))
        };
        rows.push([
            format!("Find the mistake in a copy of it: {}", names.len()),
            format!("`cargo xtask exercise find {first}`{others}"),
        ]);
    }
    rows.push([
        format!("Say what a program prints: {}", predict::PROGRAMS),
        format!("`cargo xtask exercise predict {}`", step.number),
    ]);
    let list = table(["exercise", "command"], &rows);
    Ok(format!("{list}\n[How they go](../{PAGE}).\n"))
}

fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = Table::new(&"lll"[..N], &head);
    rows.iter().for_each(|row| table.row(row.to_vec()));
    table.render()
}
