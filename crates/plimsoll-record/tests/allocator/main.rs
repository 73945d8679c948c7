//! An allocator that records each allocation: whatever the recorder allocates, merging included, is
//! recorded by the recorder itself. It must neither wait for itself nor recurse without end.

#![allow(unsafe_code)] // An allocator is one; it only passes on to the system's.
#![allow(clippy::expect_used)] // A test fails by it.

#[path = "../instruments/seen.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod seen;

use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry};
use seen::Seen;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;

static ALLOCATIONS: OnceLock<Activity> = OnceLock::new();

struct Recording;

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Recording {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let recorded = ALLOCATIONS.get().map(|allocations| (allocations, allocations.enter()));
        // SAFETY: the caller's promises are those that the system asks for.
        let memory = unsafe { System.alloc(layout) };
        if let Some((allocations, entered)) = recorded {
            allocations.leave(entered, Outcome::Ok);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static RECORDING: Recording = Recording;

#[test]
fn an_allocator_that_records_waits_for_nothing() {
    const MADE: u64 = 2_000;
    let registry = Registry::new();
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::default());
    let spec = spec.outcomes(&catalog::OPERATIONS);
    let activity = registry.activity(spec).expect("registers");
    ALLOCATIONS.set(activity).expect("once");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..MADE).for_each(|of| drop(std::hint::black_box(Box::new(of)))));
        }
        (0..5).for_each(|_| drop(registry.snapshot()));
    });
    let seen = Seen::of(&registry);
    assert!(seen.sum_of("concurrency_operations") >= (4 * MADE) as f64);
    assert_eq!(seen.value("concurrency_in_flight", ""), 0.0, "each has left");
}
