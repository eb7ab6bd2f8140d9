//! `cargo xtask same`.

mod common;

use common::{STEPS, Tree};

#[test]
fn a_sound_tree_passes() {
    let ended = Tree::new().xtask(&["same"]).succeeded();
    assert!(
        ended.stdout.contains("exp6-combined: "),
        "the sizes are printed: {ended:?}"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn one_changed_byte_in_a_copied_file_is_named_and_shown() {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/src/timers.rs", |text| {
        text.replace("from_millis(10)", "from_millis(20)")
    });
    tree.xtask(&["same"]).failed(&[
        "exp4-threadpool/src/timers.rs is not exp3-spawn/src/timers.rs",
        "cargo xtask forward timers.rs --from exp3",
        "-    Duration::from_millis(10) * count\n",
        "+    Duration::from_millis(20) * count\n",
    ]);
}

#[test]
fn a_missing_line_break_is_one_changed_byte() {
    let tree = Tree::new();
    tree.edit("exp6-combined/src/blocking.rs", |text| text.trim_end().to_owned());
    tree.xtask(&["same"]).failed(&[
        "exp6-combined/src/blocking.rs is not exp4-threadpool/src/blocking.rs",
        "\\ No newline at end of file",
    ]);
}

const LIST: &str = "#[path = \"../../shared-testutil/suite/turns.rs\"]\nmod turns;\n";

/// Another file in the suite, listed in steps from `first` on as `list`, and excused in those before.
fn tree_with_pool(first: usize, list: impl Fn(&str) -> String) -> Tree {
    let tree = Tree::new();
    tree.write("shared-testutil/suite/pool.rs", "//! The pool.\n");
    for (index, step) in STEPS.iter().enumerate() {
        tree.edit(&format!("{step}/tests/suite.rs"), |text| {
            if index + 1 >= first {
                list(&text)
            } else {
                text + "\n// Not here: pool.rs: there is none.\n"
            }
        });
    }
    tree
}

fn list_pool(text: &str) -> String {
    format!("{text}\n{}", LIST.replace("turns", "pool"))
}

#[test]
fn a_file_of_the_suite_may_be_listed_or_excused() {
    tree_with_pool(4, list_pool).xtask(&["same"]).succeeded();
}

#[test]
fn a_list_that_is_hidden_is_found() {
    for (list, words) in [
        (
            "#![cfg(windows)]\n\nuse",
            "exp4-threadpool/tests/suite.rs holds more than a list",
        ),
        (
            "#[cfg(windows)]\n#[path",
            "the module `turns` is not shared-testutil/suite/turns.rs",
        ),
    ] {
        let tree = Tree::new();
        let (_, line) = list.rsplit_once('\n').expect("two lines");
        tree.edit("exp4-threadpool/tests/suite.rs", |text| text.replacen(line, list, 1));
        tree.xtask(&["same"]).failed(&[words]);
    }
}

#[test]
fn a_list_that_names_another_step_is_found() {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/tests/suite.rs", |text| {
        text.replace("exp4_threadpool", "exp3_spawn")
    });
    tree.xtask(&["same"])
        .failed(&["exp4-threadpool/tests/suite.rs does not test exp4-threadpool"]);
}

#[test]
fn a_file_that_a_step_neither_lists_nor_excuses_is_found() {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/tests/suite.rs", |text| text.replace(LIST, ""));
    tree.xtask(&["same"]).failed(&[
        "exp4-threadpool neither lists shared-testutil/suite/turns.rs nor says why not",
        "// Not here: turns.rs: why",
    ]);
}

#[test]
fn a_file_that_nobody_lists_is_found() {
    tree_with_pool(7, list_pool)
        .xtask(&["same"])
        .failed(&["shared-testutil/suite/pool.rs is in no step's list"]);
}

