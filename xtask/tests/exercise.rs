//! `cargo xtask exercise`. Every exercise is solved here: what is given fails, and our own step in its place passes.
//!
//! To solve all of them takes half an hour, so a plain `cargo test` solves a few, and predicts the programs of two steps.
//! `XTASK_WHOLE` has it predict those of all steps. `cargo test -p xtask --test exercise -- --ignored` solves two more. With
//! `EXERCISES_TO_SOLVE=all` it solves all; or a list, such as `exp3,find-07`.

mod common;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Ended, STEPS, project, run, xtask};
use tempfile::TempDir;

/// A reader's folder. The exercises that are built have the same path in each run, so that Cargo does not keep them all.
struct Reader {
    dir: PathBuf,
}

impl Reader {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercises").join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).expect("it can be removed");
        }
        Self { dir }
    }

    fn exercise(&self, args: &[&str]) -> Ended {
        run(&mut self.command(args))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = xtask();
        command.arg("exercise").args(args).current_dir(project());
        command.env("EXERCISES", &self.dir);
        // The stress tests are not what is tested here.
        command.env("STRESS_TASKS", "2000").env("STRESS_WAKES", "2000");
        // A new folder is built once or twice: parts that can be built again alone are of no use.
        command
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_CODEGEN_UNITS", "4");
        command
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    fn read(&self, file: &str) -> String {
        let path = self.path(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// What is given fails, and the step's own files pass.
    fn solve(&self, kind: &str, name: &str, folder: &str) -> (Ended, Ended) {
        let made = self.exercise(&[kind, name]).succeeded();
        let dir = self.path(folder);
        let dir = dir.to_str().expect("a path");
        let before = self.exercise(&["check", dir]);
        assert_eq!(before.code, Some(1), "{name}: {before:#?}");
        let step = STEPS
            .iter()
            .find(|step| made.stdout.contains(*step) || step.starts_with(name));
        let step = step.expect("the step is named");
        for part in ["src", "extra", "fast"] {
            copy(&project().join(step).join(part), &self.path(folder).join(part));
        }
        let after = self.exercise(&["check", dir]);
        (before, after.succeeded())
    }
}

/// But not the demo, which calls the crate by its name.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten() {
        let name = entry.expect("an entry").file_name();
        if name != "main.rs" {
            fs::create_dir_all(to).expect("a folder");
            fs::copy(from.join(&name), to.join(&name)).expect("a file");
        }
    }
}

/// The lines of a list of names.
fn mistakes() -> Vec<String> {
    let text = fs::read_to_string(project().join("xtask/exercise/find.txt")).expect("the list");
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "#")
        .collect()
}

#[test]
fn an_unknown_name_is_refused_with_a_list_of_those_that_there_are() {
    let reader = Reader::new("unknown");
    reader
        .exercise(&["learn"])
        .refused(&["unknown exercise `learn`", "write, find, predict, check"]);
    reader
        .exercise(&["write", "exp1"])
        .refused(&["`exp1`", "exp2-sleep", "exp6-combined"]);
    reader
        .exercise(&["find", "find-99"])
        .refused(&["`find-99`", "find-01", "find-30"]);
    reader
        .exercise(&["predict", "7"])
        .refused(&["unknown step `7`", "exp1-simplest"]);
    reader
        .exercise(&["predict", "1", "6"])
        .refused(&["unknown program `6`", "1, 2, 3, 4, 5"]);
    reader
        .exercise(&["write", "exp2", "a", "b"])
        .refused(&["one word too many"]);
    reader.exercise(&["find", "--hint"]).refused(&["one word too many"]);
    reader.exercise(&["check", "--quiet"]).refused(&["--quiet"]);
    assert!(!reader.dir.exists(), "nothing was made");
}

#[test]
fn a_folder_that_is_no_exercise_is_never_written_into() {
    let reader = Reader::new("folders");
    let other = TempDir::new().expect("a folder");
    let (path, file) = (other.path().to_str().expect("a path"), other.path().join("mine.txt"));
    fs::write(&file, "mine").expect("a file");
    for args in [&["write", "exp2", path][..], &["find", "find-01", path]] {
        reader
            .exercise(args)
            .failed(&["is no exercise: nothing is written into it", path]);
    }
    let as_file = file.to_str().expect("a path");
    reader
        .exercise(&["write", "exp2", as_file])
        .failed(&["nothing is written into it"]);
    reader.exercise(&["check", path]).failed(&["is no exercise", path]);
    // Nor if it is to be the folder of all exercises.
    let inside = other.path().join("new");
    let inside = inside.to_str().expect("a path");
    let settings: [&[&str]; 4] = [&["write"], &["find"], &["predict", "1"], &["write", "exp2", inside]];
    for args in settings {
        run(reader.command(args).env("EXERCISES", path)).failed(&["holds something else", "EXERCISES"]);
    }
    let names: Vec<_> = fs::read_dir(path).expect("it is there").collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
}

