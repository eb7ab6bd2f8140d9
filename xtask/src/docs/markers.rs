//! The places in Markdown pages that are generated: from `<!-- generated: NAME -->` to `<!-- /generated -->`.

use crate::stop::{Result, failed};

const END: &str = "<!-- /generated -->";

/// The page with `block` in the place of that name; `None` if it has no such place.
pub(crate) fn fill(path: &str, page: &str, name: &str, block: &str) -> Result<Option<String>> {
    let (mut text, mut rest, mut filled) = (String::new(), page, false);
    while let Some((before, found, after)) = next(rest) {
        if found != name {
            return failed(format!(
                "{path}: nothing of the name `{found}` is generated here, only `{name}`"
            ));
        }
        let Some(end) = after.find(END) else {
            return failed(format!("{path}: {END} is missing after <!-- generated: {name} -->"));
        };
        text.push_str(&format!(
            "{before}<!-- generated: {name} -->\n{}\n{END}",
            block.trim_end()
        ));
        rest = &after[end + END.len()..];
        filled = true;
    }
    text.push_str(rest);
    Ok(filled.then_some(text))
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

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let filled = fill("page", PAGE, "a", "new\n").expect("a good page");
        assert_eq!(filled.as_deref(), Some(PAGE.replace("old", "new").as_str()));
    }

    #[test]
    fn filling_twice_is_filling_once() {
        let once = fill("page", PAGE, "a", "new").expect("a good page").expect("a place");
        let twice = fill("page", &once, "a", "new").expect("a good page").expect("a place");
        assert_eq!(once, twice);
    }

    #[test]
    fn a_page_without_markers_is_left_alone() {
        let filled = fill("page", "Say `<!-- generated: a -->`.\n", "a", "new").expect("a good page");
        assert_eq!(filled, None);
    }

    #[test]
    fn a_marker_without_an_end_is_an_error() {
        fill("page", "<!-- generated: a -->\nrest\n", "a", "new").expect_err("it would eat the rest");
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error() {
        fill("page", PAGE, "b", "new").expect_err("`a` is not `b`");
    }
}
