//! The tables: a row for each workload and what is measured of it, then what each feature gains at most.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::callgrind::instructions;
use crate::common::clock::{count_cpu_time, kind};
use crate::common::page::Page;
use crate::common::{in_turn, quartiles};
use crate::contest::work::Workload;
use crate::variants::Variants;

/// What is measured.
pub(crate) struct Plan {
    pub(crate) works: Vec<Workload>,
    pub(crate) rounds: usize,
    /// By which the numbers of operations are divided.
    pub(crate) divisor: usize,
    pub(crate) times: bool,
    pub(crate) counts: bool,
    pub(crate) cpu: bool,
}

/// A feature that gains less everywhere, or only in some rounds, is not worth its lines.
const WORTH: f64 = 1.02;

/// The sizes of the two runs whose difference is counted, as parts of the whole.
const DIVISORS: [usize; 2] = [20, 10];

/// One workload by one measure.
struct Row {
    work: Workload,
    unit: Unit,
    /// By the variants' places: what an operation takes.
    medians: Vec<f64>,
    /// The same, but the ratio of the slower variant of the pair to the faster one, as quartiles.
    ratios: Vec<Option<[f64; 3]>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Nanoseconds,
    Instructions,
    Bytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Instructions => "instructions",
            Self::Bytes => "bytes",
        }
    }
}

/// Measures, and writes each row as soon as it is known.
///
/// # Errors
///
/// In words, if a run fails: its results are wrong then, or it cannot run.
pub(crate) fn write(page: &mut Page, variants: &Variants, programs: &[PathBuf], plan: &Plan) -> Result<(), String> {
    if plan.cpu {
        count_cpu_time();
    }
    page.line(&format!("{}\n", kind()));
    let titles: Vec<_> = variants.all.iter().map(|variant| variant.title.as_str()).collect();
    page.line(&format!("| {} rounds | {} |", plan.rounds, titles.join(" | ")));
    page.line(&format!("|---{}|", "|--:".repeat(titles.len())));
    let mut rows = Vec::new();
    let mut counts = plan.counts;
    for &work in &plan.works {
        if plan.times || work.is_memory() {
            let row = measured(variants, programs, plan, work)?;
            page.line(&row.cells(variants));
            rows.push(row);
        }
        if counts && is_countable(work) {
            match counted(variants, programs, work) {
                Ok(row) => {
                    page.line(&row.cells(variants));
                    rows.push(row);
                }
                // The times are worth having alone.
                Err(problem) => {
                    eprintln!("{problem}");
                    counts = false;
                }
            }
        }
    }
    write_gains(page, variants, &rows);
    Ok(())
}

/// How many instructions a job takes depends on which thread is there first. Bytes take none.
fn is_countable(work: Workload) -> bool {
    !work.is_memory() && !matches!(work, Workload::JobsOne | Workload::JobsMany)
}

/// Time or bytes.
fn measured(variants: &Variants, programs: &[PathBuf], plan: &Plan, work: Workload) -> Result<Row, String> {
    let mut problem = None;
    let rounds = if work.is_memory() { 1 } else { plan.rounds };
    let runs = in_turn(programs.len(), rounds, |place| {
        let outcome = run(&programs[place], work, plan);
        outcome
            .map_err(|words| problem = Some(format!("{}: {words}", variants.all[place].title)))
            .ok()
    });
    match problem {
        Some(problem) => Err(problem),
        None => Ok(Row::new(variants, work, &runs)),
    }
}

