//! The chart of growth: code lines a step, stacked by what they are for.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::growth;
use crate::rust::Source;
use crate::stop::{Result, Stop, failed};
use crate::tree::{STEPS, Step, Tree};

pub(crate) const FILE: &str = "docs/growth.svg";

/// What the chart says, for those who cannot see it.
const ALT: &str = "Code lines of each step, stacked by what they are for";

/// What code is for, in order of introduction. The colours stand out from white and from black, and bear white text.
const USES: [(&str, RGBColor, &[&str]); 6] = [
    (
        "the loop",
        RGBColor(0x5f, 0x6b, 0x7a),
        &["scheduler.rs", "yield_now.rs", "lib.rs"],
    ),
    (
        "time",
        RGBColor(0xb3, 0x5c, 0x00),
        &["timers.rs", "sleep.rs", "timeout.rs"],
    ),
    (
        "tasks",
        RGBColor(0x1f, 0x6f, 0xc4),
        &["run_queue.rs", "task.rs", "join.rs", "join_error.rs", "block_on.rs"],
    ),
    (
        "parking",
        RGBColor(0x9a, 0x4f, 0xb8),
        &["park.rs", "poller.rs", "self_socket.rs"],
    ),
    ("threads", RGBColor(0xc6, 0x3d, 0x5c), &["pool.rs", "blocking.rs"]),
    (
        "I/O",
        RGBColor(0x1b, 0x7f, 0x5c),
        &["source.rs", "async_io.rs", "tcp.rs"],
    ),
];

const SIZE: (u32, u32) = (830, 424);

/// Reads on white and on black, where a viewer ignores the style sheet.
pub(super) const INK: RGBColor = RGBColor(0x76, 0x7d, 0x86);

const STYLE: &str = "\
<style>
text { fill: #1f2328; font-family: system-ui, sans-serif; }
text[fill=\"#FFFFFF\"] { fill: #ffffff; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
</style>
";

/// The smallest part of a bar that has room for its number, in pixels.
const ROOM: i32 = 14;

pub(crate) fn draw(tree: &Tree) -> Result<String> {
    let mut steps = Vec::new();
    for step in &STEPS {
        steps.push(count(tree, step)?);
    }
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let drawn = draw_bars(&root, &steps).and_then(|()| draw_legend(&root));
    let drawn = drawn.and_then(|()| root.present().map_err(cannot_draw));
    drop(root);
    drawn?;
    Ok(titled(&svg, ALT, &describe(&steps)))
}

/// A chart with what screen readers say of it, and with ink for light and for dark pages.
pub(super) fn titled(svg: &str, title: &str, description: &str) -> String {
    let title = format!("<title>{title}</title>\n<desc>{description}</desc>\n{STYLE}");
    let (head, body) = svg.split_once('\n').unwrap_or((svg, ""));
    let head = head.replacen("<svg ", "<svg role=\"img\" ", 1);
    format!("{head}\n{title}{body}")
}

/// Code lines for each of the uses.
fn count(tree: &Tree, step: &Step) -> Result<[usize; USES.len()]> {
    let mut counts = [0; USES.len()];
    for name in growth::library(tree, step)? {
        let path = format!("{step}/src/{name}");
        let text = tree.read(&path)?;
        let Some(index) = USES.iter().position(|(_, _, files)| files.contains(&name.as_str())) else {
            return failed(format!("{path}: xtask/src/docs/chart.rs does not say what it is for"));
        };
        counts[index] += Source::parse(&path, &text)?.code_lines();
    }
    Ok(counts)
}

fn describe(steps: &[[usize; USES.len()]]) -> String {
    let sentences = STEPS.iter().zip(steps).map(|(step, counts)| {
        let parts = USES.iter().zip(counts).filter(|(_, count)| **count > 0);
        let parts: Vec<_> = parts.map(|((name, ..), count)| format!("{name} {count}")).collect();
        format!("{step}: {} ({}).", counts.iter().sum::<usize>(), parts.join(", "))
    });
    sentences.collect::<Vec<_>>().join(" ")
}

pub(super) fn cannot_draw(error: impl Display) -> Stop {
    Stop::Failed(format!("a chart cannot be drawn: {error}"))
}

/// Where things are, in pixels.
const BAR_WIDTH: i32 = 112;
const BAR_HEIGHT: usize = 340;
const BASELINE: i32 = 392;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Text of that size in pixels, centred or from the left.
pub(super) fn font(size: f64, anchor: HPos, colour: RGBColor) -> TextStyle<'static> {
    // The backend makes points of the size.
    let font = ("sans-serif", size * 1.24).into_font();
    font.color(&colour)
        .pos(Pos::new(anchor, VPos::Center))
        .into_text_style(&SIZE)
}

fn draw_bars(canvas: &Canvas<'_>, steps: &[[usize; USES.len()]]) -> Result {
    let tallest = steps
        .iter()
        .map(|counts| counts.iter().sum::<usize>())
        .max()
        .unwrap_or(1);
    for (index, (step, counts)) in STEPS.iter().zip(steps).enumerate() {
        let left = 14 + index as i32 * (BAR_WIDTH + 24);
        let middle = left + BAR_WIDTH / 2;
        let top = draw_bar(canvas, left, counts, tallest)?;
        let total = counts.iter().sum::<usize>().to_string();
        let texts = [(total, top - 14, 17.0), (step.dir.to_owned(), BASELINE + 18, 15.0)];
        for (text, y, size) in texts {
            let text = Text::new(text, (middle, y), font(size, HPos::Center, INK));
            canvas.draw(&text).map_err(cannot_draw)?;
        }
    }
    Ok(())
}

/// Draws a step's stack, and returns its upper end.
fn draw_bar(canvas: &Canvas<'_>, left: i32, counts: &[usize], tallest: usize) -> Result<i32> {
    let y = |lines: usize| BASELINE - (lines * BAR_HEIGHT / tallest) as i32;
    let mut below = 0;
    for ((_, colour, _), &lines) in USES.iter().zip(counts) {
        let (low, high) = (y(below), y(below + lines));
        below += lines;
        // A gap of a pixel keeps the parts apart for those who do not see the colours.
        if low - high > 1 {
            let part = Rectangle::new([(left, high + 1), (left + BAR_WIDTH, low)], colour.filled());
            canvas.draw(&part).map_err(cannot_draw)?;
        }
        if low - high >= ROOM {
            let place = (left + BAR_WIDTH / 2, (low + high) / 2 + 1);
            let number = Text::new(lines.to_string(), place, font(12.0, HPos::Center, WHITE));
            canvas.draw(&number).map_err(cannot_draw)?;
        }
    }
    Ok(y(below))
}

/// In the free corner above the small steps, in the order of the stack.
fn draw_legend(canvas: &Canvas<'_>) -> Result {
    for (index, (name, colour, _)) in USES.iter().rev().enumerate() {
        let y = 24 + index as i32 * 26;
        let swatch = Rectangle::new([(16, y - 8), (32, y + 8)], colour.filled());
        canvas.draw(&swatch).map_err(cannot_draw)?;
        let name = Text::new(*name, (42, y), font(15.0, HPos::Left, INK));
        canvas.draw(&name).map_err(cannot_draw)?;
    }
    Ok(())
}
