//! exp6 beside its peers: `cargo bench -p exp6-combined --bench runtimes`.
//!
//! `-- --only yield_many,ping_pong`  these workloads, the table of ratios alone
//! `-- --peers tokio,smol`           these peers
//! `-- --pairs 9`                    rounds behind each ratio
//! `-- --cpu`                        processor time of the scheduler's thread, for a machine that others use too

mod alloc;
#[cfg(target_os = "linux")]
mod bare;
mod clock;
mod pairs;
mod peers;
mod runtime;
mod work;

use std::env;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use pairs::{Contestant, table};
use runtime::Runtime;
use work::{Workload, measure};

struct Options {
    works: Vec<Workload>,
    contestants: Vec<Contestant>,
    pairs: usize,
    /// By which the numbers of operations are divided.
    divisor: usize,
}

fn main() -> ExitCode {
    let options = match parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    allow_descriptors();
    table(&options.works, &options.contestants, options.pairs, options.divisor);
    ExitCode::SUCCESS
}

fn contestants() -> Vec<Contestant> {
    fn of<R: Runtime>() -> Contestant {
        Contestant {
            name: R::NAME,
            measure: measure::<R>,
        }
    }
    vec![
        of::<peers::Exp6>(),
        of::<peers::Tokio>(),
        of::<peers::Smol>(),
        #[cfg(target_os = "linux")]
        of::<peers::Compio>(),
        #[cfg(target_os = "linux")]
        of::<peers::Monoio>(),
        #[cfg(target_os = "linux")]
        Contestant {
            name: "bare",
            measure: bare::measure,
        },
    ]
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        works: Workload::ALL.to_vec(),
        contestants: contestants(),
        pairs: 11,
        divisor: 100,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            // Cargo says so; without it, this is a test, and the numbers are small.
            "--bench" => options.divisor = 1,
            "--cpu" => clock::count_cpu_time(),
            "--only" => {
                let value = value()?;
                options.works = each(&value, |name| {
                    Workload::ALL.into_iter().find(|work| work.name() == name)
                })?;
            }
            "--peers" => {
                let value = value()?;
                let all = contestants();
                let chosen = each(&value, |name| all.iter().find(|peer| peer.name == name).copied())?;
                options.contestants.truncate(1);
                options.contestants.extend(chosen);
            }
            "--pairs" => {
                let value = value()?;
                options.pairs = value.parse().map_err(|_| format!("{value}: not a number"))?;
            }
            _ => return Err(format!("{arg}: no such option")),
        }
    }
    if options.divisor > 1 {
        options.pairs = 1;
    }
    Ok(options)
}

fn each<T>(names: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let known = |name| find(name).ok_or_else(|| format!("{name}: no such name"));
    names.split(',').map(known).collect()
}

/// A thousand connections have two thousand ends, and the soft limit is often lower than that.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
}
