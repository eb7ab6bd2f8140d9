//! Programs that may hang.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::stop::Result;

/// Runs a program, and ends it after `limit`, with what it has started. `None` if it had to be ended.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    run_and_see(command, limit, |_| ())
}

/// The same. `last` is told the process's id just before it is ended.
pub(crate) fn run_and_see(
    command: &mut Command,
    limit: Duration,
    last: impl FnOnce(u32),
) -> Result<Option<ExitStatus>> {
    // A group of its own, so that what it has started ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;
    let (end, mut pause) = (Instant::now() + limit, Duration::from_millis(1));
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    last(child.id());
    end_all(&mut child)?;
    Ok(None)
}

#[cfg(unix)]
fn end_all(child: &mut Child) -> Result {
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-KILL", "--", &group]).status()?;
    child.wait()?;
    Ok(())
}

#[cfg(not(unix))]
fn end_all(child: &mut Child) -> Result {
    // The system's own program knows the children. Where it is missing, the child alone is ended.
    let id = child.id().to_string();
    let ended = Command::new("taskkill").args(["/F", "/T", "/PID", &id]).output();
    if !ended.is_ok_and(|ended| ended.status.success()) {
        child.kill()?;
    }
    child.wait()?;
    Ok(())
}
