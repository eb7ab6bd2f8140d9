//! `fetch`, against servers of the standard library, which count their clients, answer wrongly or not at all.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use shared_testutil::watchdog;

use super::program::{LIMIT, assert_fails, run, text};

/// How many clients there are, and how many there were at most.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A server that sends to each client what `answer` says to its request, after `delay`.
fn server(delay: Duration, answer: fn(&str) -> String) -> (SocketAddr, Arc<Crowd>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let crowd = Arc::new(Crowd::default());
    let shared = Arc::clone(&crowd);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let crowd = Arc::clone(&shared);
            let here = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
            crowd.most.fetch_max(here, Ordering::SeqCst);
            thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(&stream);
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|length| length > 0) {}
                thread::sleep(delay);
                // Before the answer, because the client may start the next one as soon as it has it.
                crowd.now.fetch_sub(1, Ordering::SeqCst);
                let _ = (&stream).write_all(answer(&head).as_bytes());
            });
        }
    });
    (address, crowd)
}

fn ok(_: &str) -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned()
}

#[test]
fn many_urls_are_fetched_a_few_at_a_time() {
    let _watchdog = watchdog(LIMIT);
    let (address, crowd) = server(Duration::from_millis(50), ok);
    // By its name: the system's resolver is asked.
    let urls: Vec<_> = (0..20)
        .map(|number| format!("http://localhost:{}/{number}", address.port()))
        .collect();
    let args: Vec<_> = ["-j", "4"].into_iter().chain(urls.iter().map(String::as_str)).collect();
    let output = run("fetch", &args);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    for url in &urls {
        assert!(stdout.contains(&format!("{url}: 200 OK, 5 bytes\n")), "{stdout}");
    }
    assert!(
        stdout
            .lines()
            .last()
            .expect("a line")
            .starts_with("20 fetched, 0 failed, ")
    );
    // No terminal, no bar.
    assert_eq!(text(&output.stderr), "");
    assert_eq!(crowd.most.load(Ordering::SeqCst), 4);
}

#[test]
fn the_host_and_the_path_are_sent() {
    let _watchdog = watchdog(LIMIT);
    let (address, _) = server(Duration::ZERO, |head| {
        let head = head.to_ascii_lowercase();
        let length = head.len();
        let found = head.starts_with("get /a/b?c=d http/1.1\r\n") && head.contains("host: 127.0.0.1:");
        let status = if found { "200 OK" } else { "400 Bad Request" };
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{head}")
    });
    for start in ["http://", "http://user:secret@"] {
        let output = run("fetch", &[&format!("{start}{address}/a/b?c=d#e")]);
        assert!(text(&output.stdout).contains(": 200 OK, "), "{}", text(&output.stdout));
    }
}

#[test]
fn each_failure_is_told_and_the_others_are_fetched() {
    let _watchdog = watchdog(LIMIT);
    let (good, _) = server(Duration::ZERO, ok);
    let (chunked, _) = server(Duration::ZERO, |_| {
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n".to_owned()
    });
    let (silent, _) = server(LIMIT, ok);
    let (short, _) = server(Duration::ZERO, |_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel".to_owned()
    });
    let (rude, _) = server(Duration::ZERO, |_| "no HTTP\r\n\r\n".to_owned());
    let (gone, _) = server(Duration::ZERO, |_| String::new());
    // Bound, so that nobody else has the port, and closed again.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .expect("a listener")
        .local_addr()
        .expect("an address");
    let cases = [
        (format!("http://{good}"), "200 OK, 5 bytes"),
        (format!("http://{chunked}/"), "404 Not Found, 7 bytes"),
        (format!("http://{silent}/"), "failed: no answer within 500ms"),
        (format!("http://{short}/"), "failed: "),
        (format!("http://{rude}/"), "failed: "),
        (format!("http://{gone}/"), "failed: "),
        (format!("http://{nobody}/"), "failed: 127.0.0.1 (127.0.0.1:"),
        ("http://name.invalid/".to_owned(), "failed: name.invalid: "),
        (
            "https://localhost/".to_owned(),
            "failed: not a URL that begins with http://",
        ),
        ("localhost".to_owned(), "failed: not a URL that begins with http://"),
        ("http://".to_owned(), "failed: not a URL: "),
        ("http://a b/".to_owned(), "failed: not a URL: "),
        ("http://localhost:99999/".to_owned(), "failed: "),
        (String::new(), "failed: not a URL: "),
    ];
    let mut args = vec!["-t", "0.5"];
    args.extend(cases.iter().map(|(url, _)| url.as_str()));
    let start = Instant::now();
    let output = run("fetch", &args);
    assert!(start.elapsed() >= Duration::from_millis(500));
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for (url, says) in &cases {
        let wanted = format!("{url}: {says}");
        assert!(
            stdout.lines().any(|line| line.starts_with(&wanted)),
            "{wanted:?} is not in {stdout}"
        );
    }
    let last = stdout.lines().last().expect("a line");
    assert!(last.starts_with("2 fetched, 12 failed, "), "{last}");
}

#[test]
fn mistakes_in_the_command_print_the_usage() {
    let _watchdog = watchdog(LIMIT);
    for args in [
        &[][..],
        &["-j", "0", "http://localhost"],
        &["-j", "many", "http://localhost"],
        &["-t", "-1", "http://localhost"],
        &["-t", "nan", "http://localhost"],
        &["-x", "http://localhost"],
    ] {
        assert_fails("fetch", args, 2, "usage: fetch ");
    }
}