#[test]
fn an_excuse_says_why_of_which_file() {
    let tree = tree_with_pool(4, list_pool);
    tree.edit("exp2-sleep/tests/suite.rs", |text| {
        text.replace(": there is none.", ": ")
    });
    tree.xtask(&["same"])
        .failed(&["exp2-sleep/tests/suite.rs: there is no reason: Not here: pool.rs"]);
    tree.edit("exp3-spawn/tests/suite.rs", |text| text.replace(": there is none.", ""));
    tree.xtask(&["same"]).failed(&[
        "exp3-spawn/tests/suite.rs: there is no reason: Not here: pool.rs",
        "exp3-spawn neither lists shared-testutil/suite/pool.rs nor says why not",
    ]);
    tree.edit("exp3-spawn/tests/suite.rs", |text| {
        text.replace("pool.rs", "pool.rs, river.rs: there is none,\n// nowhere")
    });
    tree.xtask(&["same"])
        .failed(&["exp3-spawn says why it has no river.rs, but shared-testutil/suite has none either"]);
}

#[test]
fn a_file_that_is_listed_twice_or_listed_and_excused_is_found() {
    let tree = tree_with_pool(4, list_pool);
    let alias = "use exp5_selectors as sched;\n";
    tree.write("exp5-selectors/tests/process.rs", &list_pool(alias));
    tree.xtask(&["same"])
        .failed(&["exp5-selectors lists shared-testutil/suite/pool.rs more than once"]);
    tree.write(
        "exp5-selectors/tests/process.rs",
        &format!("{alias}\n// Not here: turns.rs: why.\n"),
    );
    tree.xtask(&["same"])
        .failed(&["exp5-selectors lists shared-testutil/suite/turns.rs, and says that it does not apply"]);
}

#[test]
fn what_is_new_stands_behind_what_is_old() {
    let tree = tree_with_pool(4, |text| text.replace(LIST, &list_pool(LIST)));
    tree.xtask(&["same"]).succeeded();
    let tree = tree_with_pool(4, |text| {
        text.replace(LIST, &format!("{}\n{LIST}", LIST.replace("turns", "pool")))
    });
    tree.xtask(&["same"])
        .failed(&["exp4-threadpool/tests/suite.rs is not in the order in which the concepts came"]);
}

#[test]
fn a_test_in_a_step_is_found() {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/tests/suite.rs", |text| {
        text.replace(LIST, &format!("#[test]\nfn nothing() {{}}\n\n{LIST}"))
    });
    let ended = tree.xtask(&["same"]);
    assert!(!ended.stdout.contains("neither lists"), "the list goes on: {ended:?}");
    ended.failed(&["exp4-threadpool/tests/suite.rs holds more than a list"]);
    tree.edit("exp4-threadpool/tests/suite.rs", |text| {
        text.replace("#[test]\nfn nothing() {}", "mod own;")
    });
    tree.xtask(&["same"])
        .failed(&["exp4-threadpool/tests/suite.rs: the module `own` is not shared-testutil/suite/own.rs"]);
}

#[test]
fn a_file_that_the_table_does_not_have_is_found() {
    let tree = Tree::new();
    tree.write("exp1-simplest/src/extra.rs", "//! More.\n");
    tree.xtask(&["same"])
        .failed(&["exp1-simplest/src/extra.rs is not in the table in CONTRIBUTING.md"]);
}

/// A cell, what it says instead, and what is wrong with that.
#[track_caller]
fn assert_cell_is_wrong(from: &str, to: &str, words: &[&str]) {
    let tree = Tree::new();
    tree.edit("CONTRIBUTING.md", |text| text.replace(from, to));
    tree.xtask(&["same"]).failed(words);
}

