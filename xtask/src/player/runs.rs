//! The runs that the player shows.

use std::hash::Hasher;

use fnv::FnvHasher;

use super::HOOK;
use super::marks;
use crate::broken::{self, Mistake};
use crate::stop::{Result, failed};
use crate::tree::{STEPS, Step, Tree};

/// A step's demo, or a mistake of `docs/broken.md` on a small program.
pub(crate) struct Run {
    /// The name of the recording, and of the patch if it is a mistake.
    pub(crate) name: &'static str,
    pub(crate) step: usize,
    /// In `xtask/player`; or the step's demo.
    program: Option<&'static str>,
    /// What the program does.
    pub(crate) does: &'static str,
    /// What is to be seen in the run.
    pub(crate) see: &'static str,
    /// A run with more events is cut off.
    pub(crate) most: usize,
    /// How many milliseconds another thread waits before and after it begins a job, and when it has ended a park: so the
    /// loop goes on first.
    pub(crate) pause: u32,
}

const DEMO: Run = Run {
    name: "",
    step: 1,
    program: None,
    does: "",
    see: "",
    most: 2000,
    pause: 0,
};

const MISTAKE: Run = Run { most: 150, ..DEMO };

const WAKES: Option<&str> = Some("wakes.rs");
const REMOTE: Option<&str> = Some("remote.rs");
const YIELDS: Option<&str> = Some("yields.rs");

