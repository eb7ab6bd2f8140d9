//! Reads lines of standard input, beside whatever else the program does: a thread reads, and a channel carries the lines.
//!
//! `cargo run -p exp6-combined --example stdin`, type something; Ctrl-D ends it (on Windows Ctrl-Z and Enter). Or
//! `echo hello | cargo run -p exp6-combined --example stdin`.
//!
//! Why not `Async<Stdin>`? Non-blocking mode belongs to the open file, not to the descriptor. At a terminal, standard input,
//! output and error are often one open file, which is the shell's, too: all would become non-blocking, `println!` would
//! fail with "would block", and the shell would find its terminal changed. Besides, a file (`< lines.txt`) cannot be
//! registered with Linux's selector, and on Windows only sockets can.
//!
//! Why not `spawn_blocking`? A read of standard input takes as long as the user likes, and keeps a thread of the pool
//! busy meanwhile. And the process need not wait for this thread: when `main` returns, it is gone.

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use exp6_combined::{Scheduler, timeout};

/// How many lines may wait: a fast writer has to wait for the program, and does not fill the memory.
const WAITING: usize = 16;
/// Until the program says that it still waits.
const PATIENCE: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let (sender, lines) = async_channel::bounded(WAITING);
    thread::spawn(move || read(&sender));
    let result = match Scheduler::try_new() {
        Ok(scheduler) => scheduler.block_on(print(lines)),
        Err(error) => Err(error),
    };
    match result {
        Ok(count) => {
            println!("{count} lines");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("standard input: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs on the thread. It ends with standard input, at the first error, or when nobody wants more lines.
fn read(sender: &Sender<io::Result<String>>) {
    for line in io::stdin().lines() {
        let failed = line.is_err();
        if sender.send_blocking(line).is_err() || failed {
            return;
        }
    }
}

/// Runs on the scheduler. Timers go on while nobody types.
async fn print(lines: Receiver<io::Result<String>>) -> io::Result<usize> {
    let mut count = 0;
    loop {
        match timeout(PATIENCE, lines.recv()).await {
            Ok(Ok(line)) => {
                count += 1;
                println!("{count}: {}", line?);
            }
            // The sender is gone: standard input has ended.
            Ok(Err(_)) => return Ok(count),
            Err(_) => println!("(nothing for {PATIENCE:?}; Ctrl-D ends this)"),
        }
    }
}
