//! What is done, and what comes next.

use std::io::Write;

use super::reader::{Kind, Reader};
use super::write;
use crate::stop::Result;
use crate::tree::Tree;

const WIDTH: usize = 20;

/// `[#####...............]`
pub(super) fn bar(done: usize, all: usize) -> String {
    let full = (done * WIDTH).checked_div(all).unwrap_or(0);
    format!("[{}{}]", "#".repeat(full), ".".repeat(WIDTH - full))
}

pub(super) fn write(_tree: &Tree, reader: &Reader, out: &mut impl Write) -> Result {
    let steps: Vec<_> = write::steps().map(|step| step.short()).collect();
    let done = steps.iter().filter(|name| reader.is_done(Kind::Write, name)).count();
    writeln!(out, "exercises in {}", reader.dir().display())?;
    writeln!(out, "{} {done} of {}", bar(done, steps.len()), steps.len())?;
    for name in &steps {
        writeln!(out, "  write {name}  {}", reader.progress(Kind::Write, name).unwrap_or("-"))?;
    }
    Ok(())
}
