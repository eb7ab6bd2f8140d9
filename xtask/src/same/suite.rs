//! Each concept's tests stand once, in `shared-testutil/suite`. The test programs of a step are lists of the files that
//! apply, and say of the others why they do not.

use crate::rust;
use crate::same::Finding;
use crate::stop::{Result, failed};
use crate::tree::{PLAIN, Pair, STEPS, Step, Tree};

/// The tests of all steps.
const SUITE: &str = "shared-testutil/suite";

/// A comment that begins so names files that do not apply, and why: `// Not here: counts.rs: there are no twins.`
const EXCUSE: &str = "Not here: ";

/// A crate with test programs.
struct Tested {
    name: String,
    dir: &'static str,
    /// The suite, seen from the test programs.
    suite: String,
}

impl Tested {
    fn new(dir: &'static str, name: &str) -> Self {
        // Out of `tests`, and out of each folder above it.
        let up = "../".repeat(dir.split('/').count() + 1);
        Self {
            name: name.to_owned(),
            dir,
            suite: format!("{up}{SUITE}"),
        }
    }

    /// The line by which its test programs call it `sched`.
    fn alias(&self) -> String {
        format!("use {} as sched;\n", self.name.replace('-', "_"))
    }
}

/// What the test programs of a crate say.
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
        // A folder has parts of the file that is named as it is.
        .filter(|file| !file.contains('/'))
        .collect();
    let (mut findings, mut steps) = (Vec::new(), Vec::new());
    for step in &STEPS {
        let tested = Tested::new(step.dir, step.dir);
        let lists = read(tree, &tested, &mut findings)?;
        findings.extend(complete(&tested, &lists, &suite));
        steps.push(lists);
    }
    for step in &STEPS {
        findings.extend(order(step, &steps));
    }
    let tested = Tested::new(PLAIN, "exp6-plain");
    let plain = read(tree, &tested, &mut findings)?;
    findings.extend(complete(&tested, &plain, &suite));
    findings.extend(same_lists(&tested, &plain, &steps[STEPS.len() - 1]));
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

/// What the programs in a crate's `tests` say. They hold nothing but their lists.
fn read(tree: &Tree, tested: &Tested, findings: &mut Vec<Finding>) -> Result<Lists> {
    let mut lists = Lists::default();
    for path in tree.files(&format!("{}/tests", tested.dir), ".rs")? {
        let text = tree.read(&path)?;
        if !text.contains(&tested.alias()) {
            let problem = format!("{path} does not test {}", tested.name);
            findings.push(Finding::new(
                problem,
                "its line `use … as sched;` names the folder's own crate",
            ));
        }
        findings.extend(lists.read_modules(&path, &text, &tested.suite)?);
        findings.extend(lists.read_excuses(&path, &text));
    }
    Ok(lists)
}

/// Each program of exp6-plain has the list of exp6's, but for what is excused.
fn same_lists(tested: &Tested, plain: &Lists, exp6: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut paths: Vec<_> = plain.listed.iter().map(|(path, _)| path).collect();
    paths.dedup();
    for path in paths {
        let name = &path[tested.dir.len()..];
        let mut wanted = exp6.of(name);
        wanted.retain(|file| !plain.excused.iter().any(|excused| excused == file));
        if plain.of(name) != wanted {
            let problem = format!("{path} does not have the list of exp6-combined{name}");
            let remedy = format!("the same files in the same order, or // {EXCUSE}file.rs: why");
            findings.push(Finding::new(problem, remedy));
        }
    }
    findings
}

impl Lists {
    fn read_modules(&mut self, path: &str, text: &str, suite: &str) -> Result<Vec<Finding>> {
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
                    if !is_path(&attrs, &format!("{suite}/{file}")) {
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
    meta.path.is_ident("path") && rust::text(&meta.value).as_deref() == Some(path)
}

/// Every file of the suite is listed once or excused, and no other is.
fn complete(tested: &Tested, lists: &Lists, suite: &[String]) -> Vec<Finding> {
    let Tested { name: step, dir, .. } = tested;
    let mut findings = Vec::new();
    for file in suite {
        let times = lists.listed.iter().filter(|(_, listed)| listed == file).count();
        let excused = lists.excused.iter().filter(|excused| *excused == file).count();
        let (problem, remedy) = match (times, excused) {
            (1, 0) | (0, 1) => continue,
            (0, 0) => (
                format!("{step} neither lists {SUITE}/{file} nor says why not"),
                format!("in {dir}/tests/suite.rs: its path and `mod`, or // {EXCUSE}{file}: why"),
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
