//! Rust source as HTML, line by line, each word in the colour of what it is.

use std::fmt::Write;
use std::ops::Range;

use ra_ap_rustc_lexer::TokenKind;

use crate::rust::{is_comment, tokens};

const KEYWORDS: [&str; 42] = [
    "as",
    "async",
    "await",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "pub",
    "ref",
    "return",
    "self",
    "Self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "type",
    "union",
    "unsafe",
    "use",
    "where",
    "while",
    "yield",
    "macro_rules",
    "try",
];

/// A file's lines, each with the class of every part of it.
#[derive(Debug)]
pub(crate) struct Coloured<'a> {
    lines: Vec<&'a str>,
    parts: Vec<Vec<(Range<usize>, &'static str)>>,
}

impl<'a> Coloured<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let lines: Vec<_> = text.lines().collect();
        let mut parts = vec![Vec::new(); lines.len()];
        let (mut line, mut start) = (0, 0);
        for (range, class) in classes(text) {
            // A token may go on over several lines.
            let mut rest = range.start;
            for piece in text[range].split_inclusive('\n') {
                let solid = piece.trim_end_matches('\n');
                if !solid.is_empty() {
                    parts[line].push((rest - start..rest - start + solid.len(), class));
                }
                rest += piece.len();
                if piece.ends_with('\n') {
                    (line, start) = (line + 1, rest);
                }
            }
        }
        Self { lines, parts }
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line as HTML; what is marked stands within `tag`.
    pub(crate) fn html(&self, line: usize, marks: &[Range<usize>], tag: &str) -> String {
        let text = self.lines[line];
        let mut html = String::new();
        for (part, class) in &self.parts[line] {
            let mut start = part.start;
            while start < part.end {
                let mark = marks.iter().find(|mark| start < mark.end && mark.start < part.end);
                let (end, marked) = match mark {
                    Some(mark) if mark.start <= start => (mark.end.min(part.end), true),
                    Some(mark) => (mark.start, false),
                    None => (part.end, false),
                };
                write_part(&mut html, &text[start..end], class, marked.then_some(tag));
                start = end;
            }
        }
        html.replace(&format!("</{tag}><{tag}>"), "")
    }
}

fn write_part(html: &mut String, text: &str, class: &str, tag: Option<&str>) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = match class {
        "" => text,
        class => format!("<i class={class}>{text}</i>"),
    };
    let written = match tag {
        Some(tag) => write!(html, "<{tag}>{text}</{tag}>"),
        None => write!(html, "{text}"),
    };
    written.expect("a string takes all");
}

/// Every token with its class: `c`omment, `d`oc comment, `s`tring, `n`umber, `k`eyword, `t`ype, `f`unction, `m`acro,
/// `l`ifetime, `a`ttribute, or none.
fn classes(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let all: Vec<_> = tokens(text).collect();
    let mut attribute = 0_usize;
    let classes = all.iter().enumerate().map(|(index, (kind, range))| {
        let next = |by: usize| all.get(index + by).map_or("", |(_, range)| &text[range.clone()]);
        if *kind == TokenKind::Pound && (next(1) == "[" || next(1) == "!" && next(2) == "[") {
            attribute = 1;
        }
        let inside = attribute > 0;
        match kind {
            TokenKind::OpenBracket if inside => attribute += 1,
            // The bracket that the attribute began with, which counts for itself and for the sign before it.
            TokenKind::CloseBracket if inside && attribute == 2 => attribute = 0,
            TokenKind::CloseBracket if inside => attribute -= 1,
            _ => {}
        }
        let class = match *kind {
            _ if inside && !is_comment(*kind) => "a",
            TokenKind::LineComment { doc_style: Some(_) } | TokenKind::BlockComment { doc_style: Some(_), .. } => "d",
            kind if is_comment(kind) => "c",
            TokenKind::Literal { .. } if text[range.clone()].starts_with(|c: char| c.is_ascii_digit()) => "n",
            TokenKind::Literal { .. } => "s",
            TokenKind::Lifetime { .. } => "l",
            TokenKind::Ident | TokenKind::RawIdent => name_class(&text[range.clone()], next(1)),
            _ => "",
        };
        (range.clone(), class)
    });
    classes.collect()
}

fn name_class(word: &str, next: &str) -> &'static str {
    match word {
        _ if KEYWORDS.contains(&word) => "k",
        _ if next == "!" => "m",
        _ if word.starts_with(|c: char| c.is_ascii_uppercase()) => "t",
        _ if next == "(" => "f",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> Vec<String> {
        let coloured = Coloured::new(text);
        (0..coloured.len())
            .map(|line| coloured.html(line, &[], "ins"))
            .collect()
    }

    #[test]
    fn words_have_the_class_of_what_they_are() {
        let line = "let x: Box<u8> = f(1, \"a\"); // why";
        let expected = "<i class=k>let</i> x: <i class=t>Box</i>&lt;u8&gt; = <i class=f>f</i>(<i class=n>1</i>, \
                        <i class=s>\"a\"</i>); <i class=c>// why</i>";
        assert_eq!(html(line), [expected]);
    }

    #[test]
    fn an_attribute_is_one_colour_to_its_end() {
        let shown = html("#[cfg(any(a, b[1]))] fn");
        assert!(shown[0].ends_with("<i class=a>]</i> <i class=k>fn</i>"), "{shown:?}");
    }

    #[test]
    fn a_token_of_several_lines_is_cut_at_each() {
        assert_eq!(
            html("/* a\n\nb */ x"),
            ["<i class=c>/* a</i>", "", "<i class=c>b */</i> x"]
        );
    }

    #[test]
    fn marks_cut_words_where_they_must() {
        let coloured = Coloured::new("let abc;");
        let marks = [2..6, 7..8];
        let expected = "<i class=k>le</i><ins><i class=k>t</i> ab</ins>c<ins>;</ins>";
        assert_eq!(coloured.html(0, &marks, "ins"), expected);
    }
}
