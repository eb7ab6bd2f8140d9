//! The project's own commands: `cargo xtask help` lists them.

mod ablation;
mod broken;
mod child;
mod compare;
mod concepts;
mod diff;
mod docs;
mod exercise;
mod forward;
mod git;
mod growth;
mod limits;
mod lines;
mod markdown;
mod page;
mod player;
mod rust;
mod same;
mod split;
mod stop;
mod table;
mod trace;
mod tree;
mod twins;
mod unified;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::stop::{Result, Stop, unknown};

const HELP: &str = "\
Usage: cargo xtask COMMAND

  diff [STEP [STEP]] [--stat|--split]   what a step changes; without STEP, every step of the tree
  diff fast [FILE...] [--stat|--split]  the plain files of exp6 against their twins; without FILE, all of them
  growth                                the numbers of growth
  same [--update]                       what the steps share is the same, and the rules of growth hold
  forward FILE [--from STEP]            carries a change made in one step on to the later ones
  docs [--check]                        writes what is generated, or says what is stale
  page [--open]                         writes one HTML file in which to read the growth
  broken [--check] [PATCH...]           every mistake in patches/ makes its test fail, or still applies
  trace STEP [--svg FILE] [--json FILE] [--limit SECONDS] [--program FILE] [--to-scale]
                                        runs a step's demo, or a program like it, and shows when each task was polled and
                                        woken: here, as a picture, or as a trace for ui.perfetto.dev; cut off after 10 s
  trace --docs [--check]                records the runs in docs/trace anew, or says where runs do something else now
  player [--check] [RUN...]             records the runs of the page's player in docs/player anew, or says where runs do
                                        something else now
  exercise                              the exercises: what is done, and what comes next
  exercise write STEP [DIR]             makes a crate in which you write this step yourself
  exercise find [NAME [DIR]]            makes a copy of a step with a mistake in it
  exercise predict [STEP [NUMBER]]      small programs: you say what they print
  exercise check [DIR] [--hint]         tells how far an exercise is; gives the next hint

A STEP is 1 to 6, exp1 to exp6, or the name of its folder. A FILE is the name of a twin, such as timers.
";

const COMMANDS: [&str; 11] = [
    "diff", "growth", "same", "forward", "docs", "page", "broken", "trace", "player", "exercise", "help",
];

fn main() -> ExitCode {
    let mut out = BufWriter::new(anstream::stdout().lock());
    let done = run(&mut out);
    let flushed = out.flush();
    let message = match done.and(flushed.map_err(Stop::from)) {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever reads has seen enough: `cargo xtask diff | head`.
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Stop::Output(error)) => error.to_string(),
        Err(Stop::Failed(message)) => message,
        Err(Stop::Usage(message)) => {
            eprintln!("xtask: {message}");
            return ExitCode::from(2);
        }
    };
    eprintln!("xtask: {message}");
    ExitCode::FAILURE
}

fn run(out: &mut impl Write) -> Result {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(Value(word)) => word.string()?,
        Some(Long("help") | Short('h')) => "help".to_owned(),
        Some(option) => return Err(option.unexpected().into()),
        None => {
            return Err(Stop::Usage(format!("say which command: {}", COMMANDS.join(", "))));
        }
    };
    match command.as_str() {
        "diff" => diff::run(args, out),
        "growth" => growth::run(args, out),
        "same" => same::run(args, out),
        "docs" => docs::run(args, out),
        "forward" => forward::run(args, out),
        "page" => page::run(args, out),
        "broken" => broken::run(args, out),
        "trace" => trace::run(args, out),
        "player" => player::run(args, out),
        "exercise" => exercise::run(args, out),
        "help" => Ok(out.write_all(HELP.as_bytes())?),
        _ => unknown("command", &command, COMMANDS),
    }
}
