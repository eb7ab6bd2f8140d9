//! Where a moment stands in a picture.
//!
//! A poll takes microseconds and a sleep takes milliseconds. So that both are to be seen, the longer of two spans is drawn
//! wider, but not to scale.

use super::record::Record;

/// With more events than this, every span is drawn to scale: there would be no room for each.
const MANY: usize = 400;

pub(crate) struct Axis {
    /// Moments and their places. Between two of them places are to scale.
    cuts: Vec<(u64, f64)>,
}

impl Axis {
    /// As wide as it takes for each event to be seen, or to scale.
    pub(crate) fn new(record: &Record, to_scale: bool) -> Self {
        let mut times = vec![0, record.end().max(1)];
        if record.events.len() <= MANY && !to_scale {
            times.extend(record.events.iter().map(|event| event.at));
        }
        times.sort_unstable();
        times.dedup();
        let mut place = 0.0;
        let mut cuts = vec![(0, 0.0)];
        for span in times.windows(2) {
            place += weight(span[1] - span[0]);
            cuts.push((span[1], place));
        }
        Self { cuts }
    }

    pub(crate) fn is_to_scale(&self) -> bool {
        self.cuts.len() == 2
    }

    pub(crate) fn width(&self) -> f64 {
        self.cuts.last().map_or(0.0, |(_, place)| *place)
    }

    /// The same, so wide.
    pub(crate) fn scaled(mut self, width: f64) -> Self {
        let factor = width / self.width().max(f64::MIN_POSITIVE);
        self.cuts.iter_mut().for_each(|(_, place)| *place *= factor);
        self
    }

    pub(crate) fn place(&self, at: u64) -> f64 {
        let after = self.cuts.partition_point(|(time, _)| *time <= at);
        let (from, left) = self.cuts[after.saturating_sub(1)];
        match self.cuts.get(after) {
            Some((to, right)) => left + (right - left) * (at - from) as f64 / (to - from) as f64,
            None => left,
        }
    }

    /// Moments to write at the axis: they stand `room` or more apart. The ends of long spans come first.
    pub(crate) fn ticks(&self, record: &Record, room: f64) -> Vec<u64> {
        let mut wished = vec![0, record.end()];
        if self.is_to_scale() {
            let step = round_step(record.end());
            wished.truncate(1);
            wished.extend((1..=record.end() / step).map(|number| number * step));
        } else {
            let mut parks = record.parked.clone();
            parks.sort_by_key(|(from, to)| from.abs_diff(*to));
            wished.extend(parks.iter().rev().map(|(_, to)| *to));
            wished.extend(parks.iter().rev().map(|(from, _)| *from));
        }
        let mut ticks: Vec<u64> = Vec::new();
        for at in wished {
            // The same text twice would say that no time has passed.
            let is_free =
                |tick: &u64| (self.place(*tick) - self.place(at)).abs() >= room && duration(*tick) != duration(at);
            if ticks.iter().all(is_free) {
                ticks.push(at);
            }
        }
        ticks.sort_unstable();
        ticks
    }
}

/// One, two or five of a unit: at most eight of them are in the span.
fn round_step(span: u64) -> u64 {
    let units = (0..19).map(|digits| 10_u64.pow(digits));
    let mut steps = units.flat_map(|unit| [1, 2, 5].map(|factor| unit.saturating_mul(factor)));
    steps.find(|step| span / step <= 8).unwrap_or(span)
}

/// How wide a span is.
fn weight(nanoseconds: u64) -> f64 {
    3.0 + 5.0 * (1.0 + nanoseconds as f64 / 300.0).log10().powf(1.5)
}

/// In a unit that keeps it short.
pub(crate) fn duration(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0 => return "0".to_owned(),
        1..1_000 => (nanoseconds as f64, "ns"),
        1_000..1_000_000 => (nanoseconds as f64 / 1e3, "µs"),
        1_000_000..10_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        _ => (nanoseconds as f64 / 1e9, "s"),
    };
    let digits = usize::from(value < 10.0 && unit != "ns");
    let number = format!("{value:.digits$}");
    format!("{} {unit}", number.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::{Event, Row, What};

    /// A task that is polled for 5 µs, waits for 100 ms, and is polled again.
    fn record() -> Record {
        let events = [
            (0, What::Spawned),
            (1_000, What::Poll),
            (6_000, What::Pending),
            (100_006_000, What::Woken),
            (100_007_000, What::Poll),
            (100_012_000, What::Ready),
        ];
        let event = |(at, what)| Event {
            at,
            thread: 0,
            row: 0,
            what,
            by: None,
        };
        Record {
            rows: vec![Row {
                name: "t".to_owned(),
                is_job: false,
            }],
            threads: vec!["main".to_owned()],
            events: events.map(event).to_vec(),
            parked: vec![(6_000, 100_006_000)],
            lost: 0,
        }
    }

    #[test]
    fn a_short_poll_is_seen_beside_a_long_sleep_that_is_wider() {
        let axis = Axis::new(&record(), false).scaled(500.0);
        let width = |from, to| axis.place(to) - axis.place(from);
        assert!(width(1_000, 6_000) > 20.0);
        assert!(width(6_000, 100_006_000) > 4.0 * width(1_000, 6_000));
        assert!((axis.place(0), axis.place(100_012_000)) == (0.0, 500.0));
    }

    #[test]
    fn to_scale_half_of_the_time_is_half_of_the_width() {
        let axis = Axis::new(&record(), true).scaled(500.0);
        assert!((axis.place(50_006_000) - 250.0).abs() < 1e-6);
    }

    #[test]
    fn ticks_stand_apart_and_differ_and_are_round_if_they_can_be() {
        let record = record();
        let axis = Axis::new(&record, false).scaled(500.0);
        let ticks = axis.ticks(&record, 50.0);
        assert!(
            ticks
                .windows(2)
                .all(|pair| axis.place(pair[1]) - axis.place(pair[0]) >= 50.0)
        );
        assert!(ticks.contains(&6_000), "the park's beginning: {ticks:?}");
        let axis = Axis::new(&record, true).scaled(500.0);
        let ticks: Vec<_> = axis.ticks(&record, 50.0).into_iter().map(duration).collect();
        assert_eq!(ticks, ["0", "20 ms", "40 ms", "60 ms", "80 ms", "100 ms"]);
    }

    #[test]
    fn durations_are_short() {
        let told = [0, 17, 1_250, 53_400, 2_000_000, 152_700_000, 12_000_000_000].map(duration);
        assert_eq!(told, ["0", "17 ns", "1.2 µs", "53 µs", "2 ms", "153 ms", "12 s"]);
    }
}
