//! `stdin`, at pipes and files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl};
use shared_testutil::watchdog;

use super::program::{LIMIT, Program};

#[test]
fn lines_are_printed_as_they_come() {
    let _watchdog = watchdog(LIMIT);
    let mut program = Program::start("stdin", &[]);
    for (line, printed) in [("hello", "1: hello"), ("", "2:"), ("größer", "3: größer")] {
        writeln!(program.stdin.as_mut().expect("it is piped"), "{line}").expect("it reads");
        assert_eq!(program.line(), printed);
    }
    // The last one has no line feed.
    write!(program.stdin.as_mut().expect("it is piped"), "end").expect("it reads");
    assert_eq!(program.end(), ("4: end\n4 lines\n".to_owned(), String::new()));
}

#[test]
fn timers_go_on_while_nobody_types() {
    let _watchdog = watchdog(LIMIT);
    let mut program = Program::start("stdin", &[]);
    assert_eq!(program.line(), "(nothing for 3s; Ctrl-D ends this)");
    assert_eq!(program.end().0, "0 lines\n");
}

#[test]
fn a_file_is_read_though_no_selector_takes_it() {
    let _watchdog = watchdog(LIMIT);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let program = Program::start_reading("stdin", File::open(path).expect("a file"));
    let lines = fs::read_to_string(path).expect("text").lines().count();
    let (stdout, _) = program.end();
    assert_eq!(stdout.lines().last(), Some(&*format!("{lines} lines")));
}

#[test]
fn standard_input_stays_blocking_for_those_who_share_it() {
    let _watchdog = watchdog(LIMIT);
    let (reader, mut writer) = io::pipe().expect("a pipe");
    let mut program = Program::start_reading("stdin", reader.try_clone().expect("a descriptor"));
    writer.write_all(b"one\n").expect("it reads");
    assert_eq!(program.line(), "1: one");
    assert!(!fcntl_getfl(&reader).expect("flags").contains(OFlags::NONBLOCK));
    drop(writer);
    assert_eq!(program.end().0, "1 lines\n");
}

#[test]
fn more_lines_than_the_channel_holds_come_in_order() {
    const LINES: usize = 20_000;
    let _watchdog = watchdog(LIMIT);
    let mut program = Program::start("stdin", &[]);
    let mut stdin = program.stdin.take().expect("it is piped");
    let writer = thread::spawn(move || {
        let lines: String = (1..=LINES).map(|number| format!("line {number}\n")).collect();
        stdin.write_all(lines.as_bytes())
    });
    for number in 1..=LINES {
        assert_eq!(program.line(), format!("{number}: line {number}"));
    }
    writer.join().expect("no panic").expect("it reads");
    assert_eq!(program.end().0, format!("{LINES} lines\n"));
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    let _watchdog = watchdog(LIMIT);
    let mut program = Program::start("stdin", &[]);
    program
        .stdin
        .as_mut()
        .expect("it is piped")
        .write_all(b"good\n\xff\xfe\nmore\n")
        .expect("it reads");
    let (code, stdout, stderr) = program.end_with_code();
    assert_eq!((code, &*stdout), (Some(1), "1: good\n"));
    assert!(
        stderr.starts_with("standard input: ") && stderr.contains("UTF-8"),
        "{stderr}"
    );
}
