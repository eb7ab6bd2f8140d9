//! The tests of this step. Each file of `shared-testutil/suite` has the tests of one concept, once for all steps.

use exp5_selectors as sched;
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

// exp5: descriptors.
#[path = "../../shared-testutil/suite/sources.rs"]
mod sources;

#[path = "../../shared-testutil/suite/readiness.rs"]
mod readiness;

#[path = "../../shared-testutil/suite/tcp.rs"]
mod tcp;

#[path = "../../shared-testutil/suite/faults_io.rs"]
mod faults_io;

#[path = "../../shared-testutil/suite/echo_server.rs"]
mod echo_server;

#[path = "../../shared-testutil/suite/no_remote_wakes.rs"]
mod no_remote_wakes;

// Not here: remote_wakes.rs, stress_wakes.rs: a wake from another thread does not end the wait in exp5, as
// no_remote_wakes.rs shows.
// Not here: blocking.rs, faults_pool.rs, dead_end.rs: there is no pool of threads.
// Not here: self_socket.rs, faults_self_socket.rs, all_at_once.rs, async_rw.rs, faults_rw.rs, stalls.rs, poll_with.rs,
// drive.rs, host.rs, remote.rs, signals.rs, virtual_time.rs, on_virtual_time.rs, dump.rs, twins.rs, examples.rs, counts.rs,
// soak.rs: what they test comes with exp6.
