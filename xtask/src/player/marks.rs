//! Where the hooks go: the marks that are looked for in a step's plain sources, and what is put in their place.

use crate::stop::{Result, failed};

const THIS: &str = "xtask/src/player/marks.rs";

/// A recording is stale when the hooks have changed.
pub(crate) const TEXT: &str = include_str!("marks.rs");

/// A piece of a line that stands once in its file.
struct Mark {
    steps: &'static [usize],
    file: &'static str,
    find: &'static str,
    /// `$0` is what was found, and `$at` the file and the line.
    put: &'static str,
}

const SINCE_2: &[usize] = &[2, 3, 4, 5, 6];
const SINCE_3: &[usize] = &[3, 4, 5, 6];
const SINCE_5: &[usize] = &[5, 6];
const TO_4: &[usize] = &[2, 3, 4];
const JOBS: &[usize] = &[4, 6];

const fn mark(steps: &'static [usize], file: &'static str, find: &'static str, put: &'static str) -> Mark {
    Mark { steps, file, find, put }
}

/// A park by the thread's own token, and one in the selector.
const PARK_TIME: &str = "Some(timeout) => { crate::hook::park($at, Some(timeout)); thread::park_timeout(timeout); \
     crate::hook::unparked($at, Some(timeout), &[]) }";
const PARK_EVER: &str =
    "None => { crate::hook::park($at, None); thread::park(); crate::hook::unparked($at, None, &[]) }";
const SELECT: &str = "crate::hook::park($at, timeout); $0 let keys: Vec<usize> = events.iter().map(|event| event.key).collect(); \
     crate::hook::unparked($at, timeout, &keys);";

