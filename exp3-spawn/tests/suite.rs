//! The tests of this step. Each file of `shared-testutil/suite` has the tests of one concept, once for all steps.

use exp3_spawn as sched;
use shared_testutil::real_clock as clock;

// exp1: tasks that yield.
#[path = "../../shared-testutil/suite/yields.rs"]
mod yields;

#[path = "../../shared-testutil/suite/stress_many.rs"]
mod stress_many;

#[path = "../../shared-testutil/suite/demo.rs"]
mod demo;

// exp2: sleep, and so wakes.
#[path = "../../shared-testutil/suite/wakes.rs"]
mod wakes;

#[path = "../../shared-testutil/suite/remote_wakes.rs"]
mod remote_wakes;

#[path = "../../shared-testutil/suite/stress_wakes.rs"]
mod stress_wakes;

#[path = "../../shared-testutil/suite/timers.rs"]
mod timers;

#[path = "../../shared-testutil/suite/stress_sleeps.rs"]
mod stress_sleeps;

#[path = "../../shared-testutil/suite/timeout.rs"]
mod timeout;

#[path = "../../shared-testutil/suite/combinators.rs"]
mod combinators;

#[path = "../../shared-testutil/suite/schedulers.rs"]
mod schedulers;

#[path = "../../shared-testutil/suite/faults_time.rs"]
mod faults_time;

#[path = "../../shared-testutil/suite/storm.rs"]
mod storm;

// exp3: tasks that start tasks, and so results.
#[path = "../../shared-testutil/suite/join.rs"]
mod join;

#[path = "../../shared-testutil/suite/auto_traits.rs"]
mod auto_traits;

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

#[path = "../../shared-testutil/suite/faults.rs"]
mod faults;

#[path = "../../shared-testutil/suite/model.rs"]
mod model;

// Not here: blocking.rs, faults_pool.rs, dead_end.rs: there is no pool of threads.
// Not here: sources.rs, readiness.rs, tcp.rs, faults_io.rs, echo_server.rs, no_remote_wakes.rs: there are no sources.
// Not here: self_socket.rs, faults_self_socket.rs, all_at_once.rs, async_rw.rs, faults_rw.rs, stalls.rs, poll_with.rs,
// drive.rs, host.rs, remote.rs, signals.rs, virtual_time.rs, on_virtual_time.rs, dump.rs, twins.rs, examples.rs, counts.rs,
// soak.rs: what they test comes with exp6.
