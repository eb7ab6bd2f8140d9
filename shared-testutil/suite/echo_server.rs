//! The example `echo5` or `echo6`: an echo server and its clients, as other peers see them, and as users see them who make
//! mistakes.
//!
//! `cargo test` builds the examples first. `cargo test --test suite` does not: it needs `cargo build --examples` before.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use shared_testutil::{EchoClient, EchoServer, Fault, in_own_process, interrupt, watchdog};

const LIMIT: Duration = Duration::from_secs(60);
const DEMO: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// The path of the example, which Cargo does not tell a test: it lies beside the demo.
fn program() -> PathBuf {
    // Of `exp5-selectors` it is `echo5`.
    let name = format!("echo{}", &env!("CARGO_PKG_NAME")[3..4]);
    let program = Path::new(DEMO).with_file_name("examples").join(name + EXE_SUFFIX);
    assert!(
        program.exists(),
        "{} is missing: cargo build --examples",
        program.display()
    );
    program
}

/// Runs the program to its end.
fn run(args: &[&str]) -> Output {
    let output = Command::new(program()).args(args).stdin(Stdio::null()).output();
    output.expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A server in a process of its own.
struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    /// `None` if nobody reads it.
    stderr: Option<BufReader<ChildStderr>>,
    address: SocketAddr,
}

impl Server {
    /// Starts one at a free port.
    fn start() -> Self {
        Self::start_as(Command::new(program()).args(["serve", "127.0.0.1:0"]))
    }

    fn start_as(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let stderr = process.stderr.take().map(BufReader::new);
        let mut line = String::new();
        stdout.read_line(&mut line).expect("text");
        let address = line
            .strip_prefix("listening at ")
            .and_then(|rest| rest.split(',').next()?.trim().parse().ok());
        Self {
            process,
            stdout,
            stderr,
            address: address.unwrap_or_else(|| panic!("no address in {line:?}")),
        }
    }

    fn client(&self) -> EchoClient {
        EchoClient::connect(self.address).expect("the server listens")
    }

