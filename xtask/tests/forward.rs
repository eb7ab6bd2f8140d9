//! `cargo xtask forward`.

mod common;

use common::{STEPS, Tree};

/// A tree whose present state is committed.
fn checkout() -> Tree {
    let tree = Tree::new();
    tree.commit();
    tree
}

fn fix(text: String) -> String {
    text.replace("task > 0", "task >= 1")
}

/// Whether each step's file has the fix.
fn fixed(tree: &Tree) -> Vec<bool> {
    let has = |step: &str| tree.read(&format!("{step}/src/scheduler.rs")).contains("task >= 1");
    STEPS.iter().map(|step| has(step)).collect()
}

#[test]
fn a_change_reaches_every_later_step_and_leaves_their_own_lines() {
    let tree = checkout();
    tree.edit("exp2-sleep/src/scheduler.rs", fix);
    let ended = tree.xtask(&["forward", "scheduler.rs", "--from", "exp2"]).succeeded();
    assert_eq!(fixed(&tree), [false, true, true, true, true, true]);
    assert!(tree.read("exp4-threadpool/src/scheduler.rs").contains("spawn_blocking"));
    assert_eq!(ended.stdout.lines().count(), 4, "a line a step: {ended:?}");
    // The copies are copies again; only exp1's difference is new.
    tree.xtask(&["same"])
        .failed(&["`run`: exp1-simplest", "same: one finding"]);
}

#[test]
fn the_step_with_the_change_need_not_be_named() {
    let tree = checkout();
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.xtask(&["forward", "scheduler.rs"]).succeeded();
    assert_eq!(fixed(&tree), [false, false, true, true, true, true]);
}

#[test]
fn two_steps_with_changes_are_told_apart_by_from() {
    let tree = checkout();
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.edit("exp1-simplest/src/scheduler.rs", fix);
    tree.xtask(&["forward", "scheduler.rs"])
        .refused(&["exp1-simplest, exp3-spawn: say --from which"]);
    assert_eq!(fixed(&tree), [true, false, true, false, false, false]);
}

#[test]
fn a_demo_keeps_its_own_alias() {
    let tree = checkout();
    tree.edit("exp1-simplest/src/main.rs", |text| {
        text.replace("as sched;\n", "as sched;\n\nuse std::rc::Rc;\n")
    });
    tree.xtask(&["forward", "main.rs"]).succeeded();
    let last = tree.read("exp6-combined/src/main.rs");
    assert!(
        last.contains("use exp6_combined as sched;\n\nuse std::rc::Rc;\n"),
        "{last}"
    );
    tree.xtask(&["same"]).succeeded();
}

#[test]
fn a_step_without_the_file_is_passed_by() {
    let tree = checkout();
    tree.edit("exp4-threadpool/src/blocking.rs", |text| {
        text.replace("a job", "one job")
    });
    let ended = tree.xtask(&["forward", "blocking.rs"]).succeeded();
    assert!(
        tree.read("exp6-combined/src/blocking.rs").contains("one job"),
        "{ended:?}"
    );
    assert!(!tree.path("exp5-selectors/src/blocking.rs").exists());
}

/// A tree with a conflict in exp4, and the change in exp3.
fn in_conflict() -> Tree {
    let tree = Tree::new();
    tree.edit("exp4-threadpool/src/scheduler.rs", |text| {
        text.replace("task > 0", "task != 0")
    });
    tree.edit("exp6-combined/src/scheduler.rs", |text| {
        text.replace("task > 0", "task != 0")
    });
    tree.commit();
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree
}

#[test]
fn the_first_conflict_stops_it_and_is_named() {
    let tree = in_conflict();
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"]).failed(&[
        "exp4-threadpool/src/scheduler.rs:9: conflict with the change of exp3-spawn/src/scheduler.rs",
        "cargo xtask forward src/scheduler.rs --from exp3",
    ]);
    let text = tree.read("exp4-threadpool/src/scheduler.rs");
    assert!(
        text.contains("<<<<<<< exp4-threadpool\n        if task != 0 {\n"),
        "{text}"
    );
    assert!(
        text.contains("=======\n        if task >= 1 {\n>>>>>>> exp3-spawn\n"),
        "{text}"
    );
    assert_eq!(fixed(&tree), [false, false, true, true, false, false]);
}

