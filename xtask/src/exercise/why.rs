//! Why a test hangs, as far as the recorder of `shared-testutil` sees it: the test is run once more, with each task recorded.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::notes::save;
use super::{cargo, facade, package, runner};
use crate::child;
use crate::stop::Result;
use crate::trace::record::{Record, What};
use crate::tree::{Step, Tree};

/// What is recorded after so many seconds is looked at.
const SECONDS: u64 = 3;

const NAME: &str = "recorded";

/// A task that was polled so often is polled without end.
const MANY: usize = 10_000;

/// Lines to show.
const MOST: usize = 5;

pub(super) fn tell(tree: &Tree, step: &Step, dir: &Path, name: &str, test: &str, out: &mut impl Write) -> Result {
    out.flush()?;
    for line in explain(tree, step, dir, name, test)? {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

/// What is known of it, in sentences. Nothing, if the test cannot be recorded.
fn explain(tree: &Tree, step: &Step, dir: &Path, name: &str, test: &str) -> Result<Vec<String>> {
    let folder = cargo::target(tree)?.join(NAME);
    let file = test.split("::").next().unwrap_or(test);
    write(tree, step, dir, name, &folder, file)?;
    eprintln!("it is run once more, with each task recorded");
    let Some(built) = cargo::build_silently(tree, &folder, &["test", "--no-run", "--test", "suite"])? else {
        return Ok(Vec::new());
    };
    let record = folder.join("record.json");
    if record.exists() {
        fs::remove_file(&record)?;
    }
    let mut command = Command::new(cargo::program(&built, "suite")?);
    command
        .args(["--exact", test])
        .current_dir(dir)
        .env("TRACE_FILE", &record);
    command.env("TRACE_LIMIT", SECONDS.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    child::run(&mut command, Duration::from_secs(2 * SECONDS).min(runner::LIMIT))?;
    let text = fs::read_to_string(&record).unwrap_or_default();
    let value: Value = text.parse().unwrap_or_default();
    Ok(match Record::parse(&value["record"]) {
        Ok(record) if value["cut"] == true => sentences(&record),
        _ => Vec::new(),
    })
}

/// A package in which a facade that records stands for the reader's crate, with one file of the suite.
fn write(tree: &Tree, step: &Step, dir: &Path, name: &str, folder: &Path, file: &str) -> Result {
    let manifest = package::manifest(tree, folder, package::folder(step), NAME, "")?;
    let own = facade::dependencies(tree, name, dir);
    let manifest = match manifest.contains("\n[dependencies]\n") {
        true => manifest.replacen("[dependencies]\n", &own, 1),
        false => format!("{manifest}\n{own}"),
    };
    package::write(tree, folder, &manifest, "")?;
    save(&folder.join("src/lib.rs"), &facade::text(step))?;
    let top = package::top(NAME, step);
    package::write_tests(tree, folder, "suite", &top, &[file.to_owned()])?;
    Ok(())
}

/// What became of the tasks that have not ended. Those that were forgotten come first.
fn sentences(record: &Record) -> Vec<String> {
    let tasks = (0..record.rows.len()).filter(|row| !record.rows[*row].is_job);
    let mut found: Vec<_> = (1..)
        .zip(tasks)
        .filter_map(|(number, row)| sentence(record, number, row))
        .collect();
    if found.is_empty() && !record.events.is_empty() {
        return vec!["every task has ended, but the loop goes on".to_owned()];
    }
    found.sort();
    let more = found.len().saturating_sub(MOST);
    let mut lines: Vec<_> = found.into_iter().take(MOST).map(|(.., line)| line).collect();
    if more > 0 {
        lines.push(format!("and {more} tasks more that have not ended"));
    }
    lines
}

/// With how much it says, and the task's number.
fn sentence(record: &Record, number: usize, row: usize) -> Option<(u8, usize, String)> {
    let events: Vec<_> = record.events.iter().filter(|event| event.row == row).collect();
    if events.iter().any(|event| event.what.is_end()) {
        return None;
    }
    let polls = events.iter().filter(|event| event.what == What::Poll).count();
    let last = events.iter().rposition(|event| event.what == What::Poll);
    let after = &events[last.unwrap_or(0)..];
    let has = |what: What| after.iter().any(|event| event.what == what);
    let (rank, line) = match last {
        _ if polls >= MANY => (1, format!("was polled {polls} times in {SECONDS} s, and has not ended")),
        None => (0, "was spawned, and never polled".to_owned()),
        Some(_) if !has(What::Pending) => (2, "is in a poll that does not return".to_owned()),
        Some(_) if has(What::Woken) => (0, "was woken, and never polled again".to_owned()),
        Some(_) => (3, format!("waits: it was polled {polls} times, and not woken since")),
    };
    Some((rank, number, format!("task {number} {line}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(events: &[(usize, &str)]) -> Record {
        let events: Vec<_> = events
            .iter()
            .map(|(row, what)| json!([0, 0, row, what, null]))
            .collect();
        let rows: Vec<_> = ["a", "b"].map(|name| json!({ "name": name, "kind": "task" })).to_vec();
        let value = json!({ "rows": rows, "threads": ["t"], "lost": 0, "parked": [], "events": events });
        Record::parse(&value).expect("it is a record")
    }

    #[test]
    fn a_task_that_was_forgotten_comes_first() {
        let waits = [(0, "spawned"), (1, "spawned"), (0, "poll"), (0, "pending")];
        let woken = [(1, "poll"), (1, "pending"), (1, "woken")];
        let lines = sentences(&record(&[&waits[..], &woken].concat()));
        assert_eq!(
            lines,
            [
                "task 2 was woken, and never polled again",
                "task 1 waits: it was polled 1 times, and not woken since"
            ]
        );
        assert_eq!(sentences(&record(&waits))[0], "task 2 was spawned, and never polled");
    }

    #[test]
    fn if_all_have_ended_the_loop_goes_on() {
        let ended = [
            (0, "spawned"),
            (1, "spawned"),
            (0, "poll"),
            (0, "ready"),
            (1, "cancelled"),
        ];
        assert_eq!(
            sentences(&record(&ended)),
            ["every task has ended, but the loop goes on"]
        );
    }
}
