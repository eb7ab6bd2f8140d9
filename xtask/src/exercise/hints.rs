//! Hints: those that were given stay, and each `--hint` gives one more.

use std::io::Write;

use super::reader::Exercise;
use crate::stop::Result;

const WIDTH: usize = 80;

/// `name` is where the exercise notes how many were given.
pub(super) fn tell(exercise: &mut Exercise, name: &str, hints: &[String], more: bool, out: &mut impl Write) -> Result {
    let given: usize = exercise
        .notes
        .get(name)
        .and_then(|level| level.parse().ok())
        .unwrap_or(0);
    let level = (given + usize::from(more)).min(hints.len());
    if more {
        exercise.notes.set(name, level)?;
    }
    writeln!(out)?;
    for (number, hint) in (1..).zip(&hints[..level]) {
        writeln!(out, "{}", wrapped(&format!("hint {number}: {hint}")))?;
    }
    match level {
        _ if level == hints.len() => Ok(()),
        0 => Ok(writeln!(out, "a hint: cargo xtask exercise check --hint")?),
        _ => Ok(writeln!(out, "the next hint: cargo xtask exercise check --hint")?),
    }
}

/// In lines that fit into a terminal.
pub(super) fn wrapped(text: &str) -> String {
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let letters = word.chars().count();
        if width > 0 {
            let is_full = width + 1 + letters > WIDTH;
            lines.push(if is_full { '\n' } else { ' ' });
            width = if is_full { 0 } else { width + 1 };
        }
        lines.push_str(word);
        width += letters;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words() {
        let text = format!("{} b c", "a".repeat(WIDTH - 2));
        assert_eq!(wrapped(&text), text.replace("b c", "b\nc"));
        assert_eq!(wrapped("a b"), "a b");
    }
}
