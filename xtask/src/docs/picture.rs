//! The picture of the loop. It grows from step to step: all six are drawn from one list of parts.

mod parts;
#[cfg(test)]
mod tests;

use parts::{End, Form, PARTS, Part, Point, Shape};

use crate::tree::{STEPS, Step};

/// All six in small, for the page of the project.
pub(crate) const ALL: &str = "docs/loop/all.svg";

pub(crate) fn path(step: &Step) -> String {
    format!("docs/loop/{}.svg", step.number)
}

const WIDTH: i32 = 540;

/// The height of a line of text.
const LINE: i32 = 19;

/// The room above the parts, for the title.
const HEAD: i32 = 40;

const MARGIN: i32 = 8;

/// The size at which a page shows a step's picture if there is room, in hundredths: its text is as large then as that of code.
const SIZE: i32 = 92;

/// In light and in dark. A viewer that ignores the second part shows the light one, on a ground of its own.
const STYLE: &str = "\
<style>
text { font: 15px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif; fill: #1f2328; }
.small text { font-size: 14px; }
text.title, tspan { font-weight: 600; }
text.legend { text-anchor: end; }
text.tag { font-size: 14px; font-weight: 600; text-anchor: middle; fill: #ffffff; }
rect { fill: #ffffff; stroke: #57606a; stroke-width: 1.2; }
rect.frame { fill: #f1f3f6; }
rect.ground { stroke: none; }
path { fill: none; stroke: #57606a; stroke-width: 1.6; }
polygon { fill: #57606a; }
.new > rect { fill: #e2f1ff; stroke: #0757b5; stroke-width: 3.4; }
.new > path { stroke: #0757b5; stroke-width: 3.4; }
.new > polygon, .new > rect.tag { fill: #0757b5; stroke: none; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
text.tag { fill: #0d1117; }
rect { fill: #0d1117; stroke: #9aa4af; }
rect.frame { fill: #1c232c; }
path { stroke: #9aa4af; }
polygon { fill: #9aa4af; }
.new > rect { fill: #10304f; stroke: #6cb6ff; }
.new > path { stroke: #6cb6ff; }
.new > polygon, .new > rect.tag { fill: #6cb6ff; }
}
</style>
";

/// How a part looks in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Old,
    New,
    /// Another form has replaced the parent's.
    Changed,
}

/// Where the picture of a step stands, and how large it is.
struct View {
    origin: Point,
    /// In hundredths, across and down.
    scale: Point,
    is_small: bool,
}

const LEGEND: &str = "thick: new or changed here";

const LEGEND_OF_ALL: &str = "Thick: new or changed. 4 and 5 grow from 3, and 6 from both.";

/// What the picture of each step says, for readers who cannot see it. The step's page has it with the picture.
const ALT: [&str; 6] = [
    "The loop of exp1: take the next task from a queue, first in, first out, and poll it. A pending task goes to the back of \
     the queue, and a ready one is dropped. The loop runs until no task is left.",
    "The loop of exp2. (1) After 64 polls without a park, wake all sleeps in the timer queue that are due. (2) Take the next \
     id from the run queue. Then take its task out of the table of tasks, and poll it; a pending task goes back to the table. \
     (3) If there is no id, no task can run: wake the sleeps of the earliest deadline in the timer queue if it has passed, \
     else park the thread until then. Changed: the loop itself no longer puts a pending task at the back of the queue. A wake \
     puts an id there; the wake may come from a poll, from the timer queue, or from another thread. A push into the empty run \
     queue calls the Unparker, and this unparks the thread.",
    "The loop of exp3. New: what is polled is a future called supervise, around the user's future. It catches a panic and \
     stores the result. The JoinHandle gives the result to the task that waits for it, and its wake puts the id of that task \
     into the run queue. All else is as in exp2.",
    "The loop of exp4. New: a thread pool, among the other threads. A task gives it a job. A thread of the pool runs it, \
     stores the result, and wakes the job's task as any other thread would. All else is as in exp3.",
    "The loop of exp5, without a thread pool. New: sources, which are descriptors and the wakers of those who wait for them. \
     Changed: part (1) looks at the selector as well, for sources that are ready; the Parker blocks in the selector until a \
     source is ready or the earliest deadline has come; the Unparker does nothing, so a wake from another thread does not end \
     the park.",
    "The loop of exp6, with the thread pool of exp4, and the selector and the sources of exp5. New: the self-socket. Changed: \
     the Unparker writes a byte into one end of the self-socket. The selector watches the other end, which is readable then, \
     and this ends the park.",
];

/// The same for the picture of all steps.
const ALT_OF_ALL: &str = "The loops of the six steps. Each has the parts of the step that it grew from, at the same places; \
                          new and changed parts have a thick border. exp1: a queue, next task, and poll. exp2: (1) after 64 \
                          polls, the due sleeps; (2) next id, then poll; (3) no task can run: park, in the Parker; with a run \
                          queue, a table of tasks, a timer queue, the Unparker, and other threads. exp3: supervise and \
                          JoinHandle. exp4: the thread pool. exp5, without the pool: the selector and the sources; the \
                          Unparker cannot end the park. exp6: the self-socket, through which it can.";

pub(crate) fn alt(step: &Step) -> &'static str {
    ALT[step.number - 1]
}

/// The picture of a step.
pub(crate) fn draw(step: &Step) -> String {
    let (top, bottom) = extent(step);
    let view = View {
        origin: (0, HEAD - top),
        scale: (100, 100),
        is_small: false,
    };
    let mut svg = head((WIDTH, HEAD + bottom - top + MARGIN), SIZE, alt(step));
    text(&mut svg, "title", (MARGIN, 23), step.dir);
    if !step.parents.is_empty() {
        text(&mut svg, "legend", (WIDTH - MARGIN, 23), LEGEND);
    }
    view.draw(step, &mut svg);
    svg + "</svg>\n"
}

/// All steps in small, two in a row.
pub(crate) fn draw_all() -> String {
    let lowest = STEPS.iter().map(|step| extent(step).1).max().unwrap_or(0);
    let (width, height) = (WIDTH * SMALL.0 / 100, (lowest - TOP) * SMALL.1 / 100 + HEAD);
    let rows = STEPS.len() as i32 / 2;
    let mut svg = head((2 * width + MARGIN, rows * (height + MARGIN) + HEAD), 100, ALT_OF_ALL);
    for (index, step) in STEPS.iter().enumerate() {
        let (column, row) = (index as i32 % 2, index as i32 / 2);
        let (left, top) = (column * (width + MARGIN), row * (height + MARGIN));
        text(&mut svg, "title", (left + MARGIN / 2, top + 23), step.dir);
        let view = View {
            origin: (left, top + HEAD - TOP * SMALL.1 / 100),
            scale: SMALL,
            is_small: true,
        };
        svg.push_str("<g class=\"small\">\n");
        view.draw(step, &mut svg);
        svg.push_str("</g>\n");
    }
    text(
        &mut svg,
        "line",
        (MARGIN / 2, rows * (height + MARGIN) + 20),
        LEGEND_OF_ALL,
    );
    svg + "</svg>\n"
}

/// The upper edge of the highest part.
const TOP: i32 = 38;

/// The scale of the small pictures, across and down, in hundredths.
const SMALL: Point = (50, 40);

/// Where the name stands in a small box that is higher than its name: so far below the upper edge.
const SMALL_ROOM: i32 = 12;

/// The height of a line of text in a small box.
const SMALL_LINE: i32 = 15;

/// `size` is in hundredths.
fn head((width, height): Point, size: i32, alt: &str) -> String {
    format!(
        "<svg role=\"img\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>\n{STYLE}\
         <rect class=\"ground\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n",
        width * size / 100,
        height * size / 100,
        escaped(alt)
    )
}

fn text(svg: &mut String, class: &str, (x, y): Point, words: &str) {
    let words = match words.split_once('|') {
        Some((bold, rest)) => format!("<tspan>{}</tspan>{}", escaped(bold), escaped(rest)),
        None => escaped(words),
    };
    svg.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{words}</text>\n"));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The upper and the lower end of what a step's picture shows.
fn extent(step: &Step) -> (i32, i32) {
    let shapes = PARTS.iter().filter_map(|part| Some(&part.form(step)?.shape));
    shapes.fold((i32::MAX, 0), |(top, bottom), shape| match shape {
        Shape::Box { rect, .. } => (top.min(rect.1), bottom.max(rect.3)),
        Shape::Arrow { .. } => (top, bottom),
    })
}

/// Whether a step is another one, or grew from it.
fn has_grown_from(step: &Step, number: usize) -> bool {
    step.number == number || step.parents().any(|parent| has_grown_from(parent, number))
}

impl Part {
    /// How it looks in a step that has it.
    fn form(&self, step: &Step) -> Option<&'static Form> {
        self.forms.iter().rfind(|form| has_grown_from(step, form.since))
    }

    fn mark(&self, step: &Step) -> Mark {
        let (form, mut parents) = (self.form(step), step.parents().filter_map(|parent| self.form(parent)));
        let Some(first) = parents.next() else {
            // All is new in the first step, so nothing is marked there.
            return if step.parents.is_empty() { Mark::Old } else { Mark::New };
        };
        let is_old =
            form.is_some_and(|form| form.says_the_same(first) || parents.any(|parent| form.says_the_same(parent)));
        if is_old { Mark::Old } else { Mark::Changed }
    }
}

impl Form {
    /// A part may become larger, to hold more parts, and still say the same.
    fn says_the_same(&self, other: &Self) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Box { lines, .. }, Shape::Box { lines: others, .. }) => lines == others,
            (
                Shape::Arrow { paths, end, label },
                Shape::Arrow {
                    paths: others,
                    end: other,
                    label: word,
                },
            ) => (paths, end, label) == (others, other, word),
            _ => false,
        }
    }
}

impl View {
    fn draw(&self, step: &Step, svg: &mut String) {
        for part in &PARTS {
            if let Some(form) = part.form(step) {
                self.draw_part(part, form, part.mark(step), svg);
            }
        }
    }

    fn draw_part(&self, part: &Part, form: &Form, mark: Mark, svg: &mut String) {
        let class = if mark == Mark::Old { "part" } else { "part new" };
        svg.push_str(&format!("<g data-part=\"{}\" class=\"{class}\">\n", part.id));
        match &form.shape {
            Shape::Box { is_frame, rect, .. } => {
                let ((left, top), (right, bottom)) = (self.place((rect.0, rect.1)), self.place((rect.2, rect.3)));
                let class = if *is_frame { "frame" } else { "box" };
                svg.push_str(&format!(
                    "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" rx=\"5\"/>\n",
                    right - left,
                    bottom - top
                ));
                self.draw_words(&form.shape, svg);
                if !self.is_small {
                    draw_tag(mark, (right, top), svg);
                }
            }
            Shape::Arrow { paths, end, label } => {
                self.draw_arrow(paths, *end, svg);
                if !self.is_small && !label.0.is_empty() {
                    text(svg, "label", self.place(label.1), label.0);
                }
            }
        }
        svg.push_str("</g>\n");
    }

    /// The text of a box, or its name in a small picture.
    fn draw_words(&self, shape: &Shape, svg: &mut String) {
        let Shape::Box {
            rect,
            text: place,
            name,
            lines,
            ..
        } = shape
        else {
            return;
        };
        if self.is_small {
            let ((x, top), (_, bottom)) = (self.place((place.0, rect.1)), self.place((rect.2, rect.3)));
            let y = top + 5 + SMALL_ROOM.min((bottom - top) / 2);
            // Two lines begin a little higher.
            let y = if name.contains('\n') { y - 2 } else { y };
            for (line, number) in name.lines().zip(0..) {
                text(svg, "line", (x, y + SMALL_LINE * number), line);
            }
            return;
        }
        let (x, y) = self.place(*place);
        for (line, number) in lines.iter().zip(0..) {
            text(svg, "line", (x, y + LINE * number), line);
        }
    }

    fn draw_arrow(&self, paths: &[&[Point]], end: End, svg: &mut String) {
        for path in paths {
            let points = path.iter().map(|point| self.place(*point));
            let points: Vec<_> = points.map(|(x, y)| format!("{x} {y}")).collect();
            svg.push_str(&format!("<path d=\"M{}\"/>\n", points.join(" L")));
        }
        let [first, second, before, last] = ends(paths[0]).map(|point| self.place(point));
        match end {
            End::Join => {}
            End::Head => svg.push_str(&self.arrow_head(before, last)),
            End::Heads => {
                svg.push_str(&self.arrow_head(second, first));
                svg.push_str(&self.arrow_head(before, last));
            }
            End::Cross => svg.push_str(&self.cross(last)),
        }
    }

    /// At the end of a path that comes from `from`, across or down.
    fn arrow_head(&self, from: Point, (x, y): Point) -> String {
        let size = if self.is_small { 8 } else { 10 };
        let (dx, dy) = ((x - from.0).signum() * size, (y - from.1).signum() * size);
        let (left, right) = ((x - dx - dy / 2, y - dy - dx / 2), (x - dx + dy / 2, y - dy + dx / 2));
        format!(
            "<polygon points=\"{x},{y} {},{} {},{}\"/>\n",
            left.0, left.1, right.0, right.1
        )
    }

    fn cross(&self, (x, y): Point) -> String {
        let size = if self.is_small { 5 } else { 7 };
        let (left, right, top, bottom) = (x - size, x + size, y - size, y + size);
        format!("<path d=\"M{left} {top} L{right} {bottom} M{right} {top} L{left} {bottom}\"/>\n")
    }

    /// A point of the list, as it is in the picture.
    fn place(&self, (x, y): Point) -> Point {
        (
            self.origin.0 + x * self.scale.0 / 100,
            self.origin.1 + y * self.scale.1 / 100,
        )
    }
}

/// The first two points of a path, and the last two.
fn ends(path: &[Point]) -> [Point; 4] {
    let last = path.len() - 1;
    [path[0], path[1], path[last - 1], path[last]]
}

/// A word on the upper edge of a box, at its right end.
fn draw_tag(mark: Mark, (right, top): Point, svg: &mut String) {
    let (word, width) = match mark {
        Mark::Old => return,
        Mark::New => ("new", 40),
        Mark::Changed => ("changed", 72),
    };
    let left = right - width - 4;
    svg.push_str(&format!(
        "<rect class=\"tag\" x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"18\" rx=\"5\"/>\n",
        top - 10
    ));
    text(svg, "tag", (left + width / 2, top + 4), word);
}
