//! The experiments, each with the workloads that it has.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::process;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};

use crate::common::alloc::Count;
use crate::common::clock::now;
use crate::work::{TASKS, echoes, jobs, joins, sleeps, streams, tasks, wakes};

/// An experiment.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What it can do and the one before cannot.
    pub(crate) adds: &'static str,
    pub(crate) works: &'static [(&'static str, Run)],
}

/// Does something so many times, and returns how long that took.
pub(crate) type Run = fn(usize) -> Duration;

impl Step {
    pub(crate) fn find(&self, work: &str) -> Option<Run> {
        self.works.iter().find(|(name, _)| *name == work).map(|(_, run)| *run)
    }
}

pub(crate) const STEPS: [Step; 6] = [
    Step {
        name: "exp1",
        adds: "tasks that yield",
        works: &[("spawn", exp1::spawn), ("yield", exp1::yields)],
    },
    Step {
        name: "exp2",
        adds: "sleep, wakers",
        works: &[
            ("spawn", exp2::spawn),
            ("yield", exp2::yields),
            ("sleep", exp2::sleep),
            ("sleep_dropped", exp2::sleep_dropped),
            ("asleep", exp2::asleep),
            ("wake", exp2::wake),
        ],
    },
    Step {
        name: "exp3",
        adds: "join, abort, panics",
        works: &[
            ("spawn", exp3::spawn),
            ("join", exp3::join),
            ("yield", exp3::yields),
            ("sleep", exp3::sleep),
            ("sleep_dropped", exp3::sleep_dropped),
            ("asleep", exp3::asleep),
            ("wake", exp3::wake),
        ],
    },
    Step {
        name: "exp4",
        adds: "a thread pool",
        works: &[
            ("spawn", exp4::spawn),
            ("join", exp4::join),
            ("yield", exp4::yields),
            ("sleep", exp4::sleep),
            ("sleep_dropped", exp4::sleep_dropped),
            ("asleep", exp4::asleep),
            ("wake", exp4::wake),
            ("job", exp4::job),
        ],
    },
    Step {
        name: "exp5",
        adds: "descriptors, instead of the pool",
        works: &[
            ("spawn", exp5::spawn),
            ("join", exp5::join),
            ("yield", exp5::yields),
            ("sleep", exp5::sleep),
            ("sleep_dropped", exp5::sleep_dropped),
            ("asleep", exp5::asleep),
            ("echo_1", exp5::echo_1),
            ("echo_50", exp5::echo_50),
        ],
    },
    Step {
        name: "exp6",
        adds: "both",
        works: &[
            ("spawn", exp6::spawn),
            ("join", exp6::join),
            ("yield", exp6::yields),
            ("sleep", exp6::sleep),
            ("sleep_dropped", exp6::sleep_dropped),
            ("asleep", exp6::asleep),
            ("wake", exp6::wake),
            ("job", exp6::job),
            ("echo_1", exp6::echo_1),
            ("echo_50", exp6::echo_50),
            ("echo_rw", exp6::echo_rw),
        ],
    },
];

mod exp1 {
    use super::*;

    tasks!(exp1_simplest);
}

mod exp2 {
    use super::*;

    tasks!(exp2_sleep);
    sleeps!(exp2_sleep);
    wakes!(exp2_sleep);
}

mod exp3 {
    use super::*;

    tasks!(exp3_spawn);
    sleeps!(exp3_spawn);
    wakes!(exp3_spawn);
    joins!(exp3_spawn);
}

mod exp4 {
    use super::*;

    tasks!(exp4_threadpool);
    sleeps!(exp4_threadpool);
    wakes!(exp4_threadpool);
    joins!(exp4_threadpool);
    jobs!(exp4_threadpool);
}

mod exp5 {
    use super::*;

    tasks!(exp5_selectors);
    sleeps!(exp5_selectors);
    joins!(exp5_selectors);
    echoes!(exp5_selectors);
}

mod exp6 {
    use super::*;

    tasks!(exp6_combined);
    sleeps!(exp6_combined);
    wakes!(exp6_combined);
    joins!(exp6_combined);
    jobs!(exp6_combined);
    echoes!(exp6_combined);
    streams!(exp6_combined);
}
