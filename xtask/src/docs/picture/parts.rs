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
        /// Its name in the small pictures.
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
pub(super) const PARTS: [Part; 33] = [
    Part {
        id: "run",
        forms: &[
            frame(1, (8, 150, 252, 318), (18, 171), "", RUN),
            frame(2, (8, 38, 252, 640), (18, 59), "", RUN),
        ],
    },
    Part {
        id: "again",
        forms: &[
            arrow(1, End::Head, &[&[(34, 270), (21, 270), (21, 200), (34, 200)]]),
            arrow(
                2,
                End::Head,
                &[&[(34, 580), (21, 580), (21, 115), (34, 115)], &[(34, 270), (21, 270)]],
            ),
        ],
    },
    Part {
        id: "after-64-polls",
        forms: &[
            boxed(
                2,
                (34, 70, 242, 160),
                "(1)",
                &["(1)| after 64 polls", "without a park: wake all", "sleeps that are due"],
            ),
            boxed(
                5,
                (34, 70, 242, 160),
                "(1)",
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
        id: "no-id",
        forms: &[labelled(
            2,
            End::Head,
            &[&[(138, 300), (138, 434)]],
            ("no id", (148, 425)),
        )],
    },
    Part {
        id: "take",
        forms: &[
            boxed(1, (34, 182, 242, 308), "", &["(2)| take the next task"]),
            boxed(2, (34, 182, 242, 316), "", TAKE),
            boxed(3, (34, 182, 242, 406), "", TAKE),
        ],
    },
    Part {
        id: "poll",
        forms: &[
            boxed(
                1,
                (44, 218, 232, 298),
                "(2) poll",
                &["poll| it", "Pending: to the back", "Ready: dropped"],
            ),
            boxed(2, (44, 218, 232, 306), "(2) poll", POLL),
            boxed(3, (44, 218, 232, 396), "(2) poll", POLL),
        ],
    },
    Part {
        id: "supervise",
        forms: &[boxed(
            3,
            (54, 318, 222, 388),
            "supervise",
            &["supervise|", "catches a panic,", "stores the result"],
        )],
    },
    Part {
        id: "no-task-can-run",
        forms: &[boxed(
            2,
            (34, 434, 242, 630),
            "(3)",
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
                (44, 530, 232, 620),
                "Parker",
                &[
                    "Parker|: thread::park,",
                    "until it is unparked, or",
                    "the earliest deadline",
                ],
            ),
            boxed(
                5,
                (44, 530, 232, 620),
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
                (288, 182, 496, 262),
                "queue",
                &["queue of tasks|", "first in, first out"],
            ),
            boxed(
                2,
                (288, 182, 496, 262),
                "run queue",
                &["run queue|", "ids of the tasks that", "can run"],
            ),
        ],
    },
    Part {
        id: "front",
        forms: &[arrow(1, End::Head, &[&[(288, 200), (242, 200)]])],
    },
    Part {
        id: "back",
        forms: &[arrow(1, End::Head, &[&[(232, 252), (288, 252)]])],
    },
    Part {
        id: "tasks",
        forms: &[boxed(
            2,
            (288, 274, 496, 326),
            "table of tasks",
            &["table of tasks|", "the unfinished ones"],
        )],
    },
    Part {
        id: "out-and-in",
        forms: &[arrow(2, End::Heads, &[&[(232, 290), (288, 290)]])],
    },
    Part {
        id: "join-handle",
        forms: &[boxed(
            3,
            (288, 338, 496, 410),
            "JoinHandle",
            &["JoinHandle|", "the result, and the waker", "of the task that waits"],
        )],
    },
    Part {
        id: "result",
        forms: &[arrow(3, End::Head, &[&[(222, 366), (288, 366)]])],
    },
    Part {
        id: "timers",
        forms: &[boxed(
            2,
            (288, 434, 496, 506),
            "timer queue",
            &["timer queue|", "the wakers of the sleeps:", "(1) and (3) call them"],
        )],
    },
    Part {
        id: "deadline",
        forms: &[arrow(2, End::Head, &[&[(288, 457), (242, 457)]])],
    },
    Part {
        id: "sources",
        forms: &[boxed(
            5,
            (288, 534, 496, 606),
            "sources",
            &["sources|", "descriptors, and wakers", "of those who wait"],
        )],
    },
    Part {
        id: "report",
        forms: &[arrow(5, End::Head, &[&[(288, 565), (232, 565)]])],
    },
    Part {
        id: "other-threads",
        forms: &[
            frame(2, (288, 738, 496, 812), (296, 761), "other threads", OTHERS),
            frame(4, (8, 738, 496, 824), (296, 761), "other threads", OTHERS),
        ],
    },
    Part {
        id: "unparker",
        forms: &[
            boxed(
                2,
                (288, 660, 496, 712),
                "Unparker",
                &["Unparker|", "unparks the thread"],
            ),
            boxed(5, (288, 660, 496, 712), "Unparker", &["Unparker|", "does nothing"]),
            boxed(6, (288, 660, 496, 712), "Unparker", &["Unparker|", "writes a byte"]),
        ],
    },
    Part {
        id: "unpark",
        forms: &[
            arrow(2, End::Head, &[&[(288, 686), (150, 686), (150, 620)]]),
            arrow(5, End::Cross, &[&[(288, 686), (150, 686), (150, 654)]]),
            arrow(6, End::Head, &[&[(288, 686), (242, 686)]]),
        ],
    },
    Part {
        id: "self-socket",
        forms: &[boxed(
            6,
            (72, 660, 242, 712),
            "self-socket",
            &["self-socket|", "then it is readable"],
        )],
    },
    Part {
        id: "pool",
        forms: &[boxed(
            4,
            (18, 746, 278, 816),
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
        forms: &[labelled(4, End::Head, &[&[(40, 640), (40, 746)]], ("job", (48, 730)))],
    },
    Part {
        id: "unpark-by-threads",
        forms: &[arrow(2, End::Head, &[&[(392, 738), (392, 712)]])],
    },
    Part {
        id: "readable",
        forms: &[arrow(6, End::Head, &[&[(150, 660), (150, 620)]])],
    },
    Part {
        id: "wake",
        forms: &[labelled(
            2,
            End::Head,
            &[&[(496, 780), (518, 780), (518, 156), (392, 156), (392, 182)]],
            ("a wake puts an id at the back", (280, 146)),
        )],
    },
    Part {
        id: "wake-by-timers",
        forms: &[arrow(2, End::Join, &[&[(496, 470), (518, 470)]])],
    },
    Part {
        id: "wake-by-result",
        forms: &[arrow(3, End::Join, &[&[(496, 374), (518, 374)]])],
    },
    Part {
        id: "wake-by-sources",
        forms: &[arrow(5, End::Join, &[&[(496, 570), (518, 570)]])],
    },
];

const RUN: &[&str] = &["run|: until no task is left"];

const TAKE: &[&str] = &["(2)| take the next id"];

const POLL: &[&str] = &[
    "poll| its task; it may",
    "wake or spawn others",
    "Pending: to the table",
    "Ready: dropped",
];

const OTHERS: &[&str] = &["other threads|", "wake: push an id; unpark", "if the queue was empty"];
