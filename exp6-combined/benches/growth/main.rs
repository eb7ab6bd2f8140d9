//! What an operation costs among few and among many: `cargo bench -p exp6-combined --bench growth`, and behind `--` what
//! `USAGE` says. Times are those of the scheduler's thread on its processor, so that others on the machine and the last
//! deadline do not count.

#[path = "../common/mod.rs"]
mod common;
#[path = "../contest/mod.rs"]
mod contest;

use std::future::{Future, poll_fn};
use std::process::ExitCode;
use std::task::Poll;
use std::time::Duration;
use std::{env, thread};

use common::clock::{count_cpu_time, now};
use common::page::{BENCHES, Page};
use common::svg::Svg;
use common::{allow_descriptors, quartiles};
use contest::peers::exp6::Exp6;
use contest::peers::smol::Smol;
use contest::peers::tokio::Tokio;
use contest::runtime::Runtime;
use contest::work::{echo, sleeps, spawn, yields};

const USAGE: &str = "\
--quick      without the largest sizes, each once
--publish    writes the table and its plot beside the README of the benches";

/// Something to be done among so many.
#[derive(Clone, Copy)]
struct Curve {
    title: &'static str,
    /// What there are so many of.
    among: &'static str,
    sizes: &'static [usize],
    /// Nanoseconds an operation, on each of `NAMES`.
    runs: [fn(usize) -> f64; 3],
}

const NAMES: [&str; 3] = [Exp6::NAME, Tokio::NAME, Smol::NAME];
const TASKS: &[usize] = &[1_000, 10_000, 100_000, 1_000_000];
const CONNECTIONS: &[usize] = &[1, 10, 100, 1_000, 8_000];

const CURVES: [Curve; 5] = [
    Curve {
        title: "spawn and join a task",
        among: "tasks",
        sizes: TASKS,
        runs: [spawned::<Exp6>, spawned::<Tokio>, spawned::<Smol>],
    },
    Curve {
        title: "yield",
        among: "tasks",
        sizes: TASKS,
        runs: [yielded::<Exp6>, yielded::<Tokio>, yielded::<Smol>],
    },
    Curve {
        title: "spawn a task that sleeps, and wake it",
        among: "tasks",
        sizes: TASKS,
        runs: [slept::<Exp6>, slept::<Tokio>, slept::<Smol>],
    },
    Curve {
        title: "begin a sleep and drop it",
        among: "timers",
        sizes: TASKS,
        runs: [dropped::<Exp6>, dropped::<Tokio>, dropped::<Smol>],
    },
    Curve {
        title: "echo a message",
        among: "connections",
        sizes: CONNECTIONS,
        runs: [echoed::<Exp6>, echoed::<Tokio>, echoed::<Smol>],
    },
];

/// Repetitions, so that few take as long as many.
fn rounds(n: usize, operations: usize) -> usize {
    (operations / n).max(1)
}

fn spawned<R: Runtime>(n: usize) -> f64 {
    let rounds = rounds(n, 500_000);
    nanoseconds(rounds * n, move || R::block_on(spawn::<R>(rounds, n)))
}

fn yielded<R: Runtime>(n: usize) -> f64 {
    let times = rounds(n, 2_000_000);
    nanoseconds(times * n, move || R::block_on(yields::<R>(n, times)))
}

fn slept<R: Runtime>(n: usize) -> f64 {
    let times = rounds(n, 100_000);
    nanoseconds(times * n, move || {
        R::block_on(async {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                sum += sleeps::<R>(n).await;
            }
            sum
        })
    })
}

fn dropped<R: Runtime>(n: usize) -> f64 {
    let operations = 200_000;
    nanoseconds(operations, move || {
        R::block_on(async { R::spawn(sleeps_dropped::<R>(n, operations)).await })
    })
}

fn echoed<R: Runtime>(n: usize) -> f64 {
    let rounds = rounds(n, 50_000);
    nanoseconds(rounds * n, move || R::block_on(echo::<R>(n, rounds)))
}

fn nanoseconds(operations: usize, run: impl FnOnce() -> Duration + Send + 'static) -> f64 {
    let time = thread::spawn(run).join().expect("the workload checks its result");
    time.as_nanos() as f64 / operations as f64
}

/// Sleeps that begin and are dropped, while `n` others stand.
async fn sleeps_dropped<R: Runtime>(n: usize, operations: usize) -> Duration {
    let mut seed = 1_u64;
    let mut begin = async |i: usize| {
        if i.is_multiple_of(100) {
            // A task may poll only so much before tokio's timers are made to report `Pending` without being registered.
            R::yield_now().await;
        }
        // Deadlines in no order, from one minute to two.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut sleep = Box::pin(R::sleep(Duration::from_millis(60_000 + (seed >> 33) % 60_000)));
        poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        sleep
    };
    let mut others = Vec::new();
    for i in 0..n {
        others.push(begin(i).await);
    }
    let start = now();
    for i in 0..operations {
        drop(begin(i).await);
    }
    now() - start
}

