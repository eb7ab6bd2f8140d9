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
    let mistake = run.mistake(tree)?;
    let title = mistake.map_or_else(
        || format!("{}: the demo", run.step()),
        |mistake| format!("exp{}: {}", run.step, mistake.title),
    );
    let (mut records, mut changes) = (Vec::new(), Vec::new());
    for (index, record) in recording["runs"].as_array().into_iter().flatten().enumerate() {
        let sources = run.sources(tree, index > 0)?;
        let mut files = Vec::new();
        for name in record["files"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            files.push(match sources.iter().find(|source| source.name == name) {
                Some(source) => file(&format!("{}/src/{name}", run.step()), &diff(source), texts),
                None => {
                    let text = run.program_text(tree)?;
                    file(
                        &run.program(),
                        &FileDiff::between(name, Some(text.clone()), Some(text)),
                        texts,
                    )
                }
            });
        }
        let changed = sources.iter().map(diff).filter(|diff| diff.kind == Kind::Changed);
        changes.extend(changed.map(|diff| file_to_json(&diff, &[], texts)));
        records.push(json!({ "tasks": record["tasks"], "files": files, "events": record["events"] }));
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
