//! A record in the trace event format of Chrome, which <https://ui.perfetto.dev> opens.
//!
//! The format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>. Each row is a thread
//! there. `X` is a span, `i` a moment, and a pair of `s` and `f` an arrow, of which each end must lie in a span of its
//! row. Times are in microseconds.

use serde_json::{Value, json};

use super::record::{Cause, Record, What};

/// All rows are of one process.
const PROCESS: u32 = 1;

/// The row of the loop. That of a task comes behind.
const LOOP: usize = 0;

/// How long a wake takes that comes from no poll: an arrow needs a span to begin in.
const WAKE: u64 = 200;

pub(crate) fn json(title: &str, record: &Record) -> Value {
    let mut events = names(title, record);
    events.extend(record.polls().iter().map(|poll| {
        let outcome = poll.outcome.map_or("not ended", What::word);
        let name = if record.rows[poll.row].is_job { "run" } else { "poll" };
        span(name, poll.row + 1, (poll.from, poll.to), json!({ "outcome": outcome }))
    }));
    let parks = record.parked.iter();
    events.extend(parks.map(|park| span("parked", LOOP, *park, json!({}))));
    events.extend(record.events.iter().filter_map(|event| {
        let is_moment = event.what.is_end() || [What::Spawned, What::Woken].contains(&event.what);
        is_moment.then(|| moment(event.what.word(), event.row + 1, event.at))
    }));
    for (number, cause) in record.causes().iter().enumerate() {
        events.extend(arrow(record, number, cause));
    }
    json!({ "traceEvents": events, "displayTimeUnit": "ns" })
}

/// The metadata.
fn names(title: &str, record: &Record) -> Vec<Value> {
    let mut events = vec![named("process_name", LOOP, json!({ "name": title }))];
    let rows = record.rows.iter().map(|row| row.name.as_str());
    let others = ("other threads", record.rows.len() + 1);
    let rows = ["the loop"].into_iter().chain(rows).zip(LOOP..).chain([others]);
    for (name, row) in rows {
        events.push(named("thread_name", row, json!({ "name": name })));
        events.push(named("thread_sort_index", row, json!({ "sort_index": row })));
    }
    events
}

fn named(what: &str, row: usize, args: Value) -> Value {
    json!({ "ph": "M", "name": what, "pid": PROCESS, "tid": row, "ts": 0, "args": args })
}

fn span(name: &str, row: usize, (from, to): (u64, u64), args: Value) -> Value {
    let (ts, dur) = (microseconds(from), microseconds(to - from));
    json!({ "ph": "X", "name": name, "cat": "task", "pid": PROCESS, "tid": row, "ts": ts, "dur": dur, "args": args })
}

fn moment(name: &str, row: usize, at: u64) -> Value {
    json!({ "ph": "i", "s": "t", "name": name, "cat": "task", "pid": PROCESS, "tid": row, "ts": microseconds(at) })
}

/// From a wake, or from the spawning by another task, to the poll that it led to.
fn arrow(record: &Record, number: usize, cause: &Cause) -> Vec<Value> {
    let Some(polled) = cause.polled else { return Vec::new() };
    let mut events = Vec::new();
    let from = match cause.by {
        Some(row) => row + 1,
        None => {
            let row = if cause.thread == record.loop_thread() {
                LOOP
            } else {
                record.rows.len() + 1
            };
            let name = format!("{} {}", cause.what.word(), record.rows[cause.row].name);
            // The next of them may begin before this one has ended, and spans of one row must not overlap in part.
            let next = record.events.partition_point(|event| event.at <= cause.at);
            let next = record.events.get(next).map_or(u64::MAX, |event| event.at);
            let to = (cause.at + WAKE).min(next);
            events.push(span(&name, row, (cause.at, to), json!({})));
            row
        }
    };
    let end = |ph: &str, row: usize, at: u64| {
        let ts = microseconds(at);
        json!({ "ph": ph, "id": number, "name": "wake", "cat": "wake", "pid": PROCESS, "tid": row, "ts": ts })
    };
    events.push(end("s", from, cause.at));
    let mut last = end("f", cause.row + 1, polled);
    // Otherwise it would lead to the next span that begins.
    last["bp"] = json!("e");
    events.push(last);
    events
}

fn microseconds(nanoseconds: u64) -> Value {
    json!(nanoseconds as f64 / 1e3)
}
