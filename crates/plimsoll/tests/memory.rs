//! What a million short-lived locks leave behind: next to nothing.

#![allow(unsafe_code)] // Counting allocations takes a global allocator, whose trait is unsafe.
#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use plimsoll::Registry;
use plimsoll::sync::tokio::{Mutex, RwLock, Semaphore};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

/// The system's allocator, counting what is in use.
struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's duties are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how many bytes are in use more than before.
fn left_by(work: impl FnOnce()) -> isize {
    let before = IN_USE.load(Ordering::Relaxed);
    work();
    IN_USE.load(Ordering::Relaxed) - before
}

const MIB: isize = 1 << 20;

#[test]
fn a_million_mutexes_leave_no_more_than_one() {
    let registry = Registry::new();
    let few = left_by(|| (0..8_000).for_each(|n| drop(Mutex::named_in(&registry, "session", n))));
    assert!(few <= MIB, "8,000 mutexes left {few} bytes");
    let many = left_by(|| {
        for n in 0..1_000_000 {
            let mutex = Mutex::named_in(&registry, "session", n);
            assert_eq!(*mutex.try_lock().expect("free"), n);
        }
    });
    assert!(many <= MIB, "1,000,000 mutexes left {many} bytes");

    // Names beyond the bound share the instruments of the overflow.
    let registry = Registry::with_label_sets_max(4);
    let name = |n: u32| format!("session-{n}");
    let named = left_by(|| (0..20_000).for_each(|n| drop(RwLock::named_in(&registry, name(n), n))));
    assert!(named <= 2 * MIB, "20,000 names left {named} bytes");
    let permits =
        left_by(|| (0..20_000).for_each(|_| drop(Semaphore::named_in(&registry, "db", 4))));
    assert!(permits <= MIB, "20,000 semaphores left {permits} bytes");

    // Each mutex by itself is small: its instruments are shared.
    let mut kept = Vec::with_capacity(10_000);
    let live = left_by(|| kept.extend((0..10_000_u32).map(|n| Mutex::named_in(&registry, "x", n))));
    assert!(live / 10_000 <= 320, "a live mutex takes {} bytes", live / 10_000);
}