const MARKS: &[Mark] = &[
    // exp1 has one queue, and nothing else.
    mark(
        &[1],
        "scheduler.rs",
        "tasks.push_back(Box::pin(future));",
        "let name = std::any::type_name_of_val(&future); $0 \
         crate::hook::boxes($at, \"spawn\", crate::hook::address(tasks.back().unwrap()), &tasks, name);",
    ),
    mark(
        &[1],
        "scheduler.rs",
        "while let Some(mut task) = tasks.pop_front() {",
        "let _run = crate::hook::Run::begin($at); $0 let hooked = crate::hook::address(&task); \
         crate::hook::boxes($at, \"take\", hooked, &tasks, \"\");",
    ),
    mark(
        &[1],
        "scheduler.rs",
        "task.as_mut().poll(&mut cx)",
        "crate::hook::polled($at, crate::hook::box_id(hooked), || $0)",
    ),
    mark(
        &[1],
        "scheduler.rs",
        "tasks.push_back(task);",
        "$0 crate::hook::boxes($at, \"push\", hooked, &tasks, \"\");",
    ),
    // The loop.
    mark(
        SINCE_2,
        "scheduler.rs",
        "while !self.core.tasks.is_empty() {",
        "let _run = crate::hook::Run::begin($at); $0",
    ),
    mark(
        SINCE_3,
        "block_on.rs",
        "loop {",
        "let _run = crate::hook::Run::begin($at); $0",
    ),
    mark(
        SINCE_2,
        "scheduler.rs",
        "self.run_queue.push(self.tasks.insert(task));",
        "crate::hook::spawn($at, task.waker.id); $0",
    ),
    mark(
        SINCE_2,
        "scheduler.rs",
        "if self.polls.get() == 64 {",
        "$0 crate::hook::say($at, \"busy\", None, \"\");",
    ),
    mark(
        SINCE_2,
        "scheduler.rs",
        "if let Some(id) = self.run_queue.pop() {",
        "$0 crate::hook::queue($at, \"take\", id, &self.run_queue.hooked());",
    ),
    mark(
        SINCE_2,
        "scheduler.rs",
        "let earliest = self.timers.earliest();",
        "crate::hook::say($at, \"empty\", None, \"\"); $0",
    ),
    mark(
        SINCE_2,
        "scheduler.rs",
        "if let Some(task) = self.tasks.remove(id).and_then(Task::poll) {",
        "if !self.tasks.hooked(id) { crate::hook::say($at, \"gone\", Some(id), \"\"); } $0",
    ),
    mark(
        SINCE_3,
        "scheduler.rs",
        "while let Some(task) = self.core.tasks.pop() {",
        "$0 crate::hook::say($at, \"drop\", Some(task.waker.id), \"\");",
    ),
    // The run queue.
    mark(
        SINCE_2,
        "run_queue.rs",
        "impl RunQueue {",
        "$0 pub(crate) fn hooked(&self) -> VecDeque<TaskId> { self.ids.lock().unwrap().clone() }",
    ),
    mark(
        SINCE_2,
        "run_queue.rs",
        "ids.push_back(id);",
        "$0 crate::hook::queue($at, \"push\", id, &*ids);",
    ),
    // Tasks and their wakers.
    mark(
        SINCE_2,
        "task.rs",
        "let (future, waker) = (Box::pin(future), TaskWaker::new(run_queue));",
        "let name = std::any::type_name_of_val(&future); $0 \
         crate::hook::name(waker.id, Arc::as_ptr(&waker) as usize, name);",
    ),
    mark(
        SINCE_2,
        "task.rs",
        "self.future.as_mut().poll(&mut Context::from_waker(&waker))",
        "crate::hook::polled($at, self.waker.id, || $0)",
    ),
    mark(
        SINCE_2,
        "task.rs",
        "pub(crate) fn schedule(&self) {",
        "$0 crate::hook::wake($at, self.id, self.queued.load(Ordering::Acquire));",
    ),
    mark(
        SINCE_2,
        "task.rs",
        "impl Tasks {",
        "$0 pub(crate) fn hooked(&self, id: TaskId) -> bool { self.by_id.borrow().contains_key(&id) }",
    ),
    mark(
        SINCE_3,
        "block_on.rs",
        "let waker = Waker::from(Arc::clone(&main.0));",
        "$0 crate::hook::name(main.0.id, Arc::as_ptr(&main.0) as usize, \"block_on\"); crate::hook::spawn($at, main.0.id);",
    ),
    mark(
        SINCE_3,
        "block_on.rs",
        "future.as_mut().poll(&mut Context::from_waker(&waker))",
        "crate::hook::polled($at, main.0.id, || $0)",
    ),
    // Timers.
    mark(
        SINCE_2,
        "timers.rs",
        "impl Timers {",
        "$0 fn hooked(&self) -> crate::hook::Sleeps { \
         self.queue.borrow().iter().map(|(key, waker)| (key.1, waker.data() as usize)).collect() }",
    ),
    mark(
        SINCE_2,
        "timers.rs",
        "self.queue.borrow_mut().insert(*key, waker)",
        "let old = $0; crate::hook::sleeps($at, key.1, key.0, self.hooked()); old",
    ),
    mark(
        SINCE_2,
        "timers.rs",
        "self.queue.borrow_mut().remove(key)",
        "let old = $0; if old.is_some() { crate::hook::slept($at, \"unsleep\", key.1, self.hooked()); } old",
    ),
    mark(
        SINCE_2,
        "timers.rs",
        "let first = self.queue.borrow_mut().pop_first();",
        "$0 if let Some((key, _)) = &first { crate::hook::slept($at, \"due\", key.1, self.hooked()); }",
    ),
    // The park, and what ends it.
    mark(TO_4, "park.rs", "None => thread::park()", PARK_EVER),
    mark(
        TO_4,
        "park.rs",
        "Some(timeout) => thread::park_timeout(timeout)",
        PARK_TIME,
    ),
    mark(
        TO_4,
        "park.rs",
        "self.0.unpark();",
        "crate::hook::unpark($at, \"unpark\"); $0 crate::hook::pause();",
    ),
    mark(
        SINCE_5,
        "park.rs",
        "let waited = self.poller.wait(&mut events, timeout);",
        SELECT,
    ),
    mark(
        &[6],
        "park.rs",
        "let _ = (&self.pair.0).read(&mut [0; 64]);",
        "let read = (&self.pair.0).read(&mut [0; 64]).unwrap_or(0); \
         crate::hook::say($at, \"read\", None, &read.to_string());",
    ),
    mark(
        &[6],
        "park.rs",
        "let _ = (&self.pair.1).write(&[1]);",
        "crate::hook::unpark($at, \"byte\"); $0 crate::hook::pause();",
    ),
    // Handles.
    mark(
        SINCE_3,
        "join.rs",
        "self.shared.finished.set(true);",
        "$0 crate::hook::say($at, \"result\", None, \"\");",
    ),
    mark(
        SINCE_3,
        "join.rs",
        "self.shared.aborted.set(true);",
        "$0 crate::hook::waker($at, \"abort\", self.waker.data() as usize);",
    ),
    // Jobs.
    mark(
        JOBS,
        "blocking.rs",
        "let started = ",
        "crate::hook::say($at, \"job\", None, \"\"); $0",
    ),
    mark(
        JOBS,
        "blocking.rs",
        "let result = catch_unwind(AssertUnwindSafe(job));",
        "crate::hook::pause(); crate::hook::say($at, \"works\", None, \"\"); crate::hook::pause(); $0",
    ),
    mark(
        JOBS,
        "blocking.rs",
        "sender.lock().unwrap().result = Some(result);",
        "$0 crate::hook::say($at, \"done\", None, \"\");",
    ),
    // Sources.
    mark(
        SINCE_5,
        "park.rs",
        "let source = Rc::new(Source::new(key, io));",
        "$0 crate::hook::source(key, &raw const source.read as usize, &raw const source.write as usize);",
    ),
    mark(
        SINCE_5,
        "park.rs",
        "source.take_waiters(event, &mut self.wakers.borrow_mut());",
        "$0 crate::hook::report($at, event.key, event.readable, event.writable);",
    ),
    mark(
        SINCE_5,
        "source.rs",
        "impl Direction {",
        "$0 pub(crate) fn hooked(&self) -> (usize, Vec<usize>) { \
         (&raw const *self as usize, self.waiters.borrow().values().map(|waker| waker.data() as usize).collect()) }",
    ),
    mark(
        SINCE_5,
        "source.rs",
        "wakers.extend(mem::take(&mut *direction.waiters.borrow_mut()).into_values());",
        "$0 crate::hook::waiters(direction.hooked());",
    ),
    mark(
        SINCE_5,
        "source.rs",
        "let _waker = self.direction.waiters.borrow_mut().remove(&self.id);",
        "$0 crate::hook::waiters(self.direction.hooked());",
    ),
    mark(
        SINCE_5,
        "async_io.rs",
        "waiter.list(cx.waker().clone());",
        "$0 crate::hook::waits($at, waiter.direction.hooked());",
    ),
    mark(
        SINCE_5,
        "scheduler.rs",
        "self.parker.defer(cx.waker().clone());",
        "crate::hook::waker($at, \"defer\", cx.waker().data() as usize); $0",
    ),
];

