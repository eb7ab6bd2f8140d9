//! The picture of what each hundred lines of `fast` save: how many lines is counted here, and the times are those that a bench
//! has written into docs/numbers.md.

use std::iter;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::chart::{Canvas, INK, cannot_draw, font, titled};
use super::prices;
use crate::ablation::{self, Row};
use crate::stop::Result;
use crate::tree::Tree;

pub(crate) const FILE: &str = "docs/speed.svg";

/// What the picture says, for those who cannot see it.
const ALT: &str =
    "The part of its time or memory that each hundred code lines of a fast feature save for each workload";

/// For the features in turn. They stand out from white and from black.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0xb3, 0x5c, 0x00),
    RGBColor(0x1f, 0x6f, 0xc4),
    RGBColor(0x1b, 0x7f, 0x5c),
    RGBColor(0xc6, 0x3d, 0x5c),
];

/// A column of the picture.
struct Column {
    feature: String,
    /// Code lines of its files that the plain files do not have.
    lines: usize,
    /// For each row the percentage that each hundred of these lines save.
    saved: Vec<f64>,
}

/// `None` if nothing has been measured yet.
pub(super) fn draw(tree: &Tree) -> Result<Option<String>> {
    let measured = ablation::read(tree)?;
    let mut columns = Vec::new();
    for (feature, price) in prices::by_feature(tree)? {
        // One that is new is drawn when it has been measured.
        if let Some(place) = measured.features.iter().position(|name| *name == feature) {
            let saved = measured.rows.iter().map(|row| saved(row.ratios[place], price.added));
            columns.push(Column {
                saved: saved.collect(),
                lines: price.added,
                feature,
            });
        }
    }
    if columns.is_empty() || measured.rows.is_empty() {
        return Ok(None);
    }
    let mut svg = String::new();
    let size = (LEFT + WIDTH, TOP + measured.rows.len() as i32 * HEIGHT + 8);
    let root = SVGBackend::with_string(&mut svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
    let drawn = draw_works(&root, &measured.rows).and_then(|()| draw_columns(&root, &columns));
    let drawn = drawn.and_then(|()| root.present().map_err(cannot_draw));
    drop(root);
    drawn?;
    Ok(Some(titled(&svg, ALT, &describe(&measured.rows, &columns))))
}

/// From what a workload takes without a feature, as a multiple of what it takes with it.
fn saved(ratio: f64, lines: usize) -> f64 {
    (1.0 - 1.0 / ratio) * 100.0 / (lines.max(1) as f64 / 100.0)
}

fn describe(rows: &[Row], columns: &[Column]) -> String {
    let sentences = columns.iter().map(|Column { feature, lines, saved }| {
        let parts = rows
            .iter()
            .zip(saved)
            .map(|(row, saved)| format!("{} {saved:.0} %", row.work));
        format!("{feature}, {lines} lines: {}.", parts.collect::<Vec<_>>().join(", "))
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// Where things are, in pixels.
const LEFT: i32 = 112;
const WIDTH: i32 = 600;
const TOP: i32 = 58;
const HEIGHT: i32 = 24;
/// Right of the longest bar, for its number.
const NUMBER: i32 = 56;

fn draw_works(canvas: &Canvas<'_>, rows: &[Row]) -> Result {
    for (row, y) in rows.iter().zip(heights()) {
        let text = Text::new(row.work.clone(), (LEFT - 12, y), font(14.0, HPos::Right, INK));
        canvas.draw(&text).map_err(cannot_draw)?;
    }
    Ok(())
}

/// The middle of each row.
fn heights() -> impl Iterator<Item = i32> {
    iter::successors(Some(TOP + HEIGHT / 2), |y| Some(y + HEIGHT))
}

fn draw_columns(canvas: &Canvas<'_>, columns: &[Column]) -> Result {
    let all = columns.iter().flat_map(|column| &column.saved);
    let most = all.copied().fold(1.0, f64::max);
    let width = WIDTH / columns.len() as i32;
    for (place, (column, colour)) in columns.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let left = LEFT + place as i32 * width;
        let heads = [
            (column.feature.clone(), 16, 15.0),
            (format!("{} lines", column.lines), 38, 13.0),
        ];
        for (text, y, size) in heads {
            let text = Text::new(text, (left, y), font(size, HPos::Left, INK));
            canvas.draw(&text).map_err(cannot_draw)?;
        }
        for (&saved, y) in column.saved.iter().zip(heights()) {
            // What is lost has a number and no bar.
            let end = left + (saved.max(0.0) / most * f64::from(width - NUMBER)) as i32;
            let bar = Rectangle::new([(left, y - 8), (end.max(left + 1), y + 8)], colour.filled());
            canvas.draw(&bar).map_err(cannot_draw)?;
            if saved.abs() >= 0.5 {
                let number = Text::new(format!("{saved:.0} %"), (end + 6, y + 1), font(13.0, HPos::Left, INK));
                canvas.draw(&number).map_err(cannot_draw)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_lines_that_halve_the_time_save_half() {
        assert_eq!(saved(2.0, 100), 50.0);
        assert_eq!(saved(2.0, 200), 25.0);
        assert_eq!(saved(1.0, 200), 0.0);
        assert!(saved(0.9, 100) < 0.0);
    }
}
