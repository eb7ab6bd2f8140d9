//! An example as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Cargo does not tell a test where the examples are: beside the demo.
fn path(name: &str) -> PathBuf {
    let demo = Path::new(env!("CARGO_BIN_EXE_exp6-combined"));
    let program = demo.with_file_name("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing: cargo build --examples",
        program.display()
    );
    program
}

/// Runs an example to its end.
pub(crate) fn run(name: &str, args: &[&str]) -> Output {
    let output = Command::new(path(name)).args(args).stdin(Stdio::null()).output();
    output.expect("the example can be run")
}

#[track_caller]
pub(crate) fn assert_fails(name: &str, args: &[&str], code: i32, says: &str) {
    let output = run(name, args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(says), "{args:?}: {stderr}");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// An example that runs.
pub(crate) struct Program {
    process: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Program {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        Self::start_as(Command::new(path(name)).args(args).stdin(Stdio::piped()))
    }

    /// With the standard input that the command has.
    pub(crate) fn start_reading(name: &str, stdin: impl Into<Stdio>) -> Self {
        Self::start_as(Command::new(path(name)).stdin(stdin))
    }

    fn start_as(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the example can be run");
        Self {
            stdin: process.stdin.take(),
            stdout: BufReader::new(process.stdout.take().expect("it is piped")),
            stderr: BufReader::new(process.stderr.take().expect("it is piped")),
            process,
        }
    }

    /// Starts a server, and finds the address in the line that it prints.
    pub(crate) fn serve(name: &str, args: &[&str]) -> (Self, SocketAddr) {
        let mut server = Self::start(name, args);
        let line = server.line();
        let words = line.split([' ', ',', '/']);
        let address = words.filter_map(|word| word.parse().ok()).next();
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}: {}", server.complaint()));
        (server, address)
    }

    /// The next line of its output, without the line feed.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// The next line on its standard error.
    pub(crate) fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    pub(crate) fn interrupt(&self) {
        kill_process(Pid::from_child(&self.process), Signal::INT).expect("it runs");
    }

    /// Waits for its end, which has to be a success, and returns the rest of its output and of its complaints.
    #[track_caller]
    pub(crate) fn end(self) -> (String, String) {
        let (code, stdout, stderr) = self.end_with_code();
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        (stdout, stderr)
    }

    pub(crate) fn end_with_code(mut self) -> (Option<i32>, String, String) {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("text");
        self.stderr.read_to_string(&mut stderr).expect("text");
        let status = self.process.wait().expect("its end");
        (status.code(), stdout, stderr)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection that blocks, without a limit of time: the watchdog has one. Where a socket has one of its own, a process
/// that is stopped and continued finds its calls interrupted, also without a handler for signals, and not every crate tries
/// again.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("the server listens")
}

/// Sends `request` and reads to the end of the connection.
pub(crate) fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    // The server may answer, and close, before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether something can be read now.
pub(crate) fn is_readable(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let readable = stream.peek(&mut [0]).is_ok();
    stream.set_nonblocking(false).expect("a socket");
    readable
}
