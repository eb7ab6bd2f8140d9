//! `cargo xtask trace`.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::{Ended, STEPS, Tree, project, run, xtask};
use serde_json::Value;
use tempfile::TempDir;

/// Two tasks: one ends, and the other yields without end.
const ENDLESS: &str = "\
use exp1_simplest as sched;

fn main() {
    let scheduler = sched::Scheduler::new();
    scheduler.spawn(async { println!(\"it runs\") });
    scheduler.spawn(endless());
    scheduler.run();
}

async fn endless() {
    loop {
        std::thread::sleep(std::time::Duration::from_millis(1));
        sched::yield_now().await;
    }
}
";

fn trace(args: &[&str], dir: &Path) -> Ended {
    run(xtask().arg("trace").args(args).current_dir(dir))
}

fn path(dir: &TempDir, file: &str) -> String {
    dir.path().join(file).to_string_lossy().into_owned()
}

#[test]
fn an_unknown_step_is_refused_with_a_list_of_those_that_there_are() {
    let tree = Tree::new();
    let ended = tree.xtask(&["trace", "exp7"]).refused(&["unknown step `exp7`"]);
    ended.says(&STEPS);
}

#[test]
fn a_wrong_command_line_is_refused() {
    let tree = Tree::new();
    tree.xtask(&["trace"]).refused(&["say which step, 1 to 6"]);
    tree.xtask(&["trace", "1", "2"]).refused(&["unexpected argument"]);
    tree.xtask(&["trace", "1", "--docs"]).refused(&["--docs"]);
    tree.xtask(&["trace", "1", "--svg"]).refused(&["--svg"]);
    for limit in ["0", "-1", "soon", "NaN", "1e300"] {
        tree.xtask(&["trace", "1", "--limit", limit])
            .refused(&["--limit", limit]);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_built() {
    let tree = Tree::new();
    for option in ["--svg", "--json"] {
        let ended = tree.xtask(&["trace", "1", option, "no/such/folder/file"]);
        ended.failed(&["no/such/folder/file: No such file or directory"]);
    }
    assert!(!tree.path("target").exists());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let tree = Tree::new();
    let ended = tree.xtask(&["trace", "1", "--program", "no/such.rs"]);
    ended.failed(&["no/such.rs: there is no such program"]);
}

#[test]
fn the_demo_of_a_step_runs_as_ever_and_is_drawn() {
    let dir = TempDir::new().expect("a folder");
    let (svg, json) = (path(&dir, "1.svg"), path(&dir, "1.json"));
    let ended = trace(&["1", "--svg", &svg, "--json", &json], &project()).succeeded();
    assert!(
        ended.stdout.starts_with("C1: Start\nC2: Start\nC1: a\nC2: a\n"),
        "{ended:?}"
    );
    ended.says(&[
        "exp1-simplest\n",
        "\nc1 ",
        "c1    polls: 5, the longest ",
        "woken by itself 4; ready at ",
    ]);
    let picture = fs::read_to_string(svg).expect("the picture");
    assert_eq!(picture.matches("class=\"poll\"").count(), 10, "{picture}");
    let trace: Value = fs::read_to_string(json).expect("the trace").parse().expect("JSON");
    let events = trace["traceEvents"].as_array().expect("a list");
    let polls = events
        .iter()
        .filter(|event| event["name"] == "poll")
        .map(|event| event["tid"].as_u64());
    assert_eq!(
        polls.collect::<Vec<_>>(),
        [1, 2].repeat(5).into_iter().map(Some).collect::<Vec<_>>()
    );
}

#[test]
fn a_program_that_never_ends_is_cut_off_and_what_it_did_is_shown() {
    let dir = TempDir::new().expect("a folder");
    let program = path(&dir, "endless.rs");
    fs::write(&program, ENDLESS).expect("a program");
    let ended = trace(&["2", "--program", &program, "--limit", "0.5"], &project()).succeeded();
    ended.says(&[
        "it runs\n",
        "endless.rs on exp2-sleep\n",
        "cut off after 0.5 s",
        "main     polls: 1,",
        "has not ended",
    ]);
}

#[test]
fn a_program_that_fails_is_shown_and_fails() {
    let dir = TempDir::new().expect("a folder");
    let program = path(&dir, "fails.rs");
    let text = ENDLESS
        .replace("loop {", "for _ in 0..2 {")
        .replace("\n}\n\nasync", "\n    std::process::exit(3);\n}\n\nasync");
    fs::write(&program, text).expect("a program");
    let ended = trace(&["1", "--program", &program], &project());
    ended.failed(&["fails.rs on exp1-simplest: exit status: 3", "polls: 3,"]);
}

#[test]
fn a_record_whose_program_has_changed_is_stale() {
    let tree = Tree::new();
    tree.write(
        "docs/trace/demo-1.json",
        "{\"program\": \"exp1-simplest/src/main.rs\", \"hash\": \"0\"}",
    );
    let ended = tree.xtask(&["docs", "--check"]);
    ended.failed(&[
        "docs/trace/demo-1.json is stale: exp1-simplest/src/main.rs has changed",
        "cargo xtask trace --docs",
    ]);
}

#[test]
fn a_picture_that_does_not_show_its_record_is_stale() {
    let tree = Tree::new();
    for file in [
        "docs/trace/demo-1.json",
        "docs/trace/1.svg",
        "exp1-simplest/src/main.rs",
    ] {
        tree.write(file, &fs::read_to_string(project().join(file)).expect("a file"));
    }
    tree.xtask(&["docs"]).succeeded();
    assert_eq!(
        tree.read("docs/trace/1.svg"),
        fs::read_to_string(project().join("docs/trace/1.svg")).expect("a picture")
    );
    tree.edit("docs/trace/1.svg", |text| text.replacen("c1", "c3", 1));
    tree.xtask(&["docs", "--check"]).failed(&["docs/trace/1.svg is stale"]);
}

#[test]
fn a_task_that_is_dropped_with_its_scheduler_is_cancelled() {
    let dir = TempDir::new().expect("a folder");
    let program = path(&dir, "dropped.rs");
    let text = "\
use exp3_spawn as sched;

fn main() {
    sched::Scheduler::new().block_on(first());
}

async fn first() {
    sched::spawn(never());
    sched::yield_now().await;
}

async fn never() {
    std::future::pending().await
}
";
    fs::write(&program, text).expect("a program");
    let ended = trace(&["3", "--program", &program], &project()).succeeded();
    ended.says(&[
        "first  polls: 2,",
        "never  polls: 1,",
        "; woken by nobody; cancelled at ",
        "✗\n",
    ]);
}

#[test]
fn the_files_are_written_also_if_nobody_reads_the_timeline() {
    let dir = TempDir::new().expect("a folder");
    let json = path(&dir, "1.json");
    let mut command = xtask();
    command.args(["trace", "1", "--json", &json]).current_dir(project());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
    // The demo prints ten lines before.
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    (0..10).for_each(|_| drop(lines.next().expect("a line").expect("text")));
    drop(lines);
    assert!(child.wait().expect("it ends").success());
    assert!(fs::read_to_string(json).expect("the trace").contains("traceEvents"));
}
