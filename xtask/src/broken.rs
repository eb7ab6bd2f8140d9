//! The classic mistakes, each as a patch: every one of them has to make a test fail.
//!
//! The tree is copied to a folder under `target`, so that nothing happens to it, and the patches are applied there one
//! after the other. One target folder serves them all.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write;
use std::iter;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lexopt::prelude::*;

use crate::child;
use crate::stop::{Result, Stop, failed, unknown};
use crate::tree::Tree;

/// Where the patches are.
pub(crate) const PATCHES: &str = "patches";

/// What tells of them.
pub(crate) const PAGE: &str = "docs/broken.md";

/// How a paragraph begins there that names a public report of such a mistake, and how near that is.
const REPORTS: [&str; 3] = ["Seen elsewhere", "Of the same kind", "Related"];

/// What tells which promises they break.
const PROMISES: &str = "docs/reliability.md";

/// The step that is built in two variants, and the package that tests each. The models of `verify` are of either.
const TWICE: &str = "exp6-combined";
const VARIANTS: [(&str, &str); 2] = [("plain", "exp6-plain"), ("fast", "exp6-combined")];
const MODELS: &str = "verify";

/// The files of the fast variant that the plain one does not have.
const FAST: &str = "exp6-combined/fast/";

/// The longest that a test may take. A test that takes longer hangs, and has caught the mistake.
const LIMIT: Duration = Duration::from_secs(10);

/// What is to become of a patch.
const CAUGHT: &str = "caught";

/// A mistake.
pub(crate) struct Mistake {
    /// The name of its file.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) test: Test,
    patches: Vec<Patch>,
}

/// What has to fail.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    /// For Cargo: `-p exp2-sleep --test suite`.
    pub(crate) target: Vec<String>,
    pub(crate) name: String,
}

/// What is wrong in one file.
struct Patch {
    file: String,
    text: String,
}

/// What became of a test.
enum Outcome {
    Passed,
    /// With what it said.
    Failed(String),
    Hung,
    /// There is none of that name.
    Missing,
}

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let mut names = Vec::new();
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("check") => check = true,
            Value(name) => names.push(name.string()?),
            option => return Err(option.unexpected().into()),
        }
    }
    let tree = Tree::find()?;
    let mistakes = read(&tree)?;
    told(&tree.read(PAGE)?, &mistakes)?;
    listed(&tree.read(PROMISES)?, &mistakes)?;
    let mistakes = chosen(mistakes, &names)?;
    if check {
        for mistake in &mistakes {
            mistake.apply(&tree)?;
        }
        return Ok(writeln!(out, "patches that apply: all {}", mistakes.len())?);
    }
    catch(&tree, &mistakes, out)
}

/// Tests without a patch, and then with each.
fn catch(tree: &Tree, mistakes: &[Mistake], out: &mut impl Write) -> Result {
    let copy = Copy::new(tree)?;
    let tests: BTreeSet<_> = mistakes.iter().map(|mistake| mistake.test.clone()).collect();
    writeln!(out, "without a patch, these tests have to pass: {}", tests.len())?;
    out.flush()?;
    for test in &tests {
        copy.pass(test)?;
    }

    let mut missed = 0;
    for mistake in mistakes {
        let begun = Instant::now();
        let (mark, said) = copy.catch(tree, mistake)?;
        missed += usize::from(mark != CAUGHT);
        let seconds = begun.elapsed().as_secs();
        writeln!(out, "{mark:6} {:50} {seconds:3} s  {said}", mistake.name)?;
        out.flush()?;
    }
    if missed > 0 {
        return failed(format!("patches that are not caught: {missed} of {}", mistakes.len()));
    }
    Ok(writeln!(out, "patches that are caught: all {}", mistakes.len())?)
}

pub(crate) fn read(tree: &Tree) -> Result<Vec<Mistake>> {
    let mut files = tree.files(PATCHES, ".patch")?;
    files.sort();
    let parsed = files.iter().map(|file| Mistake::parse(file, &tree.read(file)?));
    parsed.collect()
}

