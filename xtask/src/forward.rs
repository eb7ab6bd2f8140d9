//! `cargo xtask forward`: carries a change made in one step on to the later ones.
//!
//! The change goes from step to step along the tree, each time by a three-way merge: its base is what the earlier step had,
//! one side what it has now, the other side what the later step has.

use std::fs;
use std::io::Write;

use lexopt::prelude::*;

use crate::git::{committed, git, need_history};
use crate::lines;
use crate::stop::{Result, Stop, failed, unknown};
use crate::tree::{STEPS, Step, Tree};

/// What has been carried on already: the earlier step's file at that time, under the later step's name.
const CARRIED: &str = "target/xtask-forward";

/// How a later step takes a change.
enum Merge {
    Clean(String),
    /// The text with both versions between marks, and the line of the first.
    Conflict(String, usize),
}

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let (mut file, mut from) = (None, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("from") => from = Some(Step::parse(&args.value()?.string()?)?),
            Value(word) if file.is_none() => file = Some(word.string()?),
            arg => return Err(arg.unexpected().into()),
        }
    }
    let Some(word) = file else {
        return Err(Stop::Usage(
            "say which file: cargo xtask forward scheduler.rs --from exp3".to_owned(),
        ));
    };
    let tree = Tree::find()?;
    let (file, named) = resolve(&tree, &word)?;
    need_history(&tree)?;
    let from = match from.or(named) {
        Some(step) => step,
        None => only_changed(&tree, &file)?,
    };
    if !tree.has(&format!("{from}/{file}")) {
        return unknown("file", &format!("{from}/{file}"), files(&tree, &[from])?);
    }
    carry(out, &tree, &file, from)
}

/// The file within a step, as `src/task.rs`, and the step if the word says which.
fn resolve(tree: &Tree, word: &str) -> Result<(String, Option<&'static Step>)> {
    let here = std::env::current_dir()?.join(word).canonicalize().ok();
    let root = tree.root().canonicalize()?;
    let path = here.and_then(|path| Some(path.strip_prefix(root).ok()?.to_string_lossy().into_owned()));
    let path = path.unwrap_or_else(|| word.to_owned());
    let step = Step::of_path(&path);
    let rest = match step {
        Some(step) => path[step.dir.len()..].trim_start_matches('/').to_owned(),
        None => word.to_owned(),
    };
    let everywhere: Vec<_> = STEPS.iter().collect();
    let known = files(tree, &everywhere)?;
    let found = [rest.clone(), format!("src/{rest}")];
    match found.into_iter().find(|name| known.contains(name)) {
        Some(name) => Ok((name, step)),
        None => unknown("file", word, known),
    }
}

