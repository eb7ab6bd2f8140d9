//! exp6 does the same with the files of `fast` as without them. Random programs run on both.

use exp6_plain as sched;

// A second time: here it is about exp6-plain.
#[allow(clippy::duplicate_mod)]
#[path = "model.rs"]
mod model;

#[test]
fn every_program_does_the_same_on_both() {
    model::for_every_seed(model::PROGRAMS, |seed| {
        let (shipped, plain) = (crate::model::history(seed), model::history(seed));
        assert_eq!(format!("{shipped:?}"), format!("{plain:?}"));
    });
}
