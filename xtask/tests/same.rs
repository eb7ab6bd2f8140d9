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

const LIST: &str = "#[path = \"../../shared-testutil/suite/yields.rs\"]\nmod yields;\n";

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
    // exp6-plain has the list of exp6.
    let list = tree.read("exp6-combined/tests/suite.rs");
    let list = list
        .replace("exp6_combined", "exp6_plain")
        .replace("../../", "../../../");
    tree.write("exp6-combined/plain/tests/suite.rs", &list);
    tree
}

fn list_pool(text: &str) -> String {
    format!("{text}\n{}", LIST.replace("yields", "pool"))
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
            "the module `yields` is not shared-testutil/suite/yields.rs",
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
        "exp4-threadpool neither lists shared-testutil/suite/yields.rs nor says why not",
        "// Not here: yields.rs: why",
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
        &format!("{alias}\n// Not here: yields.rs: why.\n"),
    );
    tree.xtask(&["same"])
        .failed(&["exp5-selectors lists shared-testutil/suite/yields.rs, and says that it does not apply"]);
}

#[test]
fn what_is_new_stands_behind_what_is_old() {
    let tree = tree_with_pool(4, |text| text.replace(LIST, &list_pool(LIST)));
    tree.xtask(&["same"]).succeeded();
    let tree = tree_with_pool(4, |text| {
        text.replace(LIST, &format!("{}\n{LIST}", LIST.replace("yields", "pool")))
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
        "| = | = | rewritten | + | where the loop blocks |",
        "| = | = | + | + | where the loop blocks |",
        &["exp5-selectors/src/park.rs: most of the old lines are gone, so its cell is `rewritten`"],
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
    tree.edit("exp6-combined/src/park.rs", |text| {
        text + &helper.replace("> 0", ">= 1")
    });
    tree.edit("exp6-combined/src/blocking.rs", |text| text.replace(helper, ""));
    tree.xtask(&["same"])
        .failed(&["`count`: exp4-threadpool/src/blocking.rs:8 and exp6-combined/src/park.rs:"]);
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
fn a_crate_page_stands_alone_and_has_an_example_of_everything() {
    let page = |tree: &Tree, text: &str| tree.write("exp1-simplest/docs.md", text);
    let tree = Tree::new();
    page(
        &tree,
        "A loop. See [`run`].\n\n```\nassert_eq!(exp1_simplest::run(vec![2]), 3);\n```\n",
    );
    tree.xtask(&["same"]).succeeded();
    page(&tree, "A loop: [`run`] runs it.\n");
    tree.xtask(&["same"])
        .failed(&["exp1-simplest/src/scheduler.rs: no example has `run`"]);
    page(
        &tree,
        "[A loop](src/scheduler.rs).\n\n```\nexp1_simplest::run(vec![]);\n```\n",
    );
    tree.xtask(&["same"])
        .failed(&["exp1-simplest/docs.md: line 1 links to a file: src/scheduler.rs"]);
    page(&tree, "A loop.\n");
    tree.edit("exp1-simplest/src/scheduler.rs", |text| {
        text.replace(
            "task is left.",
            "task is left. See [here](../README.md).\n///\n/// ```\n/// run(vec![]);\n/// ```",
        )
    });
    tree.xtask(&["same"])
        .failed(&["exp1-simplest/src/scheduler.rs, `run`: line 1 links to a file: ../README.md"]);
}

#[test]
fn what_is_unfinished_is_found() {
    let file = "exp6-combined/src/park.rs";
    assert_line_is_wrong(
        file,
        "fn later() {\n    todo!()\n}",
        &["exp6-combined/src/park.rs:13: todo"],
    );
    assert_line_is_wrong(
        file,
        "fn look() {\n    dbg!(1);\n}",
        &["exp6-combined/src/park.rs:13: dbg"],
    );
    assert_line_is_wrong(
        file,
        "// TODO: more.",
        &["exp6-combined/src/park.rs:12: // TODO: more."],
    );
    assert_line_is_wrong(
        file,
        "#[ignore]\nfn test() {}",
        &["exp6-combined/src/park.rs:12: ignore", "say why"],
    );
}

#[test]
fn a_library_that_prints_is_found_and_a_demo_may() {
    let words = ["exp6-combined/src/park.rs:13: println"];
    assert_line_is_wrong("exp6-combined/src/park.rs", "fn say() {\n    println!();\n}", &words);
}

#[test]
fn unsafe_code_stands_in_its_files_alone() {
    let line = "fn f() {\n    unsafe { std::hint::unreachable_unchecked() }\n}";
    for (file, words) in [
        ("exp6-combined/src/scheduler.rs", "scheduler.rs:23: unsafe"),
        ("exp4-threadpool/src/park.rs", "exp4-threadpool/src/park.rs:9: unsafe"),
        ("exp6-combined/fast/timers.rs", "fast/timers.rs:12: unsafe"),
        ("exp6-combined/extra/stalls.rs", "extra/stalls.rs:7: unsafe"),
    ] {
        assert_line_is_wrong(file, line, &[words]);
    }
    assert_line_is_wrong(
        "exp6-combined/src/main.rs",
        "#[allow(unsafe_code)]\nfn f() {}",
        &["main.rs:9: unsafe_code"],
    );
    let tree = Tree::new();
    tree.edit("exp6-combined/src/park.rs", |text| format!("{text}\n{line}\n"));
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn the_first_four_steps_forbid_unsafe_code() {
    for step in &STEPS[..4] {
        let tree = Tree::new();
        tree.edit(&format!("{step}/Cargo.toml"), |text| text.replace("forbid", "deny"));
        tree.xtask(&["same"])
            .failed(&[&format!("{step}/Cargo.toml does not forbid unsafe code")]);
    }
}

/// So many lines of code, each an item.
fn code(lines: usize) -> String {
    (0..lines)
        .map(|line| format!("\nconst C{line}: usize = {line};\n"))
        .collect()
}

/// The files that have `lines` too many get them, and that is over a limit.
#[track_caller]
fn assert_too_long(lines: usize, files: &[&str], words: &[&str]) {
    let tree = Tree::new();
    for file in files {
        tree.edit(file, |text| text + &code(lines));
    }
    tree.xtask(&["same"]).failed(words).says(&["move something to fast/"]);
}

#[test]
fn what_is_above_its_limit_is_found() {
    assert_too_long(
        40,
        &["exp1-simplest/src/scheduler.rs"],
        &["exp1-simplest: 51 code lines, and the limit is 50"],
    );
    assert_too_long(
        1500,
        &["exp6-combined/fast/timers.rs"],
        &["exp6-combined/fast/: 1504 code lines, and the limit is 1500"],
    );
    assert_too_long(
        955,
        &["exp6-combined/extra/stalls.rs"],
        &["exp6-combined/extra/: 957 code lines, and the limit is 955"],
    );
    assert_too_long(
        88,
        &["exp3-spawn/src/main.rs"],
        &["the longest demo: 91 code lines, and the limit is 90"],
    );
    assert_too_long(
        50,
        &["exp4-threadpool/src/blocking.rs", "exp6-combined/src/blocking.rs"],
        &["added, 3→4: 55 code lines, and the limit is 50"],
    );
}

#[test]
fn comments_blanks_and_imports_are_below_every_limit() {
    let tree = Tree::new();
    let more = "\n// Words.\n\nuse std::fmt;\n".repeat(60);
    tree.edit("exp1-simplest/src/scheduler.rs", |text| text + &more);
    let ended = tree.xtask(&["same"]);
    assert!(
        ended.stdout.contains("exp1-simplest: 11 code lines of at most 50"),
        "{ended:?}"
    );
}

#[test]
fn imports_that_form_a_circle_are_found() {
    for (from, to) in [
        ("use crate::timers::ticks;", "use crate::park::park;"),
        ("use crate::{park, timers};", "use crate::park;"),
        ("use crate::ticks;", "use super::park::park;"),
        ("fn f() {\n    crate::timers::ticks(1);\n}", "use crate::park::park;"),
    ] {
        let tree = Tree::new();
        for step in &STEPS[1..4] {
            let step = |file| format!("{step}/src/{file}");
            tree.edit(&step("park.rs"), |text| format!("{text}\n{from}\n"));
            tree.edit(&step("timers.rs"), |text| format!("{text}\n{to}\n"));
            tree.edit(&step("lib.rs"), |text| {
                text.replace("use timers::*", "use timers::ticks")
            });
        }
        tree.xtask(&["same"])
            .failed(&["the imports of exp2-sleep form a circle: park → timers → park"]);
    }
}

#[test]
fn a_circle_through_a_twin_or_an_extra_file_is_found() {
    for (file, circle) in [
        ("fast/timers.rs", "timers → stalls → timers"),
        ("extra/stalls.rs", "stalls → timers → stalls"),
    ] {
        let tree = Tree::new();
        let edit = |file: &str, line: &str| {
            tree.edit(&format!("exp6-combined/{file}"), |text| format!("{text}\n{line}\n"));
        };
        edit("fast/timers.rs", "use crate::extra::stalls::detect_stalls;");
        edit("extra/stalls.rs", "use crate::timers::ticks;");
        let ended = tree
            .xtask(&["same"])
            .failed(&["the imports of exp6-combined form a circle"]);
        let either = ended.stdout.contains(circle) || ended.stdout.contains("stalls → timers → stalls");
        assert!(either, "{file}: {ended:?}");
    }
}

#[test]
fn imports_without_a_circle_pass() {
    let tree = Tree::new();
    for step in &STEPS[1..] {
        tree.edit(&format!("{step}/src/park.rs"), |text| {
            format!("{text}\nuse crate::timers::ticks as _;\n")
        });
    }
    let ended = tree.xtask(&["same"]);
    assert!(!ended.stdout.contains("circle"), "{ended:?}");
}

#[test]
fn names_that_must_not_come_back_are_found() {
    for (line, words) in [
        ("fn make_room() {}", "the name `make_room`"),
        ("struct ForeignHalf;", "the name `ForeignHalf`"),
        ("struct Ready;", "the name `Ready`"),
        ("const SHARE: u32 = 1;", "the name `SHARE`"),
        ("const fn is_deaf() {}", "the name `is_deaf`"),
    ] {
        for file in ["src/park.rs", "fast/timers.rs", "extra/stalls.rs"] {
            let file = format!("exp6-combined/{file}");
            assert_line_is_wrong(&file, line, &[words, "use the term of the field"]);
        }
    }
    let tree = Tree::new();
    let fine = "// Deaf, foreign.\nfn f() {\n    let shared = \"bell\";\n    Poll::Ready(shared.wait());\n}\n";
    tree.edit("exp6-combined/src/park.rs", |text| format!("{text}\n{fine}"));
    tree.edit("exp6-combined/tests/suite.rs", |text| text + "\n// The bell.\n");
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn a_twin_that_replaces_nothing_is_found() {
    let tree = Tree::new();
    tree.write("exp6-combined/fast/park.rs", "//! Nobody asks for it.\n");
    tree.write("exp6-combined/extra/more.rs", "//! Nobody asks for it.\n");
    tree.xtask(&["same"]).failed(&[
        "exp6-combined/fast/park.rs replaces no module of exp6-combined/src/lib.rs",
        "exp6-combined/extra/more.rs is no module of exp6-combined/extra/mod.rs",
    ]);
}

/// What the library of exp6 says instead, and what is wrong with that.
#[track_caller]
fn assert_library_is_wrong(from: &str, to: &str, words: &[&str]) {
    let tree = Tree::new();
    tree.edit("exp6-combined/src/lib.rs", |text| text.replace(from, to));
    tree.xtask(&["same"]).failed(words);
}

#[test]
fn a_twin_without_a_plain_file_or_a_feature_is_found() {
    assert_library_is_wrong(
        "fast/timers.rs\")]\nmod timers",
        "fast/timers.rs\")]\nmod clock",
        &["the module `clock` of exp6-combined has no file exp6-combined/src/clock.rs"],
    );
    assert_library_is_wrong(
        "../fast/timers.rs",
        "../fast/clock.rs",
        &["the module `timers` of exp6-combined has no file exp6-combined/fast/clock.rs"],
    );
    assert_library_is_wrong(
        "feature = \"fast-timers\"",
        "unix",
        &["exp6-combined/fast/timers.rs depends on no feature `fast-…`"],
    );
}

#[test]
fn a_file_in_extra_may_have_a_twin() {
    let tree = Tree::new();
    tree.write(
        "exp6-combined/fast/stalls.rs",
        &tree.read("exp6-combined/extra/stalls.rs"),
    );
    let missing = "exp6-combined/fast/stalls.rs replaces no module of exp6-combined/src/lib.rs";
    tree.xtask(&["same"]).failed(&[missing]);
    tree.edit("CONTRIBUTING.md", |text| {
        let row = "| `fast/stalls.rs` | `extra/stalls.rs` | `fast-timers` | the same |\n";
        text.replace("| `extra/stalls.rs` | | ", &format!("{row}| `extra/stalls.rs` | | "))
    });
    let twin = "#[cfg_attr(feature = \"fast-timers\", path = \"../fast/stalls.rs\")]\nmod stalls;";
    tree.edit("exp6-combined/extra/mod.rs", |text| text.replace("mod stalls;", twin));
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn a_twin_that_is_documented_in_other_words_is_found() {
    let tree = Tree::new();
    tree.edit("exp6-combined/fast/timers.rs", |text| {
        text.replace("/// How long", "/// In short, how long")
    });
    tree.xtask(&["same"]).failed(&[
        "`ticks`: exp6-combined/fast/timers.rs documents it in other words than exp6-combined/src/timers.rs",
        "+/// In short, how long a sleep of so many ticks takes.",
    ]);
    // What only one of them has is its own business.
    let tree = Tree::new();
    tree.edit("exp6-combined/fast/timers.rs", |text| {
        text + "\n/// More.\npub fn more() {}\n"
    });
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn the_table_of_twins_and_extra_files_is_held_to_the_library() {
    assert_cell_is_wrong(
        "`src/timers.rs` | `fast-timers`",
        "`src/park.rs` | `fast-timers`",
        &["the row of fast/timers.rs does not fit exp6-combined/src/lib.rs"],
    );
    assert_cell_is_wrong(
        "| `fast-timers` |",
        "| `fast-io` |",
        &["the row of fast/timers.rs does not fit exp6-combined/src/lib.rs"],
    );
    assert_cell_is_wrong(
        "| `extra/stalls.rs` | | | the stall detector |\n",
        "",
        &["exp6-combined/extra/stalls.rs is not in the table in CONTRIBUTING.md"],
    );
    assert_cell_is_wrong(
        "| file | replaces |",
        "| file | instead of |",
        &["CONTRIBUTING.md has no table with the columns file, replaces, feature, holds"],
    );
}

/// What a manifest says instead, and what is wrong with that.
#[track_caller]
fn assert_manifest_is_wrong(package: &str, from: &str, to: &str, words: &[&str]) {
    let tree = Tree::new();
    tree.edit(&format!("{package}/Cargo.toml"), |text| text.replace(from, to));
    tree.xtask(&["same"]).failed(words);
}

#[test]
fn exp6_plain_is_exp6_with_nothing_on() {
    let plain = "exp6-combined/plain";
    let more = "[dependencies]\nlibc = \"0.2\"\n";
    let dependencies = ["[dependencies] of exp6-combined/plain/Cargo.toml is not that of exp6-combined/Cargo.toml"];
    assert_manifest_is_wrong(plain, "[dependencies]\n", more, &dependencies);
    assert_manifest_is_wrong("exp6-combined", "[dependencies]\n", more, &dependencies);
    assert_manifest_is_wrong(
        plain,
        "[dependencies]\n",
        "[dependencies]\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
        &["[target] of exp6-combined/plain/Cargo.toml is not that of exp6-combined/Cargo.toml"],
    );
    assert_manifest_is_wrong(
        plain,
        "[features]\n",
        "[features]\ndefault = [\"fast\"]\n",
        &["[features] of exp6-combined/plain/Cargo.toml are not those of exp6-combined/Cargo.toml without `default`"],
    );
    assert_manifest_is_wrong(
        plain,
        "../src/lib.rs",
        "src/lib.rs",
        &["exp6-combined/plain/Cargo.toml does not compile exp6-combined's library"],
    );
    assert_manifest_is_wrong(
        "exp6-combined",
        "default = [\"fast\"]",
        "default = []",
        &["exp6-combined/Cargo.toml does not ship all of `fast`"],
    );
    let tree = Tree::new();
    tree.edit("exp6-combined/Cargo.toml", |text| {
        text + "[target.'cfg(unix)'.dev-dependencies]\nnix = \"0.31\"\n"
    });
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn exp6_plain_has_the_lists_of_exp6() {
    let plain = "exp6-combined/plain/tests/suite.rs";
    let tree = Tree::new();
    tree.edit(plain, |text| text.replace("exp6_plain", "exp6_combined"));
    tree.xtask(&["same"])
        .failed(&["plain/tests/suite.rs does not test exp6-plain"]);
    tree.edit(plain, |text| text.replace("../../../", "../../"));
    tree.xtask(&["same"])
        .failed(&["plain/tests/suite.rs: the module `yields` is not shared-testutil/suite/yields.rs"]);
    tree.write(plain, "use exp6_plain as sched;\n");
    tree.xtask(&["same"])
        .failed(&["exp6-plain neither lists shared-testutil/suite/yields.rs nor says why not"]);
    tree.edit(plain, |text| text + "\n// Not here: yields.rs: why.\n");
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn exp6_plain_lists_nothing_else_and_in_the_same_order() {
    let tree = tree_with_pool(6, list_pool);
    let plain = "exp6-combined/plain/tests/suite.rs";
    let words = "exp6-combined/plain/tests/suite.rs does not have the list of exp6-combined/tests/suite.rs";
    let (yields, pool) = (
        LIST.replace("../../", "../../../"),
        LIST.replace("../../", "../../../").replace("yields", "pool"),
    );
    tree.write(plain, &format!("use exp6_plain as sched;\n\n{pool}\n{yields}"));
    tree.xtask(&["same"]).failed(&[words]);
    tree.edit("exp6-combined/tests/suite.rs", |text| {
        text.replace(
            &LIST.replace("yields", "pool"),
            "// Not here: pool.rs: there is none.\n",
        )
    });
    tree.xtask(&["same"]).failed(&[words]);
}

#[test]
fn a_function_of_forty_lines_is_found() {
    let body = |lines| format!("fn long() {{\n{}}}", "    let _ = 1;\n".repeat(lines));
    let words = ["exp6-combined/src/park.rs:12: `long` has 40 lines"];
    assert_line_is_wrong("exp6-combined/src/park.rs", &body(38), &words);
    let tree = Tree::new();
    tree.edit("exp6-combined/src/park.rs", |text| format!("{text}\n{}\n", body(37)));
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn a_file_that_is_not_rust_is_named_with_the_line() {
    let tree = Tree::new();
    tree.write("exp6-combined/src/park.rs", "fn {\n");
    tree.xtask(&["same"]).failed(&["exp6-combined/src/park.rs:1: "]);
}

#[test]
fn a_number_in_the_text_that_is_not_in_its_row_is_found() {
    let tree = Tree::new();
    tree.edit("docs/numbers.md", |text| text + "\n*exp1-simplest* has 11 lines.\n");
    tree.xtask(&["same"]).succeeded();
    tree.edit("docs/numbers.md", |text| text.replace("11 lines.", "12 lines."));
    tree.xtask(&["same"])
        .failed(&["docs/numbers.md: 12 is in no row that this paragraph names"]);
}

#[test]
fn a_front_page_that_asks_for_another_rust_is_found() {
    let tree = Tree::new();
    let version = "[workspace.package]\nrust-version = \"1.95\"\n";
    tree.edit("Cargo.toml", |text| text + version);
    tree.edit("README.md", |text| text + "You need Rust 1.95 or newer.\n");
    tree.xtask(&["same"]).succeeded();
    tree.edit("Cargo.toml", |text| text.replace("1.95", "1.96"));
    tree.xtask(&["same"]).failed(&["Rust 1.96 or newer"]);
}

#[test]
fn a_fast_feature_that_has_not_been_measured_is_found() {
    let tree = Tree::new();
    tree.edit("docs/numbers.md", |text| {
        text.replace("without `fast-timers`", "without `fast-clock`")
    });
    tree.xtask(&["same"]).failed(&[
        "docs/numbers.md does not say what exp6 takes without fast-timers",
        "docs/numbers.md says what exp6 takes without fast-clock, which has no file",
        "cargo bench -p exp6-combined --bench ablation -- --publish",
    ]);
}
