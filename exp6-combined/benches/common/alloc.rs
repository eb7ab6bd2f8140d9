//! An allocator that counts while it is asked to. When it is not, it costs one load.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// What `work` has taken from the allocator, on all threads.
pub(crate) struct Memory {
    /// How often it was asked.
    pub(crate) allocations: usize,
    /// Bytes that are live at the end and were not before, as they were asked for.
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

/// Begins to count.
pub(crate) struct Count {
    resident: f64,
}

impl Count {
    pub(crate) fn start() -> Self {
        LIVE.store(0, Ordering::Relaxed);
        CALLS.store(0, Ordering::Relaxed);
        let resident = resident();
        ON.store(true, Ordering::Relaxed);
        Self { resident }
    }

    pub(crate) fn stop(self) -> Memory {
        ON.store(false, Ordering::Relaxed);
        Memory {
            allocations: CALLS.load(Ordering::Relaxed),
            requested: LIVE.load(Ordering::Relaxed) as f64,
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
    if ON.load(Ordering::Relaxed) {
        CALLS.fetch_add(calls, Ordering::Relaxed);
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: all is handed on to the system's allocator.
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