#[test]
fn an_unresolved_conflict_stops_it_again() {
    let tree = in_conflict();
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"])
        .failed(&["conflict"]);
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"])
        .failed(&["scheduler.rs still holds a conflict"]);
}

#[test]
fn it_goes_on_after_a_conflict_is_resolved() {
    let tree = in_conflict();
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"])
        .failed(&["conflict"]);
    let resolved = tree
        .read("exp5-selectors/src/scheduler.rs")
        .replace("task > 0", "task.ne(&0)");
    tree.write("exp4-threadpool/src/scheduler.rs", &resolved);
    let ended = tree.xtask(&["forward", "scheduler.rs", "--from", "3"]);
    assert_eq!(tree.read("exp4-threadpool/src/scheduler.rs"), resolved, "{ended:?}");
    assert!(fixed(&tree)[4], "{ended:?}");
}

#[test]
fn a_second_change_before_the_commit_is_carried_too() {
    let tree = checkout();
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"]).succeeded();
    // On the line next to the first, where a merge from the committed state would see a conflict.
    tree.edit("exp3-spawn/src/scheduler.rs", |text| {
        text.replace("tasks.push(task - 1)", "tasks.push(task / 2)")
    });
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"]).succeeded();
    let last = tree.read("exp6-combined/src/scheduler.rs");
    assert!(last.contains("task >= 1") && last.contains("task / 2"), "{last}");
}

#[test]
fn a_file_that_was_taken_back_takes_the_change_again() {
    let tree = checkout();
    let before = tree.read("exp4-threadpool/src/scheduler.rs");
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"]).succeeded();
    tree.write("exp4-threadpool/src/scheduler.rs", &before);
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"]).succeeded();
    assert_eq!(fixed(&tree)[3..], [true, true, true]);
}

#[test]
fn without_a_change_there_is_nothing_to_carry() {
    let tree = checkout();
    tree.xtask(&["forward", "scheduler.rs"])
        .failed(&["no step has an uncommitted change"]);
    tree.xtask(&["forward", "scheduler.rs", "--from", "3"])
        .failed(&["nothing to carry on"]);
}

#[test]
fn the_file_may_be_a_path_from_a_sub_folder() {
    let tree = checkout();
    tree.edit("exp3-spawn/src/scheduler.rs", fix);
    tree.edit("exp1-simplest/src/scheduler.rs", fix);
    tree.xtask_in("exp3-spawn/src", &["forward", "scheduler.rs"])
        .succeeded();
    assert_eq!(fixed(&tree), [true, false, true, true, true, true]);
}

#[test]
fn an_unknown_file_is_refused_with_those_that_there_are() {
    let tree = checkout();
    tree.xtask(&["forward", "nobody.rs"])
        .refused(&["unknown file `nobody.rs`", "src/scheduler.rs", "src/park.rs"]);
    tree.xtask(&["forward", "tests/suite.rs"])
        .refused(&["unknown file `tests/suite.rs`"]);
    tree.xtask(&["forward", "README.md"])
        .refused(&["unknown file `README.md`"]);
    tree.xtask(&["forward", "blocking.rs", "--from", "3"])
        .refused(&["unknown file `exp3-spawn/src/blocking.rs`"]);
    tree.xtask(&["forward"]).refused(&["say which file"]);
    tree.xtask(&["forward", "scheduler.rs", "--from", "8"])
        .refused(&["unknown step `8`"]);
}

#[test]
fn outside_a_checkout_it_says_that_it_needs_history() {
    Tree::new()
        .xtask(&["forward", "scheduler.rs"])
        .failed(&["this needs the project's history"]);
}

#[test]
fn the_history_of_another_project_is_none() {
    let outer = checkout();
    for step in STEPS {
        outer.write(&format!("archive/{step}/src/scheduler.rs"), "//! Unpacked.\n");
    }
    outer
        .xtask_in("archive", &["forward", "scheduler.rs"])
        .failed(&["this needs the project's history"]);
}
