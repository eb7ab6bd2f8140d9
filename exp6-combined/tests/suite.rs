//! The tests of this step. Each file of `shared-testutil/suite` has the tests of one concept, once for all steps.

use exp6_combined as sched;
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

// exp4: a pool of threads.
#[path = "../../shared-testutil/suite/blocking.rs"]
mod blocking;

#[path = "../../shared-testutil/suite/faults_pool.rs"]
mod faults_pool;

#[path = "../../shared-testutil/suite/dead_end.rs"]
mod dead_end;

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

// exp6: both at once.
#[path = "../../shared-testutil/suite/self_socket.rs"]
mod self_socket;

#[path = "../../shared-testutil/suite/faults_self_socket.rs"]
mod faults_self_socket;

#[path = "../../shared-testutil/suite/all_at_once.rs"]
mod all_at_once;

#[path = "../../shared-testutil/suite/async_rw.rs"]
mod async_rw;

#[path = "../../shared-testutil/suite/faults_rw.rs"]
mod faults_rw;

#[path = "../../shared-testutil/suite/stalls.rs"]
mod stalls;

#[path = "../../shared-testutil/suite/poll_with.rs"]
mod poll_with;

#[path = "../../shared-testutil/suite/drive.rs"]
mod drive;

#[path = "../../shared-testutil/suite/host.rs"]
mod host;

#[path = "../../shared-testutil/suite/remote.rs"]
mod remote;

#[path = "../../shared-testutil/suite/signals.rs"]
mod signals;

#[path = "../../shared-testutil/suite/virtual_time.rs"]
mod virtual_time;

#[path = "../../shared-testutil/suite/on_virtual_time.rs"]
mod on_virtual_time;

#[path = "../../shared-testutil/suite/dump.rs"]
mod dump;

#[path = "../../shared-testutil/suite/twins.rs"]
mod twins;

// Not here: no_remote_wakes.rs: a wake from another thread ends the wait in exp6, as remote_wakes.rs shows.
