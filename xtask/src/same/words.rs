//! Names that are refused, and the terms of the field that stand for the same thing.

use ra_ap_rustc_lexer::TokenKind;

use crate::rust::{Source, tokens};
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::{STEPS, Tree};

/// A name in lower case stands for these words anywhere in an identifier: `make_room` also for `MakeRoom`, `can_make_room`. One
/// with a capital letter stands for this identifier alone.
const NAMES: [(&str, &str); 30] = [
    ("Ready", "RunQueue"),
    ("home", "RunQueue"),
    ("Link", "TaskWaker"),
    ("inbox", "the remote queue"),
    ("abroad", "remote"),
    ("foreign", "remote"),
    ("Wait", "Parker"),
    ("notifier", "Unparker"),
    ("patience", "timeout"),
    ("deaf", "what does not happen: no remote wakes"),
    ("turn", "a tick of the loop, a poll of a task"),
    ("turns", "ticks of the loop, polls of a task"),
    ("bell", "SelfSocket"),
    ("share", "the I/O budget"),
    ("gives_way", "poll_budget"),
    ("gave_way", "poll_budget"),
    ("give_way", "poll_budget"),
    ("crowd", "MAX_WAITERS"),
    ("make_room", "evict_oldest"),
    ("SPAN", "the batch window"),
    ("leftovers", "the stale limit"),
    ("Spread", "IdHasher"),
    ("upper_half", "the generation"),
    ("stranger", "a reused slot"),
    ("quietly", "discard_panic"),
    ("stage", "state"),
    ("watch", "the stall detector"),
    ("watcher", "the stall detector"),
    ("own_thread", "the scheduler's thread"),
    ("news", "a cross-thread wake"),
];

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for step in &STEPS {
        for folder in ["src", "fast", "extra"] {
            for path in tree.files(&format!("{step}/{folder}"), ".rs")? {
                findings.extend(check_file(&path, &tree.read(&path)?)?);
            }
        }
    }
    Ok(findings)
}

fn check_file(path: &str, text: &str) -> Result<Vec<Finding>> {
    let source = Source::parse(path, text)?;
    let mut findings = Vec::new();
    let mut before = "";
    for (kind, range) in tokens(text).filter(|(kind, _)| *kind != TokenKind::Whitespace) {
        let name = &text[range.clone()];
        // `Poll::Ready` is the standard library's.
        let is_own = before != ":";
        before = name;
        if kind != TokenKind::Ident {
            continue;
        }
        if let Some((_, term)) = NAMES.iter().find(|(old, _)| is_own && stands_in(old, name)) {
            let problem = format!("{path}:{}: the name `{name}`", source.line(range.start));
            findings.push(Finding::new(problem, format!("use the term of the field: {term}")));
        }
    }
    Ok(findings)
}

/// Whether a name on the list is in an identifier.
fn stands_in(old: &str, name: &str) -> bool {
    if old.contains(char::is_uppercase) {
        return old == name;
    }
    format!("_{}_", words(name)).contains(&format!("_{old}_"))
}

/// From `MakeRoom`, `MAKE_ROOM` or `make_room` the last.
fn words(name: &str) -> String {
    let mut words = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && was_lower {
            words.push('_');
        }
        was_lower = !letter.is_uppercase() && letter != '_';
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old_name(name: &str) -> Option<&'static str> {
        let found = NAMES.iter().find(|(old, _)| stands_in(old, name));
        found.map(|(old, _)| *old)
    }

    #[test]
    fn words_are_found_in_every_spelling() {
        for name in ["foreign", "foreign_half", "ForeignHalf", "FOREIGN", "is_foreign"] {
            assert_eq!(old_name(name), Some("foreign"), "{name}");
        }
        assert_eq!(old_name("can_make_room"), Some("make_room"));
        assert_eq!(old_name("MakeRoom"), Some("make_room"));
    }

    #[test]
    fn parts_of_words_and_other_spellings_of_a_name_are_not_found() {
        for name in [
            "shared",
            "return_value",
            "watched",
            "belly",
            "wait",
            "ready",
            "span",
            "make",
            "Waiter",
        ] {
            assert_eq!(old_name(name), None, "{name}");
        }
    }
}
