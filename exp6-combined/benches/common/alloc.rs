//! An allocator that counts for the threads that ask for it. For the others it costs a load.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// What the thread has taken from the allocator since `start`.
pub(crate) struct Memory {
    /// How often it was asked.
    pub(crate) allocations: usize,
    /// Bytes that are live now and were not before, as they were asked for.
    pub(crate) requested: f64,
    /// Bytes in pages that the process has come to use, where the system tells. Only true if nothing was freed before.
    pub(crate) resident: f64,
}

impl Memory {
    /// For a process that wants to know it of this one.
    pub(crate) fn print(&self) {
        println!("{} {} {}", self.allocations, self.requested, self.resident);
    }
}

/// Counts on this thread until it is stopped.
pub(crate) struct Count {
    resident: f64,
}

impl Count {
    pub(crate) fn start() -> Self {
        CALLS.set(0);
        LIVE.set(0);
        let resident = resident();
        ON.set(true);
        Self { resident }
    }

    pub(crate) fn stop(self) -> Memory {
        ON.set(false);
        Memory {
            allocations: CALLS.get(),
            requested: LIVE.get() as f64,
            resident: resident() - self.resident,
        }
    }
}

/// Without what belongs to files, the program among them. Zero where it is not known.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

fn count(calls: usize, bytes: isize) {
    if ON.get() {
        CALLS.set(CALLS.get() + calls);
        LIVE.set(LIVE.get() + bytes);
    }
}

// SAFETY: all is handed on to the system's allocator. What is counted has no destructor and is there from a thread's
// beginning to its end, so counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
