//! `cargo xtask docs`.

mod common;

use std::fs;
use std::process::Command;

use common::{PAIRS, STEPS, Tree, project, run, xtask};

/// Every file that is generated, or of which a part is.
fn generated() -> Vec<String> {
    let mut files: Vec<_> = PAIRS
        .iter()
        .map(|(old, new)| format!("docs/diffs/{old}-{new}.diff"))
        .collect();
    let others = [
        "docs/diffs/fast.diff",
        "docs/order",
        "docs/growth.svg",
        "docs/loop/all.svg",
        "README.md",
        "CONTRIBUTING.md",
    ];
    files.extend(others.map(str::to_owned));
    files.extend((1..=STEPS.len()).map(|number| format!("docs/loop/{number}.svg")));
    files.extend(STEPS.map(|step| format!("{step}/README.md")));
    files
}

#[test]
fn what_is_fresh_passes_and_is_not_written_again() {
    let tree = Tree::new();
    assert_eq!(tree.xtask(&["docs", "--check"]).succeeded().stdout, "");
    assert_eq!(tree.xtask(&["docs"]).succeeded().stdout, "");
}

#[test]
fn one_changed_byte_in_anything_generated_is_found_and_mended() {
    let tree = Tree::new();
    for file in generated() {
        let fresh = tree.read(&file);
        let digit = fresh
            .rfind(|c: char| c.is_ascii_digit())
            .unwrap_or_else(|| panic!("no number in {file}"));
        let other = if &fresh[digit..=digit] == "1" { "2" } else { "1" };
        tree.write(&file, &format!("{}{other}{}", &fresh[..digit], &fresh[digit + 1..]));
        tree.xtask(&["docs", "--check"])
            .failed(&[&format!("{file} is stale"), "cargo xtask docs"]);
        tree.xtask(&["docs"]).succeeded().says(&[&format!("{file} is written")]);
        assert_eq!(tree.read(&file), fresh);
    }
}

#[test]
fn a_missing_file_is_stale() {
    let tree = Tree::new();
    fs::remove_file(tree.path("docs/growth.svg")).expect("the chart");
    tree.xtask(&["docs", "--check"]).failed(&["docs/growth.svg is stale"]);
}

#[test]
fn a_changed_source_makes_its_diffs_stale_and_no_others() {
    let tree = Tree::new();
    for step in ["exp4-threadpool", "exp6-combined"] {
        tree.edit(&format!("{step}/src/blocking.rs"), |text| {
            text.replace("a job", "one job")
        });
    }
    let stale = ["docs/diffs/3-4.diff is stale", "docs/diffs/5-6.diff is stale"];
    let ended = tree.xtask(&["docs", "--check"]).failed(&stale);
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
}

#[test]
fn a_check_writes_nothing() {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/src/blocking.rs", |text| text + "\nfn more() {}\n");
    let before: Vec<_> = generated().iter().map(|file| tree.read(file)).collect();
    tree.xtask(&["docs", "--check"]).failed(&[]);
    let after: Vec<_> = generated().iter().map(|file| tree.read(file)).collect();
    assert_eq!(before, after);
}

#[test]
fn a_diff_of_no_pair_is_found_and_removed() {
    let tree = Tree::new();
    tree.write("docs/diffs/4-5.diff", "");
    tree.xtask(&["docs", "--check"])
        .failed(&["docs/diffs/4-5.diff belongs to no step of the tree"]);
    tree.xtask(&["docs"]).succeeded();
    assert!(!tree.path("docs/diffs/4-5.diff").exists());
}

#[test]
fn the_diffs_are_those_that_git_shows() {
    let tree = Tree::new();
    for (old, new) in PAIRS {
        let dirs = [old, new].map(|number| format!("{}/src", STEPS[number - 1]));
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let shown = run(git
            .args(["diff", "-Odocs/order", "--no-index"])
            .args(dirs)
            .current_dir(tree.path("")));
        assert_eq!(tree.read(&format!("docs/diffs/{old}-{new}.diff")), shown.stdout);
    }
}