pub(crate) const RUNS: &[Run] = &[
    Run {
        name: "demo-1",
        step: 1,
        does: "The demo: two tasks, and each yields four times.",
        see: "The loop takes the first task of the queue, polls it, and puts it back at the end. It never waits.",
        ..DEMO
    },
    Run {
        name: "demo-2",
        step: 2,
        does: "The demo: two tasks yield, and each sleeps once.",
        see: "A task that sleeps is in the timer queue and not in the run queue. When the run queue is empty, the loop parks \
              until the earliest deadline. A task that yields wakes itself.",
        ..DEMO
    },
    Run {
        name: "demo-3",
        step: 3,
        does: "The demo: c2 spawns c3 in the middle of the run.",
        see: "The new task goes to the back of the run queue. It is not polled at once.",
        ..DEMO
    },
    Run {
        name: "demo-4",
        step: 4,
        does: "The demo: c3 awaits an addition that takes 100 ms on a thread of the pool.",
        see: "The loop parks while the thread works. The thread stores the result and wakes the task: this ends the park.",
        pause: 3,
        ..DEMO
    },
    Run {
        name: "demo-5",
        step: 5,
        does: "The demo, with two clients that send two messages each.",
        see: "A task that would block waits for a source. The loop parks in the selector, which reports the sources that are \
              ready, and their tasks are woken.",
        ..DEMO
    },
    Run {
        name: "demo-6",
        step: 6,
        does: "The demo, with one client that sends two messages.",
        see: "Before each echo a thread of the pool adds, which takes a few milliseconds here. Then it wakes the task, and a \
              byte in the self-socket ends the park in the selector.",
        pause: 5,
        ..DEMO
    },
    Run {
        name: "the-flag-is-cleared-after-the-poll",
        step: 2,
        program: YIELDS,
        does: "Three tasks, and each yields twice.",
        see: "A task that yields is woken during its own poll. With the mistake its flag still says that it is queued, so this \
              wake pushes nothing. It is lost, and the loop waits for ever.",
        ..MISTAKE
    },
    Run {
        name: "the-last-comes-first",
        step: 2,
        program: YIELDS,
        does: "Three tasks, and each yields twice.",
        see: "The run queue becomes a stack. The task that has yielded is polled again at once, and the others wait until it \
              has ended.",
        ..MISTAKE
    },
    Run {
        name: "a-wake-unparks-before-it-queues",
        step: 2,
        program: REMOTE,
        does: "Three tasks wait for another thread, which wakes them after 20 ms. A fourth task sleeps for 60 ms. Here the \
               thread is slow: after it has ended the park, the loop goes on first.",
        see: "With the mistake the loop finds the run queue empty and parks again. Only then the thread pushes the task, and \
              nothing ends this park. The task waits for a deadline that has nothing to do with it.",
        pause: 5,
        ..MISTAKE
    },
    Run {
        name: "a-wake-polls",
        step: 2,
        program: WAKES,
        does: "The receiver waits for a value, for 30 ms at most. The sender wakes it once without a value, and then with one.",
        see: "With the mistake the receiver is polled inside the poll of the sender, which has not returned yet.",
        ..MISTAKE
    },
    Run {
        name: "the-wake-decides",
        step: 2,
        program: WAKES,
        does: "The receiver waits for a value, for 30 ms at most. The sender wakes it once without a value, and then with one.",
        see: "The first wake comes before the deadline. With the mistake the sleep believes that its time is up, and the \
              receiver gives up too early.",
        ..MISTAKE
    },
    Run {
        name: "a-dropped-sleep-stays",
        step: 2,
        program: WAKES,
        does: "The receiver waits for a value, for 30 ms at most. The sender wakes it once without a value, and then with one.",
        see: "The value comes in time, and the sleep is dropped. With the mistake it stays in the timer queue: the loop wakes \
              up for it, and takes the id of a task that has ended.",
        ..MISTAKE
    },
    Run {
        name: "run-ends-when-nothing-is-ready",
        step: 2,
        program: WAKES,
        does: "The receiver waits for a value, for 30 ms at most. The sender wakes it once without a value, and then with one.",
        see: "With the mistake `run` returns when a park has ended and no task can run, although the sender still sleeps.",
        ..MISTAKE
    },
    Run {
        name: "all-that-is-due-fires-at-once",
        step: 2,
        program: Some("late.rs"),
        does: "One task computes for 40 ms. Meanwhile three deadlines pass: first after 10 ms, and then after 20 ms, \
               are of the same task, one after the other; second is after 30 ms.",
        see: "With the mistake the late loop wakes both tasks at once. The second sleep of the first task comes after the \
              sleep of the second task, although its deadline is earlier.",
        ..MISTAKE
    },
    Run {
        name: "a-busy-loop-wakes-no-sleeper",
        step: 2,
        program: Some("busy.rs"),
        does: "One task yields again and again until another has slept for 0.1 ms.",
        see: "The run queue is never empty, so the loop never comes to the sleeps. Without the mistake it looks at them after \
              64 polls.",
        most: 440,
        ..MISTAKE
    },
    Run {
        name: "a-spawn-polls",
        step: 3,
        program: Some("spawns.rs"),
        does: "The future of `block_on` spawns a task and awaits it.",
        see: "With the mistake the new task is polled inside `spawn`, and so inside the poll of main, which has not returned yet.",
        ..MISTAKE
    },
    Run {
        name: "a-panic-leaves-its-task",
        step: 3,
        program: Some("panics.rs"),
        does: "Three tasks yield. The second one panics then.",
        see: "With the mistake the panic leaves `run`. The other two tasks are dropped before they have ended.",
        ..MISTAKE
    },
    Run {
        name: "the-waker-is-stored-after-the-look",
        step: 4,
        program: Some("job.rs"),
        does: "A task awaits a job that takes 10 ms.",
        see: "With the mistake the task looks for the result, and stores its waker in a second step. It is slow between the two \
              here, and the job ends meanwhile: it finds no waker and wakes nobody. The loop waits for ever.",
        pause: 3,
        ..MISTAKE
    },
    Run {
        name: "a-source-keeps-one-waker",
        step: 5,
        program: Some("readers.rs"),
        does: "Two tasks read from one socket. Its peer sends two datagrams after 20 ms.",
        see: "With the mistake a source knows only the task that came last. The other one is not woken, and the loop waits for \
              ever.",
        ..MISTAKE
    },
    Run {
        name: "a-byte-for-every-wake",
        step: 6,
        program: REMOTE,
        does: "Three tasks wait for another thread, which wakes them after 20 ms. A fourth task sleeps for 60 ms.",
        see: "The first wake finds the run queue empty and writes a byte. The others need not: the loop takes all that is \
              queued before it parks. With the mistake each wake writes one.",
        ..MISTAKE
    },
    Run {
        name: "the-byte-is-never-read",
        step: 6,
        program: REMOTE,
        does: "Three tasks wait for another thread, which wakes them after 20 ms. A fourth task sleeps for 60 ms.",
        see: "With the mistake the byte stays in the self-socket. It ends every park at once: the loop does not wait any more, \
              it spins.",
        ..MISTAKE
    },
];

