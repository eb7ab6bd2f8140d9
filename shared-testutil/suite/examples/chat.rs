//! `chat`, with blocking clients of tungstenite, and with two pages in a browser.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::{Error, Message, WebSocket, client};
use shared_testutil::watchdog;

use super::program::{LIMIT, Program, ask, assert_fails, connect};

type Client = WebSocket<TcpStream>;

fn server() -> (Program, SocketAddr) {
    Program::serve("chat", &["127.0.0.1:0"])
}

/// Comes in as the guest with this number, and reads that.
fn enter(address: SocketAddr, guest: u32) -> Client {
    let (mut client, _) = client(format!("ws://{address}/"), connect(address)).expect("a handshake");
    expect(&mut client, &format!("guest {guest} comes in"));
    client
}

fn say(client: &mut Client, line: &str) {
    client.send(Message::text(line)).expect("it reads");
}

#[track_caller]
fn expect(client: &mut Client, line: &str) {
    let message = client.read().expect("a line");
    assert_eq!(message, Message::text(line));
}

#[test]
fn each_client_sees_the_lines_of_all() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let mut first = enter(address, 1);
    let mut second = enter(address, 2);
    expect(&mut first, "guest 2 comes in");
    for (number, line) in ["hello", "größer <b>than</b> ASCII", ""].into_iter().enumerate() {
        let clients = [&mut first, &mut second];
        let guest = number % 2;
        let [one, other] = clients;
        say(if guest == 0 { &mut *one } else { &mut *other }, line);
        for client in [one, other] {
            expect(client, &format!("guest {}: {line}", guest + 1));
        }
    }
    first.close(None).expect("it reads");
    expect(&mut second, "guest 1 leaves");
    // The closing is answered.
    assert!(matches!(first.read(), Ok(Message::Close(_))));
    assert!(matches!(first.read(), Err(Error::ConnectionClosed)));
    let mut third = enter(address, 3);
    expect(&mut second, "guest 3 comes in");
    third.send(Message::Ping("x".into())).expect("it reads");
    assert_eq!(third.read().expect("an answer"), Message::Pong("x".into()));
    server.interrupt();
    assert_eq!(server.line(), "guest 1 comes in");
    let (stdout, stderr) = server.end();
    assert!(stdout.ends_with("guest 1 leaves\nguest 3 comes in\n"), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn a_hundred_clients_see_a_line() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address) = server();
    let mut clients: Vec<_> = (1..=100).map(|guest| enter(address, guest)).collect();
    say(&mut clients[42], "hello");
    for (number, client) in clients.iter_mut().enumerate() {
        for guest in number + 2..=100 {
            expect(client, &format!("guest {guest} comes in"));
        }
        expect(client, "guest 43: hello");
    }
}

#[test]
fn clients_that_break_off_or_break_the_protocol_leave_and_disturb_nobody() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let mut good = enter(address, 1);
    // Without a word of WebSocket.
    let gone = enter(address, 2);
    expect(&mut good, "guest 2 comes in");
    drop(gone);
    expect(&mut good, "guest 2 leaves");
    assert!(server.complaint().contains("without closing handshake"));
    // Too long a line.
    let mut long = enter(address, 3);
    expect(&mut good, "guest 3 comes in");
    say(&mut long, &"x".repeat(5000));
    expect(&mut good, "guest 3 leaves");
    assert!(server.complaint().contains("too long"));
    // No frames, and not masked.
    let mut rude = enter(address, 4);
    expect(&mut good, "guest 4 comes in");
    rude.get_mut().write_all(b"\x81\x02hi").expect("it reads");
    expect(&mut good, "guest 4 leaves");
    let complaint = server.complaint();
    assert!(
        complaint.contains(&ProtocolError::UnmaskedFrameFromClient.to_string()),
        "{complaint}"
    );
    // No text.
    let mut binary = enter(address, 5);
    expect(&mut good, "guest 5 comes in");
    binary
        .get_mut()
        .write_all(b"\x81\x82\0\0\0\0\xff\xfe")
        .expect("it reads");
    expect(&mut good, "guest 5 leaves");
    assert!(server.complaint().contains("UTF-8"));
    say(&mut good, "still here");
    expect(&mut good, "guest 1: still here");
}

#[test]
fn a_client_that_never_reads_keeps_nobody_waiting() {
    let _watchdog = watchdog(LIMIT);
    let (_server, address) = server();
    let mut good = enter(address, 1);
    let _silent = enter(address, 2);
    expect(&mut good, "guest 2 comes in");
    let line = "x".repeat(4000);
    // Until the system's buffers and the queue of the silent one are full, and more: 12 MB.
    for _ in 0..3000 {
        say(&mut good, &line);
        expect(&mut good, &format!("guest 1: {line}"));
    }
}

#[test]
fn the_page_is_served_and_other_requests_are_not() {
    let _watchdog = watchdog(LIMIT);
    let (mut server, address) = server();
    let page = ask(address, "GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(
        page.ends_with(include_str!("../../../exp6-combined/examples/support/chat.html")),
        "{page}"
    );
    for request in [
        "GET /other HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let answer = ask(address, request);
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    }
    // In pieces.
    let mut slow = connect(address);
    for piece in ["GET / HT", "TP/1.1\r", "\n\r\n"] {
        slow.write_all(piece.as_bytes()).expect("it reads");
        thread::sleep(Duration::from_millis(50));
    }
    let mut line = String::new();
    BufReader::new(slow).read_line(&mut line).expect("an answer");
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    // A handshake without a key, a head without an end, and none at all.
    assert_eq!(
        ask(
            address,
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        ),
        ""
    );
    assert!(server.complaint().contains("WebSocket"));
    assert_eq!(ask(address, &"x".repeat(20_000)), "");
    assert!(server.complaint().ends_with("the head of the request is too long"));
    let mut no_text = connect(address);
    no_text.write_all(b"GET /\xff HTTP/1.1\r\n\r\n").expect("it reads");
    assert!(server.complaint().contains("utf-8"));
    drop(connect(address));
    assert!(server.complaint().ends_with("closed before its request"));
    enter(address, 1);
}