/// The mistake of a name.
pub(crate) fn one(tree: &Tree, name: &str) -> Result<Mistake> {
    let file = format!("{PATCHES}/{name}.patch");
    Mistake::parse(&file, &tree.read(&file)?)
}

fn chosen(mistakes: Vec<Mistake>, names: &[String]) -> Result<Vec<Mistake>> {
    let known: Vec<_> = mistakes.iter().map(|mistake| mistake.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return unknown("patch", name, known);
    }
    let wanted = |mistake: &Mistake| names.is_empty() || names.contains(&mistake.name);
    Ok(mistakes.into_iter().filter(wanted).collect())
}

/// The page names each patch, its title, its test and a report, and no patch that is gone.
fn told(page: &str, mistakes: &[Mistake]) -> Result {
    let path = |mistake: &Mistake| format!("{PATCHES}/{}.patch", mistake.name);
    for mistake in mistakes {
        for text in [&mistake.title, &path(mistake), &mistake.test.name] {
            if !page.contains(text) {
                return failed(format!("{PAGE} says nothing of `{text}`: {}", path(mistake)));
            }
        }
    }
    for mistake in mistakes {
        let section = page
            .split("\n### ")
            .find(|section| section.contains(&format!("(../{})", path(mistake))));
        let reported = |section: &str| REPORTS.iter().any(|label| section.contains(&format!("\n{label}:")));
        if !section.is_some_and(reported) {
            let labels = REPORTS.join("`, `");
            return failed(format!("{PAGE} gives no report beside {}: `{labels}`", path(mistake)));
        }
    }
    for link in page.split("(../").skip(1).filter_map(|text| text.split(')').next()) {
        if link.ends_with(".patch") && !mistakes.iter().any(|mistake| path(mistake) == link) {
            return failed(format!("{PAGE} tells of {link}, which is gone"));
        }
    }
    Ok(())
}

/// Each patch stands beside the promise that it breaks.
fn listed(page: &str, mistakes: &[Mistake]) -> Result {
    match mistakes
        .iter()
        .find(|mistake| !page.contains(&format!("`{}`", mistake.name)))
    {
        Some(mistake) => failed(format!(
            "{PROMISES} does not say which promise `{}` breaks",
            mistake.name
        )),
        None => Ok(()),
    }
}

impl Mistake {
    /// A head of `Title:`, `Step:`, for exp6 `Variant:`, and `Test:`, and then a unified diff.
    fn parse(file: &str, text: &str) -> Result<Self> {
        let Some(place) = text.find("\n--- ") else {
            return failed(format!("{file}: there is no diff"));
        };
        let (head, diff) = text.split_at(place + 1);
        let found = |key: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            value.map(str::trim)
        };
        let field = |key: &str| found(key).map_or_else(|| failed(format!("{file}: there is no `{key}:`")), Ok);
        let step = field("Step")?;
        let patches = split(diff)
            .map(|text| Patch::parse(file, step, text))
            .collect::<Result<_>>()?;
        let stem = Path::new(file).file_stem().unwrap_or_default();
        let mistake = Self {
            name: stem.to_string_lossy().into_owned(),
            title: field("Title")?.to_owned(),
            test: Test::parse(field("Test")?),
            patches,
        };
        if step == TWICE {
            mistake.check_variant(file, field("Variant")?)?;
        } else if found("Variant").is_some() {
            return failed(format!("{file}: only {TWICE} has variants"));
        }
        Ok(mistake)
    }

    /// The test has to be one of the variant, and the files as well.
    fn check_variant(&self, file: &str, variant: &str) -> Result {
        let Some((_, tested_by)) = VARIANTS.iter().find(|(name, _)| *name == variant) else {
            return failed(format!("{file}: there is no variant `{variant}`"));
        };
        if ![*tested_by, MODELS].contains(&self.test.package()) {
            return failed(format!("{file}: the variant `{variant}` is tested by `{tested_by}`"));
        }
        if variant != "fast" && self.patches.iter().any(|patch| patch.file.starts_with(FAST)) {
            return failed(format!("{file}: the variant `{variant}` has no file of {FAST}"));
        }
        Ok(())
    }

    /// The files that it changes, with what they are after and before.
    pub(crate) fn apply(&self, tree: &Tree) -> Result<Vec<(&str, String, String)>> {
        let patches = self.patches.iter().map(|patch| {
            let before = tree.read(&patch.file)?;
            match patch.apply(&before) {
                Ok(after) => Ok((patch.file.as_str(), after, before)),
                Err(Stop::Failed(message)) => failed(format!("{PATCHES}/{}.patch: {message}", self.name)),
                Err(stop) => Err(stop),
            }
        });
        patches.collect()
    }
}

