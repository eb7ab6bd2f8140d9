//! What the benches share. Each uses a part of it.

#![allow(dead_code)]

pub(crate) mod alloc;
pub(crate) mod callgrind;
pub(crate) mod clock;
pub(crate) mod machine;
pub(crate) mod package;
pub(crate) mod page;
pub(crate) mod svg;

use std::iter;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Which files of exp6 the bench runs.
pub(crate) fn variant() -> String {
    let twins = [
        ("fast-io", cfg!(all(feature = "fast-io", target_os = "linux"))),
        ("fast-jobs", cfg!(feature = "fast-jobs")),
        ("fast-tasks", cfg!(feature = "fast-tasks")),
        ("fast-timers", cfg!(feature = "fast-timers")),
    ];
    let on: Vec<_> = twins.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    match on.as_slice() {
        [] => "exp6 with its plain files.".to_owned(),
        on => format!("exp6 with {}.", on.join(", ")),
    }
}

/// Runs each of `n` in each round, and returns what they gave. Each goes first in turn, so that none always follows the same one.
pub(crate) fn in_turn<T>(n: usize, rounds: usize, mut run: impl FnMut(usize) -> Option<T>) -> Vec<Vec<T>> {
    let mut runs: Vec<Vec<T>> = iter::repeat_with(Vec::new).take(n).collect();
    for round in 0..rounds {
        for place in (0..n).map(|place| (place + round) % n) {
            runs[place].extend(run(place));
        }
    }
    runs
}

/// The value a quarter of the way up, half of it, and three quarters.
pub(crate) fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    [at(0.25), at(0.5), at(0.75)]
}

/// A thousand connections have two thousand ends, and the soft limit is often lower than that. Returns what is allowed.
pub(crate) fn allow_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| limit as usize)
}
