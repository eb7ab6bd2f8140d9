//! The table of ratios. A round runs each contestant once, one after the other, and each ratio is of two runs of one
//! round: what slows the machine down for a while slows both down. The median of the rounds counts.

use std::env;
use std::fmt::Write;
use std::process::{Command, Stdio};

use crate::common::clock::kind;
use crate::common::page::Page;
use crate::common::quartiles;
use crate::contest::work::Workload;

/// Somebody to run the workloads. The first of the list is what the others are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Whether the workload can be asked of it.
    pub(crate) has: fn(Workload) -> bool,
    /// Seconds or bytes.
    pub(crate) measure: fn(Workload, usize) -> f64,
}

impl Contestant {
    fn run(&self, work: Workload, divisor: usize) -> f64 {
        match work.is_memory() {
            true => self.run_alone(work, divisor),
            false => (self.measure)(work, divisor),
        }
    }

    /// In a process of its own, for the others have left free memory behind.
    fn run_alone(&self, work: Workload, divisor: usize) -> f64 {
        let program = env::current_exe().unwrap();
        let args = ["--alone", work.name(), self.name, &divisor.to_string()];
        let output = Command::new(program)
            .args(args)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{} on {} failed", work.name(), self.name);
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

/// What is asked of a ratio, if anything.
fn floor(work: Workload, peer: &str) -> Option<f64> {
    use Workload::*;
    let floor = match (work, peer) {
        (Spawn, "tokio") => 2.5,
        (Spawn, "smol") => 1.8,
        (Spawn, "compio") => 1.0,
        (Spawn, "monoio") => 0.95,
        (YieldOne, "tokio") => 20.0,
        (YieldOne, _) => 3.0,
        (YieldMany, "tokio") => 2.3,
        (YieldMany, "smol") => 3.0,
        (YieldMany, "compio") => 1.5,
        (YieldMany, "monoio") => 0.95,
        (PingPong, "tokio") => 1.1,
        (PingPong, _) => 1.4,
        (Sleeps, "tokio" | "smol") => 1.2,
        (Sleeps, _) => 1.1,
        (Timeouts, "tokio") => 7.0,
        (Timeouts, "smol") => 1.6,
        (Timeouts, _) => 1.0,
        (JobsOne, "tokio") => 1.5,
        (JobsOne, "smol") => 1.0,
        (JobsMany, "tokio") => 10.0,
        (JobsMany, "smol") => 4.0,
        (Echo(1), "tokio") => 1.05,
        (Echo(_), "tokio") => 1.0,
        (Echo(_), "smol") => 1.3,
        (Echo(_), "bare") => 0.95,
        (Stream, "tokio" | "smol") => 1.0,
        (SleepPages | IdlePages, "tokio") => 1.0 / 0.6,
        (SleepPages | IdlePages, "smol") => 1.0,
        _ => return None,
    };
    Some(floor)
}

/// A workload, and the ratio of each contestant that has it.
pub(crate) type Row = (Workload, Vec<(&'static str, f64)>);

/// Runs the workloads, writes a Markdown table row by row, and then the floors that are missed.
pub(crate) fn table(
    page: &mut Page,
    works: &[Workload],
    contestants: &[Contestant],
    rounds: usize,
    divisor: usize,
) -> Vec<Row> {
    let first = contestants[0].name;
    page.line(kind());
    page.line(&format!(
        "Times of {first} as median of {rounds} rounds [its middle half, as deviation]. For the others the ratio of their"
    ));
    page.line(&format!(
        "time to {first}'s in the same round, also as median [middle half], and the floor that is asked of it.\n"
    ));
    let names: Vec<_> = contestants.iter().map(|contestant| contestant.name).collect();
    page.line(&format!("| workload | {} |", names.join(" | ")));
    page.line(&format!("|---{}|", "|--:".repeat(names.len())));
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    for &work in works {
        let runs = rounds_of(work, contestants, rounds, divisor);
        let mut line = format!("| {} | {}", work.name(), absolute(work, &runs[0]));
        let mut medians = Vec::new();
        for (contestant, peer) in contestants.iter().zip(&runs).skip(1) {
            let ratios: Vec<f64> = peer.iter().zip(&runs[0]).map(|(peer, ours)| peer / ours).collect();
            if ratios.is_empty() {
                line.push_str(" | –");
                continue;
            }
            let [low, median, high] = quartiles(&ratios);
            let _ = write!(line, " | {median:.2}");
            if ratios.len() > 1 {
                let _ = write!(line, " [{low:.2} {high:.2}]");
            }
            // Small numbers show that the workloads work, and no more.
            if let Some(floor) = floor(work, contestant.name).filter(|_| divisor == 1) {
                let held = median >= floor;
                let _ = write!(line, " {} {floor:.2}", if held { '✓' } else { '✗' });
                if !held {
                    missed.push(format!(
                        "{} {}: {median:.2} of {floor:.2}",
                        work.name(),
                        contestant.name
                    ));
                }
            }
            medians.push((contestant.name, median));
        }
        page.line(&format!("{line} |"));
        rows.push((work, medians));
    }
    if !missed.is_empty() {
        page.line(&format!("\nMissed floors: {}.", missed.join("; ")));
    }
    rows
}

/// What each contestant's runs gave.
fn rounds_of(work: Workload, contestants: &[Contestant], rounds: usize, divisor: usize) -> Vec<Vec<f64>> {
    // Counts do not vary.
    let rounds = if work.is_memory() { 1 } else { rounds };
    let mut runs = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        // Each goes first in turn, so that nobody always follows the same one.
        for place in 0..contestants.len() {
            let place = (place + round) % contestants.len();
            if (contestants[place].has)(work) {
                runs[place].push(contestants[place].run(work, divisor));
            }
        }
    }
    runs
}

fn absolute(work: Workload, runs: &[f64]) -> String {
    let [low, middle, high] = quartiles(runs);
    if work.is_memory() {
        format!("{middle:.0} bytes")
    } else {
        let percent = |value: f64| (value / middle - 1.0) * 100.0;
        format!("{:.1} ms [{:+.0} {:+.0} %]", middle * 1e3, percent(low), percent(high))
    }
}
