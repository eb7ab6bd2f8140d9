//! What can be counted, and so does not depend on the machine. Each count is the difference of two processes, one of
//! which does something twice as often: so what they do besides does not count.

use std::process::{Command, ExitCode};
use std::{env, fs, process};

use crate::common::alloc::Count;
use crate::common::callgrind::instructions;
use crate::exps::STEPS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Calls of the allocator.
    Allocations,
    /// What is asked of the allocator and not given back.
    Bytes,
    /// Memory that the process has come to use.
    Pages,
    /// As callgrind counts them, in this process and not in the kernel.
    Instructions,
    /// As strace counts them, on all threads.
    SystemCalls,
}

impl Tool {
    /// `None` if the tool is not there.
    pub(crate) fn per_operation(self, step: &str, work: &str, n: usize) -> Option<f64> {
        let (once, twice) = (self.total(step, work, n)?, self.total(step, work, 2 * n)?);
        Some(((twice - once) / n as f64).max(0.0))
    }

    fn total(self, step: &str, work: &str, n: usize) -> Option<f64> {
        let program = env::current_exe().unwrap();
        let args = ["--alone", step, work, &n.to_string()];
        if self == Self::Instructions {
            let counted = instructions(&program, &args);
            return counted.map_err(|problem| eprintln!("{work} on {step}: {problem}")).ok();
        }
        let report = env::temp_dir().join(format!("steps-{}", process::id()));
        let mut command = match self {
            Self::SystemCalls => {
                let mut command = Command::new("strace");
                command.args(["-f", "-c", "-o"]).arg(&report).arg(program);
                command
            }
            _ => Command::new(program),
        };
        let output = match command.args(args).output() {
            Ok(output) => output,
            Err(error) => {
                eprintln!("{:?}: {error}; not counted: {self:?}", command.get_program());
                return None;
            }
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            eprintln!("{work} on {step} failed: {errors}");
            return None;
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let word = |place| printed.split_whitespace().nth(place)?.parse().ok();
        match self {
            Self::Allocations => word(0),
            Self::Bytes => word(1),
            Self::Pages => word(2),
            Self::Instructions => unreachable!("callgrind has counted them"),
            Self::SystemCalls => {
                let summary = fs::read_to_string(&report).unwrap();
                fs::remove_file(report).unwrap();
                Some(summary.lines().filter_map(calls).sum())
            }
        }
    }
}

/// The number of calls in a line of strace's summary: the fourth column, if it is not a heading or the total.
fn calls(line: &str) -> Option<f64> {
    let words: Vec<_> = line.split_whitespace().collect();
    if words.last() == Some(&"total") {
        return None;
    }
    words.get(3)?.parse().ok()
}

/// One workload in a process of its own, which prints what it took of the allocator.
pub(crate) fn child(step: &str, work: &str, n: &str) -> ExitCode {
    let step = STEPS.iter().find(|candidate| candidate.name == step);
    let (Some(run), Ok(n)) = (step.and_then(|step| step.find(work)), n.parse()) else {
        return ExitCode::from(2);
    };
    let count = Count::start();
    run(n);
    count.stop().print();
    ExitCode::SUCCESS
}
