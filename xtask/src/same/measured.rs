//! The price list of speed has each fast feature. Its times are no check's business.

use crate::ablation::{self, COMMAND, PAGE};
use crate::same::Finding;
use crate::stop::Result;
use crate::tree::Tree;
use crate::twins;

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let measured = ablation::read(tree)?.features;
    let modules = twins::modules(tree)?;
    // A twin without a feature is found by another check.
    let features = modules.iter().filter_map(|module| module.fast.as_ref()?.feature());
    let mut wanted: Vec<_> = features.map(str::to_owned).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let missing = wanted.iter().filter(|feature| !measured.contains(feature));
    let missing = missing.map(|feature| format!("{PAGE} does not say what exp6 takes without {feature}"));
    let gone = measured.iter().filter(|feature| !wanted.contains(feature));
    let gone = gone.map(|feature| format!("{PAGE} says what exp6 takes without {feature}, which has no file"));
    let findings = missing
        .chain(gone)
        .map(|problem| Finding::new(problem, format!("measure it: {COMMAND}")));
    Ok(findings.collect())
}
