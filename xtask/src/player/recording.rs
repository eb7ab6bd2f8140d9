//! What a program has recorded.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::mem;

use serde_json::{Map, Value, json};

use crate::stop::{Result, failed};

/// The events of one run, as the page takes them.
#[derive(Debug, PartialEq)]
pub(crate) struct Recording {
    /// The names of the tasks, by id.
    pub(crate) tasks: BTreeMap<u64, String>,
    pub(crate) files: Vec<String>,
    pub(crate) events: Vec<Value>,
}

impl Recording {
    /// From what the hooks write. An event says of the queues only what has changed.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut recording = Self {
            tasks: BTreeMap::new(),
            files: Vec::new(),
            events: Vec::new(),
        };
        let mut before = ["", "", ""];
        for line in text.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let &[kind, file, number, task, by, note, queue, timers, sources] = &fields[..] else {
                return failed(format!("a recorded line has not its nine fields: {line}"));
            };
            let mut event = Map::from_iter([("kind".to_owned(), json!(kind))]);
            let mut set = |key: &str, value: Value| drop(event.insert(key.to_owned(), value));
            if !file.is_empty() {
                set("at", json!([recording.file(file), number.parse::<u64>().ok()]));
            }
            match by.parse::<u64>() {
                Ok(by) => set("by", json!(by)),
                Err(_) if by.is_empty() => {}
                Err(_) => set("by", json!(by)),
            }
            let task = task.parse::<u64>().ok();
            task.into_iter().for_each(|task| set("task", json!(task)));
            match task {
                Some(task) if kind == "spawn" => recording.name(task, note),
                _ if note.is_empty() => {}
                _ => set("note", json!(note)),
            }
            let lists = [("queue", queue), ("timers", timers), ("sources", sources)];
            for ((key, now), before) in lists.into_iter().zip(&mut before) {
                if mem::replace(before, now) != now {
                    set(key, list(key, now));
                }
            }
            recording.events.push(Value::Object(event));
        }
        Ok(recording)
    }

    fn file(&mut self, name: &str) -> usize {
        let known = self.files.iter().position(|file| file == name);
        known.unwrap_or_else(|| {
            self.files.push(name.to_owned());
            self.files.len() - 1
        })
    }

    /// Several tasks of one function have numbers.
    fn name(&mut self, task: u64, type_name: &str) {
        let name = short(type_name);
        let alike = |other: &&String| other.split(' ').next() == Some(&name);
        let number = match self.tasks.values().filter(alike).count() {
            0 => String::new(),
            count => format!(" {}", count + 1),
        };
        self.tasks.insert(task, name + &number);
    }

    /// An event a line.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{{\"tasks\": {}, \"files\": {}, \"events\": [\n",
            json!(self.tasks),
            json!(self.files)
        );
        for (index, event) in self.events.iter().enumerate() {
            let comma = if index + 1 < self.events.len() { "," } else { "" };
            writeln!(text, "{event}{comma}").expect("a string takes all");
        }
        text + "]}"
    }
}

/// A task's name, from the type of its future.
fn short(type_name: &str) -> String {
    if type_name == "block_on" {
        return "main".to_owned();
    }
    if type_name.contains("::blocking::spawn_blocking<") {
        return "job".to_owned();
    }
    let (_, function) = type_name.split_once("::program::").unwrap_or(("", type_name));
    let end = function
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(function.len());
    function[..end].to_owned()
}

/// A queue: the tasks; with a sleep's milliseconds in the timer queue; behind a source and a direction among the sources.
fn list(key: &str, words: &str) -> Value {
    let number = |word: &str| word.parse::<u64>().unwrap_or_default();
    let entry = |word: &str| match key {
        "timers" => word
            .split_once(':')
            .map_or(Value::Null, |(task, rest)| json!([number(task), number(rest)])),
        "sources" => {
            let place = word.find(['r', 'w']).unwrap_or(0);
            json!([number(&word[..place]), &word[place..=place], number(&word[place + 1..])])
        }
        _ => json!(number(word)),
    };
    words.split(',').filter(|word| !word.is_empty()).map(entry).collect()
}

