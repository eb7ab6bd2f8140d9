//! Each concept's tests stand once, in `shared-testutil/suite`. The test programs of a step are lists of the files that
//! apply, and say of the others why they do not.

use crate::rust;
use crate::same::Finding;
use crate::stop::{Result, failed};
use crate::tree::{Pair, STEPS, Step, Tree};

/// The tests of all steps.
const SUITE: &str = "shared-testutil/suite";

/// Where that is from a test program.
const FROM_TESTS: &str = "../../shared-testutil/suite";

/// A comment that begins so names files that do not apply, and why: `// Not here: deaf.rs: exp6 hears other threads.`
const EXCUSE: &str = "Not here: ";

/// What the test programs of a step say.
#[derive(Debug, Default)]
struct Lists {
    /// The files of the suite that they take, in their order, and by which program.
    listed: Vec<(String, String)>,
    excused: Vec<String>,
}

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let suite: Vec<_> = tree
        .files(SUITE, ".rs")?
        .iter()
        .map(|path| path[SUITE.len() + 1..].to_owned())
        .collect();
    let (mut findings, mut steps) = (Vec::new(), Vec::new());
    for step in &STEPS {
        let lists = read(tree, step, &mut findings)?;
        findings.extend(complete(step, &lists, &suite));
        steps.push(lists);
    }
    for step in &STEPS {
        findings.extend(order(step, &steps));
    }
    for file in &suite {
        if !steps.iter().any(|lists| lists.has(file)) {
            let problem = format!("{SUITE}/{file} is in no step's list");
            findings.push(Finding::new(
                problem,
                "list it in the steps that it tests, or remove it",
            ));
        }
    }
    Ok(findings)
}

/// What the programs in a step's `tests` say. They hold nothing but their lists.
fn read(tree: &Tree, step: &Step, findings: &mut Vec<Finding>) -> Result<Lists> {
    let mut lists = Lists::default();
    for path in tree.files(&format!("{step}/tests"), ".rs")? {
        let text = tree.read(&path)?;
        if step.without_alias(&text) == text {
            let problem = format!("{path} does not test {step}");
            findings.push(Finding::new(
                problem,
                "its line `use … as sched;` names the step's own crate",
            ));
        }
        findings.extend(lists.read_modules(&path, &text)?);
        findings.extend(lists.read_excuses(&path, &text));
    }
    Ok(lists)
}

impl Lists {
    fn read_modules(&mut self, path: &str, text: &str) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let syntax = syn::parse_file(text).or_else(|error| failed(format!("{path}: {error}")))?;
        let mut more = syntax.attrs.iter().any(|attr| !attr.path().is_ident("doc"));
        for item in syntax.items {
            match item {
                syn::Item::Use(_) => {}
                syn::Item::Mod(syn::ItemMod {
                    attrs,
                    ident,
                    content: None,
                    ..
                }) => {
                    let file = format!("{ident}.rs");
                    if !is_path(&attrs, &format!("{FROM_TESTS}/{file}")) {
                        let problem = format!("{path}: the module `{ident}` is not {SUITE}/{file}");
                        let remedy = "a module is named as its file, and has its path for an attribute and no other";
                        findings.push(Finding::new(problem, remedy));
                    }
                    self.listed.push((path.to_owned(), file));
                }
                _ => more = true,
            }
        }
        if more {
            let remedy = format!("tests stand in {SUITE}, once for all steps");
            findings.push(Finding::new(format!("{path} holds more than a list"), remedy));
        }
        Ok(findings)
    }

    fn read_excuses(&mut self, path: &str, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for excuse in rust::comments(text).iter().flat_map(|text| text.split(EXCUSE).skip(1)) {
            match excuse.split_once(": ") {
                Some((files, why)) if !why.trim().is_empty() => {
                    self.excused.extend(files.split(", ").map(str::to_owned));
                }
                _ => {
                    let problem = format!("{path}: there is no reason: {EXCUSE}{excuse}");
                    findings.push(Finding::new(problem, format!("// {EXCUSE}file.rs: why")));
                }
            }
        }
        findings
    }

    fn has(&self, file: &str) -> bool {
        self.listed.iter().any(|(_, listed)| listed == file)
    }

    /// The files that one program takes.
    fn of(&self, program: &str) -> Vec<&str> {
        let mine = self.listed.iter().filter(|(path, _)| path.ends_with(program));
        mine.map(|(_, file)| file.as_str()).collect()
    }
}

/// Whether `#[path]` with that value is the only attribute: a `cfg` would hide the tests.
fn is_path(attrs: &[syn::Attribute], path: &str) -> bool {
    let [attr] = attrs else { return false };
    let syn::Meta::NameValue(meta) = &attr.meta else {
        return false;
    };
    let syn::Expr::Lit(syn::ExprLit {
        lit: syn::Lit::Str(value),
        ..
    }) = &meta.value
    else {
        return false;
    };
    meta.path.is_ident("path") && value.value() == path
}

/// Every file of the suite is listed once or excused, and no other is.
fn complete(step: &Step, lists: &Lists, suite: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in suite {
        let times = lists.listed.iter().filter(|(_, listed)| listed == file).count();
        let excused = lists.excused.iter().filter(|excused| *excused == file).count();
        let (problem, remedy) = match (times, excused) {
            (1, 0) | (0, 1) => continue,
            (0, 0) => (
                format!("{step} neither lists {SUITE}/{file} nor says why not"),
                format!("in {step}/tests/suite.rs: its path and `mod`, or // {EXCUSE}{file}: why"),
            ),
            (0, _) => (
                format!("{step} says more than once why it has no {SUITE}/{file}"),
                "once is enough".to_owned(),
            ),
            (1, _) => (
                format!("{step} lists {SUITE}/{file}, and says that it does not apply"),
                "take one of them out".to_owned(),
            ),
            _ => (
                format!("{step} lists {SUITE}/{file} more than once"),
                "each test runs once in a step".to_owned(),
            ),
        };
        findings.push(Finding::new(problem, remedy));
    }
    for file in lists.excused.iter().filter(|file| !suite.contains(file)) {
        let problem = format!("{step} says why it has no {file}, but {SUITE} has none either");
        findings.push(Finding::new(problem, "take it out"));
    }
    findings
}

/// A program lists what it has of its parents in their order, and what is new after that.
fn order(step: &'static Step, steps: &[Lists]) -> Vec<Finding> {
    let lists = &steps[step.number - 1];
    let mut findings = Vec::new();
    let mut programs: Vec<_> = lists.listed.iter().map(|(path, _)| path.as_str()).collect();
    programs.dedup();
    for path in programs {
        let name = &path[step.dir.len()..];
        let own = lists.of(name);
        let mut inherited = vec![false; own.len()];
        let mut in_order = true;
        for pair in Pair::to(step) {
            let old = steps[pair.old.number - 1].of(name);
            let places: Vec<_> = old
                .iter()
                .filter_map(|file| own.iter().position(|own| own == file))
                .collect();
            in_order &= places.is_sorted();
            places.iter().for_each(|&place| inherited[place] = true);
        }
        // Nothing inherited behind something new.
        in_order &= inherited.is_sorted_by(|before, after| before >= after);
        if !in_order {
            let problem = format!("{path} is not in the order in which the concepts came");
            let remedy = "first what the steps before it list, in their order, and then what is new";
            findings.push(Finding::new(problem, remedy));
        }
    }
    findings
}