    /// Ends it by Ctrl-C, and returns what it has said meanwhile on standard output and standard error.
    #[track_caller]
    fn end(mut self) -> (String, String) {
        interrupt(self.process.id()).expect("it runs");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("text");
        if let Some(pipe) = &mut self.stderr {
            pipe.read_to_string(&mut stderr).expect("text");
        }
        let status = self.process.wait().expect("its end");
        assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
        (stdout, stderr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the test fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn assert_totals(stdout: &str, expected: &str) {
    let lines: Vec<_> = stdout.lines().collect();
    let [line] = lines[..] else {
        panic!("expected one line: {stdout:?}");
    };
    assert!(line.starts_with(&format!("{expected}, ")), "{line}");
    let seconds = line.rsplit(", ").next().and_then(|time| time.strip_suffix(" s"));
    assert!(seconds.is_some_and(|seconds| seconds.parse::<f64>().is_ok()), "{line}");
}

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

#[test]
fn arguments_that_are_unknown_or_no_numbers_print_the_usage_and_exit_2() {
    let _watchdog = watchdog(LIMIT);
    let mistakes: [&[&str]; 10] = [
        &[],
        &["bogus"],
        &["--version"],
        &["serve", "127.0.0.1:0", "more"],
        &["client", "127.0.0.1:1", "1", "1", "more"],
        &["client", "127.0.0.1:1", "many"],
        &["client", "127.0.0.1:1", "-1"],
        &["client", "127.0.0.1:1", "1", "1.5"],
        &["client", "127.0.0.1:1", "99999999999999999999999"],
        &[""],
    ];
    for args in mistakes {
        let output = run(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("usage: "), "{args:?}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
    }
}

#[test]
fn help_prints_the_usage_and_exits_0() {
    let _watchdog = watchdog(LIMIT);
    for arg in ["-h", "--help"] {
        let output = run(&[arg]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).starts_with("usage: "));
        assert_eq!(text(&output.stderr), "");
    }
}

#[track_caller]
fn assert_fails_in_one_line(args: &[&str], names: &str) {
    let output = run(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.contains(names), "{args:?}: {stderr}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
}

#[test]
fn an_address_that_does_not_parse_is_named() {
    let _watchdog = watchdog(LIMIT);
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", ":80", "localhost:80", ""] {
        assert_fails_in_one_line(&["serve", address], &format!("{address}: "));
        assert_fails_in_one_line(&["client", address], &format!("{address}: "));
        assert_fails_in_one_line(&["client", address, "3", "3"], &format!("{address}: "));
    }
}

#[test]
fn a_port_in_use_is_named() {
    let _watchdog = watchdog(LIMIT);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_fails_in_one_line(&["serve", &address], &address);
}

#[test]
fn an_address_where_nobody_listens_is_named() {
    let _watchdog = watchdog(LIMIT);
    // Bound, so that nobody else has the port. But it does not listen.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap().to_string();
    assert_fails_in_one_line(&["client", &address], &address);
    assert_fails_in_one_line(&["client", &address, "1", "1"], &address);
}

#[test]
fn clients_report_what_they_have_done() {
    let _watchdog = watchdog(LIMIT);
    let server = EchoServer::new();
    let output = run(&["client", &server.addr().to_string(), "4", "3"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
    assert_totals(
        &text(&output.stdout),
        "4 clients, 12 messages, 108 bytes echoed, 0 failures",
    );
    assert_eq!((server.connections(), server.bytes()), (4, 108));
}

#[track_caller]
fn assert_one_client_fails(fault: Fault, why: &str) {
    let server = EchoServer::with_first(fault);
    let address = server.addr().to_string();
    let output = run(&["client", &address, "4", "3"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    let [client, summary] = lines[..] else {
        panic!("expected a line of the client and a summary: {stderr}");
    };
    assert!(client.starts_with("client 0: ") && client.contains(why), "{client}");
    assert!(summary.contains(&address) && summary.contains("1 of 4"), "{summary}");
    // The others have gone on to the end.
    let stdout = text(&output.stdout);
    assert!(stdout.contains("9 messages, 81 bytes echoed, 1 failures"), "{stdout}");
}

#[test]
fn a_client_whose_echo_differs_is_reported_and_the_others_go_on() {
    let _watchdog = watchdog(LIMIT);
    assert_one_client_fails(Fault::WrongEcho, "\"TEST00000\"");
}

#[test]
fn a_client_whose_connection_breaks_is_reported_and_the_others_go_on() {
    let _watchdog = watchdog(LIMIT);
    assert_one_client_fails(Fault::ResetAfter(4), "reset");
}

#[test]
fn a_client_copes_with_answers_that_come_in_pieces_or_late() {
    let _watchdog = watchdog(LIMIT);
    for fault in [Fault::Pieces(2), Fault::Delay(Duration::from_millis(30))] {
        let server = EchoServer::with(fault);
        let output = run(&["client", &server.addr().to_string(), "4", "3"]);
        assert_eq!(output.status.code(), Some(0), "{fault:?}: {}", text(&output.stderr));
        assert_eq!(server.bytes(), 108);
    }
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_signal_ends_the_server_with_its_totals() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let clients = [server.client(), server.client()];
    clients[0].exchange(b"hello");
    clients[1].exchange(b"x");
    // They are connected still.
    let (stdout, stderr) = server.end();
    assert_totals(&stdout, "2 connections, 2 messages, 6 bytes echoed, 0 failures");
    assert_eq!(stderr, "");
    for client in clients {
        client.expect_end();
    }
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_signal_ends_a_server_that_is_busy() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let client = server.client();
    thread::scope(|scope| {
        // It writes until the server is gone.
        scope.spawn(|| io::copy(&mut io::repeat(7), &mut client.stream()).unwrap_err());
        scope.spawn(|| drop(io::copy(&mut client.stream(), &mut io::sink())));
        thread::sleep(Duration::from_millis(50));
        server.end();
    });
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_server_and_clients_of_the_program_work_together() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let output = run(&["client", &server.address.to_string(), "20", "5"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_totals(
        &text(&output.stdout),
        "20 clients, 100 messages, 900 bytes echoed, 0 failures",
    );
    let (stdout, stderr) = server.end();
    assert_totals(&stdout, "20 connections, 100 messages, 900 bytes echoed, 0 failures");
    assert_eq!(stderr, "");
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_megabyte_in_odd_pieces_comes_back() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let client = server.client();
    client.exchange_in_pieces(&pattern(1 << 20), &[1, 4097, 13, 65_521, 999]);
    client.finish();
    client.expect_end();
    let (stdout, _) = server.end();
    assert!(stdout.contains(" 1048576 bytes echoed, 0 failures"), "{stdout}");
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_client_that_closes_its_half_gets_all_answers_and_the_end() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let client = server.client();
    client.send(&pattern(10_000));
    client.finish();
    client.expect(&pattern(10_000));
    client.expect_end();
    let (_, stderr) = server.end();
    assert_eq!(stderr, "");
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_client_that_resets_is_reported_and_the_others_go_on() {
    let _watchdog = watchdog(LIMIT);
    let mut server = Server::start();
    let (other, client) = (server.client(), server.client());
    client.exchange(b"hello");
    let address = client.stream().local_addr().unwrap().to_string();
    client.reset();
    let mut line = String::new();
    server
        .stderr
        .as_mut()
        .expect("it is piped")
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with(&address) && line.contains("reset"), "{line}");
    other.exchange(b"still here");
    server.client().exchange(b"and me");
    let (stdout, stderr) = server.end();
    assert_totals(&stdout, "3 connections, 3 messages, 21 bytes echoed, 1 failures");
    assert_eq!(stderr, "");
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_client_that_never_reads_does_not_keep_the_others_waiting() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let client = server.client();
    client.stream().set_nonblocking(true).unwrap();
    // Until all buffers are full, both ways.
    while write_what_fits(client.stream()) > 0 {
        thread::sleep(Duration::from_millis(20));
    }
    server.client().exchange(b"hello");
    server.end();
}

fn write_what_fits(mut stream: &TcpStream) -> usize {
    let mut written = 0;
    loop {
        match stream.write(&[7; 65536]) {
            Ok(length) => written += length,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                return written;
            }
        }
    }
}

/// Raises the number of descriptors allowed, for this process and those it starts.
#[cfg(unix)]
fn allow_descriptors(number: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|soft| soft < number) {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).expect("a soft limit can be raised");
    }
}

/// Windows has no such limit.
#[cfg(windows)]
fn allow_descriptors(_: u64) {}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_thousand_clients_are_served_at_once() {
    in_own_process(|| {
        const CLIENTS: usize = 1000;
        let _watchdog = watchdog(LIMIT);
        allow_descriptors(3000);
        let server = Server::start();
        let clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
        // All have sent before any is answered.
        for (number, client) in clients.iter().enumerate() {
            client.send(format!("client {number:08}").as_bytes());
        }
        for (number, client) in clients.iter().enumerate().rev() {
            client.expect(format!("client {number:08}").as_bytes());
        }
        let (stdout, stderr) = server.end();
        assert_totals(
            &stdout,
            "1000 connections, 1000 messages, 15000 bytes echoed, 0 failures",
        );
        assert_eq!(stderr, "");
    });
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_thousand_clients_of_the_program_run_at_once() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        allow_descriptors(3000);
        let server = Server::start();
        let output = run(&["client", &server.address.to_string(), "1000", "2"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let (stdout, _) = server.end();
        assert_totals(
            &stdout,
            "1000 connections, 2000 messages, 18000 bytes echoed, 0 failures",
        );
    });
}

#[cfg(unix)]
#[test]
fn a_server_out_of_descriptors_serves_those_it_has_says_so_once_and_accepts_again() {
    const CLIENTS: usize = 60;
    const GONE: usize = 50;
    let _watchdog = watchdog(LIMIT);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 32; exec \"$0\" serve 127.0.0.1:0"])
        .arg(program());
    let mut server = Server::start_as(&mut command);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
    let mut line = String::new();
    server
        .stderr
        .as_mut()
        .expect("it is piped")
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("accept") && line.contains("(os error 24)"), "{line}");
    for _ in 0..3 {
        clients[0].exchange(b"hello");
        // It has tried again meanwhile.
        thread::sleep(Duration::from_millis(60));
    }
    // Connections are accepted in their order, so these are all that were accepted, and more.
    drop(clients.drain(..GONE));
    for client in &clients {
        client.exchange(b"at last");
    }
    let (stdout, stderr) = server.end();
    assert_totals(&stdout, "60 connections, 13 messages, 85 bytes echoed, 0 failures");
    assert_eq!(stderr, "", "it has said so more than once");
}

#[cfg(unix)]
#[test]
fn a_server_goes_on_though_nobody_hears_its_complaints() {
    let _watchdog = watchdog(LIMIT);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 32; exec \"$0\" serve 127.0.0.1:0"])
        .arg(program());
    let mut server = Server::start_as(&mut command);
    // From now on, error messages cannot be written.
    server.stderr = None;
    let clients: Vec<_> = (0..60).map(|_| server.client()).collect();
    // It has tried to write a message meanwhile.
    thread::sleep(Duration::from_millis(200));
    drop(clients);
    server.client().exchange(b"hello");
    server.end();
}

#[cfg(unix)]
#[test]
fn a_server_that_gets_sigusr1_prints_what_its_tasks_wait_for() {
    // exp5 has nothing that lists them.
    if env!("CARGO_PKG_NAME") != "exp6-combined" {
        return;
    }
    let _watchdog = watchdog(LIMIT);
    let mut server = Server::start();
    let client = server.client();
    client.exchange(b"hello");
    let process = rustix::process::Pid::from_child(&server.process);
    for _ in 0..2 {
        rustix::process::kill_process(process, rustix::process::Signal::USR1).unwrap();
        let stderr = server.stderr.as_mut().expect("it is piped");
        let lines: Vec<_> = stderr.lines().map(Result::unwrap).take(4).collect();
        let has = |words: [&str; 2]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(has(["polls", "state"]), "{lines:#?}");
        assert!(has(["[Readable(", " accept at "]), "{lines:#?}");
        assert!(has(["[Running]", " dump at "]), "{lines:#?}");
        assert!(has(["[Readable(", " echo 127.0.0.1:"]), "{lines:#?}");
        client.exchange(b"still there");
    }
    let (_, stderr) = server.end();
    assert_eq!(stderr, "");
}

#[test]
fn the_program_fails_if_its_output_cannot_be_written() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        for args in [&["serve", "127.0.0.1:0"][..], &["--help"]] {
            let (reader, writer) = io::pipe().expect("a pipe");
            drop(reader);
            let output = Command::new(program()).args(args).stdout(writer).output();
            let output = output.expect("the program can be run");
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
            assert!(stderr.starts_with("standard output: "), "{args:?}: {stderr}");
        }
    });
}

