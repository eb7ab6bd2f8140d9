//! The price list of speed: what exp6 takes without each of its fast features, and with each alone. `cargo bench -p
//! exp6-combined --bench ablation`, and behind `--` what `USAGE` says.
//!
//! A variant is this program, built once more with other features of exp6. Each run is a process of its own.

#[path = "../common/mod.rs"]
mod common;
mod contest;
mod table;
mod variants;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, process};

use lexopt::prelude::*;

use common::clock::count_cpu_time;
use common::page::{NUMBERS, Page};
use contest::exp6::Exp6;
use contest::work::{Workload, measure};
use table::Plan;
use variants::Variants;

const USAGE: &str = "\
--quick                    fewer and shorter runs
--only yield_many,spawn    these workloads
--rounds 9                 runs of each variant
--cpu                      processor time of the scheduler's thread, on a machine that others use too
--times                    no instructions, which take most of the time
--counts                   no times
--publish                  writes the tables into docs/numbers.md, and draws docs/speed.svg
--help                     this";

struct Options {
    /// Without `--bench`, which cargo says, this is a test: nothing is built.
    bench: bool,
    plan: Plan,
    publish: bool,
}

fn main() -> ExitCode {
    common::allow_descriptors();
    let args: Vec<_> = env::args().skip(1).collect();
    if let [flag, work, divisor, clock] = &args[..]
        && flag == "--alone"
    {
        return alone(work, divisor, clock);
    }
    match parse(lexopt::Parser::from_env()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    if !options.bench {
        for work in options.plan.works {
            measure::<Exp6>(work, 100);
            println!("{} works; variants are built by `cargo bench`", work.name());
        }
        return Ok(());
    }
    let variants = Variants::new();
    let programs = variants.build()?;
    let mut page = Page::default();
    table::write(&mut page, &variants, &programs, &options.plan)?;
    if options.publish {
        page.publish(NUMBERS, "ablation", None);
        draw()?;
    }
    Ok(())
}

/// One workload, in a process of its own. Prints seconds or bytes, and for how many operations.
fn alone(work: &str, divisor: &str, clock: &str) -> ExitCode {
    let (Some(work), Ok(divisor)) = (find(work), divisor.parse()) else {
        return ExitCode::from(2);
    };
    if clock == "cpu" {
        count_cpu_time();
    }
    println!("{} {}", measure::<Exp6>(work, divisor), work.operations(divisor));
    ExitCode::SUCCESS
}

/// The picture shows lines as well as times, and xtask counts lines.
fn draw() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let args = ["run", "--quiet", "--package", "xtask", "--", "docs"];
    let status = Command::new(env!("CARGO")).args(args).current_dir(root).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err("cargo xtask docs has not drawn the picture".to_owned()),
    }
}

fn parse(mut args: lexopt::Parser) -> Result<Options, String> {
    let mut options = Options {
        bench: false,
        plan: Plan {
            works: workloads().collect(),
            rounds: 0,
            divisor: 1,
            times: true,
            counts: true,
            cpu: false,
        },
        publish: false,
    };
    let (mut quick, mut rounds, mut only) = (false, None, false);
    while let Some(arg) = args.next().map_err(misused)? {
        match arg {
            Long("bench") => options.bench = true,
            Long("quick") => quick = true,
            Long("only") => {
                only = true;
                options.plan.works = named(&args.value().and_then(ValueExt::string).map_err(misused)?)?;
            }
            Long("rounds") => rounds = Some(args.value().and_then(|value| value.parse()).map_err(misused)?),
            Long("cpu") => options.plan.cpu = true,
            Long("times") => options.plan.counts = false,
            Long("counts") => options.plan.times = false,
            Long("publish") => options.publish = true,
            Long("help") | Short('h') => {
                println!("{USAGE}");
                process::exit(0);
            }
            arg => return Err(misused(arg.unexpected())),
        }
    }
    options.plan.divisor = if quick { 5 } else { 1 };
    options.plan.rounds = rounds.unwrap_or(if quick { 3 } else { 15 }).max(1);
    if options.publish && (only || !options.plan.times) {
        return Err("--publish takes the times of all workloads: without --only and --counts".to_owned());
    }
    Ok(options)
}

fn misused(error: lexopt::Error) -> String {
    format!("{error}\n{USAGE}")
}

/// All but those that count memory in pages: the bytes that are asked for say the same without the allocator's part.
fn workloads() -> impl Iterator<Item = Workload> {
    let pages = [Workload::SleepPages, Workload::IdlePages];
    Workload::ALL.into_iter().filter(move |work| !pages.contains(work))
}

fn find(name: &str) -> Option<Workload> {
    workloads().find(|work| work.name() == name)
}

fn named(names: &str) -> Result<Vec<Workload>, String> {
    let known: Vec<_> = workloads().map(Workload::name).collect();
    let find = |name| find(name).ok_or_else(|| format!("{name}: no such workload. There are {}", known.join(", ")));
    names.split(',').map(find).collect()
}
