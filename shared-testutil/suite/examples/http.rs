//! `http`, asked through sockets of the standard library.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use shared_testutil::watchdog;

use super::program::{LIMIT, Program, ask, assert_fails, connect, is_readable};

fn server() -> (Program, SocketAddr) {
    Program::serve("http", &["127.0.0.1:0"])
}

fn get(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
}

/// The head of an answer.
fn head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).expect("an answer"), 0, "ended in {head:?}");
    }
    head.to_ascii_lowercase()
}

/// The status and the body of an answer that tells its length.
fn answer(reader: &mut impl BufRead) -> (String, String) {
    let head = head(reader);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    reader.read_exact(&mut body).expect("a body");
    (head[9..12].to_owned(), String::from_utf8(body).expect("text"))
}

/// The next chunk of an answer that does not; empty at its end.
fn chunk(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a length");
    let length = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("no length: {line:?}"));
    let mut chunk = vec![0; length + 2];
    reader.read_exact(&mut chunk).expect("a chunk");
    String::from_utf8(chunk).expect("text").trim_end().to_owned()
}

#[test]
fn a_connection_carries_one_request_after_the_other() {
    let _watchdog = watchdog(LIMIT);
    let (server, address) = server();
    let mut stream = connect(address);
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    for (path, status, body) in [
        ("/primes/1000000", "200", "78498\n"),
        ("/primes/2", "200", "0\n"),
        ("/primes/0", "200", "0\n"),
        ("/primes/many", "400", "a number up to 10000000, please\n"),
        ("/primes/10000001", "400", "a number up to 10000000, please\n"),
        ("/countdown/-1", "400", "a number up to 10000000, please\n"),
    ] {
        get(&mut stream, path);
        assert_eq!(answer(&mut reader), (status.to_owned(), body.to_owned()), "{path}");
    }
    for (path, status) in [("/", "200"), ("/nothing", "404"), ("/nothing/7", "404"), ("//", "404")] {
        get(&mut stream, path);
        assert_eq!(answer(&mut reader).0, status, "{path}");
    }
    // Two at once: the second is read together with the first.
    stream
        .write_all(b"GET /primes/10 HTTP/1.1\r\nHost: a\r\n\r\nGET /primes/20 HTTP/1.1\r\nHost: a\r\n\r\n")
        .expect("it reads");
    assert_eq!(answer(&mut reader).1, "4\n");
    assert_eq!(answer(&mut reader).1, "8\n");
    server.interrupt();
    let (stdout, stderr) = server.end();
    assert!(stdout.ends_with("12 requests, all answered\n"), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn work_on_the_pool_keeps_nobody_waiting() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address) = server();
    let (mut busy, mut other) = (connect(address), connect(address));
    get(&mut busy, "/primes/10000000");
    get(&mut other, "/primes/10");
    assert_eq!(answer(&mut BufReader::new(&other)).1, "4\n");
    assert!(!is_readable(&busy), "ten million numbers were sieved faster than ten");
    assert_eq!(answer(&mut BufReader::new(&busy)).1, "664579\n");
}

#[test]
fn a_streamed_body_comes_line_by_line() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address) = server();
    let mut stream = connect(address);
    let start = Instant::now();
    get(&mut stream, "/countdown/3");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    assert!(head(&mut reader).contains("transfer-encoding: chunked"));
    for line in ["2", "1", "0"] {
        // The one before has been read, and this one is not there yet.
        assert!(reader.buffer().is_empty() && !is_readable(&stream), "all at once");
        assert_eq!(chunk(&mut reader), line);
    }
    assert_eq!(chunk(&mut reader), "");
    assert!(start.elapsed() >= Duration::from_millis(750));
    get(&mut stream, "/primes/10");
    assert_eq!(answer(&mut reader).1, "4\n");
}

#[test]
fn bad_requests_get_the_protocols_answers_and_disturb_nobody() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let mut good = connect(address);
    let mut reader = BufReader::new(good.try_clone().expect("a socket"));
    let long = format!("GET / HTTP/1.1\r\nHost: test\r\nCookie: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "a: b\r\n".repeat(200));
    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n", "400"),
        (&long, "431"),
        (&many, "431"),
        (
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "405",
        ),
    ] {
        let answer = ask(address, request);
        let start: String = request.chars().take(60).collect();
        assert_eq!(answer.get(9..12), Some(status), "{start:?}: {answer:?}");
        get(&mut good, "/primes/10");
        assert_eq!(answer_of(&mut reader), "4\n");
        if status != "405" {
            assert!(server.complaint().starts_with("127.0.0.1:"));
        }
    }
}