#[test]
fn the_demo_fails_if_its_output_cannot_be_written() {
    in_own_process(|| {
        let _watchdog = watchdog(LIMIT);
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(DEMO).stdout(writer).output().expect("the demo can be run");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("BrokenPipe"), "{stderr}");
    });
}

#[test]
fn a_server_that_is_told_no_address_listens_to_this_machine_alone() {
    let _watchdog = watchdog(LIMIT);
    let mut command = Command::new(program());
    command.arg("serve").stdin(Stdio::null());
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().expect("the program can be run");
    let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
    let (mut line, mut error) = (String::new(), String::new());
    stdout.read_line(&mut line).expect("text");
    process.kill().expect("it can be killed");
    let mut stderr = process.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut error).expect("text");
    process.wait().expect("its end");
    // Somebody else may have the port.
    let listens = line.starts_with("listening at 127.0.0.1:1234,");
    assert!(listens || error.starts_with("127.0.0.1:1234: "), "{line}{error}");
}

/// Runs another program as a client: it is given `input`, and has to print `output`. There may be no such program.
#[track_caller]
fn assert_gets_along_with(program: &str, args: &[&str], input: &str, output: &str) {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return eprintln!("skipped, no {program} here: {error}"),
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let found = child.wait_with_output().expect("its end");
    assert_eq!(text(&found.stdout), output, "{program}, {}", found.status);
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn a_python_script_gets_its_echo() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let script = "
import socket, sys
with socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=20) as peer:
    for message in (b'hello', b'x' * 100000):
        peer.sendall(message)
        answer = b''
        while len(answer) < len(message):
            piece = peer.recv(65536)
            assert piece, 'the end came early'
            answer += piece
        assert answer == message
    peer.shutdown(socket.SHUT_WR)
    assert peer.recv(1) == b''