#[test]
fn an_exercise_is_not_made_twice() {
    let reader = Reader::new("twice");
    reader.exercise(&["write", "exp2"]).succeeded();
    fs::write(reader.path("my-exp2/src/mine.rs"), "// mine").expect("a file");
    reader
        .exercise(&["write", "exp2"])
        .failed(&["an exercise already", "cargo xtask exercise check"]);
    assert_eq!(reader.read("my-exp2/src/mine.rs"), "// mine");
}

#[test]
fn without_an_exercise_there_is_nothing_to_check() {
    let reader = Reader::new("nothing");
    reader.exercise(&["check"]).failed(&["say which exercise"]);
}

#[test]
fn the_list_shows_what_is_done_and_what_comes_next() {
    let reader = Reader::new("list");
    reader
        .exercise(&[])
        .succeeded()
        .says(&["[....................] 0 of", "cargo xtask exercise write exp2"]);
    assert!(!reader.dir.exists(), "to look makes nothing");
    reader.exercise(&["find", "find-03"]).succeeded();
    fs::write(
        reader.path("progress.txt"),
        reader.read("progress.txt") + "write exp2 = done\nfind find-01 = done\n",
    )
    .expect("a file");
    let ended = reader.exercise(&[]).succeeded();
    ended.says(&[
        " 2 of",
        "exp2           done",
        "exercise write exp3",
        "exercise find find-02",
    ]);
}

#[test]
fn a_mistake_is_copied_without_its_name_and_its_comments() {
    let reader = Reader::new("neutral");
    for name in mistakes() {
        reader.exercise(&["find", &name]).succeeded();
        let list = fs::read_to_string(project().join("xtask/exercise/find.txt")).expect("the list");
        let patch = list
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")))
            .expect("a patch");
        let patch = fs::read_to_string(project().join(format!("patches/{patch}.patch"))).expect("a patch");
        let title = patch
            .lines()
            .find_map(|line| line.strip_prefix("Title: "))
            .expect("a title");
        let (mut text, mut folders) = (String::new(), vec![reader.path(&name)]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.ends_with("suite") {
                    folders.push(path);
                } else if path.is_file() {
                    text += &fs::read_to_string(path).expect("text");
                }
            }
        }
        assert!(!text.contains(title) && !text.contains("patches/"), "{name}");
        let comments = patch.lines().filter_map(|line| line.strip_prefix('+'));
        for comment in comments.filter(|line| line.trim_start().starts_with("//")) {
            assert!(!text.contains(comment.trim()), "{name}: {comment}");
        }
    }
}

/// All in one test, because it is built for each.
#[test]
fn exp2_is_written_from_the_stubs_to_the_end() {
    let reader = Reader::new("exp2");
    reader.exercise(&["write", "exp2"]).succeeded();
    the_compilers_words_are_shown(&reader);
    hints_come_one_by_one_and_stay(&reader);
    let dir = reader.path("my-exp2");
    copy(&project().join("exp2-sleep/src"), &dir.join("src"));
    let ended = reader.exercise(&["check", dir.to_str().expect("a path")]).succeeded();
    ended.says(&["my-exp2 is written", "park.rs: the same", "From yours (a) to ours (b)"]);
    reader
        .exercise(&[])
        .succeeded()
        .says(&["exp2           done", "write exp3"]);
}

fn the_compilers_words_are_shown(reader: &Reader) {
    let (file, stub) = (reader.path("my-exp2/src/sleep.rs"), reader.read("my-exp2/src/sleep.rs"));
    fs::write(&file, "pub fn sleep() -> u32 { false }").expect("a file");
    let ended = reader.exercise(&["check"]);
    ended.failed(&["mismatched types", "src/sleep.rs:1", "it does not compile"]);
    fs::write(&file, stub).expect("a file");
}

/// And the tests are put back.
fn hints_come_one_by_one_and_stay(reader: &Reader) {
    fs::write(reader.path("my-exp2/tests/suite/wakes.rs"), "").expect("a file");
    for level in 0..=4_usize {
        let args: &[&str] = if level == 0 { &["check"] } else { &["check", "--hint"] };
        let ended = reader.exercise(args).failed(&[
            "part 1 of",
            " 0 of",
            "A task that is not woken is not polled.",
            "wakes::a_task_that_is_not_woken_is_not_polled",
            "tests/suite/wakes.rs:",
        ]);
        assert_eq!(ended.stdout.matches("\nhint ").count(), level.min(3), "{ended:#?}");
        let put_back = ended.stdout.contains("the tests were changed, and are put back");
        assert_eq!(put_back, level == 0, "{ended:#?}");
        assert_eq!(ended.stdout.contains("check --hint"), level < 3, "{ended:#?}");
    }
}

