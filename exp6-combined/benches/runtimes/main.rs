//! exp6 beside its peers: `cargo bench -p exp6-combined --bench runtimes`, and behind `--` what `USAGE` says.

#[cfg(target_os = "linux")]
mod bare;
mod chart;
#[path = "../common/mod.rs"]
mod common;
#[path = "../contest/mod.rs"]
mod contest;
mod machine;
mod pairs;
mod report;

use std::env;
use std::process::ExitCode;

use chart::chart;
use common::page::{BENCHES, Page};
use contest::peers;
use contest::runtime::Runtime;
use contest::work::{Workload, has, measure};
use pairs::{Contestant, table};
use report::Effort;

const USAGE: &str = "\
--quick                    fewer and shorter runs
--only yield_many,spawn    these workloads, and no more than the table of ratios
--peers tokio,smol         exp6 beside these
--pairs 9                  rounds behind each ratio
--publish                  writes the table and its chart beside the README of the benches
--cpu                      processor time of the scheduler's thread, on a machine that others use too";

struct Options {
    works: Vec<Workload>,
    contestants: Vec<Contestant>,
    pairs: usize,
    /// By which the numbers of operations are divided.
    divisor: usize,
    /// Whether the table and its chart are to go into the README.
    publish: bool,
    /// criterion's part, if it is wanted.
    report: Option<Effort>,
}

fn main() -> ExitCode {
    common::allow_descriptors();
    let args: Vec<_> = env::args().skip(1).collect();
    if let [flag, work, name, divisor] = &args[..]
        && flag == "--alone"
    {
        return alone(work, name, divisor);
    }
    let options = match parse(args.into_iter()) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    if let Some(effort) = options.report {
        report::report(&options.works, &options.contestants, effort);
    }
    let mut page = Page::default();
    page.line(&machine::describe());
    page.line(&common::variant());
    let rows = table(
        &mut page,
        &options.works,
        &options.contestants,
        options.pairs,
        options.divisor,
    );
    if options.publish {
        page.publish(BENCHES, "runtimes", Some(chart(&rows, &options.contestants)));
    }
    ExitCode::SUCCESS
}

/// One run, for a process that wants to know what it takes.
fn alone(work: &str, name: &str, divisor: &str) -> ExitCode {
    let work = Workload::ALL.into_iter().find(|candidate| candidate.name() == work);
    let contestant = contestants().into_iter().find(|candidate| candidate.name == name);
    let (Some(work), Some(contestant), Ok(divisor)) = (work, contestant, divisor.parse()) else {
        return ExitCode::from(2);
    };
    println!("{}", (contestant.measure)(work, divisor));
    ExitCode::SUCCESS
}

fn contestants() -> Vec<Contestant> {
    fn of<R: Runtime>() -> Contestant {
        Contestant {
            name: R::NAME,
            has: has::<R>,
            measure: measure::<R>,
        }
    }
    vec![
        of::<peers::exp6::Exp6>(),
        of::<peers::plain::Plain>(),
        of::<peers::tokio::Tokio>(),
        of::<peers::smol::Smol>(),
        #[cfg(target_os = "linux")]
        of::<peers::compio::Compio>(),
        #[cfg(target_os = "linux")]
        of::<peers::monoio::Monoio>(),
        #[cfg(target_os = "linux")]
        Contestant {
            name: "bare",
            has: bare::has,
            measure: bare::measure,
        },
    ]
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        works: Workload::ALL.to_vec(),
        contestants: contestants(),
        pairs: 1,
        divisor: 100,
        publish: false,
        report: None,
    };
    // Cargo says `--bench`. Without it, this is a test: everything once, and with small numbers.
    let (mut bench, mut quick, mut pairs, mut only) = (false, false, None, false);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--bench" => bench = true,
            "--quick" => quick = true,
            "--cpu" => common::clock::count_cpu_time(),
            "--only" => {
                only = true;
                options.works = each(&value()?, |name| {
                    Workload::ALL.into_iter().find(|work| work.name() == name)
                })?;
            }
            "--publish" => options.publish = true,
            "--peers" => {
                let all = options.contestants.clone();
                let chosen = each(&value()?, |name| all.iter().find(|peer| peer.name == name).copied())?;
                options.contestants.truncate(1);
                options.contestants.extend(chosen);
            }
            "--pairs" => {
                let value = value()?;
                let number = value.parse().ok().filter(|&number| number > 0);
                pairs = Some(number.ok_or_else(|| format!("{value}: not a number of rounds"))?);
            }
            _ => return Err(format!("{arg}: no such option\n{USAGE}")),
        }
    }
    if bench {
        let effort = if quick { Effort::Quick } else { Effort::Full };
        options.pairs = pairs.unwrap_or(if quick { 3 } else { 15 });
        options.divisor = 1;
        options.report = (!only).then_some(effort);
    }
    Ok(options)
}

fn each<T>(names: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let known = |name| find(name).ok_or_else(|| format!("{name}: no such name"));
    names.split(',').map(known).collect()
}
