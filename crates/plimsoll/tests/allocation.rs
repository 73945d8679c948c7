//! What is recorded by name and labels allocates only at first use: counted, not assumed.

#![allow(unsafe_code)] // An allocator that counts is one; it only passes on to the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is being torn down isn't counted.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call is passed on as it is; the count is a constant-initialised cell, which allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that the system asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[plimsoll::in_flight(name = "plain")]
fn plain() -> Result<(), ()> {
    Ok(())
}

#[plimsoll::in_flight(name = "labelled", labels(region = region, kind = "sale"))]
fn labelled(region: &str) {}

#[plimsoll::concurrency_metrics(prefix = "allocation")]
mod own {
    /// A label set.
    pub(crate) struct Origin {
        pub(crate) region: &'static str,
    }

    /// A level.
    pub static LEVEL: Level<Origin> = level(name = "level", unit = "{stay}");

    /// A duration.
    pub static TIME: Duration<Origin> = duration(name = "time", edges = [5ms]);

    /// A counter.
    pub static COUNT: Counter = counter(name = "events", unit = "{event}");

    /// A gauge.
    pub static GAUGE: Gauge<Origin> = gauge(name = "fill", unit = "1");
}

fn everything(region: &'static str) {
    let origin = own::Origin { region };
    let _ = plain();
    labelled(region);
    drop(own::LEVEL.of(&origin).enter());
    own::TIME.of(&origin).observe(Duration::from_millis(4));
    own::COUNT.increment();
    own::GAUGE.of(&origin).set(0.5);
    plimsoll::backpressure!("allocation", reason = full);
}

#[test]
fn only_the_first_use_of_a_label_set_allocates() {
    let during = |uses: &dyn Fn()| {
        let before = ALLOCATIONS.get();
        uses();
        ALLOCATIONS.get() - before
    };
    let first = during(&|| everything("eu"));
    assert!(first > 0, "a label set that is new is remembered: the count counts");
    let more = during(&|| (0..20).for_each(|_| everything("eu")));
    assert_eq!(more, 0, "{first} at the first use");
    assert!(during(&|| everything("us")) > 0);
    assert_eq!(during(&|| everything("us")), 0);
}