fn answer_of(reader: &mut impl BufRead) -> String {
    answer(reader).1
}

#[test]
fn a_client_that_sends_its_request_byte_by_byte_is_let_go_and_the_others_are_served() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = Program::serve("http", &["127.0.0.1:0", "0.5"]);
    let start = Instant::now();
    let mut slow = connect(address);
    slow.set_read_timeout(Some(Duration::from_millis(20))).expect("a limit");
    // The timeout is for the head as a whole: each byte comes in time.
    let mut bytes = b"GET / HTTP/1.1\r\nHost: ".iter().chain(std::iter::repeat(&b'x'));
    loop {
        let sent = slow.write_all(&[*bytes.next().expect("it has no end")]);
        match slow.read(&mut [0; 1024]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {
                assert!(sent.is_ok(), "no end");
            }
            Err(_) => break,
        }
        let answer = ask(
            address,
            "GET /primes/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        );
        assert!(answer.ends_with("\r\n\r\n4\n"), "{answer}");
    }
    assert!(start.elapsed() >= Duration::from_millis(500));
    let complaint = server.complaint();
    assert!(complaint.contains("header"), "{complaint}");
}

#[test]
fn ctrl_c_lets_answers_that_have_begun_come_to_their_end() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let (mut active, mut idle) = (connect(address), connect(address));
    get(&mut idle, "/primes/10");
    answer(&mut BufReader::new(&idle));
    get(&mut active, "/countdown/4");
    let mut reader = BufReader::new(&active);
    head(&mut reader);
    assert_eq!(chunk(&mut reader), "3");
    server.interrupt();
    assert_eq!(server.line(), "stopping, when the last answer is sent");
    // A connection without a request is closed at once, long before the countdown is over.
    assert_eq!(idle.read(&mut [0]).expect("the end"), 0);
    assert!(TcpStream::connect(address).is_err(), "it still listens");
    for line in ["2", "1", "0", ""] {
        assert_eq!(chunk(&mut reader), line);
    }
    assert_eq!(reader.read(&mut [0]).expect("the end"), 0);
    let (stdout, stderr) = server.end();
    assert_eq!((&*stdout, &*stderr), ("2 requests, all answered\n", ""));
}

#[test]
fn a_second_ctrl_c_waits_for_nobody() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let mut stream = connect(address);
    get(&mut stream, "/countdown/1000");
    head(&mut BufReader::new(&stream));
    server.interrupt();
    assert_eq!(server.line(), "stopping, when the last answer is sent");
    server.interrupt();
    assert_eq!(server.end().0, "1 requests, some given up\n");
}

#[test]
fn fifty_clients_get_each_of_their_answers() {
    const ROUNDS: usize = 20;
    let _watchdog = watchdog(LIMIT);
    let (server, address) = server();
    thread::scope(|scope| {
        for client in 0..50 {
            scope.spawn(move || {
                let mut stream = connect(address);
                let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
                for _ in 0..ROUNDS {
                    // Below 3, 5, 7, 11 …: what others have asked is not taken for an answer.
                    let (limit, primes) = [("3", "1\n"), ("5", "2\n"), ("7", "3\n"), ("11", "4\n")][client % 4];
                    get(&mut stream, &format!("/primes/{limit}"));
                    assert_eq!(answer(&mut reader).1, primes);
                }
            });
        }
    });
    server.interrupt();
    let (stdout, stderr) = server.end();
    assert!(stdout.ends_with("1000 requests, all answered\n"), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn mistakes_in_the_command_are_named() {
    let _watchdog = watchdog(LIMIT);
    assert_fails("http", &["nonsense"], 1, "http nonsense: not an address, such as ");
    assert_fails("http", &["127.0.0.1:0", "soon"], 1, "invalid float");
    assert_fails("http", &["127.0.0.1:0", "-1"], 1, "-1: ");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = taken.local_addr().expect("an address").to_string();
    assert_fails("http", &[&address], 1, "in use");
}