#[test]
fn the_order_is_that_of_reading_and_git_takes_it() {
    let tree = Tree::new();
    let files = |step: &str, names: &[&str]| {
        let lines = names.iter().map(|name| format!("*{step}/src/{name}\n"));
        lines.collect::<String>()
    };
    let order = tree.read("docs/order");
    let expected = files(
        "exp2-sleep",
        &["scheduler.rs", "timers.rs", "park.rs", "lib.rs", "main.rs"],
    ) + &files("exp3-spawn", &["scheduler.rs", "main.rs"])
        + &files("exp4-threadpool", &["blocking.rs", "scheduler.rs", "lib.rs", "main.rs"])
        + &files("exp5-selectors", &["park.rs", "main.rs"])
        + &files(
            "exp6-combined",
            &["park.rs", "scheduler.rs", "blocking.rs", "lib.rs", "main.rs"],
        )
        + "*exp6-combined/fast/timers.rs\n";
    assert!(order.ends_with(&expected), "{order}");
    // From a sub-folder as well.
    let mut git = Command::new("git");
    git.args(["diff", "-O../docs/order", "--no-index", "--name-only"])
        .args(["../exp3-spawn/src", "../exp4-threadpool/src"])
        .current_dir(tree.path("exp4-threadpool"));
    let names = run(&mut git).stdout;
    let names: Vec<_> = names.lines().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(names, ["blocking.rs", "scheduler.rs", "lib.rs", "main.rs"]);
}

/// The files of a command's output or of a file of docs/diffs, in their order.
fn files_of(diff: &str) -> Vec<String> {
    let files = diff.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    files.map(str::to_owned).collect()
}

fn diff_in_the_project(args: &[&str]) -> Vec<String> {
    let shown = run(xtask().arg("diff").args(args).current_dir(project()));
    files_of(&shown.succeeded().stdout)
}

fn git_in_the_project(args: &[&str]) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["diff", "-Odocs/order", "--no-index", "--name-only"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(project());
    run(&mut git).stdout.lines().map(str::to_owned).collect()
}

fn written_in_the_project(name: &str) -> Vec<String> {
    let path = project().join(format!("docs/diffs/{name}.diff"));
    files_of(&fs::read_to_string(path).expect("a diff"))
}

#[test]
fn one_order_file_gives_all_six_diffs_of_the_project_their_order() {
    let stories = [
        "scheduler.rs",
        "join.rs",
        "blocking.rs",
        "park.rs",
        "park.rs",
        "park.rs",
    ];
    for ((old, new), story) in PAIRS.into_iter().zip(stories) {
        let dirs = [old, new].map(|number| format!("{}/src", STEPS[number - 1]));
        let by_git = git_in_the_project(&[&dirs[0], &dirs[1]]);
        assert_eq!(by_git[0], format!("{}/{story}", dirs[1]));
        assert_eq!(by_git, written_in_the_project(&format!("{old}-{new}")));
        assert_eq!(by_git, diff_in_the_project(&[&old.to_string(), &new.to_string()]));
    }
}

#[test]
fn in_each_diff_of_the_project_the_loop_comes_next_and_the_demo_last() {
    for (old, new) in PAIRS {
        let (old_dir, new_dir) = (STEPS[old - 1], STEPS[new - 1]);
        let part = |path: &String| {
            let name = path.rsplit('/').next().expect("a name");
            match name {
                "scheduler.rs" => 0,
                "lib.rs" => 3,
                "main.rs" => 4,
                _ if project().join(format!("{old_dir}/src/{name}")).exists() => 1,
                _ => 2,
            }
        };
        let parts: Vec<_> = written_in_the_project(&format!("{old}-{new}"))
            .iter()
            .map(part)
            .collect();
        // The first file is that of the idea, whatever it is.
        assert!(parts[1..].is_sorted(), "{old_dir} to {new_dir}: {parts:?}");
    }
}

#[test]
fn the_twins_of_the_project_have_one_order_everywhere() {
    let written = written_in_the_project("fast");
    assert_eq!(written, diff_in_the_project(&["fast"]));
    // Two folders are compared, and the plain file of this one is in a third.
    let (src, fast) = ("exp6-combined/src", "exp6-combined/fast");
    let by_git = git_in_the_project(&["--diff-filter=M", src, fast]);
    let within: Vec<_> = written
        .iter()
        .filter(|path| !path.ends_with("/read.rs"))
        .cloned()
        .collect();
    assert_eq!(by_git, within);
    // The page that leads through them.
    let page = fs::read_to_string(project().join(fast).join("README.md")).expect("a page");
    let commands = page.lines().filter(|line| line.starts_with("git diff --no-index "));
    let led_through: Vec<_> = commands.filter_map(|line| line.split(' ').next_back()).collect();
    assert_eq!(led_through, written);
}

