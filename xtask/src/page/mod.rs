//! `cargo xtask page`: one HTML file in which to read the growth.

mod colour;
mod data;
mod runs;

use std::io::Write;

use lexopt::prelude::*;

use crate::stop::{Result, failed};
use crate::tree::Tree;

const FILE: &str = "target/page.html";

const HTML: &str = include_str!("../../page/page.html");
const CSS: &str = include_str!("../../page/page.css");
const JS: &str = include_str!("../../page/page.js");
const PLAYER_CSS: &str = include_str!("../../page/player.css");
const PLAYER_JS: &str = include_str!("../../page/player.js");

pub(crate) fn run(mut args: lexopt::Parser, out: &mut impl Write) -> Result {
    let mut open = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long("open") => open = true,
            arg => return Err(arg.unexpected().into()),
        }
    }
    let tree = Tree::find()?;
    // `<` would end the script that holds the data.
    let (data, left_out) = data::all(&tree)?;
    let data = data.to_string().replace('<', "\\u003c");
    let mut page = HTML.to_owned();
    let places = [
        ("/* page.css */", CSS),
        ("/* player.css */", PLAYER_CSS),
        ("/* page.js */", JS),
        ("/* player.js */", PLAYER_JS),
        ("/* data */", &data),
    ];
    for (place, text) in places {
        page = page.replacen(place, text, 1);
    }
    tree.write(FILE, &page)?;
    let path = tree.path(FILE);
    for why in left_out {
        eprintln!("without a run: {why}");
    }
    writeln!(out, "{}", path.display())?;
    if open {
        return open::that(&path).or_else(|error| failed(format!("no browser opens {}: {error}", path.display())));
    }
    Ok(())
}
