//! A record as a picture, one row a task.

use std::fmt::Write;

use super::axis::{Axis, duration};
use super::record::{Cause, Record, What};

const ROW: f64 = 30.0;

/// Half the height of a poll.
const HALF: f64 = 8.0;

const HEAD: f64 = 34.0;
const MARGIN: f64 = 10.0;

/// The room of the times and the legend below the rows.
const FOOT: f64 = 64.0;

/// The same without a legend.
const SMALL_FOOT: f64 = 24.0;

/// The room of a letter in a row's name.
const LETTER: f64 = 7.6;

/// The same of a time.
const TIME_LETTER: f64 = 6.8;

/// How wide the rows are, without their names.
const WIDTHS: (f64, f64) = (570.0, 690.0);

/// In light and in dark, as the pictures of the loop.
const STYLE: &str = "\
<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif; fill: #1f2328; }
text.title { font-size: 15px; font-weight: 600; }
text.small { font-size: 12px; }
text.time { font-size: 12px; text-anchor: middle; }
rect.ground { fill: #ffffff; }
.waits { fill: none; stroke: #57606a; stroke-width: 1.4; }
.queued { fill: #ffffff; stroke: #0757b5; stroke-width: 1.4; }
.poll, .end { fill: #0757b5; stroke: #0757b5; }
.job { fill: #8a4600; stroke: #8a4600; }
.parked { fill: url(#hatched); stroke: #57606a; }
.hatch { stroke: #b3bac2; stroke-width: 1.5; }
.cross { fill: none; stroke: #b3261e; stroke-width: 2.4; }
.arrow { fill: none; stroke: #1f2328; stroke-width: 1.3; }
.tick { fill: none; stroke: #d0d7de; stroke-dasharray: 2 3; }
polygon { fill: #1f2328; }
rect.behind { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
rect.ground, rect.behind { fill: #0d1117; }
.waits { stroke: #9aa4af; }
.queued { fill: #0d1117; stroke: #6cb6ff; }
.poll, .end { fill: #6cb6ff; stroke: #6cb6ff; }
.job { fill: #f0a35e; stroke: #f0a35e; }
.parked { stroke: #9aa4af; }
.hatch { stroke: #4b5560; }
.cross { stroke: #ff8a80; }
.arrow { stroke: #e6edf3; }
.tick { stroke: #373e47; }
polygon { fill: #e6edf3; }
}
</style>
<defs><pattern id=\"hatched\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<path class=\"hatch\" d=\"M0 0 L0 6\"/></pattern></defs>
";

const LEGEND: [&str; 2] = [
    "Filled: polled, or a thread at work. Outlined: can run. Line: waits. Hatched: the loop is parked.",
    "Arrow: wakes, or spawns. Dot: ended. Cross: cancelled, or panic. The longer, the wider, but not to scale.",
];

const TO_SCALE: &str = "Arrow: wakes, or spawns. Dot: ended. Cross: cancelled, or a panic.";

/// How a record is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// Every span as wide as it is long.
    pub(crate) to_scale: bool,
    /// To stand beside others, without a legend.
    pub(crate) is_small: bool,
}

/// How wide the rows of a small picture are.
const SMALL: f64 = 250.0;

struct Picture<'a> {
    record: &'a Record,
    axis: Axis,
    left: f64,
    svg: String,
}

/// `alt` is for readers who cannot see it.
pub(crate) fn draw(title: &str, alt: &str, record: &Record, look: Look) -> String {
    let names = record.rows.iter().map(|row| row.name.chars().count());
    let left = 2.0 * MARGIN + LETTER * names.max().unwrap_or(0).max(4) as f64;
    let axis = Axis::new(record, look.to_scale);
    let width = if look.is_small {
        SMALL
    } else {
        axis.width().clamp(WIDTHS.0, WIDTHS.1)
    };
    let bottom = HEAD + ROW * (record.rows.len() + 1) as f64;
    let foot = if look.is_small { SMALL_FOOT } else { FOOT };
    let svg = head(title, alt, (left + width + 2.5 * MARGIN, bottom + foot));
    let axis = axis.scaled(width);
    let mut picture = Picture {
        record,
        axis,
        left,
        svg,
    };
    picture.ticks(bottom);
    picture.parks();
    (0..record.rows.len()).for_each(|row| picture.row(row));
    record.causes().iter().for_each(|cause| picture.arrow(cause));
    if !look.is_small {
        let second = if picture.axis.is_to_scale() {
            TO_SCALE
        } else {
            LEGEND[1]
        };
        picture.text("small", (MARGIN, bottom + 38.0), LEGEND[0]);
        picture.text("small", (MARGIN, bottom + 55.0), second);
    }
    picture.svg + "</svg>\n"
}

fn head(title: &str, alt: &str, (width, height): (f64, f64)) -> String {
    format!(
        "<svg role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>\n{STYLE}\
         <rect class=\"ground\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"{MARGIN}\" y=\"21\">{}</text>\n",
        escaped(alt),
        escaped(title)
    )
}

impl Picture<'_> {
    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        let _never_fails = writeln!(self.svg, "{element}");
    }

    fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    fn x(&self, at: u64) -> f64 {
        self.left + self.axis.place(at)
    }

    /// The middle of a row. The loop is the first.
    fn y(place: usize) -> f64 {
        HEAD + ROW * (place as f64 + 0.5)
    }

    /// Two pixels wide at least.
    fn span(&mut self, class: &str, y: f64, half: f64, (from, to): (u64, u64)) {
        let (x, width) = (self.x(from), (self.x(to) - self.x(from)).max(2.0));
        let (top, height) = (y - half, 2.0 * half);
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        ));
    }

    fn ticks(&mut self, bottom: f64) {
        for at in self.axis.ticks(self.record, 52.0) {
            let x = self.x(at);
            self.add(format_args!(
                "<path class=\"tick\" d=\"M{x:.1} {HEAD} L{x:.1} {bottom:.1}\"/>"
            ));
            self.text("time", (x, bottom + 14.0), &duration(at));
        }
    }

    fn parks(&mut self) {
        let y = Self::y(0);
        self.text("name", (MARGIN, y + 4.0), "loop");
        let record = self.record;
        for (from, to) in &record.parked {
            self.span("parked", y, HALF, (*from, *to));
            let (text, middle) = (duration(to - from), (self.x(*from) + self.x(*to)) / 2.0);
            let width = TIME_LETTER * text.chars().count() as f64;
            if self.x(*to) - self.x(*from) > width + 4.0 {
                let (x, top) = (middle - width / 2.0, y - 7.0);
                self.add(format_args!(
                    "<rect class=\"behind\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"14\"/>"
                ));
                self.text("time", (middle, y + 4.0), &text);
            }
        }
    }

    fn row(&mut self, row: usize) {
        let (record, y) = (self.record, Self::y(row + 1));
        let name = &record.rows[row].name;
        self.add(format_args!("<g data-row=\"{}\">", escaped(name)));
        self.text("name", (MARGIN, y + 4.0), name);
        let (spawned, ended) = record.life(row);
        let end = ended.map_or(record.end(), |(at, _)| at);
        let (from, to) = (self.x(spawned), self.x(end));
        self.add(format_args!(
            "<path class=\"waits\" d=\"M{from:.1} {y} L{to:.1} {y}\"/>"
        ));
        let causes = record.causes().into_iter().filter(|cause| cause.row == row);
        for cause in causes {
            if let Some(polled) = cause.polled {
                self.span("queued", y, HALF - 3.0, (cause.at, polled));
            }
        }
        let class = if record.rows[row].is_job { "job" } else { "poll" };
        for poll in record.polls().iter().filter(|poll| poll.row == row) {
            self.span(class, y, HALF, (poll.from, poll.to));
        }
        match ended {
            Some((at, What::Ready)) => {
                let x = self.x(at) + 3.0;
                self.add(format_args!("<circle class=\"end\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"/>"));
            }
            Some((at, _)) => self.cross(self.x(at) + 3.0, y),
            None => {}
        }
        self.add(format_args!("</g>"));
    }

    fn cross(&mut self, x: f64, y: f64) {
        let (left, right, top, bottom) = (x - 5.0, x + 5.0, y - 5.0, y + 5.0);
        self.add(format_args!(
            "<path class=\"cross\" d=\"M{left:.1} {top} L{right:.1} {bottom} M{right:.1} {top} L{left:.1} {bottom}\"/>"
        ));
    }

    /// Down or up, from who wakes to who is woken. What a task does to itself needs none.
    fn arrow(&mut self, cause: &Cause) {
        let target = cause.row + 1;
        let from = match cause.by {
            Some(row) if row == cause.row => return,
            Some(row) => row + 1,
            None if cause.what == What::Spawned => return,
            None => 0,
        };
        let down = if from < target { 1.0 } else { -1.0 };
        let (x, start, end) = (
            self.x(cause.at),
            Self::y(from) + down * HALF,
            Self::y(target) - down * HALF,
        );
        let (left, right, back) = (x - 4.0, x + 4.0, end - down * 7.0);
        self.add(format_args!(
            "<path class=\"arrow\" d=\"M{x:.1} {start} L{x:.1} {back}\"/>"
        ));
        self.add(format_args!(
            "<polygon points=\"{x:.1},{end} {left:.1},{back} {right:.1},{back}\"/>"
        ));
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
