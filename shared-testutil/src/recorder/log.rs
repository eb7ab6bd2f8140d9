//! The log of a recorder: events in the order in which they happen, from any thread.

use std::cell::Cell;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::record::{Event, Kind, Record, Row, What};

thread_local! {
    /// What is being polled on this thread: the log, as an address that is only compared, and the row.
    static CURRENT: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

#[derive(Debug)]
pub(super) struct Log {
    begun: Instant,
    limit: usize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    rows: Vec<Row>,
    /// In the order of their first events.
    threads: Vec<(ThreadId, String)>,
    events: Vec<Event>,
    lost: usize,
}

impl Log {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            begun: Instant::now(),
            limit,
            entries: Mutex::default(),
        }
    }

    /// Adds a row, and records that it is spawned.
    pub(super) fn add(self: &Arc<Self>, name: &str, kind: Kind) -> usize {
        let mut entries = self.lock();
        let row = entries.rows.len();
        let name = name.to_owned();
        entries.rows.push(Row { name, kind });
        self.push(entries, row, What::Spawned);
        row
    }

    pub(super) fn note(self: &Arc<Self>, row: usize, what: What) {
        self.push(self.lock(), row, what);
    }

    /// The clock is read under the lock, so that the times are in the order of the events.
    fn push(self: &Arc<Self>, mut entries: MutexGuard<'_, Entries>, row: usize, what: What) {
        if entries.events.len() == self.limit {
            entries.lost += 1;
            return;
        }
        let thread = entries.thread();
        let current = CURRENT.try_with(Cell::get).ok().flatten();
        let by = current.and_then(|(log, row)| (log == address(self)).then_some(row));
        entries.events.push(Event {
            at: self.begun.elapsed(),
            thread,
            row,
            what,
            by,
        });
    }

    pub(super) fn record(&self) -> Record {
        let entries = self.lock();
        Record {
            rows: numbered(&entries.rows),
            threads: entries.threads.iter().map(|(_, name)| name.clone()).collect(),
            events: entries.events.clone(),
            lost: entries.lost,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// The number of this thread.
    fn thread(&mut self) -> usize {
        let id = thread::current().id();
        let found = self.threads.iter().position(|(known, _)| *known == id);
        found.unwrap_or_else(|| {
            let name = thread::current().name().unwrap_or("unnamed").to_owned();
            self.threads.push((id, name));
            self.threads.len() - 1
        })
    }
}

/// `client 1`, `client 2` where a name occurs more than once.
fn numbered(rows: &[Row]) -> Vec<Row> {
    let same = |rows: &[Row], name: &str| rows.iter().filter(|row| row.name == name).count();
    let mut numbered = rows.to_vec();
    for (index, row) in numbered.iter_mut().enumerate() {
        if same(rows, &row.name) > 1 {
            row.name = format!("{} {}", row.name, same(&rows[..=index], &row.name));
        }
    }
    numbered
}

fn address(log: &Arc<Log>) -> usize {
    ptr::from_ref::<Log>(log).addr()
}

/// Says that a row is being polled on this thread, until it is dropped. Polls may be nested.
pub(super) struct Current {
    before: Option<(usize, usize)>,
}

impl Current {
    pub(super) fn enter(log: &Arc<Log>, row: usize) -> Self {
        let current = Some((address(log), row));
        let before = CURRENT.try_with(|cell| cell.replace(current)).ok().flatten();
        Self { before }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let _ignored_when_the_thread_ends = CURRENT.try_with(|cell| cell.set(self.before));
    }
}
