//! `cargo xtask diff` and `cargo xtask growth`.

mod common;

use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use common::{PAIRS, STEPS, Tree, project, run, xtask};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

const ESCAPE: char = '\u{1b}';

/// A pair's folders.
fn dirs((old, new): (usize, usize)) -> (String, String) {
    (format!("{}/src", STEPS[old - 1]), format!("{}/src", STEPS[new - 1]))
}

/// What git counts: added and removed lines.
fn git_counts(pair: (usize, usize), options: &[&str]) -> (usize, usize) {
    let (old, new) = dirs(pair);
    let mut git = Command::new("git");
    git.args(["diff", "--no-index", "--numstat"])
        .args(options)
        .args([old, new])
        .current_dir(project());
    let counted = run(&mut git).stdout;
    let numbers = counted.lines().map(|line| {
        let mut words = line.split('\t').map(|word| word.parse::<usize>());
        let mut next = || words.next().expect("a number").expect("a number");
        (next(), next())
    });
    numbers.fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1))
}

#[test]
fn all_six_steps_of_the_tree_are_compared() {
    let shown = Tree::new().xtask(&["diff", "--stat"]).succeeded().stdout;
    let titles: Vec<_> = shown.lines().filter(|line| line.contains(" → ")).collect();
    assert_eq!(titles.len(), PAIRS.len());
    for ((old, new), title) in PAIRS.iter().zip(titles) {
        let pair = format!("{} → {}", STEPS[old - 1], STEPS[new - 1]);
        assert!(title.starts_with(&pair), "{title}");
    }
}

#[test]
fn lines_are_counted_as_git_counts_them() {
    let table = run(xtask().arg("growth").current_dir(project())).succeeded().stdout;
    for pair in PAIRS {
        let (plain, words) = (git_counts(pair, &[]), git_counts(pair, &["-w"]));
        let name = format!("{}→{}", pair.0, pair.1);
        let row = table.lines().find(|line| line.contains(&name)).expect("a row");
        let numbers: Vec<_> = row
            .split('|')
            .filter_map(|cell| cell.trim().parse::<usize>().ok())
            .collect();
        assert_eq!(numbers[..4], [plain.0, plain.1, words.0, words.1], "{row}");
    }
}

#[test]
fn a_diff_makes_the_one_step_into_the_other() {
    for pair in PAIRS {
        let (old, new) = dirs(pair);
        let names = [pair.0.to_string(), pair.1.to_string()];
        let diff = run(xtask().arg("diff").args(&names).current_dir(project()))
            .succeeded()
            .stdout;
        let dir = TempDir::new().expect("a folder");
        for file in fs::read_dir(project().join(old)).expect("a step") {
            let file = file.expect("a file");
            fs::copy(file.path(), dir.path().join(file.file_name())).expect("a copy");
        }
        let patch = dir.path().join("patch");
        fs::write(&patch, diff).expect("a file");
        run(Command::new("git").args(["apply", "-p3"]).arg(&patch).current_dir(&dir)).succeeded();
        fs::remove_file(patch).expect("the patch");
        let mut compare = Command::new("diff");
        run(compare.arg("-r").arg(dir.path()).arg(project().join(new))).succeeded();
    }
}

#[test]
fn a_diff_makes_each_plain_file_into_its_twin() {
    let diff = run(xtask().args(["diff", "fast"]).current_dir(project()))
        .succeeded()
        .stdout;
    let dir = TempDir::new().expect("a folder");
    fs::create_dir(dir.path().join("fast")).expect("a folder");
    // Each plain file stands where its twin will be, and the patch says so.
    let mut patch = String::new();
    for line in diff.lines() {
        let named = line.strip_prefix("--- a/exp6-combined/");
        match named {
            Some(plain) => {
                let name = plain.rsplit('/').next().expect("a name");
                let copy = dir.path().join("fast").join(name);
                fs::copy(project().join("exp6-combined").join(plain), copy).expect("a copy");
                patch.push_str(&format!("--- a/exp6-combined/fast/{name}\n"));
            }
            None => patch.push_str(&format!("{line}\n")),
        }
    }
    let file = dir.path().join("patch");
    fs::write(&file, patch).expect("a file");
    run(Command::new("git").args(["apply", "-p2"]).arg(&file).current_dir(&dir)).succeeded();
    let mut compare = Command::new("diff");
    compare.args(["-r", "-x", "*.md"]).arg(dir.path().join("fast"));
    run(compare.arg(project().join("exp6-combined/fast"))).succeeded();
}

