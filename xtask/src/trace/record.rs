//! What the recorder of `shared-testutil` has seen, and what follows from it. Times are in nanoseconds.

use serde_json::{Value, from_value, json};

use crate::stop::{Result, failed};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) rows: Vec<Row>,
    pub(crate) threads: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// When the loop was parked.
    pub(crate) parked: Vec<(u64, u64)>,
    pub(crate) lost: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// A closure on another thread, and no task.
    pub(crate) is_job: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: u64,
    pub(crate) thread: usize,
    pub(crate) row: usize,
    pub(crate) what: What,
    /// The row that was being polled on that thread.
    pub(crate) by: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Spawned,
    Poll,
    Pending,
    Ready,
    Panicked,
    Woken,
    Cancelled,
}

const WORDS: [(&str, What); 7] = [
    ("spawned", What::Spawned),
    ("poll", What::Poll),
    ("pending", What::Pending),
    ("ready", What::Ready),
    ("panicked", What::Panicked),
    ("woken", What::Woken),
    ("cancelled", What::Cancelled),
];

impl What {
    pub(crate) fn word(self) -> &'static str {
        let found = WORDS.iter().find(|(_, what)| *what == self);
        found.map_or("", |(word, _)| word)
    }

    /// Nothing more happens to the row.
    pub(crate) fn is_end(self) -> bool {
        [Self::Ready, Self::Panicked, Self::Cancelled].contains(&self)
    }
}

/// A span in which a row was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    pub(crate) row: usize,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// `None` if the record ends before the poll does.
    pub(crate) outcome: Option<What>,
}

/// A wake or a spawning, with the poll that it led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) at: u64,
    pub(crate) what: What,
    pub(crate) thread: usize,
    /// The row that did it. `None` for the loop, and for a thread that is not recorded.
    pub(crate) by: Option<usize>,
    pub(crate) row: usize,
    /// When that poll began.
    pub(crate) polled: Option<u64>,
}

impl Record {
    pub(crate) fn parse(value: &Value) -> Result<Self> {
        read(value).map_or_else(|| failed("the record of the run is not complete"), Ok)
    }

    /// As the recorder writes it, an event a line.
    pub(crate) fn text(&self) -> String {
        let list = |items: Vec<Value>| {
            let lines: Vec<_> = items.iter().map(|item| format!("    {item}")).collect();
            format!("[\n{}\n  ]", lines.join(",\n"))
        };
        let rows = self
            .rows
            .iter()
            .map(|row| json!({ "name": row.name, "kind": if row.is_job { "job" } else { "task" } }));
        let event = |event: &Event| json!([event.at, event.thread, event.row, event.what.word(), event.by]);
        format!(
            "{{\n  \"rows\": {},\n  \"threads\": {},\n  \"lost\": {},\n  \"parked\": {},\n  \"events\": {}\n}}",
            list(rows.collect()),
            json!(self.threads),
            self.lost,
            json!(self.parked),
            list(self.events.iter().map(event).collect()),
        )
    }

    /// What is the same in each run: the rows, the order of the polls of tasks, and what happens to each row and by whom,
    /// without times.
    pub(crate) fn structure(&self) -> Vec<String> {
        let mut lines: Vec<_> = (0..self.rows.len()).map(|row| self.story(row)).collect();
        let polls = self.polls();
        let polls = polls.iter().filter(|poll| !self.rows[poll.row].is_job);
        let order: Vec<_> = polls.map(|poll| self.rows[poll.row].name.as_str()).collect();
        lines.push(format!("polls: {}", order.join(", ")));
        lines
    }

    fn story(&self, row: usize) -> String {
        let polls = self.polls();
        let polls = polls.iter().filter(|poll| poll.row == row);
        let outcomes: Vec<_> = polls.map(|poll| poll.outcome.map_or("", What::word)).collect();
        let causes = self.causes();
        let causes = causes.iter().filter(|cause| cause.row == row && cause.polled.is_some());
        let causes: Vec<_> = causes
            .map(|cause| format!("{} by {}", cause.what.word(), self.by(cause)))
            .collect();
        format!(
            "{}: {}; {}",
            self.rows[row].name,
            outcomes.join(", "),
            causes.join(", ")
        )
    }