/// What a mistake needs besides: a hook where the mistake has taken one away, and time for another thread to come between.
const EXTRA: [(&str, &str, &str, &str); 2] = [
    (
        "a-wake-unparks-before-it-queues",
        "run_queue.rs",
        "self.ids.lock().unwrap().push_back(id);",
        "let mut ids = self.ids.lock().unwrap(); ids.push_back(id); crate::hook::queue($at, \"push\", id, &*ids);",
    ),
    (
        "the-waker-is-stored-after-the-look",
        "blocking.rs",
        "if result.is_none() {",
        "if result.is_none() { std::thread::sleep(std::time::Duration::from_millis(30));",
    ),
];

/// The demos of exp5 and exp6 are made smaller. In exp6, the jobs of two clients would end now in one order, now in the other.
const SMALLER: [(usize, &str, &str); 4] = [
    (5, "const CLIENTS: usize = 50;", "const CLIENTS: usize = 2;"),
    (5, "const ROUNDS: usize = 10;", "const ROUNDS: usize = 2;"),
    (6, "const CLIENTS: usize = 50;", "const CLIENTS: usize = 1;"),
    (6, "const ROUNDS: usize = 10;", "const ROUNDS: usize = 2;"),
];

/// A file of a run: its name in `src`, as it is in the step, and as it is in the run.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) plain: String,
    pub(crate) text: String,
}

impl Run {
    pub(crate) fn is_mistake(&self) -> bool {
        !self.name.starts_with("demo-")
    }

    pub(crate) fn step(&self) -> &'static Step {
        &STEPS[self.step - 1]
    }

    pub(crate) fn file(&self) -> String {
        format!("{}/{}.json", super::FOLDER, self.name)
    }

    pub(crate) fn program(&self) -> String {
        match self.program {
            Some(name) => format!("xtask/player/{name}"),
            None => format!("{}/src/main.rs", self.step()),
        }
    }

    /// The program, as it is run.
    pub(crate) fn program_text(&self, tree: &Tree) -> Result<String> {
        let program = self.program();
        let mut text = tree.read(&program)?;
        for (_, from, to) in SMALLER
            .iter()
            .filter(|smaller| self.program.is_none() && smaller.0 == self.step)
        {
            if !text.contains(from) {
                return failed(format!("{program}: there is no `{from}` to make smaller"));
            }
            text = text.replacen(from, to, 1);
        }
        Ok(text)
    }

    pub(crate) fn mistake(&self, tree: &Tree) -> Result<Option<Mistake>> {
        self.is_mistake().then(|| broken::one(tree, self.name)).transpose()
    }

    /// The step's files, without its demo, with the mistake if that is wanted.
    pub(crate) fn sources(&self, tree: &Tree, with_mistake: bool) -> Result<Vec<Source>> {
        let mistake = if with_mistake { self.mistake(tree)? } else { None };
        let changed = mistake.as_ref().map(|mistake| mistake.apply(tree)).transpose()?;
        let mut sources = Vec::new();
        for name in tree.sources(self.step())? {
            if name == "main.rs" {
                continue;
            }
            let path = format!("{}/src/{name}", self.step());
            let plain = tree.read(&path)?;
            let after = changed.iter().flatten().find(|(file, _, _)| *file == path);
            let text = after.map_or_else(|| plain.clone(), |(_, after, _)| after.clone());
            sources.push(Source { name, plain, text });
        }
        Ok(sources)
    }

    /// A source with its hooks.
    pub(crate) fn hooked(&self, source: &Source) -> Result<String> {
        let text = marks::hooked(self.step, &source.name, &source.plain, &source.text)?;
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        for (run, file, find, put) in EXTRA {
            let place = lines.iter().position(|line| line.trim() == find);
            if let (true, Some(place)) = (run == self.name && file == source.name, place) {
                lines[place] = put.replace("$at", &format!("({file:?}, {})", place + 1));
            }
        }
        Ok(lines.join("\n") + "\n")
    }

    /// Of what the recording comes from: the hooks, the program, the mistake, and the files that have a line in it.
    pub(crate) fn hash(&self, tree: &Tree, files: &[&str]) -> Result<String> {
        let mut hasher = FnvHasher::default();
        for text in [HOOK, marks::TEXT, &self.program_text(tree)?] {
            hasher.write(text.as_bytes());
        }
        for source in self.sources(tree, true)? {
            if files.contains(&source.name.as_str()) || source.plain != source.text {
                hasher.write(source.plain.as_bytes());
                hasher.write(source.text.as_bytes());
            }
        }
        hasher.write(format!("{} {}", self.most, self.pause).as_bytes());
        Ok(format!("{:016x}", hasher.finish()))
    }
}
