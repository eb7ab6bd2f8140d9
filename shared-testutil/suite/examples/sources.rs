//! `sources`, by itself and with sockets of the standard library.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process;

use shared_testutil::watchdog;

use super::program::{LIMIT, Program, assert_fails};

#[test]
fn each_kind_of_source_is_waited_for() {
    let _watchdog = watchdog(LIMIT);
    let mut program = Program::start("sources", &[]);
    assert!(program.line().starts_with("udp: at 127.0.0.1:"));
    assert_eq!(program.line(), "udp: \"hello\", sent back");
    let path = program.line();
    let path = path.strip_prefix("unix: at ").expect("a path");
    assert_eq!(program.line(), "unix: \"hello\", sent back");
    assert!(fs::metadata(path).is_err(), "{path} is left");
    let sorted = "child: 100000 lines from Some(\"00000\") to Some(\"99999\"), exit status: 0\n";
    let system = match cfg!(target_os = "linux") {
        true => "timerfd: 5 ticks of 20ms\neventfd: 7\n",
        false => "",
    };
    assert_eq!(program.end(), (format!("{sorted}{system}"), String::new()));
}

#[test]
fn a_datagram_is_sent_back() {
    let _watchdog = watchdog(LIMIT);
    let (mut program, address) = Program::serve("sources", &["udp", "127.0.0.1:0"]);
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    peer.send_to(&[b'x'; 9000], address).expect("it listens");
    let mut buffer = [0; 10_000];
    assert_eq!(peer.recv_from(&mut buffer).expect("an answer"), (9000, address));
    assert!(program.line().ends_with("xxx\", sent back"));
    program.end();
}

#[test]
fn a_unix_socket_is_answered() {
    let _watchdog = watchdog(LIMIT);
    let path = env::temp_dir().join(format!("exp6-sources-test-{}", process::id()));
    let path = path.to_str().expect("text");
    let mut program = Program::start("sources", &["unix", path]);
    assert_eq!(program.line(), format!("unix: at {path}"));
    // The name is taken.
    assert_fails("sources", &["unix", path], 1, "in use");
    let mut peer = UnixStream::connect(path).expect("it listens");
    peer.write_all(b"hi").expect("it reads");
    peer.shutdown(Shutdown::Write).expect("a socket");
    let mut answer = String::new();
    peer.read_to_string(&mut answer).expect("text");
    assert_eq!(answer, "hi");
    assert_eq!(program.end().0, "unix: \"hi\", sent back\n");
}

#[test]
fn mistakes_in_the_command_are_named() {
    let _watchdog = watchdog(LIMIT);
    assert_fails("sources", &["nonsense"], 1, "usage: ");
    assert_fails("sources", &["udp", "nonsense"], 1, "nonsense: ");
    assert_fails("sources", &["unix", "/nowhere/socket"], 1, "/nowhere/socket: ");
}