#[test]
fn a_cell_that_does_not_fit_the_tree_is_found() {
    assert_cell_is_wrong(
        "| `timers.rs` | | new |",
        "| `timers.rs` | new | = |",
        &["exp1-simplest/src/timers.rs is not there"],
    );
    assert_cell_is_wrong(
        "| `timers.rs` | | new | = |",
        "| `timers.rs` | | | new |",
        &["exp2-sleep/src/timers.rs is there, but its cell in CONTRIBUTING.md is empty"],
    );
    assert_cell_is_wrong(
        "| `timers.rs` | | new | = |",
        "| `timers.rs` | | new | + |",
        &["exp3-spawn/src/timers.rs: a copy, so its cell is `=`"],
    );
    assert_cell_is_wrong(
        "| `timers.rs` | | new | = |",
        "| `timers.rs` | | + | = |",
        &["exp2-sleep/src/timers.rs: no earlier step has it, so its cell is `new`"],
    );
    assert_cell_is_wrong(
        "| = | = | rewritten | + | the wait |",
        "| = | = | + | + | the wait |",
        &["exp5-selectors/src/wait.rs: most of the old lines are gone, so its cell is `rewritten`"],
    );
    assert_cell_is_wrong(
        "| `scheduler.rs` | new | + |",
        "| `scheduler.rs` | new | new |",
        &["exp2-sleep/src/scheduler.rs: much of it is old, so its cell is `+`"],
    );
    assert_cell_is_wrong(
        "| = exp4 | the loop |",
        "| same | the loop |",
        &["a cell is empty, `new`, `+`"],
    );
}

