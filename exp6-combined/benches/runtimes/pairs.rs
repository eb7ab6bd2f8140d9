//! The table of ratios. A round runs each contestant once, one after the other, and each ratio is of two runs of one
//! round: what slows the machine down for a while slows both down. The median of the rounds counts.

use std::fmt::Write;

use crate::work::Workload;

/// Somebody to run the workloads. The first of the list is what the others are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Seconds or bytes; `None` if it does not have the workload.
    pub(crate) measure: fn(Workload, usize) -> Option<f64>,
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
        (SleepBytes | IdleBytes, "tokio") => 1.0 / 0.6,
        (SleepBytes | IdleBytes, "smol") => 1.0,
        _ => return None,
    };
    Some(floor)
}

/// Runs the workloads, prints a Markdown table row by row, and returns whether all floors are held.
pub(crate) fn table(works: &[Workload], contestants: &[Contestant], rounds: usize, divisor: usize) -> bool {
    println!(
        "Times of {} as median, in brackets its middle half as deviation; ratios peer / {}, median of {rounds}",
        contestants[0].name, contestants[0].name
    );
    println!("rounds [middle half], and the floor, if there is one: ✓ held, ✗ missed.\n");
    let names: Vec<_> = contestants.iter().map(|contestant| contestant.name).collect();
    println!("| workload | {} |", names.join(" | "));
    println!("|---{}|", "|--:".repeat(names.len()));
    let mut held = true;
    for &work in works {
        let rounds = if work.is_memory() { 1 } else { rounds };
        let mut runs = vec![Vec::new(); contestants.len()];
        for round in 0..rounds {
            // Each goes first in turn, so that nobody always follows the same one.
            for place in 0..contestants.len() {
                let place = (place + round) % contestants.len();
                runs[place].extend((contestants[place].measure)(work, divisor));
            }
        }
        let mut row = format!("| {} | {}", work.name(), absolute(work, &runs[0]));
        for (contestant, peer) in contestants.iter().zip(&runs).skip(1) {
            let ratios: Vec<f64> = peer.iter().zip(&runs[0]).map(|(peer, ours)| peer / ours).collect();
            let floor = floor(work, contestant.name);
            held &= write_ratio(&mut row, &ratios, floor);
        }
        println!("{row} |");
    }
    held
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

fn write_ratio(row: &mut String, ratios: &[f64], floor: Option<f64>) -> bool {
    if ratios.is_empty() {
        row.push_str(" | –");
        return true;
    }
    let [low, middle, high] = quartiles(ratios);
    let _ = write!(row, " | {middle:.2}");
    if ratios.len() > 1 {
        let _ = write!(row, " [{low:.2} {high:.2}]");
    }
    let Some(floor) = floor else {
        return true;
    };
    let held = middle >= floor;
    let _ = write!(row, " {} {floor:.2}", if held { "✓" } else { "✗" });
    held
}

/// The value a quarter of the way up, half of it, and three quarters.
pub(crate) fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    [at(0.25), at(0.5), at(0.75)]
}