print('well')
";
    let port = server.address.port().to_string();
    assert_gets_along_with("python3", &["-c", script, &port], "", "well\n");
    server.end();
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn netcat_gets_its_echo() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let port = server.address.port().to_string();
    // Some end with their input and some with the connection: with a limit of time, both see the echo first.
    let args = ["-w", "2", "127.0.0.1", &port];
    assert_gets_along_with("nc", &args, "hello\n", "hello\n");
    server.end();
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn the_bash_shell_gets_its_echo() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let port = server.address.port().to_string();
    let script = "exec 3<>/dev/tcp/127.0.0.1/$0 && echo hello >&3 && read -r answer <&3 && echo \"$answer\"";
    assert_gets_along_with("bash", &["-c", script, &port], "", "hello\n");
    server.end();
}

/// The processor time that a process has used, in ticks of 10 ms, and how often it has blocked.
fn usage(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in brackets, may contain anything.
    let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let blocked = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    Some((ticks, blocked.trim().parse().ok()?))
}

#[test]
#[cfg_attr(windows, ignore = "nothing in safe code sends Ctrl-C to a process")]
fn an_idle_server_uses_no_processor_time() {
    let _watchdog = watchdog(LIMIT);
    let server = Server::start();
    let clients = [server.client(), server.client()];
    for client in &clients {
        client.exchange(b"hello");
    }
    // Threads that have had something to do go to sleep.
    thread::sleep(Duration::from_millis(100));
    let Some(before) = usage(server.process.id()) else {
        return eprintln!("skipped, no /proc here");
    };
    thread::sleep(Duration::from_secs(1));
    let after = usage(server.process.id()).expect("it runs");
    assert!(after.0 <= before.0 + 1, "{} ticks", after.0 - before.0);
    assert!(after.1 <= before.1 + 1, "woke {} times", after.1 - before.1);
    server.end();
}
