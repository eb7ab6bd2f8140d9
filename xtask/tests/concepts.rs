//! `docs/concepts.md`, and the links of all pages: what `cargo xtask same` says of them.

mod common;

use common::Tree;

const PAGE: &str = "docs/concepts.md";

/// The page with one thing in another's place: what `same` has to say of it.
#[track_caller]
fn assert_found(from: &str, to: &str, words: &[&str]) {
    let tree = Tree::new();
    tree.edit(PAGE, |text| text.replace(from, to));
    tree.xtask(&["same"]).failed(words);
}

#[test]
fn an_item_that_is_not_there_is_found() {
    assert_found(
        "`ticks`]",
        "`tocks`]",
        &["`tocks`: exp2-sleep/src/timers.rs has no such item"],
    );
}

#[test]
fn an_item_of_another_step_is_found() {
    assert_found(
        "[`ticks`](../exp2-sleep",
        "[`ticks`](../exp3-spawn",
        &["exp3-spawn/src/timers.rs is no file of exp2-sleep"],
    );
}

#[test]
fn an_item_that_goes_is_found() {
    let tree = Tree::new();
    for step in common::STEPS.iter().skip(1) {
        tree.edit(&format!("{step}/src/timers.rs"), |text| {
            text.replace("fn ticks", "fn tick")
        });
    }
    tree.xtask(&["same"])
        .failed(&["`ticks`: exp2-sleep/src/timers.rs has no such item"]);
}

#[test]
fn an_invariant_that_is_not_there_is_found() {
    let tree = Tree::new();
    for step in common::STEPS {
        tree.edit(&format!("{step}/src/scheduler.rs"), |text| {
            format!("//! 1. All tasks end.\n{text}")
        });
    }
    let row = "- **Invariant:** [1](../exp2-sleep/src/scheduler.rs)\n";
    tree.edit(PAGE, |text| text.replace("- **Test:**", &format!("{row}- **Test:**")));
    tree.xtask(&["same"]).succeeded();
    for (from, to, words) in [
        (
            "[1]",
            "[2]",
            "exp2-sleep/src/scheduler.rs has no invariant of this number",
        ),
        (
            "scheduler.rs",
            "timers.rs",
            "the invariants of exp2-sleep are in exp2-sleep/src/scheduler.rs",
        ),
    ] {
        let page = tree.read(PAGE);
        tree.edit(PAGE, |text| text.replace(row, &row.replace(from, to)));
        tree.xtask(&["same"]).failed(&[words]);
        tree.write(PAGE, &page);
    }
}

#[test]
fn a_test_that_is_not_there_is_found() {
    assert_found(
        "::a_task_is_polled_until_it_ends",
        "::a_task_is_polled_until",
        &["shared-testutil/suite/yields.rs has no such test"],
    );
    assert_found(
        "`yields::",
        "`wakes::",
        &["shared-testutil/suite/yields.rs is no file of tests called wakes.rs"],
    );
}

#[test]
fn a_function_without_the_attribute_is_no_test() {
    let tree = Tree::new();
    tree.edit("shared-testutil/suite/yields.rs", |text| {
        text.replace("#[test]", "#[inline]")
    });
    tree.xtask(&["same"])
        .failed(&["shared-testutil/suite/yields.rs has no such test"]);
}

#[test]
fn a_test_that_the_step_does_not_run_is_found() {
    let tree = Tree::new();
    let list = "#[path = \"../../shared-testutil/suite/yields.rs\"]\nmod yields;\n";
    tree.edit("exp2-sleep/tests/suite.rs", |text| {
        text.replace(list, "// Not here: yields.rs: there is none.\n")
    });
    tree.xtask(&["same"])
        .failed(&["exp2-sleep does not run shared-testutil/suite/yields.rs"]);
}

