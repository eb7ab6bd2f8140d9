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
        "docs/speed.svg",
        "docs/loop/all.svg",
        "docs/numbers.md",
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
fn the_front_page_of_the_project_has_the_command_for_each_diff() {
    let page = std::fs::read_to_string(project().join("README.md")).expect("the front page");
    let commands = page.lines().filter(|line| line.starts_with("git diff "));
    let expected = PAIRS.map(|(old, new)| {
        let [old, new] = [old, new].map(|number| STEPS[number - 1]);
        format!("git diff -Odocs/order --no-index {old}/src {new}/src")
    });
    assert_eq!(commands.collect::<Vec<_>>(), expected);
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
    tree.edit("docs/numbers.md", |text| format!("Before.\n\n{text}\nAfter.\n"));
    tree.xtask(&["docs", "--check"]).succeeded();
    tree.edit("exp1-simplest/src/lib.rs", |text| text + "fn more() {}\n");
    tree.xtask(&["docs"]).succeeded();
    let page = tree.read("docs/numbers.md");
    assert!(page.starts_with("Before.\n\n<!-- generated: sizes -->\n|"), "{page}");
    assert!(
        page.contains("|\n<!-- /generated -->\n\n<!-- generated: changes -->\n|"),
        "{page}"
    );
    assert!(page.ends_with("|\n<!-- /generated -->\n\nAfter.\n"), "{page}");
}

#[test]
fn each_missing_place_is_named() {
    let tree = Tree::new();
    tree.write("docs/numbers.md", "<!-- generated: sizes -->\n<!-- /generated -->\n");
    let ended = tree.xtask(&["docs"]).succeeded();
    assert!(ended.stdout.contains("docs/numbers.md has no place"), "{ended:?}");
    assert!(ended.stdout.contains("generated: changes"), "{ended:?}");
    assert!(!ended.stdout.contains("generated: sizes"), "{ended:?}");
}

#[test]
fn a_page_shows_the_diff_of_the_items_that_it_names() {
    let page = Tree::new().read("README.md");
    let expected = "<!-- generated: diff 1-2 scheduler.rs run -->\n```diff\n\
                    --- exp1-simplest/src/scheduler.rs\n+++ exp2-sleep/src/scheduler.rs\n@@ run @@\n \
                    pub fn run(mut tasks: Vec<u32>) -> usize {\n";
    assert!(page.contains(expected), "{page}");
    assert!(
        page.contains("\n+    crate::park();\n     polls\n }\n```\n<!-- /generated -->"),
        "{page}"
    );
}

#[test]
fn an_item_that_only_the_later_step_has_is_new() {
    let tree = Tree::new();
    tree.edit("README.md", |text| {
        text.replace("1-2 scheduler.rs run", "2-3 scheduler.rs spawn")
    });
    tree.xtask(&["docs"]).succeeded();
    let page = tree.read("README.md");
    let expected = "@@ spawn, new @@\n+pub fn spawn(tasks: &mut Vec<u32>) {\n+    tasks.push(0);\n+}\n```\n";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn a_diff_of_what_is_not_there_is_an_error() {
    let tree = Tree::new();
    for (old, new, complaint) in [
        (
            "rs run",
            "rs walk",
            "neither exp1-simplest/src/scheduler.rs nor exp2-sleep/src/scheduler.rs has `walk`",
        ),
        ("rs walk", "rs run walk", "has `walk`"),
        ("1-2", "1-3", "there is no step 1-3"),
        (
            "diff 1-3",
            "peace 1-2",
            "README.md: nothing of the name `peace 1-2 scheduler.rs run walk`",
        ),
    ] {
        tree.edit("README.md", |text| text.replace(old, new));
        tree.xtask(&["docs"]).failed(&[complaint]);
    }
}

#[test]
fn a_page_shows_what_a_demo_prints() {
    let tree = Tree::new();
    tree.write("exp1-simplest/tests/demo.stdout", "4\n");
    tree.edit("README.md", |text| {
        text.replace("diff 1-2 scheduler.rs run", "demo exp1-simplest")
    });
    tree.xtask(&["docs", "--check"]).failed(&["README.md is stale"]);
    tree.xtask(&["docs"]).succeeded();
    let page = tree.read("README.md");
    let expected =
        "<!-- generated: demo exp1-simplest -->\n```text\n$ cargo run -p exp1-simplest\n4\n```\n<!-- /generated -->";
    assert!(page.contains(expected), "{page}");
}

#[test]
fn a_table_of_the_steps_gets_its_numbers_and_links_to_the_diffs() {
    let page = Tree::new().read("README.md");
    let row = |step: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| [{step}](")));
        row.unwrap_or_else(|| panic!("no row in {page}")).to_owned()
    };
    assert!(row("exp1-simplest").ends_with(" | 11 | it polls | – |"), "{page}");
    let added = "| it has all | [9](docs/diffs/5-6.diff), [7](docs/diffs/4-6.diff) |";
    assert!(row("exp6-combined").ends_with(added), "{page}");
}

#[test]
fn a_broken_marker_is_named() {
    let tree = Tree::new();
    tree.edit("docs/numbers.md", |text| text.replace("<!-- /generated -->", ""));
    tree.xtask(&["docs"])
        .failed(&["docs/numbers.md: <!-- /generated --> is missing"]);
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

#[test]
fn the_picture_of_speed_divides_what_is_saved_by_the_lines_that_are_added() {
    let tree = Tree::new();
    let picture = tree.read("docs/speed.svg");
    assert!(picture.contains("fast-timers, 1 lines: sleeps 5000 %."), "{picture}");
    assert!(picture.contains("prefers-color-scheme: dark"));
    tree.edit("docs/numbers.md", |text| {
        text.replace("| 2.00 | 200 |", "| 4.00 | 400 |")
    });
    tree.xtask(&["docs", "--check"]).failed(&["docs/speed.svg is stale"]);
}
