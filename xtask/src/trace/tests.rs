use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::record::Record;
use super::{chrome, svg, terminal};

/// A parent that spawns a child, which another thread wakes. The parent is cancelled in the end.
const RECORD: &str = r#"{
    "rows": [{"name": "parent", "kind": "task"}, {"name": "child", "kind": "task"}, {"name": "job", "kind": "job"}],
    "threads": ["main", "unnamed"],
    "lost": 0,
    "parked": [[7000, 50007000]],
    "events": [
        [0, 0, 0, "spawned", null], [1000, 0, 0, "poll", null], [2000, 0, 1, "spawned", 0], [3000, 0, 0, "pending", 0],
        [4000, 0, 1, "poll", null], [5000, 0, 2, "spawned", 1], [6000, 1, 2, "poll", null], [7000, 0, 1, "pending", 1],
        [50000000, 1, 2, "ready", 2], [50001000, 1, 1, "woken", null], [50002000, 1, 1, "woken", null],
        [50007000, 0, 1, "poll", null], [50008000, 0, 0, "woken", 1], [50009000, 0, 1, "ready", 1],
        [50010000, 0, 0, "cancelled", null]
    ]
}"#;

fn record() -> Record {
    Record::parse(&RECORD.parse().expect("JSON")).expect("a record")
}

/// Those of `docs/trace` as well: they are of real runs.
fn all_records() -> Vec<Record> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/trace");
    let files = docs.read_dir().expect("the folder of the records");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let mut records: Vec<_> = paths
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a record");
            let value: Value = text.parse().expect("JSON");
            Record::parse(&value["record"]).expect("a record")
        })
        .collect();
    assert!(records.len() >= 6, "a run for each step");
    records.push(record());
    records
}

fn of_kind<'a>(events: &'a [Value], ph: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["ph"] == ph).collect()
}

/// In nanoseconds, so that they can be compared.
fn time(value: &Value) -> i64 {
    let time = value.as_f64().expect("a time is a number");
    assert!(time >= 0.0, "{time}");
    (time * 1e3).round() as i64
}

fn ends(span: &Value) -> (i64, i64) {
    let from = time(&span["ts"]);
    (from, from + time(&span["dur"]))
}

/// The rules of the trace event format for the kinds that are used here.
fn assert_is_a_trace(trace: &Value) {
    let events = trace["traceEvents"].as_array().expect("a list of events");
    let mut named = Vec::new();
    for event in events {
        let ph = event["ph"].as_str().expect("each event has a kind");
        assert!(["M", "X", "i", "s", "f"].contains(&ph), "{event}");
        assert!(
            event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(),
            "{event}"
        );
        time(&event["ts"]);
        match ph {
            "M" if event["name"] == "thread_name" => named.push(event["tid"].clone()),
            "M" => assert!(["process_name", "thread_sort_index"].contains(&event["name"].as_str().unwrap())),
            "i" => assert_eq!(event["s"], "t", "the scope of a moment is its row"),
            "X" => assert!(ends(event).1 >= ends(event).0),
            _ => assert!(event["id"].is_u64() && event["cat"] == "wake", "{event}"),
        }
    }
    assert!(
        events.iter().all(|event| named.contains(&event["tid"])),
        "each row has a name"
    );
    assert_spans_nest(events);
    assert_arrows_lead_from_span_to_span(events);
}

/// Spans of one row may contain each other, but do not overlap in part.
fn assert_spans_nest(events: &[Value]) {
    let mut rows: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
    for span in of_kind(events, "X") {
        rows.entry(span["tid"].as_u64().unwrap()).or_default().push(ends(span));
    }
    for spans in rows.values_mut() {
        spans.sort_by_key(|(from, to)| (*from, -to));
        for (first, second) in spans.iter().zip(&spans[1..]) {
            assert!(second.0 >= first.1 || second.1 <= first.1, "{first:?} {second:?}");
        }
    }
}

fn assert_arrows_lead_from_span_to_span(events: &[Value]) {
    let (starts, ends_of_arrows) = (of_kind(events, "s"), of_kind(events, "f"));
    assert_eq!(starts.len(), ends_of_arrows.len());
    let is_in_a_span = |event: &Value| {
        let at = time(&event["ts"]);
        let mut spans = of_kind(events, "X")
            .into_iter()
            .filter(|span| span["tid"] == event["tid"]);
        spans.any(|span| (ends(span).0..=ends(span).1).contains(&at))
    };
    for start in starts {
        let same: Vec<_> = ends_of_arrows.iter().filter(|end| end["id"] == start["id"]).collect();
        let [end] = same[..] else {
            panic!("one end for each start: {start}")
        };
        assert_eq!((&end["name"], &end["cat"]), (&start["name"], &start["cat"]));
        assert!(time(&start["ts"]) <= time(&end["ts"]), "{start} {end}");
        assert_eq!(end["bp"], "e", "it ends in the span around it");
        assert!(is_in_a_span(start) && is_in_a_span(end), "{start} {end}");
    }
}