    /// When the last event was.
    pub(crate) fn end(&self) -> u64 {
        self.events.last().map_or(0, |event| event.at)
    }

    /// In the order of their beginnings.
    pub(crate) fn polls(&self) -> Vec<Poll> {
        let mut polls: Vec<Poll> = Vec::new();
        let mut open = vec![None; self.rows.len()];
        for event in &self.events {
            match (event.what, open[event.row]) {
                (What::Poll, _) => {
                    open[event.row] = Some(polls.len());
                    polls.push(Poll {
                        row: event.row,
                        from: event.at,
                        to: self.end(),
                        outcome: None,
                    });
                }
                (What::Pending | What::Ready | What::Panicked, Some(place)) => {
                    (polls[place].to, polls[place].outcome) = (event.at, Some(event.what));
                    open[event.row] = None;
                }
                _ => {}
            }
        }
        polls
    }

    /// The first wake before each poll, or the spawning. A second wake before the same poll has no effect.
    pub(crate) fn causes(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        let mut open = vec![None; self.rows.len()];
        for event in &self.events {
            match event.what {
                What::Spawned | What::Woken if open[event.row].is_none() => {
                    open[event.row] = Some(causes.len());
                    causes.push(Cause {
                        at: event.at,
                        what: event.what,
                        thread: event.thread,
                        by: event.by,
                        row: event.row,
                        polled: None,
                    });
                }
                What::Poll => {
                    let cause = open[event.row].take().and_then(|place| causes.get_mut(place));
                    if let Some(cause) = cause {
                        cause.polled = Some(event.at);
                    }
                }
                // A wake that comes later has no effect.
                what if what.is_end() => open[event.row] = open[event.row].or(Some(usize::MAX)),
                _ => {}
            }
        }
        causes
    }

    /// When a row was spawned, and when it ended and how.
    pub(crate) fn life(&self, row: usize) -> (u64, Option<(u64, What)>) {
        let mut events = self.events.iter().filter(|event| event.row == row);
        let spawned = events.next().map_or(0, |event| event.at);
        let end = events.find(|event| event.what.is_end());
        (spawned, end.map(|event| (event.at, event.what)))
    }

    /// The thread of the loop: the first that polls a task.
    pub(crate) fn loop_thread(&self) -> usize {
        let is_poll = |event: &&Event| event.what == What::Poll && !self.rows[event.row].is_job;
        self.events.iter().find(is_poll).map_or(0, |event| event.thread)
    }

    /// Who woke or spawned: another task, or what else the thread is.
    pub(crate) fn by(&self, cause: &Cause) -> &str {
        match cause.by {
            Some(row) if row == cause.row => "itself",
            Some(row) => &self.rows[row].name,
            None if cause.thread == self.loop_thread() => "the loop",
            None => "another thread",
        }
    }
}

fn read(value: &Value) -> Option<Record> {
    let row = |row: &Value| {
        let name = row["name"].as_str()?.to_owned();
        let is_job = row["kind"] == "job";
        Some(Row { name, is_job })
    };
    let rows: Vec<_> = value["rows"].as_array()?.iter().map(row).collect::<Option<_>>()?;
    let threads: Vec<String> = from_value(value["threads"].clone()).ok()?;
    let event = |event: &Value| {
        let number = |place: usize| usize::try_from(event[place].as_u64()?).ok();
        let word = event[3].as_str()?;
        let event = Event {
            at: event[0].as_u64()?,
            thread: number(1)?,
            row: number(2)?,
            what: WORDS.iter().find(|(known, _)| *known == word)?.1,
            by: number(4),
        };
        let is_sound = event.thread < threads.len() && event.row.max(event.by.unwrap_or(0)) < rows.len();
        is_sound.then_some(event)
    };
    let events = value["events"].as_array()?.iter().map(event).collect::<Option<_>>()?;
    let parked: Vec<(u64, u64)> = from_value(value["parked"].clone()).ok()?;
    Some(Record {
        events,
        parked,
        lost: value["lost"].as_u64()?,
        rows,
        threads,
    })
}