#[test]
fn a_patch_that_is_not_there_is_found() {
    let tree = Tree::new();
    std::fs::remove_file(tree.path("patches/a-tick-is-long.patch")).expect("the patch");
    tree.xtask(&["same"])
        .failed(&["docs/concepts.md:21: `a-tick-is-long`: there is no patches/a-tick-is-long.patch"]);
}

#[test]
fn a_link_to_the_chapter_of_another_patch_is_found() {
    assert_found(
        "broken.md#a-tick-that-is-long",
        "broken.md#broken-on-purpose",
        &["docs/broken.md tells of it at broken.md#a-tick-that-is-long"],
    );
}

#[test]
fn a_row_that_is_missing_or_has_no_link_is_found() {
    for (from, to, words) in [
        ("- **Here:**", "- Here:", "`A tick` has no row `Here`"),
        ("- **Test:**", "- Test:", "`A tick` has no row `Test`"),
        ("- **wheels:**", "- wheels:", "`A tick` is compared with no project"),
        (
            "- **wheels:**",
            "- **cogs:**",
            "`cogs` is no row, and no project of the page",
        ),
        (
            "- **Test:**",
            "- **Invariant:** 1.\n- **Test:**",
            "the row `Invariant` has no link",
        ),
    ] {
        assert_found(from, to, &[words]);
    }
}

#[test]
fn an_address_of_another_project_or_version_is_found() {
    let begins = "an address that begins with https://example.org/wheels/blob/v1.2.3/core/";
    assert_found("wheels/blob/v1.2.3", "wheels/blob/v1.2.4", &[begins]);
    assert_found("`Wheel::tick`", "a tick", &[begins]);
    assert_found("| 1.2.3 |", "| 1.2.5 |", &["v1.2.3/core/ is not of version 1.2.5"]);
}

#[test]
fn a_concept_of_no_step_is_found() {
    assert_found("## exp2: timers", "## Timers", &["`A tick` stands below no step"]);
}

#[test]
fn the_table_is_written_and_checked() {
    let tree = Tree::new();
    let row = "[A tick](#a-tick) | [`ticks`](../exp2-sleep/src/timers.rs) |           | wheels  |";
    assert!(tree.read(PAGE).contains(row), "{}", tree.read(PAGE));
    tree.edit(PAGE, |text| text.replace("### A tick", "### The tick"));
    tree.xtask(&["docs", "--check"]).failed(&["docs/concepts.md is stale"]);
}

#[test]
fn a_link_that_leads_nowhere_is_found_on_every_page() {
    for page in ["README.md", "docs/concepts.md", "exp2-sleep/README.md"] {
        for (link, words) in [
            ("nowhere.md", "there is no such file: nowhere.md"),
            ("#nowhere", "there is no such place in the file: #nowhere"),
            ("../../../etc/passwd", "the link leaves the project"),
        ] {
            let tree = Tree::new();
            tree.edit(page, |text| format!("{text}\nSee [there]({link}).\n"));
            tree.xtask(&["same"]).failed(&[page, words]);
        }
    }
}

#[test]
fn a_link_to_a_place_in_another_file_is_looked_up_there() {
    let tree = Tree::new();
    let more = "[a](docs/concepts.md#a-tick) [b](exp2-sleep/src/timers.rs#L1) [c](https://example.org/nowhere) [d](../../deployments)\n";
    tree.edit("README.md", |text| text + more);
    tree.xtask(&["same"]).succeeded();
    tree.edit("README.md", |text| {
        text.replace("#a-tick", "#a-tock").replace("#L1", "#L99")
    });
    tree.xtask(&["same"]).failed(&[
        "there is no such place in the file: docs/concepts.md#a-tock",
        "there is no such place in the file: exp2-sleep/src/timers.rs#L99",
        "same: 2 findings",
    ]);
}

#[test]
fn what_looks_like_a_link_in_code_is_none() {
    let tree = Tree::new();
    tree.edit("README.md", |text| {
        text + "`[a](b)`\n\n```rust\nlet _ = x[0](y);\n// [c](d)\n```\n"
    });
    tree.xtask(&["same"]).succeeded();
}