impl Test {
    fn parse(words: &str) -> Self {
        let (target, name) = words.rsplit_once(' ').unwrap_or(("", words));
        Self {
            target: target.split_whitespace().map(str::to_owned).collect(),
            name: name.to_owned(),
        }
    }

    /// The word behind `-p`.
    pub(crate) fn package(&self) -> &str {
        let mut words = self.target.iter().skip_while(|word| *word != "-p");
        words.nth(1).map_or("", String::as_str)
    }
}

/// The parts of a diff, one a file.
fn split(diff: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<_> = diff.match_indices("\n--- a/").map(|(place, _)| place + 1).collect();
    starts.insert(0, 0);
    starts.push(diff.len());
    let parts: Vec<_> = starts.windows(2).map(|ends| &diff[ends[0]..ends[1]]).collect();
    parts.into_iter()
}

impl Patch {
    fn parse(file: &str, step: &str, text: &str) -> Result<Self> {
        let parsed = diffy::Patch::from_str(text).or_else(|error| failed(format!("{file}: {error}")))?;
        match parsed.original().and_then(|name| name.strip_prefix("a/")) {
            Some(changed) if changed.starts_with(&format!("{step}/")) => Ok(Self {
                file: changed.to_owned(),
                text: text.to_owned(),
            }),
            _ => failed(format!("{file}: it changes what is not of `a/{step}/`")),
        }
    }

    fn apply(&self, before: &str) -> Result<String> {
        let patch = diffy::Patch::from_str(&self.text).or_else(|error| failed(error.to_string()))?;
        diffy::apply(before, &patch).or_else(|error| failed(format!("does not apply to {}: {error}", self.file)))
    }
}

/// A copy of the tree, to be broken.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    log: PathBuf,
}