/// Each file that has a mark has to be there.
pub(crate) fn check_files(step: usize, names: &[String]) -> Result {
    let here = MARKS.iter().filter(|mark| mark.steps.contains(&step));
    match here
        .map(|mark| mark.file)
        .find(|file| !names.iter().any(|name| name == file))
    {
        Some(file) => failed(format!(
            "{THIS}: exp{step} has no {file} any more, in which hooks have to be put"
        )),
        None => Ok(()),
    }
}

/// A step's file with the hooks. `plain` is the file itself, and `text` that with a mistake: there, a mark may be gone.
pub(crate) fn hooked(step: usize, name: &str, plain: &str, text: &str) -> Result<String> {
    let here = MARKS
        .iter()
        .filter(|mark| mark.steps.contains(&step) && mark.file == name);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for mark in here {
        let times = |text: &str| text.matches(mark.find).count();
        let found = times(plain);
        if found != 1 {
            return failed(format!(
                "{THIS}: `{}` is {found} times in exp{step}'s {name}, and has to be there once",
                mark.find
            ));
        }
        if times(text) > 1 {
            return failed(format!(
                "{THIS}: the mistake repeats `{}` in exp{step}'s {name}",
                mark.find
            ));
        }
        // A hook that was put before may repeat what it replaced: that line is the same.
        let place = text.lines().position(|line| line.contains(mark.find));
        if let Some(place) = place {
            let at = format!("({name:?}, {})", place + 1);
            let put = mark.put.replace("$0", mark.find).replace("$at", &at);
            lines[place] = lines[place].replacen(mark.find, &put, 1);
        }
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{STEPS, Tree};

    #[test]
    fn every_mark_stands_once_in_each_of_its_files() {
        let tree = Tree::find().expect("the project");
        for step in &STEPS {
            let names = tree.sources(step).expect("its files");
            check_files(step.number, &names).expect("the files are there");
            for name in names {
                let text = tree.read(&format!("{step}/src/{name}")).expect("a file");
                let with = hooked(step.number, &name, &text, &text).expect("the marks are there");
                assert_eq!(with.lines().count(), text.lines().count(), "{name} keeps its lines");
            }
        }
    }

    #[test]
    fn a_mark_that_is_gone_is_named() {
        let stop = hooked(1, "scheduler.rs", "fn run() {}\n", "fn run() {}\n").expect_err("no mark");
        let said = format!("{stop:?}");
        assert!(said.contains("Box::pin(future)") && said.contains("0 times"), "{said}");
        let stop = check_files(2, &["scheduler.rs".to_owned()]).expect_err("no file");
        assert!(format!("{stop:?}").contains("run_queue.rs"), "{stop:?}");
    }

    #[test]
    fn a_mistake_may_take_a_mark_away_and_add_none() {
        let plain = "impl Timers {\nself.queue.borrow_mut().insert(*key, waker)\nself.queue.borrow_mut().remove(key)\n\
                     let first = self.queue.borrow_mut().pop_first();\n";
        let without = plain.replace("self.queue.borrow_mut().remove(key)\n", "");
        let with = hooked(2, "timers.rs", plain, &without).expect("it may be gone");
        assert!(
            with.contains("(\"timers.rs\", 3)") && !with.contains("unsleep"),
            "{with}"
        );
        hooked(2, "timers.rs", plain, &plain.repeat(2)).expect_err("twice");
    }
}
