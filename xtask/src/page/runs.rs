//! The recorded runs, for the player.

use serde_json::{Value, json};

use super::data::{Texts, file_to_json};
use crate::compare::{FileDiff, Kind};
use crate::player::{self, RUNS, Run, Source};
use crate::stop::Result;
use crate::tree::Tree;

/// Those that are there and not stale. What is left out is said.
pub(super) fn all(tree: &Tree, texts: &mut Texts) -> Result<(Vec<Value>, Vec<String>)> {
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    if player::has_recordings(tree) {
        for run in RUNS {
            match player::read(tree, run)? {
                Ok(recording) => runs.push(to_json(tree, run, &recording, texts)?),
                Err(why) => left_out.push(why),
            }
        }
    }
    Ok((runs, left_out))
}

fn to_json(tree: &Tree, run: &Run, recording: &Value, texts: &mut Texts) -> Result<Value> {
    let title = match run.mistake(tree)? {
        Some(mistake) => format!("exp{}: {}", run.step, mistake.title),
        None => format!("{}: the demo", run.step()),
    };
    let (mut records, mut changes) = (Vec::new(), Vec::new());
    for (index, record) in recording["runs"].as_array().into_iter().flatten().enumerate() {
        let sources = run.sources(tree, index > 0)?;
        let files = files(tree, run, record, &sources, texts)?;
        records.push(json!({ "tasks": record["tasks"], "files": files, "events": record["events"] }));
        let changed = sources.iter().map(diff).filter(|diff| diff.kind == Kind::Changed);
        changes.extend(changed.map(|diff| file_to_json(&diff, &[], texts)));
    }
    Ok(json!({
        "name": run.name,
        "title": title,
        "step": run.step,
        "does": run.does,
        "see": run.see,
        "parts": recording["parts"],
        "runs": records,
        "changes": changes,
    }))
}

/// The files that have a line at work: those of the step, and the program.
fn files(tree: &Tree, run: &Run, record: &Value, sources: &[Source], texts: &mut Texts) -> Result<Vec<Value>> {
    let names = record["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let to_json = |name: &str| match sources.iter().find(|source| source.name == name) {
        Some(source) => Ok(file(&format!("{}/src/{name}", run.step()), &diff(source), texts)),
        None => {
            let text = run.program_text(tree)?;
            let same = FileDiff::between(name, Some(text.clone()), Some(text));
            Ok(file(&run.program(), &same, texts))
        }
    };
    names.map(to_json).collect()
}

fn diff(source: &Source) -> FileDiff {
    FileDiff::between(&source.name, Some(source.plain.clone()), Some(source.text.clone()))
}

/// With the lines that the mistake has changed. A file of the step as it is can be linked to.
fn file(path: &str, diff: &FileDiff, texts: &mut Texts) -> Value {
    let changed: Vec<_> = diff
        .changes
        .iter()
        .map(|change| [change.new.start, change.new.end])
        .collect();
    json!({
        "name": diff.name,
        "path": path,
        "text": texts.number(&diff.new),
        "changed": changed,
        "is_plain": changed.is_empty() && path.contains("/src/"),
    })
}