#[test]
fn a_lost_wake_is_told_with_its_task_and_mistakes_are_mended() {
    let reader = Reader::new("find");
    let (before, after) = reader.solve("find", "find-16", "find-16");
    before.says(&[
        "not mended yet",
        "it hangs: not done within 10 s",
        "task 1 was woken, and never polled again",
    ]);
    after.says(&["is mended", "### The flag is cleared after the poll", "camshaft/bach"]);
    reader.exercise(&[]).succeeded().says(&["1 of 10"]);
}

#[test]
#[ignore = "it builds one more program: a workflow runs it each week"]
fn what_mends_one_thing_and_breaks_another_is_told() {
    let reader = Reader::new("breaks");
    reader.exercise(&["find", "find-03"]).succeeded();
    // The sleep never ends early, and never ends.
    let path = reader.path("find-03/src/sleep.rs");
    let text = fs::read_to_string(&path).expect("a file");
    let changed = text.replace(
        "if mem::replace(&mut self.polled, true) {",
        "if mem::replace(&mut self.polled, true) && self.key.is_due() {",
    );
    let changed = changed.replace("drop(try_current().map(|core| core.timers.remove(&self.key)));", "");
    assert_ne!(text, changed);
    fs::write(&path, changed).expect("a file");
    let ended = reader.exercise(&["check"]);
    ended.failed(&["the symptom is gone, but something else is broken"]);
}

#[test]
fn each_program_prints_what_is_expected() {
    let reader = Reader::new("predict");
    // Each step has to be built.
    let steps = env::var("XTASK_WHOLE").map_or(vec![2, 3], |_| (1..=6).collect());
    for step in &steps {
        reader
            .exercise(&["predict", &step.to_string()])
            .succeeded()
            .says(&["What does", "print?"]);
        let folder = format!("predict-exp{step}");
        for number in 1..=5 {
            let answer = project().join(format!("xtask/exercise/predict/exp{step}-{number}.txt"));
            fs::copy(answer, reader.path(&format!("{folder}/{number}.txt"))).expect("an answer");
        }
        // The programs sleep, and so a machine that does much else may be too late for one.
        let dir = reader.path(&folder);
        let check = || reader.exercise(&["check", dir.to_str().expect("a path")]);
        let ended = (0..3).map(|_| check()).find(|ended| ended.code == Some(0));
        let ended = ended.unwrap_or_else(check);
        assert_eq!(ended.stdout.matches("is right").count(), 5, "{ended:#?}");
    }
    reader
        .exercise(&[])
        .succeeded()
        .says(&[&format!("{} of", 5 * steps.len())]);
}

#[test]
fn a_wrong_answer_is_told_where_it_parts_with_the_timeline() {
    let reader = Reader::new("wrong");
    let mut child = reader
        .command(&["predict", "1", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let answer = "a1\nb1\n\na2\nc1\n";
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), answer.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in ["2  b1", "3  you:        a2", "the program: c1", "█ polled"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("  a3"), "the rest is left to the reader: {text}");
    assert_eq!(reader.read("predict-exp1/1.txt"), answer);
}

#[test]
#[ignore = "it builds much, and takes minutes: a workflow runs it each week"]
fn more_exercises_are_solved() {
    let reader = Reader::new("more");
    for name in to_solve() {
        let (kind, folder) = match name.strip_prefix("exp") {
            Some(_) => ("write", format!("my-{name}")),
            None => ("find", name.clone()),
        };
        eprintln!("{kind} {name}");
        let (_, after) = reader.solve(kind, &name, &folder);
        assert!(
            after.stdout.contains("is written") || after.stdout.contains("is mended"),
            "{after:#?}"
        );
        // They are of no more use, and there are many.
        fs::remove_dir_all(reader.path(&folder)).expect("it can be removed");
    }
}

/// What the environment asks for, or a mistake and a step of the day.
fn to_solve() -> Vec<String> {
    let steps: Vec<_> = (2..=6).map(|step| format!("exp{step}")).collect();
    match env::var("EXERCISES_TO_SOLVE").as_deref() {
        Ok("all") => [steps, mistakes()].concat(),
        Ok(names) => names.split(',').map(str::to_owned).collect(),
        Err(_) => ["exp3", "find-20"].map(str::to_owned).to_vec(),
    }
}
