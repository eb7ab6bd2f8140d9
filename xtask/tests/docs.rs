//! `cargo xtask docs`.

mod common;

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
        "README.md",
        "CONTRIBUTING.md",
    ];
    files.extend(others.map(str::to_owned));
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
    std::fs::remove_file(tree.path("docs/growth.svg")).expect("the chart");
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
        );
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

#[test]
fn the_order_of_the_project_fits_the_diffs_of_the_project() {
    for (old, new) in PAIRS {
        let dirs = [old, new].map(|number| format!("{}/src", STEPS[number - 1]));
        let mut git = Command::new("git");
        git.args(["diff", "-Odocs/order", "--no-index", "--name-only"])
            .args(dirs)
            .current_dir(project());
        let by_git = run(&mut git).stdout;
        let mut diff = xtask();
        let numbers = [old, new].map(|number| number.to_string());
        let shown = run(diff.arg("diff").args(numbers).current_dir(project()))
            .succeeded()
            .stdout;
        let shown = shown.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        assert_eq!(by_git.lines().collect::<Vec<_>>(), shown.collect::<Vec<_>>());
    }
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
