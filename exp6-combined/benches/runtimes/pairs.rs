//! The table of ratios. A round runs each contestant once, one after the other, and each ratio is of two runs of one
//! round: what slows the machine down for a while slows both down. The median of the rounds counts.

use std::env;
use std::fmt::Write;
use std::process::{Command, Stdio};

use crate::common::clock::kind;
use crate::common::page::Page;
use crate::common::{in_turn, quartiles};
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
    let [tokio, smol, compio, monoio] = match work {
        Spawn => [6.0, 5.0, 2.5, 1.6],
        YieldOne => [25.0, 8.0, 14.0, 6.5],
        YieldMany => [4.8, 8.0, 2.2, 3.3],
        PingPong => [1.12, 1.4, 1.7, 1.25],
        Sleeps => [1.6, 1.7, 2.0, 2.9],
        Timeouts => [6.0, 2.8, 2.0, 1.3],
        // On a quiet machine. On a busy one the way to a sleeping thread takes most of the time: 1.5 and 1.
        JobsOne => [2.0, 2.0, 1.0, 0.0],
        JobsMany => [10.0, 5.0, 1.0, 0.0],
        Echo(1) => [1.08, 1.0, 1.0, 1.0],
        Echo(50) => [1.02, 1.0, 1.0, 1.0],
        Echo(_) | Stream => [1.0; 4],
        SleepPages | IdlePages => [1.0 / 0.6, 1.0, 1.0, 0.0],
        SleepBytes | IdleBytes => return None,
    };
    let floor = match (peer, work) {
        ("tokio", _) => tokio,
        ("smol", _) => smol,
        ("compio", _) => compio,
        ("monoio", _) => monoio,
        ("bare", Echo(_)) => 0.92,
        _ => 0.0,
    };
    (floor > 0.0).then_some(floor)
}

/// What exp6 may take at most, in bytes.
fn limit(work: Workload) -> Option<f64> {
    match work {
        Workload::SleepBytes => Some(205.0),
        Workload::IdleBytes => Some(365.0),
        _ => None,
    }
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
    let mut slow = None;
    for &work in works {
        let runs = rounds_of(work, contestants, rounds, divisor);
        if work == Workload::Stream && rounds > 1 {
            slow = Some(slow_runs(contestants, &runs));
        }
        let mut line = format!("| {} | {}", work.name(), absolute(work, &runs[0]));
        if let Some(limit) = limit(work).filter(|_| divisor == 1 && !runs[0].is_empty()) {
            let [_, taken, _] = quartiles(&runs[0]);
            let held = taken <= limit;
            let _ = write!(line, " {} {limit}", if held { '✓' } else { '✗' });
            if !held {
                missed.push(format!("{}: {taken:.0} bytes, at most {limit}", work.name()));
            }
        }
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
    if let Some(slow) = slow {
        page.line(&format!("\n{slow}"));
    }
    if !missed.is_empty() {
        page.line(&format!("\nMissed floors: {}.", missed.join("; ")));
    }
    rows
}

/// `stream` has two modes where Linux paces TCP by BBR, and a median shows one of them only.
fn slow_runs(contestants: &[Contestant], runs: &[Vec<f64>]) -> String {
    let fastest = runs.iter().flatten().copied().fold(f64::MAX, f64::min);
    let share = |(contestant, runs): (&Contestant, &Vec<f64>)| {
        let slow = runs.iter().filter(|&&run| run > 2.0 * fastest).count();
        (!runs.is_empty()).then(|| format!("{} {slow} of {}", contestant.name, runs.len()))
    };
    let shares: Vec<_> = contestants.iter().zip(runs).filter_map(share).collect();
    format!(
        "Slow runs of `stream`, which take more than twice as long as the fastest one of all: {}.",
        shares.join(", ")
    )
}

/// What each contestant's runs gave.
fn rounds_of(work: Workload, contestants: &[Contestant], rounds: usize, divisor: usize) -> Vec<Vec<f64>> {
    // Counts do not vary.
    let rounds = if work.is_memory() { 1 } else { rounds };
    in_turn(contestants.len(), rounds, |place| {
        let contestant = &contestants[place];
        (contestant.has)(work).then(|| contestant.run(work, divisor))
    })
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
