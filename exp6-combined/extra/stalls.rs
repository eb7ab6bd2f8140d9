//! The stall detector: reports futures whose polls block the thread. The blocked thread cannot do that, so a second thread
//! looks at it from time to time.

use std::any::type_name;
use std::cell::OnceCell;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest and the shortest pause between two looks. The longest is also how long the second thread may outlive the first.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    /// `None` if the system gives no thread.
    static DETECTOR: OnceCell<Option<Detector>> = const { OnceCell::new() };
}

/// Wraps a future, and reports on standard error when one of its polls takes `limit` or longer: mostly while it goes on, again
/// after twice the time, and in any case when it is over. Meant for the future that is given to `spawn`:
///
/// ```
/// # use std::time::Duration;
/// # use exp6_combined::{Scheduler, detect_stalls, yield_now};
/// let scheduler = Scheduler::new();
/// scheduler.spawn(detect_stalls(Duration::from_millis(50), async { yield_now().await }));
/// scheduler.run();
/// ```
///
/// The report names the type of the future, which says where it is written: `my_server::serve::{{closure}} has blocked the
/// thread for 51.2ms`. The first poll on a thread starts a second thread, which looks at
/// the first every 100 ms, or four times within the shortest limit, and ends soon after it. If the system
/// gives no thread, that is reported, and nothing else is.
///
/// # Panics
///
/// As `future` does.
///
/// # Cancel safety
///
/// Dropping it drops `future`.
pub fn detect_stalls<F: Future>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    // Boxed: an `async` block would keep the future twice, as it was given and pinned.
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        let _current = CurrentPoll::begin(type_name::<F>(), limit);
        future.as_mut().poll(cx)
    })
}

struct Detector(Arc<Mutex<State>>);

/// What the two threads share.
struct State {
    /// The poll that goes on. If polls are nested, the innermost.
    current: Option<Stall>,
    pause: Duration,
}

/// A poll, which may become a stall.
struct Stall {
    name: &'static str,
    start: Instant,
    /// How long it may take until it is reported, and until it is reported again.
    limit: Duration,
    reported: bool,
}

impl Detector {
    /// Starts the second thread. It ends when the first one has.
    fn new() -> io::Result<Self> {
        let (current, pause) = (None, LONGEST_PAUSE);
        let state = Arc::new(Mutex::new(State { current, pause }));
        let weak = Arc::downgrade(&state);
        let look = move || {
            while let Some(state) = weak.upgrade() {
                let mut locked = lock(&state);
                let report = locked.current.as_mut().and_then(Stall::report);
                let pause = locked.pause;
                drop(locked);
                report.inspect(|report| say(format_args!("{report}")));
                drop(state);
                thread::sleep(pause);
            }
        };
        thread::Builder::new().name("stalls".to_owned()).spawn(look)?;
        Ok(Self(state))
    }
}

impl Stall {
    fn report(&mut self) -> Option<String> {
        let time = self.start.elapsed();
        (time >= self.limit).then(|| {
            // The next report comes after twice the time: a poll that never ends would fill the screen.
            self.limit = time * 2;
            self.reported = true;
            format!("{} has blocked the thread for {time:.1?}", self.name)
        })
    }
}

/// A poll that the detector measures until this is dropped. Then it measures the poll around this one again, if there is one.
struct CurrentPoll {
    /// `None` if nothing is watched.
    state: Option<Arc<Mutex<State>>>,
    outer: Option<Stall>,
}

impl CurrentPoll {
    fn begin(name: &'static str, limit: Duration) -> Self {
        let state = DETECTOR.try_with(|detector| {
            let detector = detector.get_or_init(|| {
                let started = Detector::new();
                started
                    .inspect_err(|error| say(format_args!("the stall detector is off: {error}")))
                    .ok()
            });
            detector.as_ref().map(|detector| Arc::clone(&detector.0))
        });
        // The thread's locals may be gone already.
        let Some(state) = state.ok().flatten() else {
            let (state, outer) = (None, None);
            return Self { state, outer };
        };
        let mut locked = lock(&state);
        locked.pause = (limit / 4).clamp(SHORTEST_PAUSE, locked.pause);
        let stall = Stall {
            name,
            start: Instant::now(),
            limit,
            reported: false,
        };
        let outer = locked.current.replace(stall);
        drop(locked);
        let state = Some(state);
        Self { state, outer }
    }
}

impl Drop for CurrentPoll {
    fn drop(&mut self) {
        let Some(state) = &self.state else { return };
        let mut locked = lock(state);
        let over = mem::replace(&mut locked.current, self.outer.take());
        drop(locked);
        if let Some(Stall { name, start, .. }) =
            over.filter(|stall| stall.reported || stall.start.elapsed() >= stall.limit)
        {
            say(format_args!("{name} blocked the thread for {:.1?}", start.elapsed()));
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error is ignored: if standard error is closed, nobody reads it.
fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "stalls: {what}");
}
