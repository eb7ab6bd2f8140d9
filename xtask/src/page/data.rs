//! What the page shows, as JSON.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::compare::{self, FileDiff, Kind};
use crate::growth::Size;
use crate::limits;
use crate::lines::{self, Change};
use crate::page::colour::Coloured;
use crate::page::runs;
use crate::same::{Reason, held_beside, reasons};
use crate::stop::Result;
use crate::tree::{Pair, STEPS, Step, Tree};
use crate::twins;

/// What the page says of a folder beside exp6's `src`.
const FAST: &str = "What speed takes. Each file is a twin: it replaces the plain file of the same name while its feature is on, \
     and does the same in less time. The page `fast/README.md` leads through these diffs.";
const EXTRA: &str =
    "What programs need and the idea does not. These files belong to exp6 with the plain files and with the twins.";

/// The texts of all files, each once, as lines of HTML.
#[derive(Default)]
pub(super) struct Texts {
    lines: Vec<Value>,
    known: HashMap<String, usize>,
}

impl Texts {
    /// The number by which the page finds a text.
    pub(super) fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        let coloured = Coloured::new(text);
        let lines: Vec<_> = (0..coloured.len()).map(|line| coloured.html(line, &[], "")).collect();
        self.lines.push(json!(lines));
        self.known.insert(text.to_owned(), self.lines.len() - 1);
        self.lines.len() - 1
    }
}

/// And what had to be left out.
pub(crate) fn all(tree: &Tree) -> Result<(Value, Vec<String>)> {
    let (mut texts, mut steps, mut pairs) = (Texts::default(), Vec::new(), Vec::new());
    let reasons = reasons(tree)?;
    for step in &STEPS {
        steps.push(json!({
            "number": step.number,
            "dir": step.dir,
            "idea": step.idea,
            "code": Size::of(tree, step)?.code,
            "parents": step.parents,
            "files": tree.sources(step)?,
        }));
        if step.parents.is_empty() {
            pairs.push(first(tree, step, &mut texts)?);
        }
        for pair in Pair::to(step) {
            let files = compare::files(tree, pair)?;
            let notes = reasons
                .iter()
                .filter(|reason| reason.pair == pair.name())
                .collect::<Vec<_>>();
            pairs.push(to_json(Some(pair.old), pair.new, &files, &notes, &mut texts));
        }
    }
    let rooms = rooms(tree, &mut texts)?;
    let (runs, left_out) = runs::all(tree, &mut texts)?;
    let all = json!({ "steps": steps, "pairs": pairs, "rooms": rooms, "runs": runs, "texts": texts.lines });
    Ok((all, left_out))
}

/// The folders beside exp6's `src`: the twins, each beside its plain file, and what serves use.
fn rooms(tree: &Tree, texts: &mut Texts) -> Result<[Value; 2]> {
    let held = held_beside(tree)?;
    let to_json = |file: &FileDiff, paths: &[&str], feature: Option<&str>, texts: &mut Texts| {
        let mut value = file_to_json(file, &[], texts);
        let path = paths.last().copied().unwrap_or_default();
        value["paths"] = json!(paths);
        value["feature"] = json!(feature);
        value["holds"] = json!(held.get(path));
        value
    };
    let (mut fast, mut extra) = (Vec::new(), Vec::new());
    for twin in twins::twins(tree)? {
        let paths = [&twin.plain, &twin.fast].map(|path| twins::short(path));
        fast.push(to_json(&twin.diff, &paths, Some(&twin.feature), texts));
    }
    for module in twins::modules(tree)? {
        let path = twins::short(&module.plain);
        if let Some(name) = path.strip_prefix("extra/") {
            let file = FileDiff::between(name, None, Some(tree.read(&module.plain)?));
            extra.push(to_json(&file, &[path], None, texts));
        }
    }
    Ok([room(tree, "fast", FAST, &fast)?, room(tree, "extra", EXTRA, &extra)?])
}

fn room(tree: &Tree, name: &str, idea: &str, files: &[Value]) -> Result<Value> {
    let dir = format!("{}/{name}", twins::STEP);
    Ok(json!({ "name": name, "code": limits::folder(tree, &dir)?, "dir": dir, "idea": idea, "files": files }))
}

/// The step that grew from nothing.
fn first(tree: &Tree, step: &'static Step, texts: &mut Texts) -> Result<Value> {
    let mut files = Vec::new();
    for name in tree.sources(step)? {
        let text = tree.read(&format!("{step}/src/{name}"))?;
        files.push(FileDiff::between(&name, None, Some(text)));
    }
    Ok(to_json(None, step, &files, &[], texts))
}

fn to_json(old: Option<&Step>, new: &Step, files: &[FileDiff], notes: &[&Reason], texts: &mut Texts) -> Value {
    let (added, removed) = compare::totals(files);
    let files: Vec<_> = files.iter().map(|file| file_to_json(file, notes, texts)).collect();
    json!({
        "old": old.map(|step| step.number),
        "new": new.number,
        "added": added,
        "removed": removed,
        "files": files,
    })
}

pub(super) fn file_to_json(file: &FileDiff, notes: &[&Reason], texts: &mut Texts) -> Value {
    let (added, removed) = lines::count(&file.changes);
    let here = notes.iter().filter(|note| note.file == format!("src/{}", file.name));
    let notes: Vec<_> = here
        .map(|note| json!([note.lines.start, note.lines.end, note.item, note.why]))
        .collect();
    let changes: Vec<_> = match file.kind {
        Kind::Changed => changes_to_json(file),
        _ => Vec::new(),
    };
    json!({
        "name": file.name,
        "kind": file.kind.word(),
        "added": added,
        "removed": removed,
        "old": (file.kind != Kind::New).then(|| texts.number(&file.old)),
        "new": (file.kind != Kind::Gone).then(|| texts.number(&file.new)),
        "changes": changes,
        "notes": notes,
    })
}

/// For each change the lines of both sides, and the pairs among them with their words marked.
fn changes_to_json(file: &FileDiff) -> Vec<Value> {
    let (old_lines, new_lines) = (lines::split(&file.old), lines::split(&file.new));
    let (old_colours, new_colours) = (Coloured::new(&file.old), Coloured::new(&file.new));
    let to_json = |change: &Change| {
        let (old, new) = (&old_lines[change.old.clone()], &new_lines[change.new.clone()]);
        let pairs = lines::pairs(old, new).into_iter().map(|(i, j)| {
            let (in_old, in_new) = lines::marks(old[i].trim_end(), new[j].trim_end());
            let before = old_colours.html(change.old.start + i, &in_old, "del");
            let after = new_colours.html(change.new.start + j, &in_new, "ins");
            json!([i, j, before, after])
        });
        json!({
            "old": [change.old.start, change.old.end],
            "new": [change.new.start, change.new.end],
            "pairs": pairs.collect::<Vec<_>>(),
        })
    };
    file.changes.iter().map(to_json).collect()
}
