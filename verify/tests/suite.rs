//! The suite on the files of `fast-tasks`, with the park of exp4: for Miri, which knows threads and clocks, but no selector.
//! Elsewhere exp6's own suite tests these files.

#![cfg(any(miri, clippy))]

use shared_testutil::real_clock as clock;
use verify::exp4_fast as sched;

#[path = "../../shared-testutil/suite/yields.rs"]
mod yields;

#[path = "../../shared-testutil/suite/wakes.rs"]
mod wakes;

#[path = "../../shared-testutil/suite/remote_wakes.rs"]
mod remote_wakes;

#[path = "../../shared-testutil/suite/timers.rs"]
mod timers;

#[path = "../../shared-testutil/suite/timeout.rs"]
mod timeout;

#[path = "../../shared-testutil/suite/schedulers.rs"]
mod schedulers;

#[path = "../../shared-testutil/suite/faults_time.rs"]
mod faults_time;

#[path = "../../shared-testutil/suite/join.rs"]
mod join;

#[path = "../../shared-testutil/suite/abort.rs"]
mod abort;

#[path = "../../shared-testutil/suite/panics.rs"]
mod panics;

#[path = "../../shared-testutil/suite/block_on.rs"]
mod block_on;

#[path = "../../shared-testutil/suite/shutdown.rs"]
mod shutdown;

#[path = "../../shared-testutil/suite/threads.rs"]
mod threads;

#[path = "../../shared-testutil/suite/blocking.rs"]
mod blocking;
