//! The places in Markdown pages that are generated: from `<!-- generated: NAME -->` to `<!-- /generated -->`.

use crate::stop::{Result, failed};

const END: &str = "<!-- /generated -->";

/// The page with `block(name)` in the place of each name. `None` says that nobody knows the name.
pub(crate) fn fill(path: &str, page: &str, mut block: impl FnMut(&str) -> Result<Option<String>>) -> Result<String> {
    let (mut text, mut rest) = (String::new(), page);
    while let Some((before, name, after)) = next(rest) {
        let Some(block) = block(name)? else {
            return failed(format!("{path}: nothing of the name `{name}` is generated here"));
        };
        let Some(end) = after.find(END) else {
            return failed(format!("{path}: {END} is missing after <!-- generated: {name} -->"));
        };
        text.push_str(&format!(
            "{before}<!-- generated: {name} -->\n{}\n{END}",
            block.trim_end()
        ));
        rest = &after[end + END.len()..];
    }
    text.push_str(rest);
    Ok(text)
}

/// The next marker that stands on a line of its own: what is before it, its name, and what is after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let name = line
            .trim_end()
            .strip_prefix("<!-- generated: ")
            .and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(name) = name {
            return Some((&text[..start], name, &text[start + line.len()..]));
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Before.\n<!-- generated: a -->\nold\n<!-- /generated -->\nAfter.\n";

    /// `a` is known, and nothing else.
    fn fill_a(page: &str, block: &str) -> Result<String> {
        fill("page", page, |name| Ok((name == "a").then(|| block.to_owned())))
    }

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let filled = fill_a(PAGE, "new\n").expect("a good page");
        assert_eq!(filled, PAGE.replace("old", "new"));
    }

    #[test]
    fn filling_twice_is_filling_once() {
        let once = fill_a(PAGE, "new").expect("a good page");
        assert_eq!(fill_a(&once, "new").expect("a good page"), once);
    }

    #[test]
    fn each_place_gets_the_block_of_its_name() {
        let page = format!("{PAGE}{}", PAGE.replace(": a", ": b c"));
        let filled = fill("page", &page, |name| Ok(Some(format!("new {name}")))).expect("a good page");
        assert_eq!(filled, page.replacen("old", "new a", 1).replacen("old", "new b c", 1));
    }

    #[test]
    fn a_page_without_markers_is_left_alone() {
        let page = "Say `<!-- generated: a -->`.\n";
        assert_eq!(fill_a(page, "new").expect("a good page"), page);
    }

    #[test]
    fn a_marker_without_an_end_is_an_error() {
        fill_a("<!-- generated: a -->\nrest\n", "new").expect_err("it would eat the rest");
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error() {
        fill_a(&PAGE.replace(": a", ": b"), "new").expect_err("`b` is not `a`");
    }
}
