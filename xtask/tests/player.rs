//! `cargo xtask player`. What the page does with the runs is in `page.html`.

mod common;

use std::fs;
use std::path::Path;

use common::{Ended, Tree, copy_of_the_project, run, xtask};

fn player(args: &[&str], dir: &Path) -> Ended {
    // Where no other test builds the same programs at the same time.
    let target = dir.join("target");
    run(xtask()
        .arg("player")
        .args(args)
        .env("CARGO_TARGET_DIR", target)
        .current_dir(dir))
}

#[test]
fn a_run_is_recorded_as_it_was_and_a_stale_one_is_found() {
    let dir = copy_of_the_project();
    let names = ["demo-1", "the-last-comes-first"];
    let files = names.map(|name| dir.path().join(format!("docs/player/{name}.json")));
    let committed = files
        .each_ref()
        .map(|file| fs::read_to_string(file).expect("a recording"));
    player(&names, dir.path())
        .succeeded()
        .says(&["docs/player/demo-1.json is written"]);
    for (file, before) in files.iter().zip(&committed) {
        assert_eq!(
            &fs::read_to_string(file).expect("a recording"),
            before,
            "{}",
            file.display()
        );
    }
    player(&["--check", "demo-1"], dir.path()).succeeded();

    // Another order of events.
    let swapped = committed[0].replacen("\"kind\":\"take\"", "\"kind\":\"poll\"", 1);
    fs::write(&files[0], swapped).expect("a file");
    player(&["--check", "demo-1"], dir.path()).failed(&["records them anew: cargo xtask player"]);

    // The page leaves out what does not fit the sources.
    let source = dir.path().join("exp1-simplest/src/scheduler.rs");
    let text = fs::read_to_string(&source).expect("a file");
    fs::write(&source, format!("// One line more.\n{text}")).expect("a file");
    let ended = run(xtask().arg("page").current_dir(&dir)).succeeded();
    assert!(
        ended.stderr.contains("docs/player/demo-1.json is stale"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("demo-2"), "{}", ended.stderr);
    let page = fs::read_to_string(dir.path().join("target/page.html")).expect("the page");
    assert!(!page.contains("\"name\":\"demo-1\"") && page.contains("\"name\":\"demo-2\""));
}

#[test]
fn a_mark_that_is_gone_is_named() {
    let dir = copy_of_the_project();
    let source = dir.path().join("exp2-sleep/src/park.rs");
    let text = fs::read_to_string(&source).expect("a file");
    fs::write(
        &source,
        text.replace("thread::park_timeout(timeout)", "thread::sleep(timeout)"),
    )
    .expect("a file");
    player(&["demo-2"], dir.path()).failed(&["xtask/src/player/marks.rs", "park_timeout(timeout)", "exp2's park.rs"]);
}

#[test]
fn an_unknown_run_is_refused_with_a_list_of_those_that_there_are() {
    let tree = Tree::new();
    let ended = tree.xtask(&["player", "demo-7"]).refused(&["unknown run `demo-7`"]);
    ended.says(&["demo-1", "the-last-comes-first"]);
    tree.xtask(&["player", "--all"]).refused(&["--all"]);
}

#[test]
fn docs_names_the_recordings_that_are_stale_or_missing() {
    let tree = Tree::new();
    tree.xtask(&["docs"]).succeeded();
    tree.xtask(&["docs", "--check"]).succeeded();
    tree.write("docs/player/demo-1.json", "{}");
    let words = [
        "docs/player/demo-1.json is stale",
        "docs/player/demo-2.json is not there",
        "cargo xtask player",
    ];
    tree.xtask(&["docs", "--check"]).failed(&words);
    tree.xtask(&["docs"]).failed(&words);
    tree.write("docs/player/demo-1.json", "nonsense");
    tree.xtask(&["docs", "--check"]).failed(&["docs/player/demo-1.json: "]);
}