#[test]
fn traces_keep_the_rules_of_the_format() {
    for record in all_records() {
        assert_is_a_trace(&chrome::json("a title", &record));
    }
}

#[test]
fn a_trace_has_each_poll_each_park_and_an_arrow_for_the_first_wake() {
    let trace = chrome::json("a title", &record());
    let events = trace["traceEvents"].as_array().expect("a list of events");
    let spans = |name: &str| of_kind(events, "X").iter().filter(|span| span["name"] == name).count();
    assert_eq!(
        (spans("poll"), spans("run"), spans("parked"), spans("woken child")),
        (3, 1, 1, 1)
    );
    // The two spawnings by a task, that of the parent, and the first of the child's wakes. The parent is not polled again.
    assert_eq!(of_kind(events, "s").len(), 4);
    assert_eq!(
        of_kind(events, "i")
            .iter()
            .filter(|event| event["name"] == "woken")
            .count(),
        3
    );
    let poll = of_kind(events, "X")
        .into_iter()
        .find(|span| span["name"] == "poll")
        .expect("a poll");
    assert_eq!((poll["ts"].as_f64(), poll["dur"].as_f64()), (Some(1.0), Some(2.0)));
}

#[test]
fn the_timeline_has_a_row_for_each_task_and_says_who_woke_it() {
    let mut out = Vec::new();
    terminal::write(&mut out, "a title", &record(), false).expect("it is written");
    let text = String::from_utf8(out).expect("text");
    let row = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(&format!("{name} ")))
            .expect("a row")
    };
    assert!(row("loop").contains("░ 50 ms ░"), "{text}");
    assert!(row("parent").contains('✗') && row("parent").contains('█'), "{text}");
    assert!(
        row("child").ends_with('●') && row("child").contains('─') && row("child").contains('▒'),
        "{text}"
    );
    assert!(row("job").contains('█'), "{text}");
    for words in [
        "parent  polls: 1, the longest 2 µs; woken by child 1; cancelled at 50 ms",
        "child   polls: 2, the longest 3 µs; woken by another thread 1; ready at 50 ms",
        "job     a thread's work: 50 ms; ready at 50 ms",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn the_picture_has_a_row_for_each_task_and_an_arrow_for_each_wake_by_another() {
    let mut record = record();
    record.rows[0].name = "<parent>".to_owned();
    let picture = svg::draw("a & b", "what is to be seen", &record, svg::Look::default());
    let count = |text: &str| picture.matches(text).count();
    for text in [
        "<title>what is to be seen</title>",
        ">a &amp; b<",
        "data-row=\"&lt;parent&gt;\"",
        "data-row=\"child\"",
    ] {
        assert_eq!(count(text), 1, "{text}: {picture}");
    }
    assert_eq!(
        (
            count("class=\"poll\""),
            count("class=\"job\""),
            count("class=\"parked\"")
        ),
        (3, 1, 1)
    );
    // The child's spawning and its wake, the job's spawning, and the parent's wake.
    assert_eq!(count("<polygon"), 4);
    assert_eq!((count("class=\"cross\""), count("class=\"end\"")), (1, 2));
    assert_eq!(count("prefers-color-scheme: dark"), 1);
    assert_eq!(count("<g "), count("</g>"));
}

#[test]
fn a_record_is_written_as_it_is_read() {
    for record in all_records() {
        let text: Value = record.text().parse().expect("JSON");
        assert_eq!(Record::parse(&text).expect("a record"), record);
    }
}

#[test]
fn a_record_that_is_not_complete_is_refused() {
    for (whole, broken) in [
        ("\"parked\"", "\"barked\""),
        ("1, \"spawned\", 0", "7, \"spawned\", 0"),
        ("\"pending\"", "\"impending\""),
    ] {
        let text = RECORD.replace(whole, broken);
        assert_ne!(text, RECORD);
        Record::parse(&text.parse().expect("JSON")).expect_err(broken);
    }
}

#[test]
fn the_structure_is_the_same_at_another_time_and_not_in_another_order() {
    let first = record();
    let mut later = first.clone();
    later.events.iter_mut().for_each(|event| event.at *= 2);
    assert_eq!(later.structure(), first.structure());
    // Another thread is faster: that is of no account.
    later.events.swap(6, 7);
    assert_eq!(later.structure(), first.structure());
    later.events[8].what = super::record::What::Panicked;
    assert_ne!(later.structure(), first.structure());
    let mut other = first.clone();
    other.events[12].by = None;
    // That wake led to no poll.
    assert_eq!(other.structure(), first.structure());
    other.events[2].by = None;
    assert_ne!(other.structure(), first.structure());
}
