//! `cargo xtask page`, in headless Chromium. What a reader would do there is in `page.html`.

mod common;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Tree, copy_of_the_project, run, xtask};
use tempfile::TempDir;

/// Tells the page that it is watched, before anything else in it runs, and forbids it to load a thing. To scroll it would lay it
/// out, and so that is not done where no check needs it.
const WATCH: &str = "<head>\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'unsafe-inline' data:\">\
    <script>\
    addEventListener('error', (event) => parent.pageError(event.message));\
    addEventListener('unhandledrejection', (event) => parent.pageError(event.reason));\
    addEventListener('securitypolicyviolation', (event) => parent.pageError('loads ' + event.blockedURI));\
    console.error = (...words) => parent.pageError(words.join(' '));\
    if (frameElement.dataset.still !== undefined) scrollTo = scrollBy = Element.prototype.scrollIntoView = () => {};\
    </script>";

const LIMIT: Duration = Duration::from_secs(600);

/// Chromium, or `None` with a word about it. Where `XTASK_NEEDS_CHROMIUM` is set, a test may not do without.
fn chromium(dir: &Path) -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"].map(PathBuf::from);
    let chosen = env::var_os("CHROMIUM").map(PathBuf::from);
    let runs = |name: &PathBuf| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let Some(name) = chosen.into_iter().chain(names).find(runs) else {
        let advice = "install Chromium (apt-get install chromium), or say in CHROMIUM where it is";
        assert!(env::var_os("XTASK_NEEDS_CHROMIUM").is_none(), "{advice}");
        eprintln!("skipped, for there is no Chromium: {advice}");
        return None;
    };
    let mut command = Command::new(name);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--hide-scrollbars",
    ]);
    command.args(["--disable-dev-shm-usage", "--window-size=1400,900"]);
    command.arg(format!("--user-data-dir={}", dir.join("profile").display()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Some(command)
}

/// Ends the browser, however the test ends.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the page, what tries it out, and the tree, until the report comes.
fn serve(listener: &TcpListener, root: &Path) -> String {
    let end = Instant::now() + LIMIT;
    listener.set_nonblocking(true).expect("a listener");
    loop {
        assert!(Instant::now() < end, "no report within {LIMIT:?}");
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).expect("a stream");
                if let Some(report) = answer(stream, root) {
                    return report;
                }
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Answers a request; returns what is reported.
fn answer(stream: TcpStream, root: &Path) -> Option<String> {
    let mut reader = BufReader::new(&stream);
    let mut head = String::new();
    // A connection that the browser opens and does not use has no head.
    while reader.read_line(&mut head).ok()? > 2 {}
    let path = head.split_whitespace().nth(1)?.to_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let text = match path.as_str() {
        root if root.starts_with("/?") => include_str!("page.html").to_owned(),
        "/page.html" => read(&root.join("target/page.html")).replacen("<head>", WATCH, 1),
        "/report" => String::new(),
        _ => read(&root.join(path.trim_start_matches("/tree/"))),
    };
    let kind = if path.starts_with("/tree/") {
        "text/plain"
    } else {
        "text/html"
    };
    let mut stream = &stream;
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    (path == "/report").then(|| String::from_utf8_lossy(&body).into_owned())
}

/// A file's text; a folder's files, one a line.
fn read(path: &Path) -> String {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned() + "\n");
        return names.collect();
    }
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_reader_finds_in_the_page_what_the_tree_holds() {
    let dir = copy_of_the_project();
    run(xtask().arg("page").current_dir(&dir)).succeeded();
    // Every place takes some minutes of processor time.
    let whole = env::var_os("XTASK_WHOLE").map_or("", |_| "&whole");
    thread::scope(|scope| {
        for half in 0..2 {
            let dir = dir.path();
            scope.spawn(move || a_reader_tries_out(dir, &format!("half={half}{whole}")));
        }
    });
}

fn a_reader_tries_out(dir: &Path, query: &str) {
    let profile = TempDir::new().expect("a folder");
    let Some(mut chromium) = chromium(profile.path()) else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    chromium.args(["--remote-debugging-port=0", &format!("http://{address}/?{query}")]);
    let _browser = Browser(chromium.spawn().expect("Chromium starts"));
    let report = serve(&listener, dir);
    assert!(report.ends_with("checks hold"), "{report}");
    println!("{report}");
}

#[test]
fn it_opens_from_the_disk() {
    let tree = Tree::new();
    let said = tree.xtask(&["page"]).succeeded().stdout;
    let path = said.trim().to_owned();
    let dir = TempDir::new().expect("a folder");
    let Some(mut chromium) = chromium(dir.path()) else {
        return;
    };
    let shown = run(chromium.args(["--dump-dom", &format!("file://{path}#/4")]))
        .succeeded()
        .stdout;
    assert!(shown.contains("<h2>exp4-threadpool</h2>"), "{shown}");
}

#[test]
fn it_needs_nothing_from_elsewhere() {
    let tree = Tree::new();
    tree.xtask(&["page"]).succeeded();
    let page = tree.read("target/page.html");
    for word in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "://"] {
        assert!(!page.contains(word), "{word}");
    }
    for place in ["/* page.css */", "/* page.js */", "/* data */"] {
        assert!(!page.contains(place), "{place} is not filled");
    }
}

#[test]
fn code_that_looks_like_markup_stays_code() {
    let tree = Tree::new();
    tree.edit("exp1-simplest/src/scheduler.rs", |text| {
        text + "\n// </script><script>alert(1)</script>\n"
    });
    tree.xtask(&["page"]).succeeded();
    let page = tree.read("target/page.html");
    assert_eq!(page.matches("</script>").count(), 2, "the data's and the page's own");
    assert!(page.contains("&lt;/script&gt;"), "the line is shown");
}

#[test]
fn an_unknown_option_is_refused() {
    Tree::new().xtask(&["page", "--shut"]).refused(&["--shut"]);
}
