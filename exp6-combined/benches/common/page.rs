//! What a bench has to say: on the terminal, and on request in a page of the project.

use std::fs;
use std::path::Path;

/// The page of the benches.
pub(crate) const BENCHES: &str = "exp6-combined/benches/README.md";
/// The page with all counts and prices of the steps.
pub(crate) const NUMBERS: &str = "docs/numbers.md";

#[derive(Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    pub(crate) fn line(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Puts the text between the marks for `section` into a Markdown page of the project, and a picture, if there is one, into
    /// a file beside that page.
    pub(crate) fn publish(self, page: &str, section: &str, picture: Option<String>) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        let old = fs::read_to_string(&page).expect("the page is there");
        let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->"));
        let parts = old
            .split_once(&begin)
            .and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
        let (head, tail) = parts.expect("the page has marks for the section");
        let new = format!("{head}{begin}{}\n{end}{tail}", self.text);
        fs::write(&page, new).expect("the page can be written");
        if let Some(picture) = picture {
            let file = page.with_file_name(format!("{section}.svg"));
            fs::write(file, picture).expect("the picture can be written");
        }
    }
}
