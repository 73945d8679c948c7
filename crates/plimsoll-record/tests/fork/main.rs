//! What a forked child shows. A process of its own, since a fork copies one thread only.

#![allow(unsafe_code)] // A fork is one.
#![allow(clippy::expect_used)] // A test fails by it.

#[path = "../instruments/seen.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod seen;

use plimsoll_model::{Labels, catalog};
use plimsoll_record::{Activity, ActivitySpec, Outcome, Registry};
use seen::Seen;
use std::io::{Read, Write};
use std::sync::mpsc::channel;

/// Returns the level, the operations that ended, and the residual.
fn shown(registry: &Registry) -> [f64; 3] {
    let seen = Seen::of(registry);
    let residual = r#"{level="concurrency_in_flight"}"#;
    [
        seen.value("concurrency_in_flight", ""),
        seen.sum_of("concurrency_operations"),
        seen.value("concurrency_little_residual_seconds", residual),
    ]
}

/// Forks; returns what the child makes of `body`. A child that waits for ever is ended after 20 s.
fn in_child(body: impl FnOnce() -> String) -> String {
    let (mut from, mut to) = std::io::pipe().expect("a pipe");
    // SAFETY: no other thread holds a lock: those that there are wait for a message.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: it takes a number and touches no memory.
            unsafe { libc::alarm(20) };
            let written = to.write_all(body().as_bytes());
            std::process::exit(i32::from(written.is_err()));
        }
        child => {
            drop(to);
            let mut said = String::new();
            from.read_to_string(&mut said).expect("it says something");
            // SAFETY: the status isn't asked for.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            said
        }
    }
}

fn operation(registry: &Registry) -> Activity {
    let spec = ActivitySpec::new(&catalog::IN_FLIGHT, Labels::default());
    registry.activity(spec.outcomes(&catalog::OPERATIONS)).expect("registers")
}

#[test]
fn a_child_forgets_what_its_parent_has_in_progress() {
    let registry = Registry::new();
    let work = operation(&registry);
    let own = work.guard();
    registry.merge();
    let (begun, has_begun) = channel();
    std::thread::scope(|scope| {
        let (end, ends) = channel::<()>();
        scope.spawn(move || {
            (0..50).for_each(|_| work.guard().end(Outcome::Ok));
            let _held = work.guard();
            begun.send(()).expect("the test waits");
            ends.recv().expect_err("nothing but the end");
        });
        has_begun.recv().expect("it begins");
        // Nothing of it is merged yet: the child finds 51 entries of a thread that it hasn't got.
        let said = in_child(|| {
            let before = shown(&registry);
            (0..10).for_each(|_| work.guard().end(Outcome::Ok));
            let held = work.guard();
            let after = shown(&registry);
            held.end(Outcome::Ok);
            format!("{before:?} {after:?} {:?}", shown(&registry))
        });
        let [before, after, ended] = ["[0.0, 0.0, 0.0]", "[1.0, 10.0, 0.0]", "[0.0, 11.0, 0.0]"];
        assert_eq!(said, format!("{before} {after} {ended}"));
        // The parent has lost nothing by it.
        assert_eq!(shown(&registry), [2.0, 50.0, 0.0]);
        drop(end);
    });
    drop(own);
    assert_eq!(shown(&registry), [0.0, 52.0, 0.0], "both guards are gone");
}
