//! What a bench has to say: on the terminal, and on request in a README.

use std::fs;
use std::path::Path;

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

    /// Puts the page between the marks for `section` in the README of `folder`, which is that of the benches or of the
    /// project, and a picture, if there is one, into a file beside it.
    pub(crate) fn publish(self, folder: &str, section: &str, picture: Option<String>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let readme = folder.join("README.md");
        let old = fs::read_to_string(&readme).expect("the README is there");
        let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->"));
        let parts = old
            .split_once(&begin)
            .and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
        let (head, tail) = parts.expect("the README has marks for the section");
        let new = format!("{head}{begin}{}\n{end}{tail}", self.text);
        fs::write(readme, new).expect("the README can be written");
        if let Some(picture) = picture {
            fs::write(folder.join(format!("{section}.svg")), picture).expect("the picture can be written");
        }
    }
}