/// A process that does the work and checks its results. Returns what an operation takes: nanoseconds, or bytes.
fn run(program: &Path, work: Workload, plan: &Plan) -> Result<f64, String> {
    let clock = if plan.cpu { "cpu" } else { "wall" };
    let output = Command::new(program)
        .args(["--alone", work.name(), &plan.divisor.to_string(), clock])
        .output();
    let output = output.map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut numbers = printed.split_whitespace().flat_map(str::parse::<f64>);
    match (output.status.success(), numbers.next(), numbers.next()) {
        (true, Some(bytes), Some(_)) if work.is_memory() => Ok(bytes),
        (true, Some(seconds), Some(n)) if n == work.operations(plan.divisor) as f64 => Ok(seconds * 1e9 / n),
        _ => Err(format!(
            "{} failed: {}",
            work.name(),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Instructions: the difference of two runs, so the begin of the process does not count.
fn counted(variants: &Variants, programs: &[PathBuf], work: Workload) -> Result<Row, String> {
    let count = |program: &PathBuf| -> Result<Vec<f64>, String> {
        let total = |divisor: usize| instructions(program, &["--alone", work.name(), &divisor.to_string(), "wall"]);
        let [few, many] = DIVISORS.map(|divisor| work.operations(divisor) as f64);
        Ok(vec![(total(DIVISORS[1])? - total(DIVISORS[0])?) / (many - few)])
    };
    let runs = programs.iter().map(count).collect::<Result<Vec<_>, _>>()?;
    let unit = Unit::Instructions;
    Ok(Row {
        unit,
        ..Row::new(variants, work, &runs)
    })
}

impl Row {
    fn new(variants: &Variants, work: Workload, runs: &[Vec<f64>]) -> Self {
        let ratios = (0..runs.len()).map(|place| {
            let (slower, faster) = variants.pair(place)?;
            // Of two runs of one round.
            let pairs = runs[slower].iter().zip(&runs[faster]);
            Some(quartiles(
                &pairs.map(|(slower, faster)| slower / faster).collect::<Vec<_>>(),
            ))
        });
        Self {
            work,
            unit: if work.is_memory() {
                Unit::Bytes
            } else {
                Unit::Nanoseconds
            },
            medians: runs.iter().map(|runs| quartiles(runs)[1]).collect(),
            ratios: ratios.collect(),
        }
    }

    /// Ratios, and what they are ratios of.
    fn cells(&self, variants: &Variants) -> String {
        let cell = |place: usize| match self.ratios[place] {
            Some([_, median, _]) => format!("{median:.2}"),
            None => format!("{:.0}", self.medians[place]),
        };
        let cells: Vec<_> = (0..variants.all.len()).map(cell).collect();
        format!("| {}: {} | {} |", self.work.name(), self.unit.name(), cells.join(" | "))
    }
}

/// For each feature the row in which it gains most.
fn write_gains(page: &mut Page, variants: &Variants, rows: &[Row]) {
    page.line(&format!("\n| gains at most | `{}` |", variants.features.join("` | `")));
    page.line(&format!("|---{}|", "|--:".repeat(variants.features.len())));
    for unit in [Unit::Nanoseconds, Unit::Instructions, Unit::Bytes] {
        for (side, with) in ["with all others", "alone"].iter().enumerate() {
            let cell = |feature| best(rows, &[unit], variants.of(feature)[side]).map_or("–".to_owned(), words);
            let cells: Vec<_> = (0..variants.features.len()).map(cell).collect();
            page.line(&format!("| {}, {with} | {} |", unit.name(), cells.join(" | ")));
        }
    }
    let worth = |feature| {
        let best = best(rows, &[Unit::Nanoseconds, Unit::Bytes], variants.of(feature)[0]);
        match best {
            Some((_, [low, ..])) if low >= WORTH => "yes",
            Some(_) => "no",
            None => "–",
        }
    };
    let cells: Vec<_> = (0..variants.features.len()).map(worth).collect();
    page.line(&format!("| 2 % or more in most rounds | {} |", cells.join(" | ")));
}

/// By the lower quartile: what only some rounds show may be the machine's.
fn best<'a>(rows: &'a [Row], units: &[Unit], place: usize) -> Option<(&'a Row, [f64; 3])> {
    let rows = rows.iter().filter(|row| units.contains(&row.unit));
    let ratios = rows.filter_map(|row| Some((row, row.ratios[place]?)));
    ratios.max_by(|(_, left), (_, right)| left[0].total_cmp(&right[0]))
}

fn words((row, [low, median, high]): (&Row, [f64; 3])) -> String {
    let middle = if row.unit == Unit::Nanoseconds {
        format!(" [{low:.2} {high:.2}]")
    } else {
        String::new()
    };
    format!("{}: {median:.2}{middle}", row.work.name())
}