#[test]
fn plain_files_are_compared_with_their_twins() {
    let tree = Tree::new();
    let shown = tree.xtask(&["diff", "fast"]).succeeded().stdout;
    assert!(shown.starts_with("exp6-combined: plain → fast  +2 -2\n"), "{shown}");
    let head = "--- a/exp6-combined/src/timers.rs\n+++ b/exp6-combined/fast/timers.rs\n";
    assert!(shown.contains(head), "{shown}");
    assert!(shown.contains("\n-    Duration::from_millis(10) * count\n"), "{shown}");
    for name in ["timers", "timers.rs"] {
        assert_eq!(tree.xtask(&["diff", "fast", name]).succeeded().stdout, shown);
    }
    let stat = tree.xtask(&["diff", "fast", "--stat"]).succeeded().stdout;
    assert!(stat.contains("\n  timers.rs      changed     2    2  +-\n"), "{stat}");
    let split = tree.xtask(&["diff", "--split", "fast"]).succeeded().stdout;
    assert!(split.contains("\nsrc/timers.rs → fast/timers.rs\n"), "{split}");
    let row = split.lines().find(|line| line.contains("from_millis")).expect("a row");
    assert!(row.contains("│") && row.contains("from_micros"), "{row}");
}

#[test]
fn of_several_twins_those_are_shown_that_are_named() {
    let diff = |args: &[&str]| {
        let shown = run(xtask().args(["diff", "fast"]).args(args).current_dir(project()));
        let shown = shown.succeeded().stdout;
        let names = shown
            .lines()
            .filter_map(|line| line.strip_prefix("+++ b/exp6-combined/fast/"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(diff(&["task", "timers.rs"]), ["timers.rs", "task.rs"]);
    assert_eq!(diff(&["read"]), ["read.rs"]);
}

#[test]
fn files_come_in_the_reading_order_and_identical_ones_are_only_named() {
    let shown = Tree::new()
        .xtask(&["diff", "exp3", "exp4-threadpool/"])
        .succeeded()
        .stdout;
    let files: Vec<_> = shown.lines().filter(|line| line.starts_with("+++ ")).collect();
    let expected = ["blocking.rs", "scheduler.rs", "lib.rs", "main.rs"];
    assert_eq!(files, expected.map(|name| format!("+++ b/exp4-threadpool/src/{name}")));
    assert!(shown.contains("\nidentical: timers.rs, park.rs\n"), "{shown}");
}

#[test]
fn one_step_is_compared_with_what_it_grew_from() {
    let shown = Tree::new().xtask(&["diff", "6", "--stat"]).succeeded().stdout;
    assert!(shown.contains("exp5-selectors → exp6-combined"), "{shown}");
    assert!(shown.contains("exp4-threadpool → exp6-combined"), "{shown}");
    assert!(!shown.contains("exp1-simplest"), "{shown}");
}

#[test]
fn steps_that_did_not_grow_from_each_other_are_compared_too() {
    let shown = Tree::new().xtask(&["diff", "4", "5"]).succeeded().stdout;
    assert!(
        shown.contains("--- a/exp4-threadpool/src/blocking.rs\n+++ /dev/null\n"),
        "{shown}"
    );
}

#[test]
fn side_by_side_no_line_is_lost_and_none_is_too_wide() {
    let tree = Tree::new();
    let long = format!("/// {}\n", "word ".repeat(50));
    tree.edit("exp4-threadpool/src/scheduler.rs", |text| text + &long);
    let shown = tree.xtask(&["diff", "3", "4", "--split"]).succeeded().stdout;
    let widest = shown.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(160), "{widest:?}");
    assert_eq!(
        shown.matches("word ").count() + shown.matches("word\n").count(),
        50,
        "{shown}"
    );
    let row = shown
        .lines()
        .find(|line| line.contains("spawn_blocking(|| ());"))
        .expect("the new line");
    let (left, right) = row.split_once('│').expect("two columns");
    assert_eq!(left.trim(), "");
    assert!(right.trim_start().starts_with("5+"), "{right}");
}

#[test]
fn an_unknown_step_is_refused_with_those_that_there_are() {
    let tree = Tree::new();
    for word in ["7", "0", "exp9", "exp3-spam", ""] {
        tree.xtask(&["diff", word])
            .refused(&[&format!("unknown step `{word}`"), &STEPS.join(", ")]);
    }
}

#[test]
fn what_the_command_line_should_not_say_is_refused() {
    let tree = Tree::new();
    tree.xtask(&["diff", "1", "2", "3"]).refused(&["two steps at most"]);
    tree.xtask(&["diff", "1"]).refused(&["exp1-simplest grew from nothing"]);
    tree.xtask(&["diff", "fast", "scheduler"])
        .refused(&["unknown twin `scheduler`: there are timers"]);
    tree.xtask(&["diff", "3", "fast"]).refused(&["unknown step `fast`"]);
    tree.xtask(&["diff", "--colour"]).refused(&["--colour"]);
    tree.xtask(&["growth", "1"]).refused(&["1"]);
    tree.xtask(&["grow"])
        .refused(&["unknown command `grow`", "diff, growth, same, forward, docs, page"]);
    tree.xtask(&[]).refused(&["diff, growth, same, forward, docs, page"]);
}

#[test]
fn help_names_every_command() {
    let help = Tree::new().xtask(&["--help"]).succeeded().stdout;
    for command in ["diff", "growth", "same", "forward", "docs", "page"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    assert!(help.contains("\n  diff fast "), "{help}");
}

#[test]
fn a_sub_folder_will_do() {
    let tree = Tree::new();
    let above = tree.xtask(&["diff", "2", "3"]).succeeded();
    let below = tree.xtask_in("exp3-spawn/src", &["diff", "2", "3"]).succeeded();
    assert_eq!(above.stdout, below.stdout);
}

#[test]
fn elsewhere_it_says_what_it_looks_for() {
    let dir = TempDir::new().expect("a folder");
    run(xtask().arg("growth").current_dir(&dir)).failed(&["holds the six steps"]);
}

/// What the command writes to a terminal.
fn on_a_terminal(tree: &Tree, args: &[&str], environment: &[(&str, &str)]) -> String {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&controller).expect("a terminal");
    unlockpt(&controller).expect("a terminal");
    let name = ptsname(&controller, Vec::new()).expect("its name");
    let terminal = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("text"))
        .expect("its other side");
    let mut command = xtask();
    command
        .args(args)
        .envs(environment.iter().copied())
        .env("TERM", "xterm")
        .current_dir(tree.path(""));
    let mut child = command.stdout(OwnedFd::from(terminal)).spawn().expect("it can be run");
    // The last copy of the other side: without it the read below would never end.
    drop(command);
    let mut shown = Vec::new();
    // A terminal whose other side is gone ends with an error.
    let _ = File::from(controller).read_to_end(&mut shown);
    assert!(child.wait().expect("it ends").success());
    String::from_utf8(shown).expect("text")
}

#[test]
fn a_terminal_gets_colours_and_marked_words() {
    let tree = Tree::new();
    tree.edit("exp2-sleep/src/scheduler.rs", |text| {
        text.replace("while let Some(task)", "while let Some(id)")
    });
    let shown = on_a_terminal(&tree, &["diff", "1", "2"], &[]);
    let removed = shown
        .lines()
        .find(|line| line.contains("-") && line.contains("while let"))
        .expect("the old line");
    // Red throughout; bold and underlined where the words differ.
    assert!(removed.contains("\u{1b}[31m"), "{removed:?}");
    assert!(
        removed.contains("\u{1b}[1m\u{1b}[4m\u{1b}[31mtask\u{1b}[0m"),
        "{removed:?}"
    );
}

#[test]
fn no_color_is_honoured_and_a_pipe_gets_none_either() {
    let tree = Tree::new();
    assert!(!on_a_terminal(&tree, &["diff", "1", "2"], &[("NO_COLOR", "1")]).contains(ESCAPE));
    assert!(!tree.xtask(&["diff", "1", "2"]).succeeded().stdout.contains(ESCAPE));
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let tree = Tree::new();
    for command in ["diff", "growth", "same"] {
        let mut child = xtask()
            .arg(command)
            .current_dir(tree.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be run");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{command}");
        assert!(ended.status.success(), "{command}");
    }
}
