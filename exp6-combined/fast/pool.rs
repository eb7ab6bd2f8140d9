//! The pool of threads, by another name.
//!
//! For speed one idle thread spins for a while, in search of the next job, before it sleeps: a job that comes meanwhile starts
//! without a system call on either side. And at most one thread is called at a time, so a burst of short jobs wakes few.
//!
//! That must not leave a job behind while a thread sleeps. So whoever stops to search looks at the queue once more, under the
//! lock, and who takes a job calls the next thread if there are more. And a pool without work must not spin.

use std::collections::VecDeque;
use std::hint;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{Builder, available_parallelism};
use std::time::{Duration, Instant};

use crate::task::discard_panic;

/// How long a thread spins: longer than it takes to wake a sleeping thread. Otherwise, once both sides sleep, each would fall
/// asleep again while it waits for the other to wake.
const SPIN: Duration = Duration::from_micros(50);

/// After so many spins in vain, so many times a thread sleeps at once.
const MISSES: u32 = 8;
const RESTS: u32 = 64;

type Job = Box<dyn FnOnce() + Send>;

/// The threads end when the pool has been dropped and the queue is empty. Nobody waits for them.
pub(crate) struct ThreadPool {
    name: String,
    threads: usize,
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Where threads sleep.
    sleep: Condvar,
    /// Whether there is a job. Only a hint, which spares the thread that spins the lock.
    has_jobs: AtomicBool,
    /// Whether threads spin: not on a machine with one processor, where nobody can bring a job meanwhile.
    spins: bool,
}

/// Whenever the lock is free and there is a job, a thread searches, or none sleeps.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// How many threads sleep.
    asleep: usize,
    /// Whether a thread searches for a job: it spins, or it has been called.
    is_searched: bool,
    /// Whether a thread has been called and does not know yet.
    is_called: bool,
    is_closed: bool,
    /// Spins in vain, in a row.
    misses: u32,
    /// How many times a thread is to sleep without a spin.
    rests: u32,
}

impl ThreadPool {
    /// Panics if the system does not give all these threads.
    pub(crate) fn with_name(name: String, threads: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            sleep: Condvar::new(),
            has_jobs: AtomicBool::new(false),
            spins: available_parallelism().is_ok_and(|cores| cores.get() > 1),
        });
        let mut pool = Self {
            name,
            threads: 0,
            shared,
        };
        pool.set_num_threads(threads);
        pool
    }

    /// Starts more threads. Panics if the system does not give all of them, and keeps those that it has given.
    pub(crate) fn set_num_threads(&mut self, threads: usize) {
        while self.threads < threads {
            let (builder, shared) = (Builder::new().name(self.name.clone()), Arc::clone(&self.shared));
            builder.spawn(move || shared.work()).expect("the system gives a thread");
            self.threads += 1;
        }
    }

    /// Runs a job on one of the threads.
    pub(crate) fn execute(&self, job: impl FnOnce() + Send + 'static) {
        let job = Box::new(job);
        let mut queue = self.shared.lock();
        queue.jobs.push_back(job);
        self.shared.has_jobs.store(true, Ordering::Relaxed);
        self.shared.call(queue);
    }

    /// How many jobs wait for a thread.
    pub(crate) fn queued_count(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// How many threads neither sleep nor search. A job that a thread takes is here before it is queued no more.
    pub(crate) fn active_count(&self) -> usize {
        let queue = self.shared.lock();
        self.threads - queue.asleep - usize::from(queue.is_searched && !queue.is_called)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.sleep.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap()
    }

    /// Wakes a thread for the next job, unless one searches already. Without the lock: the thread needs it.
    fn call(&self, mut queue: MutexGuard<'_, Queue>) {
        if !queue.jobs.is_empty() && !queue.is_searched && queue.asleep > 0 {
            (queue.is_searched, queue.is_called) = (true, true);
            drop(queue);
            self.sleep.notify_one();
        }
    }

    /// What each thread does.
    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                self.has_jobs.store(!queue.jobs.is_empty(), Ordering::Relaxed);
                // This job may take long, so the next one is another thread's.
                self.call(queue);
                discard_panic(job);
                queue = self.lock();
            } else if queue.is_closed {
                return;
            } else {
                queue = self.search(queue);
            }
        }
    }

    /// Spins, or sleeps, until there may be a job. One thread that spins is enough, and none does where it has been in vain.
    fn search<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        if queue.rests > 0 {
            queue.rests -= 1;
        } else if self.spins && !queue.is_searched {
            queue.is_searched = true;
            drop(queue);
            let is_hit = self.spin();
            queue = self.lock();
            queue.is_searched = false;
            queue.misses = if is_hit { 0 } else { queue.misses + 1 };
            if queue.misses >= MISSES {
                queue.rests = RESTS;
            }
            // The last look: nobody calls a thread for a job that came before this.
            if is_hit || !queue.jobs.is_empty() {
                return queue;
            }
        }
        queue.asleep += 1;
        // Any thread may answer a call. It may even be one that is about to sleep: then the other goes on sleeping.
        while !queue.is_called && !queue.is_closed {
            queue = self.sleep.wait(queue).unwrap();
        }
        queue.asleep -= 1;
        if mem::take(&mut queue.is_called) {
            queue.is_searched = false;
        }
        queue
    }

    /// Returns whether it has seen a job, which another thread may have taken since.
    fn spin(&self) -> bool {
        let begin = Instant::now();
        while !self.has_jobs.load(Ordering::Relaxed) {
            if begin.elapsed() >= SPIN {
                return false;
            }
            hint::spin_loop();
        }
        true
    }
}