impl Copy {
    fn new(tree: &Tree) -> Result<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.path("target"), PathBuf::from);
        let folder = path::absolute(target.join("broken"))?;
        let copy = Self {
            root: folder.join("tree"),
            target: folder.join("target"),
            log: folder.join("output"),
        };
        let mut crates = tree.members()?;
        crates.extend(["Cargo.toml", "Cargo.lock", ".cargo"].map(str::to_owned));
        for name in &crates {
            same(&tree.path(name), &copy.root.join(name))?;
        }
        Ok(copy)
    }

    /// Tests without a patch.
    fn pass(&self, test: &Test) -> Result {
        self.build(test)?;
        match self.test(test)? {
            Outcome::Passed => Ok(()),
            Outcome::Failed(message) => failed(format!("{test} fails without a patch: {message}")),
            Outcome::Hung => failed(format!("{test} hangs without a patch")),
            Outcome::Missing => failed(format!("there is no test {test}")),
        }
    }

    /// Tests with a patch, and tells what became of it.
    fn catch(&self, tree: &Tree, mistake: &Mistake) -> Result<(&'static str, String)> {
        Ok(match self.break_and_test(tree, mistake) {
            Ok(Outcome::Failed(message)) => (CAUGHT, message),
            Ok(Outcome::Hung) => (CAUGHT, format!("hangs for {} s", LIMIT.as_secs())),
            Ok(Outcome::Passed) => ("MISSED", format!("passes: {}", mistake.test)),
            Ok(Outcome::Missing) => ("MISSED", format!("there is no test {}", mistake.test)),
            Err(Stop::Failed(message)) => ("STALE", message),
            Err(stop) => return Err(stop),
        })
    }

    /// Applies the patches, tests, and takes them back.
    fn break_and_test(&self, tree: &Tree, mistake: &Mistake) -> Result<Outcome> {
        let broken = mistake.apply(tree)?;
        for (file, after, _) in &broken {
            fs::write(self.root.join(file), after)?;
        }
        let outcome = self.build(&mistake.test).and_then(|()| self.test(&mistake.test));
        for (file, _, before) in &broken {
            fs::write(self.root.join(file), before)?;
        }
        outcome
    }

    /// With the examples: some tests run them, and no `cargo test --test` builds them.
    fn build(&self, test: &Test) -> Result {
        let examples = ["build", "--examples", "--package", test.package()];
        if self.cargo(&examples)?.status()?.success() && self.cargo_test(test)?.arg("--no-run").status()?.success() {
            return Ok(());
        }
        let output = fs::read_to_string(&self.log)?;
        let errors = output.lines().filter(|line| line.starts_with("error")).take(1);
        let errors: Vec<_> = errors.collect();
        failed(format!("does not compile: {}", errors.join("; ")))
    }

    fn test(&self, test: &Test) -> Result<Outcome> {
        let mut command = self.cargo_test(test)?;
        command.args(["--", "--exact", &test.name]);
        let Some(status) = child::run(&mut command, LIMIT)? else {
            return Ok(Outcome::Hung);
        };
        let output = fs::read_to_string(&self.log)?;
        Ok(match (output.contains("\nrunning 1 test\n"), status.success()) {
            (false, _) => Outcome::Missing,
            (true, true) => Outcome::Passed,
            (true, false) => Outcome::Failed(message(&output)),
        })
    }

    fn cargo_test(&self, test: &Test) -> Result<Command> {
        let words: Vec<_> = iter::once("test")
            .chain(test.target.iter().map(String::as_str))
            .collect();
        self.cargo(&words)
    }

    fn cargo(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("RUST_BACKTRACE", "0")
            // Nobody debugs these.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(words)
            .arg("--target-dir")
            .arg(&self.target);
        let log = fs::File::create(&self.log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.target.join(" "), self.name)
    }
}

/// What a panic said, in a line; or a watchdog, or the way in which the process ended.
pub(crate) fn message(output: &str) -> String {
    let lines: Vec<_> = output.lines().map(str::trim).collect();
    // A test that runs in a process of its own panics here with that one's output, which begins with an empty line.
    let panic = lines
        .windows(2)
        .position(|pair| pair[0].contains(" panicked at ") && !pair[1].is_empty());
    let ends = [" hangs: ", "process didn't exit", "fatal runtime error"];
    let end = |line: &&&str| ends.iter().any(|end| line.contains(end));
    let said = match (panic, lines.iter().find(end)) {
        (Some(place), _) => lines[place + 1..]
            .iter()
            .take_while(|line| !line.is_empty() && !line.starts_with("note: "))
            .copied()
            .collect::<Vec<_>>()
            .join("; "),
        (None, Some(line)) => (*line).to_owned(),
        (None, None) => "fails".to_owned(),
    };
    let short: String = said.chars().take(120).collect();
    if short.len() < said.len() { short + "…" } else { short }
}

