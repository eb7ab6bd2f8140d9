//! The tests of this step. Each file of `shared-testutil/suite` has the tests of one concept, once for all steps.

use exp1_simplest as sched;

// exp1: tasks that yield.
#[path = "../../shared-testutil/suite/yields.rs"]
mod yields;

#[path = "../../shared-testutil/suite/stress_many.rs"]
mod stress_many;

#[path = "../../shared-testutil/suite/demo.rs"]
mod demo;

// Not here: wakes.rs, remote_wakes.rs, stress_wakes.rs, timers.rs, stress_sleeps.rs, timeout.rs, combinators.rs,
// schedulers.rs, faults_time.rs, storm.rs: no task can wait.
// Not here: join.rs, auto_traits.rs, abort.rs, panics.rs, block_on.rs, shutdown.rs, threads.rs, faults.rs, model.rs,
// leaks.rs, allocator.rs: no task starts another, and none has a handle.
// Not here: blocking.rs, faults_pool.rs, dead_end.rs: there is no pool of threads.
// Not here: sources.rs, readiness.rs, tcp.rs, faults_io.rs, echo_server.rs, no_remote_wakes.rs: there are no sources.
// Not here: self_socket.rs, faults_self_socket.rs, all_at_once.rs, async_rw.rs, faults_rw.rs, stalls.rs, poll_with.rs,
// drive.rs, host.rs, remote.rs, signals.rs, virtual_time.rs, on_virtual_time.rs, dump.rs, twins.rs, examples.rs, counts.rs,
// soak.rs: what they test comes with exp6.