#[test]
fn mistakes_in_the_command_are_named() {
    let _watchdog = watchdog(LIMIT);
    assert_fails("chat", &["nonsense"], 1, "nonsense: not an address, such as ");
}

/// Chromium without a window, which is told what to do through a WebSocket of its own.
struct Browser {
    process: Child,
    profile: PathBuf,
    address: SocketAddr,
}

impl Browser {
    /// `None`, with a word about it, if there is no Chromium. Where `XTASK_NEEDS_CHROMIUM` is set, it has to be there.
    fn start() -> Option<Self> {
        let chosen = env::var("CHROMIUM").ok();
        let names = ["chromium", "chromium-browser", "google-chrome"].map(str::to_owned);
        let profile = env::temp_dir().join(format!("exp6-chat-test-{}", process::id()));
        let start = |name: String| {
            Command::new(name)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
                .args(["--disable-dev-shm-usage", "--remote-debugging-port=0", "about:blank"])
                .arg(format!("--user-data-dir={}", profile.display()))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .ok()
        };
        let Some(mut process) = chosen.into_iter().chain(names).find_map(start) else {
            let advice = "install Chromium (apt-get install chromium), or say in CHROMIUM where it is";
            assert!(env::var_os("XTASK_NEEDS_CHROMIUM").is_none(), "{advice}");
            eprintln!("skipped, there is no Chromium: {advice}");
            return None;
        };
        let stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let rest = line.strip_prefix("DevTools listening on ws://")?;
            rest.split('/').next()?.parse().ok()
        });
        // It goes on writing.
        thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            profile,
            address: address.expect("Chromium says where it listens"),
        })
    }

    fn open(&self, url: &str) -> Page {
        let request = format!(
            "PUT /json/new?{url} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        let answer = ask_with_length(self.address, &request);
        let (_, rest) = answer.split_once("\"webSocketDebuggerUrl\": \"").expect("a page");
        let url = rest.split('"').next().expect("a URL");
        let (socket, _) = client(url, connect(self.address)).expect("a handshake");
        Page { socket, last: 0 }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(Path::new(&self.profile));
    }
}

/// Chromium keeps the connection.
fn ask_with_length(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("a head");
        let name = line.to_ascii_lowercase();
        let value = name.strip_prefix("content-length:");
        length = value.map_or(length, |value| value.trim().parse().expect("a length"));
    }
    let mut body = vec![0; length];
    std::io::Read::read_exact(&mut reader, &mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

struct Page {
    socket: Client,
    last: u32,
}

impl Page {
    /// Calls a method of the page, and returns the answer, as JSON.
    fn call(&mut self, method: &str, params: &str) -> String {
        self.last += 1;
        let id = self.last;
        let call = format!("{{\"id\":{id},\"method\":\"{method}\",\"params\":{{{params}}}}}");
        self.socket.send(Message::text(call)).expect("Chromium reads");
        loop {
            let answer = self.socket.read().expect("an answer").to_string();
            if answer.starts_with(&format!("{{\"id\":{id},")) {
                return answer;
            }
        }
    }

    /// Waits until the page shows these lines, the oldest first.
    #[track_caller]
    fn expect(&mut self, lines: &[&str]) {
        let script = "[...document.querySelectorAll('#lines p')].map((line) => line.textContent).join('|')";
        let wanted = format!("\"value\":\"{}\"", lines.join("|"));
        let end = Instant::now() + LIMIT / 2;
        loop {
            let answer = self.call("Runtime.evaluate", &format!("\"expression\":\"{script}\""));
            if answer.contains(&wanted) {
                return;
            }
            assert!(Instant::now() < end, "{wanted} is not in {answer}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types a line, and presses Enter.
    fn say(&mut self, line: &str) {
        self.call(
            "Runtime.evaluate",
            "\"expression\":\"document.getElementById('text').focus()\"",
        );
        self.call("Input.insertText", &format!("\"text\":\"{line}\""));
        let enter = "\"key\":\"Enter\",\"text\":\"\\r\",\"windowsVirtualKeyCode\":13";
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &format!("\"type\":\"{kind}\",{enter}"));
        }
    }
}

#[test]
fn two_pages_see_each_others_lines() {
    let _watchdog = watchdog(2 * LIMIT);
    let Some(browser) = Browser::start() else { return };
    let (server, address) = server();
    let url = format!("http://{address}/");
    let mut first = browser.open(&url);
    first.expect(&["guest 1 comes in"]);
    let mut second = browser.open(&url);
    second.expect(&["guest 2 comes in"]);
    first.say("hello");
    second.expect(&["guest 2 comes in", "guest 1: hello"]);
    second.say("<b>bold</b>");
    first.expect(&[
        "guest 1 comes in",
        "guest 2 comes in",
        "guest 1: hello",
        "guest 2: <b>bold</b>",
    ]);
    server.interrupt();
    server.end();
    second.expect(&[
        "guest 2 comes in",
        "guest 1: hello",
        "guest 2: <b>bold</b>",
        "(disconnected)",
    ]);
}