/// Makes `to` what `from` is. What is the same already is not touched, so that Cargo need not build it again.
pub(crate) fn same(from: &Path, to: &Path) -> Result {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            same(&from.join(&name), &to.join(&name))?;
            names.insert(name);
        }
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            if names.contains(&entry.file_name()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    } else {
        let text = fs::read(from)?;
        if !fs::read(to).is_ok_and(|copy| copy == text) {
            fs::write(to, text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Title: It is wrong
Step: exp2-sleep
Test: -p exp2-sleep --test suite wakes::it_is_right

--- a/exp2-sleep/src/task.rs
+++ b/exp2-sleep/src/task.rs
@@ -1,3 +1,3 @@
 one
-two
+three
 four
";

    #[test]
    fn a_patch_is_parsed_and_applied() {
        let mistake = Mistake::parse("patches/wrong.patch", TEXT).expect("it is a patch");
        assert_eq!(
            (mistake.name.as_str(), mistake.title.as_str()),
            ("wrong", "It is wrong")
        );
        assert_eq!(
            mistake.test.to_string(),
            "-p exp2-sleep --test suite wakes::it_is_right"
        );
        let [patch] = &mistake.patches[..] else {
            panic!("it changes one file");
        };
        assert_eq!(patch.file, "exp2-sleep/src/task.rs");
        let after = patch.apply("zero\none\ntwo\nfour\n").expect("it applies");
        assert_eq!(after, "zero\none\nthree\nfour\n");
        patch.apply("one\n2\nfour\n").expect_err("it does not apply");
    }

    #[test]
    fn a_patch_of_two_files_has_two_parts() {
        let both = format!("{TEXT}{}", TEXT.split_once("\n\n").expect("a head").1);
        let mistake = Mistake::parse("patches/wrong.patch", &both).expect("it is a patch");
        assert_eq!(mistake.patches.len(), 2);
    }

    #[test]
    fn a_patch_without_a_test_or_for_another_step_is_refused() {
        let nameless = TEXT.replace("Test: ", "Tests: ");
        Mistake::parse("patches/wrong.patch", &nameless)
            .map(drop)
            .expect_err("no test");
        let astray = TEXT.replace("Step: exp2", "Step: exp3");
        Mistake::parse("patches/wrong.patch", &astray)
            .map(drop)
            .expect_err("another step");
    }

    #[test]
    fn a_patch_of_exp6_names_its_variant_and_no_other_does() {
        let parse = |text: &str| Mistake::parse("patches/wrong.patch", text).map(drop);
        let plain = TEXT
            .replace("exp2-sleep", "exp6-combined")
            .replace("-p exp6-combined", "-p exp6-plain");
        let plain = plain.replace("Test: ", "Variant: plain\nTest: ");
        parse(&plain).expect("it is plain");
        let fast = plain.replace("Variant: plain", "Variant: fast");
        parse(&fast).expect_err("`exp6-plain` is not fast");
        let fast = fast
            .replace("-p exp6-plain", "-p exp6-combined")
            .replace("/src/", "/fast/");
        parse(&fast).expect("it is fast");
        parse(&fast.replace("-p exp6-combined --test suite", "-p verify --test models")).expect("it is a model");
        let fast_as_plain = fast
            .replace("Variant: fast", "Variant: plain")
            .replace("-p exp6-combined", "-p exp6-plain");
        parse(&fast_as_plain).expect_err("the plain variant does not have the file");
        parse(&fast.replace("Variant: fast", "Variant: slow")).expect_err("there is no such variant");
        parse(&fast.replace("Variant: fast\n", "")).expect_err("it names no variant");
        parse(&TEXT.replace("Test: ", "Variant: plain\nTest: ")).expect_err("exp2 has no variants");
    }

    #[test]
    fn the_page_tells_of_every_patch_and_of_no_other() {
        let mistakes = [Mistake::parse("patches/wrong.patch", TEXT).expect("it is a patch")];
        let page = "### It is wrong\n[`wrong.patch`](../patches/wrong.patch): `-p exp2-sleep --test suite wakes::it_is_right`\n\nRelated: [a#1](b)";
        told(page, &mistakes).expect("it is all there");
        for text in ["It is wrong", "patches/wrong.patch", "it_is_right", "Related"] {
            told(&page.replace(text, "…"), &mistakes).expect_err("something is missing");
        }
        told(&format!("{page}[gone](../patches/gone.patch)"), &mistakes).expect_err("it is gone");
    }

    #[test]
    fn a_failure_is_told_in_a_line() {
        let output = "\nrunning 1 test\nthread 'a' panicked at src/a.rs:1:1:\nleft is right\nnote: more\n";
        assert_eq!(message(output), "left is right");
        let output =
            format!("thread 'a' panicked at src/b.rs:1:1:\n{output}a in a process of its own: exit status: 101\n");
        assert_eq!(message(&output), "left is right");
        assert_eq!(
            message("\nthe test `a` hangs: not done\n"),
            "the test `a` hangs: not done"
        );
    }
}