#[test]
fn a_fix_that_one_of_two_steps_forgets_is_found() {
    let tree = Tree::new();
    let fix = |text: String| text.replace("task > 0", "task >= 1");
    // The two differ as is meant: exp4 hands a job to the pool.
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.edit("exp5-selectors/src/scheduler.rs", fix);
    tree.xtask(&["same"]).failed(&[
        "`run`: exp3-spawn/src/scheduler.rs:3 and exp4-threadpool/src/scheduler.rs:3 differ in another way than is meant",
        "forgotten in exp4-threadpool: cargo xtask forward scheduler.rs --from exp3",
        "-        if task >= 1 {",
        "+        if task > 0 {",
    ]);
    for step in ["exp1-simplest", "exp2-sleep", "exp4-threadpool", "exp6-combined"] {
        tree.edit(&format!("{step}/src/scheduler.rs"), fix);
    }
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn near_copies_that_are_not_listed_are_found() {
    let tree = Tree::new();
    tree.edit("xtask/meant.txt", |text| {
        text.lines()
            .filter(|line| !line.starts_with("3-4"))
            .collect::<Vec<_>>()
            .join("\n")
    });
    tree.xtask(&["same"])
        .failed(&["exp3-spawn/src/scheduler.rs:3 and exp4-threadpool/src/scheduler.rs:3 are nearly the same"]);
}

#[test]
fn a_near_copy_in_another_file_is_found() {
    let tree = Tree::new();
    let helper = "\n/// Counts.\nfn count(all: &[u32]) -> usize {\n    let some = all.iter().filter(|one| **one > 0);\n    some.count()\n}\n";
    tree.edit("exp4-threadpool/src/blocking.rs", |text| text + helper);
    tree.edit("exp6-combined/src/blocking.rs", |text| text + helper);
    tree.edit("exp6-combined/src/wait.rs", |text| {
        text + &helper.replace("> 0", ">= 1")
    });
    tree.edit("exp6-combined/src/blocking.rs", |text| text.replace(helper, ""));
    tree.xtask(&["same"])
        .failed(&["`count`: exp4-threadpool/src/blocking.rs:8 and exp6-combined/src/wait.rs:"]);
}

#[test]
fn a_difference_without_a_reason_is_found() {
    let tree = Tree::new();
    tree.edit("xtask/meant.txt", |text| text.replacen("| it grows", "| ?", 1));
    tree.xtask(&["same"])
        .failed(&["no reason is given: 1-2 | src/scheduler.rs | run"]);
}

#[test]
fn a_listed_difference_that_is_gone_is_found_and_taken_out() {
    let tree = Tree::new();
    let line = "1-2 | src/timers.rs | ticks | 00000000 | gone\n";
    tree.edit("xtask/meant.txt", |text| text + line);
    tree.xtask(&["same"])
        .failed(&["there is no such difference: 1-2 | src/timers.rs | ticks"]);
    tree.xtask(&["same", "--update"]).succeeded();
    assert!(!tree.read("xtask/meant.txt").contains("ticks"));
}

#[test]
fn an_update_keeps_the_reasons_and_asks_for_the_missing_ones() {
    let tree = Tree::new();
    tree.edit("exp2-sleep/src/scheduler.rs", |text| {
        text.replace("//! The loop.", "//! The main loop.")
    });
    tree.xtask(&["same", "--update"]).failed(&["no reason is given"]);
    let list = tree.read("xtask/meant.txt");
    assert!(list.contains("| it grows"), "{list}");
    assert!(list.contains("1-2 | src/scheduler.rs | (head) |"), "{list}");
}

/// A line at the end of a file, and what is wrong with it.
#[track_caller]
fn assert_line_is_wrong(file: &str, line: &str, words: &[&str]) {
    let tree = Tree::new();
    tree.edit(file, |text| format!("{text}\n{line}\n"));
    tree.xtask(&["same"]).failed(words);
}

#[test]
fn what_is_unfinished_is_found() {
    let file = "exp6-combined/src/wait.rs";
    assert_line_is_wrong(
        file,
        "fn later() {\n    todo!()\n}",
        &["exp6-combined/src/wait.rs:13: todo"],
    );
    assert_line_is_wrong(
        file,
        "fn look() {\n    dbg!(1);\n}",
        &["exp6-combined/src/wait.rs:13: dbg"],
    );
    assert_line_is_wrong(
        file,
        "// TODO: more.",
        &["exp6-combined/src/wait.rs:12: // TODO: more."],
    );
    assert_line_is_wrong(
        file,
        "#[ignore]\nfn test() {}",
        &["exp6-combined/src/wait.rs:12: ignore", "say why"],
    );
}

#[test]
fn a_library_that_prints_is_found_and_a_demo_may() {
    let words = ["exp6-combined/src/wait.rs:13: println"];
    assert_line_is_wrong("exp6-combined/src/wait.rs", "fn say() {\n    println!();\n}", &words);
}

#[test]
fn unsafe_code_stands_in_its_files_alone() {
    let line = "fn f() {\n    unsafe { std::hint::unreachable_unchecked() }\n}";
    assert_line_is_wrong("exp6-combined/src/scheduler.rs", line, &["scheduler.rs:23: unsafe"]);
    assert_line_is_wrong(
        "exp4-threadpool/src/wait.rs",
        line,
        &["exp4-threadpool/src/wait.rs:9: unsafe"],
    );
    assert_line_is_wrong(
        "exp6-combined/src/main.rs",
        "#[allow(unsafe_code)]\nfn f() {}",
        &["main.rs:9: unsafe_code"],
    );
    let tree = Tree::new();
    tree.edit("exp6-combined/src/wait.rs", |text| format!("{text}\n{line}\n"));
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn the_first_two_steps_forbid_unsafe_code() {
    let tree = Tree::new();
    tree.edit("exp2-sleep/Cargo.toml", |text| text.replace("forbid", "deny"));
    tree.xtask(&["same"])
        .failed(&["exp2-sleep/Cargo.toml does not forbid unsafe code"]);
}

#[test]
fn a_function_of_forty_lines_is_found() {
    let body = |lines| format!("fn long() {{\n{}}}", "    let _ = 1;\n".repeat(lines));
    let words = ["exp6-combined/src/wait.rs:12: `long` has 40 lines"];
    assert_line_is_wrong("exp6-combined/src/wait.rs", &body(38), &words);
    let tree = Tree::new();
    tree.edit("exp6-combined/src/wait.rs", |text| format!("{text}\n{}\n", body(37)));
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn a_file_that_is_not_rust_is_named_with_the_line() {
    let tree = Tree::new();
    tree.write("exp6-combined/src/wait.rs", "fn {\n");
    tree.xtask(&["same"]).failed(&["exp6-combined/src/wait.rs:1: "]);
}