/// The files of some steps that can be carried on, each once.
fn files(tree: &Tree, steps: &[&Step]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for step in steps {
        for (folder, ending) in [("src", ".rs"), ("benches", ".rs"), ("examples", ".rs")] {
            let paths = tree.files(&format!("{step}/{folder}"), ending)?;
            found.extend(paths.iter().map(|path| path[step.dir.len() + 1..].to_owned()));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The step whose file is not as it was committed.
fn only_changed(tree: &Tree, file: &str) -> Result<&'static Step> {
    let mut changed = Vec::new();
    for step in &STEPS {
        let path = format!("{step}/{file}");
        if tree.has(&path) && committed(tree, &path)?.is_some_and(|old| Some(old) != tree.read(&path).ok()) {
            changed.push(step);
        }
    }
    match changed.as_slice() {
        [step] => Ok(step),
        [] => failed(format!("no step has an uncommitted change in {file}")),
        several => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            let message = format!("{file} is changed in {}: say --from which", several.join(", "));
            Err(Stop::Usage(message))
        }
    }
}

/// In the order of the tree: a step's parents come before it.
fn carry(out: &mut impl Write, tree: &Tree, file: &str, from: &'static Step) -> Result {
    if committed(tree, &format!("{from}/{file}"))?.as_ref() == Some(&tree.read(&format!("{from}/{file}"))?) {
        return failed(format!(
            "{from}/{file} is as it was committed: there is nothing to carry on"
        ));
    }
    let mut carriers = vec![from];
    for step in STEPS.iter().filter(|step| step.number > from.number) {
        let path = format!("{step}/{file}");
        let mut parents: Vec<_> = step.parents().filter(|parent| carriers.contains(parent)).collect();
        if parents.is_empty() {
            continue;
        }
        if !tree.has(&path) {
            writeln!(out, "{step} has no {file}")?;
            continue;
        }
        // A step that two steps lead to takes the change from the one that it is nearer to.
        let own = tree.read(&path)?;
        parents.sort_by_cached_key(|parent| distance(tree, &format!("{parent}/{file}"), &own));
        step_on(out, tree, file, parents[0], step)?;
        carriers.push(step);
    }
    Ok(())
}

/// How many lines two versions do not share.
fn distance(tree: &Tree, path: &str, own: &str) -> usize {
    let (added, removed) = lines::count(&lines::changes(&tree.read(path).unwrap_or_default(), own));
    added + removed
}

fn step_on(out: &mut impl Write, tree: &Tree, file: &str, old: &'static Step, new: &'static Step) -> Result {
    let (source, path) = (format!("{old}/{file}"), format!("{new}/{file}"));
    let (changed, own) = (tree.read(&source)?, tree.read(&path)?);
    if own.lines().any(|line| line.starts_with("<<<<<<< ")) {
        return failed(format!("{path} still holds a conflict: resolve it, and then once more"));
    }
    let Some(base) = base(tree, file, old, new, &own)? else {
        writeln!(
            out,
            "{path}: {source} is not committed yet, so there is nothing to compare with"
        )?;
        return Ok(());
    };
    let merge = merge(tree, (old, new), &base, &changed, &own)?;
    let text = match &merge {
        Merge::Clean(text) | Merge::Conflict(text, _) => text,
    };
    tree.write(&path, text)?;
    tree.write(&carried(tree, file, new)?, &changed)?;
    match merge {
        Merge::Clean(text) if text == own => Ok(writeln!(out, "{path} has the change already")?),
        Merge::Clean(_) => Ok(writeln!(out, "{path} takes the change of {source}")?),
        Merge::Conflict(_, line) => failed(format!(
            "{path}:{line}: conflict with the change of {source}; resolve it there, and then once more: \
             cargo xtask forward {file} --from {}",
            old.short()
        )),
    }
}

/// Where it stands what was carried on to a step since the last commit.
fn carried(tree: &Tree, file: &str, step: &Step) -> Result<String> {
    let head = git(tree, &["rev-parse", "HEAD"])?;
    let head = String::from_utf8_lossy(&head.stdout).trim().to_owned();
    Ok(format!("{CARRIED}/{head}/{step}/{file}"))
}

/// What the later step has of the earlier one's file: what was carried on last, else what was committed.
fn base(tree: &Tree, file: &str, old: &Step, new: &Step, own: &str) -> Result<Option<String>> {
    let carried = carried(tree, file, new)?;
    // One who takes the file back takes back what was carried on.
    let untouched = committed(tree, &format!("{new}/{file}"))?.as_deref() == Some(own);
    if tree.has(&carried) && !untouched {
        return Ok(Some(tree.read(&carried)?));
    }
    committed(tree, &format!("{old}/{file}"))
}

fn merge(tree: &Tree, (old, new): (&Step, &Step), base: &str, changed: &str, own: &str) -> Result<Merge> {
    let folder = tree.path(CARRIED);
    fs::create_dir_all(&folder)?;
    let mut paths = Vec::new();
    // The line in which steps may differ takes no part.
    for (name, text) in [
        ("own", new.without_alias(own)),
        ("base", old.without_alias(base)),
        ("changed", old.without_alias(changed)),
    ] {
        let path = folder.join(name);
        fs::write(&path, text)?;
        paths.push(path.to_string_lossy().into_owned());
    }
    let mut args = vec!["merge-file", "-p", "--diff3"];
    args.extend(["-L", new.dir, "-L", "as it was", "-L", old.dir]);
    args.extend(paths.iter().map(String::as_str));
    let merged = git(tree, &args)?;
    let text = new.with_alias(&String::from_utf8_lossy(&merged.stdout));
    match merged.status.code() {
        Some(0) => Ok(Merge::Clean(text)),
        Some(1..=127) => {
            let line = text
                .lines()
                .position(|line| line.starts_with("<<<<<<< "))
                .map_or(1, |line| line + 1);
            Ok(Merge::Conflict(text, line))
        }
        _ => failed(format!(
            "git merge-file: {}",
            String::from_utf8_lossy(&merged.stderr).trim()
        )),
    }
}