/// What does not change from run to run: no lines, no times.
pub(crate) fn structure(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(event) = event.as_object_mut() {
        event.remove("at");
        for timer in event
            .get_mut("timers")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            *timer = timer[0].clone();
        }
    }
    event
}

/// Where two runs part: for each the first event that the other has not. An unpark by the loop's own thread does not count.
/// If they never part, that is the end of both.
pub(crate) fn parting(one: &[Value], other: &[Value]) -> [usize; 2] {
    let places = |events: &[Value]| -> Vec<_> {
        let counts = |&place: &usize| events[place]["kind"] != "unpark" || events[place]["by"].is_string();
        (0..events.len()).filter(counts).collect()
    };
    let [mut ours, mut theirs] = [places(one).into_iter(), places(other).into_iter()];
    loop {
        match (ours.next(), theirs.next()) {
            (Some(i), Some(j)) if structure(&one[i]) == structure(&other[j]) => {}
            (i, j) => return [i.unwrap_or(one.len()), j.unwrap_or(other.len())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "begin\tscheduler.rs\t7\t\t\t\t\t\t\n\
        spawn\tscheduler.rs\t9\t1\t\ta::join::supervise<a::program::c1::{{closure}}>::{{closure}}\t\t\t\n\
        spawn\tscheduler.rs\t9\t2\t\ta::program::c1::{{closure}}\t\t\t\n\
        push\trun_queue.rs\t3\t1\t2\t\t1,2\t1:100\t0r1,3w2\n\
        wake\ttask.rs\t3\t1\tthread\tqueued\t1,2\t1:100\t\n";

    #[test]
    fn lines_become_events_that_say_what_has_changed() {
        let recording = Recording::parse(TEXT).expect("lines");
        assert_eq!(
            recording.tasks,
            BTreeMap::from([(1, "c1".to_owned()), (2, "c1 2".to_owned())])
        );
        assert_eq!(recording.files, ["scheduler.rs", "run_queue.rs", "task.rs"]);
        let push = json!({"kind": "push", "at": [1, 3], "task": 1, "by": 2, "queue": [1, 2], "timers": [[1, 100]],
            "sources": [[0, "r", 1], [3, "w", 2]]});
        assert_eq!(recording.events[3], push);
        let wake = json!({"kind": "wake", "at": [2, 3], "task": 1, "by": "thread", "note": "queued", "sources": []});
        assert_eq!(recording.events[4], wake);
        Recording::parse("push\t1\n").expect_err("fields are missing");
    }

    #[test]
    fn runs_part_where_they_do_something_else_and_not_where_lines_or_times_differ() {
        let [one, other] = ["1:100", "1:101"].map(|timer| {
            let text = TEXT
                .replace("1:100", timer)
                .replace("scheduler.rs\t9", &format!("scheduler.rs\t{}", timer.len()));
            Recording::parse(&text).expect("lines").events
        });
        assert_eq!(parting(&one, &other), [one.len(); 2]);
        let third = Recording::parse(&TEXT.replace("queued", "")).expect("lines").events;
        assert_eq!(parting(&one, &third), [4, 4]);
        assert_eq!(parting(&one, &one[..2]), [2, 2]);
        let unparks = |by: &str| {
            Recording::parse(&format!("unpark\t\t\t\t{by}\t\t\t\t\n{TEXT}"))
                .expect("lines")
                .events
        };
        assert_eq!(parting(&unparks("1"), &third), [5, 4]);
        assert_eq!(parting(&unparks("a thread"), &third), [0, 0]);
    }

    #[test]
    fn a_task_is_called_after_its_function() {
        assert_eq!(short("a::program::client::{{closure}}"), "client");
        assert_eq!(
            short("a::join::supervise<a::blocking::spawn_blocking<a::program::c3::{{closure}}, u32>>"),
            "job"
        );
        assert_eq!(short("block_on"), "main");
    }
}
