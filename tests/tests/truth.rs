//! The daemon's counts against the truth: events equal the load generator's own count to the
//! event, and time at the limit equals the queue's witness to 1 %. The detector of conflicts against what
//! the cards themselves count.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use plimsoll_tests::plimsoll::Daemon;
use std::time::Duration;

#[tokio::test]
async fn counts_equal_the_truth_to_the_event_and_time_to_one_percent() {
    let mut demo =
        Daemon::demo(&["--duration", "20s", "--seed", "3", "--fault", "queue-flood@5s+8s"]).await;
    let status = demo.process.ended(Duration::from_secs(60)).await;
    let log = demo.log();
    assert!(status.success(), "{status}\n{log}");

    let events = numbers(&log, "authorisations");
    let [good, bad, daemon_good, daemon_bad] = events[..] else { unreachable!("{events:?}") };
    assert!(good > 1_000.0, "the load was offered: {log}");
    assert_eq!((daemon_good, daemon_bad), (good, bad), "{log}");

    let times = numbers(&log, "queue full");
    let [truth_ms, daemon_ms] = times[..] else { unreachable!("{times:?}") };
    assert!(truth_ms > 5_000.0, "the queue was full while it was flooded: {log}");
    assert!((truth_ms - daemon_ms).abs() <= truth_ms / 100.0, "{truth_ms} against {daemon_ms}");
}

/// Runs the demo and returns how often cards were charged beyond their limit by plain commits and by
/// guarded ones, as the cards counted it, and what the detector counted.
async fn charged_twice(arguments: &[&str]) -> [f64; 3] {
    let mut demo = Daemon::demo(arguments).await;
    let status = demo.process.ended(Duration::from_secs(60)).await;
    let log = demo.log();
    assert!(status.success(), "{status}\n{log}");
    let counts = numbers(&log, "charged twice");
    counts.try_into().unwrap_or_else(|counts| panic!("{counts:?}: {log}"))
}

#[tokio::test]
async fn who_commits_unguarded_charges_twice_as_often_as_the_detector_says() {
    let fault = ["--duration", "15s", "--fault", "unguarded-commits@3s+6s"];
    let [plain, guarded, detected] = charged_twice(&fault).await;
    assert!(plain > 20.0, "they do race: {plain}");
    assert_eq!((guarded, detected), (0.0, plain));
}

#[tokio::test]
async fn who_commits_guarded_charges_nobody_twice() {
    assert_eq!(charged_twice(&["--duration", "10s", "--seed", "5"]).await, [0.0; 3]);
}

/// Returns the numbers of the summary's line that begins with `title`.
fn numbers(log: &str, title: &str) -> Vec<f64> {
    let line = log.lines().find(|line| line.trim_start().starts_with(title)).expect("its line");
    line.split(|character: char| !character.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect()
}
