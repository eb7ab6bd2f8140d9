//! criterion's report: each contestant by itself, with its distribution and the change since the last time.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};

use crate::contest::work::Workload;
use crate::pairs::Contestant;

/// How long it may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Full,
    /// Small numbers, kept apart from the others, and no plots.
    Quick,
}

pub(crate) fn report(works: &[Workload], contestants: &[Contestant], effort: Effort) {
    let (samples, millis, divisor) = match effort {
        Effort::Full => (15, 1500, 1),
        Effort::Quick => (10, 200, 5),
    };
    let mut criterion = Criterion::default()
        .sample_size(samples)
        .warm_up_time(Duration::from_millis(millis / 5))
        .measurement_time(Duration::from_millis(millis));
    if effort == Effort::Quick {
        criterion = criterion.without_plots().save_baseline("quick".to_owned());
    }
    for &work in works.iter().filter(|work| !work.is_memory()) {
        let mut group = criterion.benchmark_group(work.name());
        group.sampling_mode(SamplingMode::Flat);
        group.throughput(Throughput::Elements(work.operations(divisor) as u64));
        for contestant in contestants.iter().filter(|contestant| (contestant.has)(work)) {
            group.bench_function(contestant.name, |bencher| {
                bencher.iter_custom(|times| {
                    let seconds = (0..times).map(|_| (contestant.measure)(work, divisor));
                    Duration::from_secs_f64(seconds.sum())
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
