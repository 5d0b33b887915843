//! An allocator that counts, while it is asked to.
//!
//! The system's allocator does the work. Off, it costs a load and a branch for each allocation, the same for all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

/// What was allocated since [`start`]: a reallocation is one more allocation, of its new size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) allocations: u64,
    pub(crate) bytes: u64,
    /// Bytes that are still in use, less those that were in use before and are not any more.
    pub(crate) live: i64,
}

/// Counts from now on, from zero.
pub(crate) fn start() {
    ALLOCATIONS.store(0, Ordering::Relaxed);
    BYTES.store(0, Ordering::Relaxed);
    LIVE.store(0, Ordering::Relaxed);
    IS_COUNTING.store(true, Ordering::Relaxed);
}

/// Counts no more, and says what was counted.
pub(crate) fn stop() -> Count {
    IS_COUNTING.store(false, Ordering::Relaxed);
    Count {
        allocations: ALLOCATIONS.load(Ordering::Relaxed),
        bytes: BYTES.load(Ordering::Relaxed),
        live: LIVE.load(Ordering::Relaxed),
    }
}

struct Counting;

impl Counting {
    fn count(taken: usize, given_back: usize) {
        if !IS_COUNTING.load(Ordering::Relaxed) {
            return;
        }
        if taken > 0 {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            BYTES.fetch_add(taken as u64, Ordering::Relaxed);
        }
        LIVE.fetch_add(taken as i64 - given_back as i64, Ordering::Relaxed);
    }
}

// There is no other way to be an allocator. Each method hands its arguments on unchanged, so that what the caller
// promises is promised to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        Self::count(new_size, layout.size());
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
