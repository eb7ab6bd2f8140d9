//! The rules that hold in every file by itself.

use ra_ap_rustc_lexer::TokenKind;

use crate::rust::{Source, is_comment, tokens};
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{Step, Tree};

/// A function has fewer lines than this.
const LONG: usize = 40;

/// Macros that have no place in finished code.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Macros with which a library would talk past its user.
const PRINTING: [&str; 4] = ["print", "println", "eprint", "eprintln"];

/// The ends of paths to unsafe code that is no part of a scheduler: it counts allocations, smuggles a value to another
/// thread to see that it is found out, and stands in for the selector's unsafe interface.
const WATCHERS: [&str; 3] = [
    "/benches/common/alloc.rs",
    "shared-testutil/src/home_thread.rs",
    "verify/src/os.rs",
];

const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for member in tree.members()? {
        for path in tree.files(&member, ".rs")? {
            let text = tree.read(&path)?;
            let source = Source::parse(&path, &text)?;
            findings.extend(check_tokens(&path, &text, &source));
            if path.contains("/src/") {
                findings.extend(check_functions(&path, &source));
            }
        }
    }
    for step in ["exp1-simplest", "exp2-sleep"] {
        let manifest = format!("{step}/Cargo.toml");
        if !tree.read(&manifest)?.contains("unsafe_code = \"forbid\"") {
            let problem = format!("{manifest} does not forbid unsafe code");
            findings.push(Finding::new(problem, "this step needs none: unsafe_code = \"forbid\""));
        }
    }
    Ok(findings)
}

/// Where unsafe code may stand: in the task, the registration of descriptors and epoll; and in what watches over them.
fn may_be_unsafe(path: &str) -> bool {
    let number = Step::of_path(path).map_or(0, |step| step.number);
    match path.split_once("/src/").map(|(_, file)| file) {
        Some("task.rs") => number >= 3,
        Some("wait.rs") => number >= 5,
        Some("epoll.rs") => number == 6,
        _ => WATCHERS.iter().any(|watcher| path.ends_with(watcher)),
    }
}

/// A crate of this project that users call, as opposed to a program or a test.
fn is_library(path: &str) -> bool {
    Step::of_path(path).is_some() && path.contains("/src/") && !path.ends_with("/main.rs")
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
            _ if is_macro && UNFINISHED.contains(&word) => "not in finished code",
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
