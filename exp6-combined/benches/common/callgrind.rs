//! Instructions, as valgrind's callgrind counts them: in the process and not in the kernel, whatever else the machine does.

use std::path::Path;
use std::process::Command;

/// How many instructions a process executes.
///
/// # Errors
///
/// In words, if the process fails, or if there is no valgrind.
pub(crate) fn instructions(program: &Path, args: &[&str]) -> Result<f64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let output = command.arg(program).args(args).output();
    let output = output.map_err(|error| format!("valgrind: {error}; instructions are not counted"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} failed: {report}", args.join(" ")));
    }
    let number = report.split_once("Collected : ").and_then(|(_, rest)| {
        let number = rest.split_whitespace().next()?;
        number.parse().ok()
    });
    number.ok_or_else(|| format!("callgrind reports no instructions: {report}"))
}
