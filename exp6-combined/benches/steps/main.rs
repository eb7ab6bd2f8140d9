//! The price of each step: the same things done on every experiment that can do them, in time and in counts. Prints one
//! Markdown table. `cargo bench -p exp6-combined --bench steps`, and behind `--` what `USAGE` says.

#[path = "../common/mod.rs"]
mod common;
mod counts;
mod exps;
mod work;

use std::env;
use std::process::ExitCode;
use std::thread;

use common::clock::{count_cpu_time, kind};
use common::page::{NUMBERS, Page};
use common::{in_turn, quartiles};
use counts::{Tool, child};
use exps::{STEPS, Step};

const USAGE: &str = "\
--quick      fewer runs
--cpu        processor time of the scheduler's thread, on a machine that others use too
--counts     what does not depend on the machine, and no times
--publish    writes the table into docs/numbers.md";

/// What is timed: a workload, how often it is done, and what the table calls it.
const TIMES: [(&str, usize, &str); 10] = [
    ("spawn", 100_000, "spawn a task and run it"),
    ("join", 100_000, "spawn a task and join it"),
    ("yield", 300_000, "yield, 1,000 tasks"),
    ("sleep", 50_000, "spawn a task that sleeps, and wake it"),
    ("sleep_dropped", 100_000, "begin a sleep and drop it"),
    ("wake", 20_000, "ask another thread, and be woken by it"),
    ("job", 5_000, "have the pool do a job"),
    ("echo_1", 20_000, "echo a message, 1 connection"),
    ("echo_50", 50_000, "echo a message, 50 connections"),
    ("echo_rw", 20_000, "echo a message, 1 connection, `AsyncRead`"),
];

/// What is counted, by what means, and how often it is done.
const COUNTS: [(&str, Tool, &str, usize); 17] = [
    ("allocations: a task", Tool::Allocations, "spawn", 10_000),
    ("allocations: a yield", Tool::Allocations, "yield", 100_000),
    ("allocations: a task that sleeps", Tool::Allocations, "asleep", 50_000),
    (
        "allocations: a sleep begun and dropped",
        Tool::Allocations,
        "sleep_dropped",
        10_000,
    ),
    ("allocations: a job", Tool::Allocations, "job", 1_000),
    ("allocations: a message echoed", Tool::Allocations, "echo_1", 1_000),
    ("bytes: a task that sleeps", Tool::Bytes, "asleep", 50_000),
    ("bytes: the same, in pages in use", Tool::Pages, "asleep", 50_000),
    ("instructions: a task", Tool::Instructions, "spawn", 10_000),
    ("instructions: a task, joined", Tool::Instructions, "join", 10_000),
    ("instructions: a yield", Tool::Instructions, "yield", 100_000),
    (
        "instructions: a sleep begun and dropped",
        Tool::Instructions,
        "sleep_dropped",
        10_000,
    ),
    ("instructions: a message echoed", Tool::Instructions, "echo_50", 10_000),
    (
        "system calls: a message echoed, 1 connection",
        Tool::SystemCalls,
        "echo_1",
        1_000,
    ),
    (
        "system calls: a message echoed, 50 connections",
        Tool::SystemCalls,
        "echo_50",
        10_000,
    ),
    (
        "system calls: a message echoed, 1 connection, `AsyncRead`",
        Tool::SystemCalls,
        "echo_rw",
        1_000,
    ),
    (
        "system calls: ask another thread, both ends",
        Tool::SystemCalls,
        "wake",
        1_000,
    ),
];

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    if let [flag, step, work, n] = &args[..]
        && flag == "--alone"
    {
        return child(step, work, n);
    }
    let (mut bench, mut quick, mut counts, mut publish) = (false, false, false, false);
    for arg in &args {
        match arg.as_str() {
            "--bench" => bench = true,
            "--quick" => quick = true,
            "--cpu" => count_cpu_time(),
            "--counts" => counts = true,
            "--publish" => publish = true,
            _ => {
                eprintln!("{arg}: no such option\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    // Without `--bench`, which cargo says, this is a test: everything once, and with small numbers.
    let (rounds, divisor) = match (bench, quick) {
        (false, _) => (1, 100),
        (true, true) => (3, 1),
        (true, false) => (15, 1),
    };
    let mut page = Page::default();
    page.line(&format!("{}\n{}\n", common::variant(), kind()));
    page.line(&format!("| | {} |", STEPS.map(|step| step.name).join(" | ")));
    page.line(&format!("|---{}|", "|--:".repeat(STEPS.len())));
    page.line(&format!("| *adds* | {} |", STEPS.map(|step| step.adds).join(" | ")));
    if !counts {
        for (work, n, title) in TIMES {
            page.line(&row(&format!("ns: {title}"), &times(work, n / divisor, rounds)));
        }
    }
    // Small numbers show that the counts can be taken, and no more.
    for (title, tool, work, n) in COUNTS {
        let count = |step: &Step| {
            step.find(work)
                .and_then(|_| tool.per_operation(step.name, work, n / divisor))
        };
        page.line(&row(title, &STEPS.each_ref().map(count)));
    }
    if publish {
        page.publish(NUMBERS, "steps", None);
    }
    ExitCode::SUCCESS
}

fn row(title: &str, values: &[Option<f64>]) -> String {
    let cell = |value: &Option<f64>| match value {
        None => "–".to_owned(),
        // Of what is seldom done, the part that is done.
        Some(value) if *value < 10.0 && value.fract() > 0.005 => format!("{value:.2}"),
        Some(value) => format!("{value:.0}"),
    };
    let cells: Vec<_> = values.iter().map(cell).collect();
    format!("| {title} | {} |", cells.join(" | "))
}

/// Nanoseconds an operation: the median of rounds in which each experiment has its turn.
fn times(work: &str, n: usize, rounds: usize) -> Vec<Option<f64>> {
    let runs = in_turn(STEPS.len(), rounds, |place| {
        let run = STEPS[place].find(work)?;
        let time = thread::spawn(move || run(n)).join();
        let time = time.expect("the workload checks its result");
        Some(time.as_nanos() as f64 / n as f64)
    });
    let median = |runs: &Vec<f64>| (!runs.is_empty()).then(|| quartiles(runs)[1]);
    runs.iter().map(median).collect()
}
