//! A record as a timeline of text, one row a task.

use std::collections::BTreeMap;
use std::io::Write;

use super::axis::{Axis, duration};
use super::record::{Record, What};
use crate::stop::Result;

/// Where the output is no terminal.
const WIDTH: usize = 100;

const NARROWEST: usize = 20;

const LEGEND: &str = "█ polled  ▒ can run  ─ waits  ░ the loop is parked  ● ended  ✗ cancelled  ! panicked";

const POLLED: char = '█';
const CAN_RUN: char = '▒';

/// A longer name is cut.
const NAME: usize = 24;

pub(crate) fn write(out: &mut impl Write, title: &str, record: &Record, to_scale: bool) -> Result {
    let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0));
    let names = record.rows.iter().map(|row| row.name.chars().count());
    let label = names.max().unwrap_or(0).clamp("loop".len(), NAME);
    let columns = width.saturating_sub(label + 4).max(NARROWEST);
    let timeline = Timeline {
        axis: Axis::new(record, to_scale).scaled(columns as f64),
        record,
        columns,
    };
    writeln!(out, "{title}")?;
    let mut line = |name: &str, cells: &[char]| -> Result {
        let name: String = name.chars().take(label).collect();
        let cells: String = cells.iter().collect();
        Ok(writeln!(out, "{}", format!("{name:label$}  {cells}").trim_end())?)
    };
    line("", &timeline.ticks())?;
    line("loop", &timeline.parks())?;
    for (row, cells) in timeline.rows().iter().enumerate() {
        line(&record.rows[row].name, cells)?;
    }
    writeln!(out, "\n{LEGEND}")?;
    if !timeline.axis.is_to_scale() {
        writeln!(out, "The longer a span, the wider, but not to scale.")?;
    }
    writeln!(out)?;
    for row in 0..record.rows.len() {
        writeln!(out, "{:label$}  {}", record.rows[row].name, summary(record, row))?;
    }
    if record.lost > 0 {
        writeln!(
            out,
            "events that are not here, because there were too many: {}",
            record.lost
        )?;
    }
    Ok(())
}

struct Timeline<'a> {
    axis: Axis,
    record: &'a Record,
    columns: usize,
}

impl Timeline<'_> {
    fn column(&self, at: u64) -> usize {
        (self.axis.place(at) as usize).min(self.columns - 1)
    }

    /// One column at least. The last of several is that of what comes next.
    fn fill(&self, cells: &mut [char], (from, to): (u64, u64), cell: char) {
        let from = self.column(from);
        let to = self.column(to).max(from + 1);
        cells[from..to].fill(cell);
    }

    fn ticks(&self) -> Vec<char> {
        let mut cells = vec![' '; self.columns];
        for at in self.axis.ticks(self.record, 9.0) {
            let text = duration(at);
            let from = self.column(at).min(self.columns.saturating_sub(text.chars().count()));
            cells[from..]
                .iter_mut()
                .zip(text.chars())
                .for_each(|(cell, letter)| *cell = letter);
        }
        cells
    }

    fn parks(&self) -> Vec<char> {
        let mut cells = vec![' '; self.columns];
        for (from, to) in &self.record.parked {
            self.fill(&mut cells, (*from, *to), '░');
            let text = format!(" {} ", duration(to - from));
            let (from, to) = (self.column(*from), self.column(*to));
            let room = (to - from).saturating_sub(text.chars().count());
            if room >= 2 {
                let middle = cells[from + room / 2..].iter_mut();
                middle.zip(text.chars()).for_each(|(cell, letter)| *cell = letter);
            }
        }
        cells
    }

    fn rows(&self) -> Vec<Vec<char>> {
        let end = self.record.end();
        // One column more: an end stands behind its poll.
        let mut rows = vec![vec![' '; self.columns + 1]; self.record.rows.len()];
        for (row, cells) in rows.iter_mut().enumerate() {
            let (spawned, ended) = self.record.life(row);
            self.fill(cells, (spawned, ended.map_or(end, |(at, _)| at)), '─');
        }
        for cause in self.record.causes() {
            if let Some(polled) = cause.polled {
                self.fill(&mut rows[cause.row], (cause.at, polled), CAN_RUN);
            }
        }
        for poll in self.record.polls() {
            self.fill(&mut rows[poll.row], (poll.from, poll.to), POLLED);
        }
        for (row, cells) in rows.iter_mut().enumerate() {
            if let (_, Some((at, how))) = self.record.life(row) {
                let free = (self.column(at)..self.columns).find(|column| ![POLLED, CAN_RUN].contains(&cells[*column]));
                cells[free.unwrap_or(self.columns)] = mark(how);
            }
        }
        rows
    }
}

fn mark(how: What) -> char {
    match how {
        What::Ready => '●',
        What::Panicked => '!',
        _ => '✗',
    }
}

/// How often it was polled, and by whom it was woken.
fn summary(record: &Record, row: usize) -> String {
    let polls = record.polls();
    let lengths: Vec<_> = polls
        .iter()
        .filter(|poll| poll.row == row)
        .map(|poll| poll.to - poll.from)
        .collect();
    let longest = duration(lengths.iter().copied().max().unwrap_or(0));
    let mut wakers = BTreeMap::new();
    for cause in record
        .causes()
        .iter()
        .filter(|cause| cause.row == row && cause.what == What::Woken)
    {
        *wakers.entry(record.by(cause)).or_insert(0) += 1;
    }
    let wakers: Vec<_> = wakers.iter().map(|(by, times)| format!("{by} {times}")).collect();
    let end = match record.life(row).1 {
        Some((at, how)) => format!("{} at {}", how.word(), duration(at)),
        None => "has not ended".to_owned(),
    };
    if record.rows[row].is_job {
        return format!("a thread's work: {longest}; {end}");
    }
    let woken = if wakers.is_empty() {
        "nobody".to_owned()
    } else {
        wakers.join(", ")
    };
    format!(
        "polls: {}, the longest {longest}; woken by {woken}; {end}",
        lengths.len()
    )
}
