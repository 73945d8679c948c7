//! Real signals, sent to this process. They concern the whole process, so there is one test.

#![cfg(unix)]
#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_runtime::shutdown::{channel, on_signals};
use std::process::Command;

fn send(signal: &str) {
    let kill = format!("kill -{signal} {}", std::process::id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_aborts() {
    let (stopper, stop) = channel();
    let signals = tokio::spawn(on_signals(stopper).expect("handlers"));
    assert!(!stop.is_stopped());
    send("TERM");
    stop.stopped().await;
    assert!(!stop.is_aborted());
    send("INT");
    stop.aborted().await;
    signals.await.expect("ended after the second signal");
    assert!(stop.is_aborted());
}
