//! An allocator that counts while it is asked to. When it is not, it costs one load.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use rustix::param::page_size;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// Bytes that are live after `work` and were not before, on all threads, as they are asked for; and the pages that the
/// process has come to use, where the system tells. Only a process that has freed nothing before gives true pages.
pub(crate) async fn live_bytes(work: impl AsyncFnOnce()) -> Bytes {
    LIVE.store(0, Ordering::Relaxed);
    let before = resident();
    ON.store(true, Ordering::Relaxed);
    work().await;
    ON.store(false, Ordering::Relaxed);
    Bytes {
        requested: LIVE.load(Ordering::Relaxed) as f64,
        resident: resident() - before,
    }
}

pub(crate) struct Bytes {
    pub(crate) requested: f64,
    pub(crate) resident: f64,
}

/// Without what belongs to files, the program among them. Zero where it is not known.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Vec<f64> = status.split(' ').flat_map(str::parse).collect();
    match pages[..] {
        [_, resident, shared, ..] => (resident - shared) * page_size() as f64,
        _ => 0.0,
    }
}

fn count(bytes: isize) {
    if ON.load(Ordering::Relaxed) {
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: all is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