#[test]
fn a_page_shows_each_plain_file_against_its_twin() {
    let tree = Tree::new();
    let page = tree.read("docs/diffs/fast.diff");
    assert_eq!(page.matches("diff --git ").count(), 1, "{page}");
    for line in [
        "--- a/exp6-combined/src/timers.rs\n+++ b/exp6-combined/fast/timers.rs\n",
        "\n-    Duration::from_millis(10) * count\n+    Duration::from_micros(",
    ] {
        assert!(page.contains(line), "{page}");
    }
}

#[test]
fn every_link_leads_to_a_hunk_and_every_hunk_has_one() {
    let tree = Tree::new();
    for (old, new) in PAIRS {
        let diff = tree.read(&format!("docs/diffs/{old}-{new}.diff"));
        let hunks = diff.lines().enumerate().filter(|(_, line)| line.starts_with("@@ "));
        let hunks: Vec<_> = hunks.map(|(index, _)| index + 1).collect();
        let page = tree.read(&format!("{}/README.md", STEPS[new - 1]));
        let target = format!("(../docs/diffs/{old}-{new}.diff#L");
        let links = page.split(&target).skip(1);
        let mut links: Vec<usize> = links
            .map(|link| link[..link.find(')').expect("an end")].parse().expect("a line"))
            .collect();
        links.sort_unstable();
        assert_eq!(links, hunks);
    }
}

#[test]
fn hunks_are_called_after_what_changes_in_them() {
    let page = Tree::new().read("exp2-sleep/README.md");
    let row = page
        .lines()
        .find(|line| line.contains("`scheduler.rs`"))
        .expect("a row");
    assert!(row.contains("[`run`](../docs/diffs/1-2.diff#L"), "{row}");
}

#[test]
fn a_page_without_a_place_is_left_alone_and_named() {
    let tree = Tree::new();
    tree.write("exp3-spawn/README.md", "Mine.\n");
    tree.xtask(&["docs"])
        .succeeded()
        .says(&["exp3-spawn/README.md has no place"]);
    assert_eq!(tree.read("exp3-spawn/README.md"), "Mine.\n");
    tree.xtask(&["docs", "--check"]).succeeded();
}

#[test]
fn what_stands_around_the_place_is_left_alone() {
    let tree = Tree::new();
    tree.edit("README.md", |text| format!("Before.\n\n{text}\nAfter.\n"));
    tree.xtask(&["docs", "--check"]).succeeded();
    tree.edit("exp1-simplest/src/lib.rs", |text| text + "fn more() {}\n");
    tree.xtask(&["docs"]).succeeded();
    let page = tree.read("README.md");
    assert!(page.starts_with("Before.\n\n<!-- generated: steps -->\n|"), "{page}");
    assert!(page.ends_with("fast.diff)\n<!-- /generated -->\n\nAfter.\n"), "{page}");
}

#[test]
fn a_broken_marker_is_named() {
    let tree = Tree::new();
    tree.edit("README.md", |text| text.replace("<!-- /generated -->", ""));
    tree.xtask(&["docs"])
        .failed(&["README.md: <!-- /generated --> is missing"]);
}

#[test]
fn the_chart_says_in_words_what_it_shows() {
    let tree = Tree::new();
    let chart = tree.read("docs/growth.svg");
    assert!(
        chart.contains("exp2-sleep: 21 (the loop 14, time 4, parking 3)."),
        "{chart}"
    );
    assert!(chart.contains("prefers-color-scheme: dark"));
    assert!(chart.trim_end().ends_with("</svg>"));
}

#[test]
fn a_file_that_the_chart_cannot_place_is_named() {
    let tree = Tree::new();
    tree.write("exp6-combined/src/extra.rs", "//! More.\n");
    tree.xtask(&["docs"])
        .failed(&["exp6-combined/src/extra.rs: xtask/src/docs/chart.rs does not say what it is for"]);
}
