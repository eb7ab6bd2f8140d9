//! The rules that hold in every file by itself.

use std::collections::BTreeSet;

use ra_ap_rustc_lexer::TokenKind;

use crate::rust::{Source, is_comment, tokens};
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{STEPS, Step, Tree};

/// A function has fewer lines than this.
const LONG: usize = 40;

/// Macros that have no place in finished code.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// The stubs of the exercises: whoever writes a step finishes them.
const STUBS: &str = "xtask/exercise/write/";

/// Macros with which a library would talk past its user.
const PRINTING: [&str; 4] = ["print", "println", "eprint", "eprintln"];

/// Where unsafe code may stand in the steps: at the registration of descriptors, and in `fast` where it pays.
const UNSAFE: [&str; 5] = [
    "exp5-selectors/src/park.rs",
    "exp6-combined/fast/poller.rs",
    "exp6-combined/fast/run_queue.rs",
    "exp6-combined/fast/task.rs",
    "exp6-combined/src/park.rs",
];

/// Unsafe code that is no part of a scheduler: it counts allocations, smuggles a value to another thread to see that it is
/// found out, and stands in for the selector's unsafe interface.
const WATCHERS: [&str; 3] = [
    "exp6-combined/benches/common/alloc.rs",
    "shared-testutil/src/home_thread.rs",
    "verify/src/os.rs",
];

/// The steps that forbid unsafe code: no attribute in a file can allow it.
const SAFE: [usize; 4] = [1, 2, 3, 4];

const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let (mut findings, mut paths) = (Vec::new(), BTreeSet::new());
    for member in tree.members()? {
        // A member may lie within another.
        paths.extend(tree.files(&member, ".rs")?);
    }
    for path in paths {
        let text = tree.read(&path)?;
        let source = Source::parse(&path, &text)?;
        findings.extend(check_tokens(&path, &text, &source));
        if is_source(&path) {
            findings.extend(check_functions(&path, &source));
        }
    }
    for step in SAFE.map(|number| &STEPS[number - 1]) {
        let manifest = format!("{step}/Cargo.toml");
        let table = tree.read_toml(&manifest)?;
        let lint = table
            .get("lints")
            .and_then(|lints| lints.get("rust")?.get("unsafe_code"));
        if lint.and_then(toml::Value::as_str) != Some("forbid") {
            let problem = format!("{manifest} does not forbid unsafe code");
            findings.push(Finding::new(problem, "this step needs none: unsafe_code = \"forbid\""));
        }
    }
    Ok(findings)
}

fn may_be_unsafe(path: &str) -> bool {
    UNSAFE.contains(&path) || WATCHERS.contains(&path)
}

/// What is read, as opposed to tests and the like.
fn is_source(path: &str) -> bool {
    ["/src/", "/fast/", "/extra/"]
        .iter()
        .any(|folder| path.contains(folder))
}

/// A crate of this project that users call, as opposed to a program or a test.
fn is_library(path: &str) -> bool {
    Step::of_path(path).is_some() && is_source(path) && !path.ends_with("/main.rs")
}

fn check_tokens(path: &str, text: &str, source: &Source<'_>) -> Vec<Finding> {
    let all: Vec<_> = tokens(text)
        .filter(|(kind, _)| *kind != TokenKind::Whitespace)
        .collect();
    let mut findings = Vec::new();
    for (index, (kind, range)) in all.iter().enumerate() {
        let word = &text[range.clone()];
        let next = all.get(index + 1).map_or("", |(_, range)| &text[range.clone()]);
        let before = |back: usize| index.checked_sub(back).map_or("", |index| &text[all[index].1.clone()]);
        let is_macro = next == "!";
        let remedy = match word {
            _ if is_comment(*kind) && NOTES.iter().any(|note| word.contains(note)) => "do it, or open an issue",
            _ if *kind != TokenKind::Ident => continue,
            "unsafe" | "unsafe_code" if !may_be_unsafe(path) => {
                "unsafe code stands where CONTRIBUTING.md says, and nowhere else"
            }
            "ignore" if before(1) == "[" && next == "]" => "say why: #[ignore = \"takes ten minutes\"]",
            _ if is_macro && UNFINISHED.contains(&word) && !path.starts_with(STUBS) => "not in finished code",
            _ if is_macro && PRINTING.contains(&word) && is_library(path) => "a library does not print",
            _ => continue,
        };
        let problem = format!("{path}:{}: {word}", source.line(range.start));
        findings.push(Finding::new(problem, remedy));
    }
    findings
}

fn check_functions(path: &str, source: &Source<'_>) -> Vec<Finding> {
    let functions = source.functions();
    let long = functions
        .into_iter()
        .filter(|function| function.lines.clone().count() >= LONG);
    let findings = long.map(|function| {
        let (first, name) = (*function.lines.start(), &function.name);
        let problem = format!("{path}:{first}: `{name}` has {} lines", function.lines.clone().count());
        Finding::new(problem, format!("fewer than {LONG} fit on a screen: cut it at a joint"))
    });
    findings.collect()
}