fn main() -> ExitCode {
    let (mut bench, mut quick, mut publish) = (false, false, false);
    for arg in env::args().skip(1) {
        match arg.as_str() {
            "--bench" => bench = true,
            "--quick" => quick = true,
            "--publish" => publish = true,
            _ => {
                eprintln!("{arg}: no such option\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    count_cpu_time();
    let descriptors = allow_descriptors();
    // Without `--bench`, which cargo says, this is a test: the small sizes once.
    let (largest, times) = match (bench, quick) {
        (false, _) => (1_000, 1),
        (true, true) => (100_000, 1),
        (true, false) => (usize::MAX, 5),
    };
    let mut page = Page::default();
    page.line(&format!("{}\n", common::variant()));
    page.line(&format!("| ns | among | {} |", NAMES.join(" | ")));
    page.line(&format!("|---|--:|{}", "--:|".repeat(NAMES.len())));
    let mut plots = Vec::new();
    for curve in CURVES {
        let fits = |&&n: &&usize| n <= largest && (curve.among != "connections" || 2 * n + 100 < descriptors);
        let sizes: Vec<_> = curve.sizes.iter().filter(fits).copied().collect();
        let points: Vec<_> = sizes.iter().map(|&n| (n, measure(curve, n, times))).collect();
        for (n, values) in &points {
            let values = values.map(|value| format!("{value:.0}")).join(" | ");
            page.line(&format!("| {} | {n} {} | {values} |", curve.title, curve.among));
        }
        plots.push((curve, points));
    }
    if publish {
        page.publish(BENCHES, "growth", Some(plot(&plots)));
    }
    ExitCode::SUCCESS
}

/// Medians of rounds in which each has its turn.
fn measure(curve: Curve, n: usize, times: usize) -> [f64; 3] {
    let mut runs = [const { Vec::new() }; 3];
    for _ in 0..times {
        for (runs, run) in runs.iter_mut().zip(curve.runs) {
            runs.push(run(n));
        }
    }
    runs.map(|runs| quartiles(&runs)[1])
}

type Points = Vec<(usize, [f64; 3])>;

/// One panel a curve, both axes logarithmic, and the same decades of time in none: each begins where its values do.
fn plot(plots: &[(Curve, Points)]) -> String {
    const PANEL: (f64, f64) = (300.0, 230.0);
    const AREA: (f64, f64) = (220.0, 140.0);
    let mut svg = Svg::new(3.0 * PANEL.0, 2.0 * PANEL.1);
    for (place, (curve, points)) in plots.iter().enumerate() {
        let left = (place % 3) as f64 * PANEL.0 + 55.0;
        let bottom = (place / 3) as f64 * PANEL.1 + 40.0 + AREA.1;
        let values = || points.iter().flat_map(|(_, values)| values);
        let low = values().fold(f64::MAX, |low, value| low.min(value.log10())).floor();
        let high = values().fold(low + 1.0, |high, value| high.max(value.log10())).ceil();
        let (first, last) = (
            curve.sizes[0] as f64,
            *curve.sizes.last().expect("there are sizes") as f64,
        );
        let x = |n: usize| left + AREA.0 * (n as f64 / first).log10() / (last / first).log10();
        let y = |value: f64| bottom - AREA.1 * (value.log10() - low) / (high - low);
        svg.text("head", (left - 40.0, bottom - AREA.1 - 18.0), "start", curve.title);
        for decade in low as i32..=high as i32 {
            let value = 10_f64.powi(decade);
            svg.line("axis", (left, y(value)), (left + AREA.0, y(value)));
            svg.text("axis", (left - 6.0, y(value) + 4.0), "end", &duration(value));
        }
        for (n, _) in points {
            svg.text("axis", (x(*n), bottom + 16.0), "middle", &count(*n));
        }
        svg.text("axis", (left + AREA.0 / 2.0, bottom + 32.0), "middle", curve.among);
        for (index, name) in NAMES.into_iter().enumerate() {
            for pair in points.windows(2) {
                let [(n, from), (m, to)] = pair else { continue };
                svg.line(name, (x(*n), y(from[index])), (x(*m), y(to[index])));
            }
            for (n, values) in points {
                let title = format!("{name}: {:.0} ns", values[index]);
                svg.dot(name, (x(*n), y(values[index])), &title);
            }
        }
    }
    // In the place of the sixth panel.
    for (index, name) in NAMES.into_iter().enumerate() {
        let place = (2.0 * PANEL.0 + 60.0, PANEL.1 + 70.0 + index as f64 * 22.0);
        svg.dot(name, place, name);
        svg.text(name, (place.0 + 12.0, place.1 + 4.0), "start", name);
    }
    svg.finish("Time an operation, among few and among many")
}

fn duration(nanoseconds: f64) -> String {
    if nanoseconds < 1e3 {
        format!("{nanoseconds:.0} ns")
    } else if nanoseconds < 1e6 {
        format!("{:.0} µs", nanoseconds / 1e3)
    } else {
        format!("{:.0} ms", nanoseconds / 1e6)
    }
}

fn count(n: usize) -> String {
    match (n / 1_000_000, n / 1_000) {
        (0, 0) => format!("{n}"),
        (0, thousands) => format!("{thousands} k"),
        (millions, _) => format!("{millions} M"),
    }
}
