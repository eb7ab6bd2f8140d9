//! What the pictures show: one list of parts for all steps.

/// A part of the picture. It stands at the same place in every step that has it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: &'static str,
    /// The first is for the step in which the part arrives, each other one for the step in which it is replaced.
    pub(super) forms: &'static [Form],
}

#[derive(Debug)]
pub(super) struct Form {
    /// The number of the step.
    pub(super) since: usize,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Box {
        rect: Rect,
        /// Whether it is a border around other parts.
        is_frame: bool,
        /// Where its text begins.
        text: Point,
        /// Its name in the small pictures: one line, or two.
        name: &'static str,
        /// Its text. What stands before a `|` is bold.
        lines: &'static [&'static str],
    },
    Arrow {
        /// The first one ends in the arrow's head. The others join it.
        paths: &'static [&'static [Point]],
        end: End,
        /// A word beside it, and where that begins.
        label: (&'static str, Point),
    },
}

/// Across and down, in pixels.
pub(super) type Point = (i32, i32);

/// The left, upper, right and lower edge.
pub(super) type Rect = (i32, i32, i32, i32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Head,
    /// Heads at both ends.
    Heads,
    /// It joins another arrow.
    Join,
    /// A cross: nothing gets through.
    Cross,
}

const fn frame(since: usize, rect: Rect, text: Point, name: &'static str, lines: &'static [&'static str]) -> Form {
    let is_frame = true;
    let shape = Shape::Box {
        rect,
        is_frame,
        text,
        name,
        lines,
    };
    Form { since, shape }
}

const fn boxed(since: usize, rect: Rect, name: &'static str, lines: &'static [&'static str]) -> Form {
    let (is_frame, text) = (false, (rect.0 + 8, rect.1 + 23));
    let shape = Shape::Box {
        rect,
        is_frame,
        text,
        name,
        lines,
    };
    Form { since, shape }
}

const fn arrow(since: usize, end: End, paths: &'static [&'static [Point]]) -> Form {
    labelled(since, end, paths, ("", (0, 0)))
}

const fn labelled(since: usize, end: End, paths: &'static [&'static [Point]], label: (&'static str, Point)) -> Form {
    let shape = Shape::Arrow { paths, end, label };
    Form { since, shape }
}

/// On the left the loop, on the right what it works with, and below it the other threads. In the order in which they are drawn.
pub(super) const PARTS: [Part; 36] = [
    Part {
        id: "run",
        forms: &[
            frame(1, (8, 150, 254, 340), (18, 171), "", RUN),
            frame(2, (8, 38, 254, 672), (18, 55), "", RUN),
        ],
    },
    Part {
        id: "again",
        forms: &[
            arrow(1, End::Head, &[&[(54, 290), (20, 290), (20, 204), (32, 204)]]),
            arrow(
                2,
                End::Head,
                &[&[(32, 600), (20, 600), (20, 115), (32, 115)], &[(54, 320), (20, 320)]],
            ),
        ],
    },
    Part {
        id: "after-64-polls",
        forms: &[
            boxed(
                2,
                (32, 70, 242, 160),
                "(1) 64 polls:\ndue sleeps",
                &["(1)| after 64 polls", "without a park: wake all", "sleeps that are due"],
            ),
            boxed(
                5,
                (32, 70, 242, 160),
                "(1) sleeps,\nthe selector",
                &[
                    "(1)| after 64 polls",
                    "without a park: wake all",
                    "sleeps that are due, and",
                    "look at the selector",
                ],
            ),
        ],
    },
    Part {
        id: "then-take",
        forms: &[arrow(2, End::Head, &[&[(138, 160), (138, 182)]])],
    },
    Part {
        id: "take",
        forms: &[
            boxed(1, (32, 182, 242, 226), "next task", &["take the next task"]),
            boxed(2, (32, 182, 242, 226), "(2) next id", &["(2)| take the next id"]),
        ],
    },
    Part {
        id: "then-poll",
        forms: &[
            labelled(1, End::Head, &[&[(120, 226), (120, 250)]], ("task", (128, 243))),
            labelled(2, End::Head, &[&[(120, 226), (120, 250)]], ("id", (128, 243))),
        ],
    },
    Part {
        id: "no-id",
        forms: &[labelled(2, End::Head, &[&[(40, 226), (40, 440)]], ("no id", (48, 243)))],
    },
    Part {
        id: "poll",
        forms: &[
            boxed(
                1,
                (54, 250, 242, 330),
                "poll",
                &["poll| it", "Pending: to the back", "Ready: dropped"],
            ),
            boxed(2, (54, 250, 242, 418), "poll", POLL),
        ],
    },
    Part {
        id: "supervise",
        forms: &[boxed(
            3,
            (64, 340, 232, 410),
            "supervise",
            &["supervise|", "catches a panic,", "stores the result"],
        )],
    },
    Part {
        id: "no-task-can-run",
        forms: &[boxed(
            2,
            (32, 440, 242, 662),
            "(3) no task\ncan run: park",
            &[
                "(3)| no task can run:",
                "wake the sleeps of the",
                "earliest deadline if it",
                "has passed, else park",
            ],
        )],
    },
    Part {
        id: "parker",
        forms: &[
            boxed(
                2,
                (42, 536, 232, 626),
                "Parker",
                &[
                    "Parker|: thread::park,",
                    "until it is unparked, or",
                    "the earliest deadline",
                ],
            ),
            boxed(
                5,
                (42, 536, 232, 626),
                "selector",
                &[
                    "Parker|: the selector",
                    "(poller.rs) waits until a",
                    "source is ready, or the",
                    "earliest deadline",
                ],
            ),
        ],
    },
    Part {
        id: "queue",
        forms: &[
            boxed(
                1,
                (300, 182, 490, 272),
                "queue",
                &["queue of tasks|", "first in, first out"],
            ),
            boxed(
                2,
                (300, 182, 490, 272),
                "run queue",
                &[
                    "run queue|",
                    "ids of the tasks to poll",
                    "a push into the empty",
                    "queue calls unpark",
                ],
            ),
        ],
    },
    Part {
        id: "front",
        forms: &[arrow(1, End::Head, &[&[(300, 200), (242, 200)]])],
    },
    Part {
        id: "back",
        forms: &[
            arrow(1, End::Head, &[&[(242, 264), (300, 264)]]),
            labelled(2, End::Head, &[&[(242, 264), (300, 264)]], ("wake", (257, 257))),
        ],
    },
    Part {
        id: "join-handle",
        forms: &[boxed(
            3,
            (284, 292, 490, 364),
            "JoinHandle",
            &["JoinHandle|", "the result, and the waker", "of the task that waits"],
        )],
    },
    Part {
        id: "result",
        forms: &[arrow(3, End::Head, &[&[(232, 352), (284, 352)]])],
    },
    Part {
        id: "tasks",
        forms: &[boxed(
            2,
            (284, 374, 490, 424),
            "table of tasks",
            &["table of tasks|", "the unfinished ones"],
        )],
    },
    Part {
        id: "out-and-in",
        forms: &[arrow(2, End::Heads, &[&[(242, 396), (284, 396)]])],
    },
    Part {
        id: "unparker",
        forms: &[
            boxed(
                2,
                (284, 436, 490, 486),
                "Unparker",
                &["Unparker|", "unparks the thread"],
            ),
            boxed(5, (284, 436, 490, 486), "Unparker", &["Unparker|", "does nothing"]),
            boxed(6, (284, 436, 490, 486), "Unparker", &["Unparker|", "writes a byte"]),
        ],
    },
    Part {
        id: "if-it-was-empty",
        forms: &[arrow(
            2,
            End::Head,
            &[&[(490, 246), (502, 246), (502, 462), (490, 462)]],
        )],
    },
    Part {
        id: "unpark",
        forms: &[
            arrow(2, End::Head, &[&[(284, 462), (268, 462), (268, 550), (232, 550)]]),
            arrow(5, End::Cross, &[&[(284, 462), (268, 462), (268, 520)]]),
            arrow(6, End::Head, &[&[(387, 486), (387, 510)]]),
        ],
    },
    Part {
        id: "self-socket",
        forms: &[boxed(
            6,
            (284, 510, 490, 582),
            "self-socket",
            &[
                "self-socket|: the byte",
                "arrives at the end that",
                "the selector watches",
            ],
        )],
    },
    Part {
        id: "readable",
        forms: &[arrow(6, End::Head, &[&[(284, 550), (232, 550)]])],
    },
    Part {
        id: "timers",
        forms: &[boxed(
            2,
            (284, 600, 490, 672),
            "timer queue",
            &["timer queue|", "the wakers of the sleeps:", "(1) and (3) call them"],
        )],
    },
    Part {
        id: "deadline",
        forms: &[arrow(2, End::Head, &[&[(284, 644), (242, 644)]])],
    },
    Part {
        id: "due",
        forms: &[labelled(
            2,
            End::Head,
            &[&[(490, 656), (528, 656), (528, 106), (242, 106)]],
            ("sleeps that are due", (290, 98)),
        )],
    },
    Part {
        id: "sources",
        forms: &[boxed(
            5,
            (284, 690, 490, 762),
            "sources",
            &["sources|", "descriptors, and wakers", "of those who wait"],
        )],
    },
    Part {
        id: "report",
        forms: &[arrow(5, End::Head, &[&[(284, 726), (138, 726), (138, 626)]])],
    },
    Part {
        id: "look",
        forms: &[labelled(
            5,
            End::Join,
            &[&[(490, 746), (528, 746), (528, 656)]],
            ("sources that are ready", (290, 126)),
        )],
    },
    Part {
        id: "other-threads",
        forms: &[
            frame(2, (284, 786, 490, 838), (292, 809), "other threads", OTHERS),
            frame(4, (8, 786, 490, 872), (292, 809), "other threads", OTHERS),
        ],
    },
    Part {
        id: "pool",
        forms: &[boxed(
            4,
            (18, 794, 274, 864),
            "thread pool",
            &[
                "thread pool|",
                "runs jobs, stores results,",
                "and wakes the jobs' tasks",
            ],
        )],
    },
    Part {
        id: "job",
        forms: &[labelled(4, End::Head, &[&[(40, 672), (40, 794)]], ("job", (48, 778)))],
    },
    Part {
        id: "wake",
        forms: &[labelled(
            2,
            End::Head,
            &[&[(490, 816), (515, 816), (515, 166), (400, 166), (400, 182)]],
            ("a wake: to the back", (290, 158)),
        )],
    },
    Part {
        id: "wake-by-timers",
        forms: &[arrow(2, End::Join, &[&[(490, 616), (515, 616)]])],
    },
    Part {
        id: "wake-by-result",
        forms: &[arrow(3, End::Head, &[&[(387, 292), (387, 272)]])],
    },
    Part {
        id: "wake-by-sources",
        forms: &[arrow(5, End::Join, &[&[(490, 710), (515, 710)]])],
    },
];

const RUN: &[&str] = &["run|: until no task is left"];

const POLL: &[&str] = &[
    "poll| its task; it may",
    "wake or spawn others",
    "Pending: to the table",
    "Ready: dropped",
];

const OTHERS: &[&str] = &["other threads|", "wake tasks as well"];
