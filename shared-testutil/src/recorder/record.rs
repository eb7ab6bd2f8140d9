//! What a recorder has seen.

use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

/// A shorter gap is the executor's own work.
const SHORTEST_PARK: Duration = Duration::from_micros(20);

/// A task or a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As it was given, with a number if others have the same name.
    pub name: String,
    /// Which of the two it is.
    pub kind: Kind,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A future, which an executor polls.
    Task,
    /// A closure, which runs once, on any thread.
    Job,
}

/// What happens to a task or a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was given to the recorder.
    Spawned,
    /// A poll began.
    Poll,
    /// The poll ended, and the task waits.
    Pending,
    /// The poll ended, and so did the task.
    Ready,
    /// A panic ended the poll.
    Panicked,
    /// Its waker was called.
    Woken,
    /// It was dropped before it was ready.
    Cancelled,
}

impl What {
    /// As in the JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Spawned => "spawned",
            Self::Poll => "poll",
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Panicked => "panicked",
            Self::Woken => "woken",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One thing that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Since the recorder was made.
    pub at: Duration,
    /// Where, as an index into [`Record::threads`].
    pub thread: usize,
    /// To what, as an index into [`Record::rows`].
    pub row: usize,
    /// And what.
    pub what: What,
    /// The row that was being polled on this thread then: for a wake or a spawning, this is who did it. `None` if it was
    /// the executor itself, or a thread that has nothing to do with it.
    pub by: Option<usize>,
}

/// What a [`Recorder`](super::Recorder) has seen, up to some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The tasks and jobs, in the order of their spawning.
    pub rows: Vec<Row>,
    /// The names of the threads, in the order of their first events.
    pub threads: Vec<String>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// How many events there were beyond the limit.
    pub lost: usize,
}

impl Record {
    /// When the loop was parked: no task could run, and then none was polled for 20 µs or more. What happens on the loop's
    /// thread ends it. A wake from another thread does not: whether the loop takes notice of it shows in the poll that
    /// follows, or does not.
    #[must_use]
    pub fn parked(&self) -> Vec<Range<Duration>> {
        let (mut parks, mut loops, mut since) = (Vec::new(), Vec::new(), None);
        let mut tasks = Tasks::new(self.rows.len());
        for event in self.events.iter().filter(|event| self.is_task(event)) {
            if event.what == What::Poll && !loops.contains(&event.thread) {
                loops.push(event.thread);
            }
            tasks.follow(event);
            if loops.contains(&event.thread) {
                let parked = since.take().map(|since| since..event.at);
                parks.extend(parked.filter(|park| park.end.saturating_sub(park.start) >= SHORTEST_PARK));
                since = tasks.all_wait().then_some(event.at);
            }
        }
        parks
    }

    fn is_task(&self, event: &Event) -> bool {
        self.rows[event.row].kind == Kind::Task
    }

    /// All of it in JSON, times in nanoseconds. An event is `[at, thread, row, what, by]`, and `by` may be `null`.
    #[must_use]
    pub fn json(&self) -> String {
        let rows = joined(&self.rows, |row| {
            let kind = if row.kind == Kind::Task { "task" } else { "job" };
            format!("{{\"name\":{},\"kind\":\"{kind}\"}}", quoted(&row.name))
        });
        let threads = joined(&self.threads, |name| quoted(name));
        let parked = joined(&self.parked(), |park| {
            format!("[{},{}]", park.start.as_nanos(), park.end.as_nanos())
        });
        let events = joined(&self.events, |event| {
            let by = event.by.map_or("null".to_owned(), |by| by.to_string());
            let (at, what) = (event.at.as_nanos(), event.what.word());
            format!("[{at},{},{},\"{what}\",{by}]", event.thread, event.row)
        });
        let lost = self.lost;
        format!(
            "{{\"rows\":[{rows}],\n\"threads\":[{threads}],\n\"lost\":{lost},\n\"parked\":[{parked}],\n\"events\":[{events}]}}\n"
        )
    }
}

/// How many tasks there are of each kind.
struct Tasks {
    /// Which of them can run, and which are alive.
    states: Vec<(bool, bool)>,
    can_run: usize,
    alive: usize,
    polled: usize,
}

impl Tasks {
    fn new(rows: usize) -> Self {
        Self {
            states: vec![(false, false); rows],
            can_run: 0,
            alive: 0,
            polled: 0,
        }
    }

    fn follow(&mut self, event: &Event) {
        let before = self.states[event.row];
        let after = match event.what {
            What::Spawned => (true, true),
            What::Poll => (false, true),
            // A wake may come after the end.
            What::Woken => (before.1, before.1),
            What::Pending => before,
            What::Ready | What::Panicked | What::Cancelled => (false, false),
        };
        self.states[event.row] = after;
        self.can_run = self.can_run + usize::from(after.0) - usize::from(before.0);
        self.alive = self.alive + usize::from(after.1) - usize::from(before.1);
        match event.what {
            What::Poll => self.polled += 1,
            What::Pending | What::Ready | What::Panicked => self.polled -= 1,
            What::Spawned | What::Woken | What::Cancelled => {}
        }
    }

    /// And there are some.
    fn all_wait(&self) -> bool {
        (self.can_run, self.polled) == (0, 0) && self.alive > 0
    }
}

fn joined<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let texts: Vec<_> = items.iter().map(text).collect();
    texts.join(",\n")
}

fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _never_fails = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
