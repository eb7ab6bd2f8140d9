//! How long the slowest requests take, while a task computes: `cargo bench -p exp6-combined --bench tail`, and behind `--` what
//! `USAGE` says.

#[cfg(target_os = "linux")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../contest/mod.rs"]
mod contest;
#[cfg(target_os = "linux")]
mod pin;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod server;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;

const USAGE: &str = "\
--quick                 fewer and shorter runs
--rounds 9              runs of each server, with the computing task and without
--seconds 3             of each run
--rate 40000            requests a second; otherwise half of what the slowest runtime can do
--connections 50
--peers tokio,smol      exp6 beside these; plain, compio and monoio are there as well
--publish               writes the table into the README of the benches
--help";

struct Options {
    rounds: usize,
    /// Of a run.
    time: Duration,
    rate: Option<u64>,
    connections: usize,
    peers: Vec<String>,
    publish: bool,
}

fn main() -> ExitCode {
    let options = match parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    run(&options)
}

#[cfg(target_os = "linux")]
fn run(options: &Options) -> ExitCode {
    match rounds::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run(_: &Options) -> ExitCode {
    println!("The client and the bare server use epoll, which is Linux's.");
    ExitCode::SUCCESS
}

/// `None` for help.
fn parse(mut args: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    // Cargo says `--bench`. Without it, this is a test: everything once, and short.
    let (mut bench, mut quick) = (false, false);
    let (mut rounds, mut time, mut rate) = (None, None, None);
    let (mut connections, mut publish) = (50, false);
    let mut peers = vec!["tokio".to_owned(), "smol".to_owned()];
    while let Some(arg) = args.next()? {
        match arg {
            Long("bench") => bench = true,
            Long("quick") => quick = true,
            Long("rounds") => rounds = Some(args.value()?.parse_with(positive)?),
            Long("seconds") => time = Some(args.value()?.parse_with(seconds)?),
            Long("rate") => rate = Some(args.value()?.parse_with(positive)? as u64),
            Long("connections") => connections = args.value()?.parse_with(positive)?,
            Long("peers") => peers = args.value()?.string()?.split(',').map(str::to_owned).collect(),
            Long("publish") => publish = true,
            Short('h') | Long("help") => return Ok(None),
            option => return Err(option.unexpected()),
        }
    }
    let (few, short) = match (bench, quick) {
        (false, _) => (1, Duration::from_millis(100)),
        (true, true) => (3, Duration::from_secs(1)),
        (true, false) => (9, Duration::from_secs(3)),
    };
    Ok(Some(Options {
        rounds: rounds.unwrap_or(few),
        time: time.unwrap_or(short),
        rate,
        connections,
        peers,
        publish,
    }))
}

fn positive(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or("not a number from 1 up")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or("not a number of seconds")
}
