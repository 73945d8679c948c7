//! Real processes, unmodified, whose waits the test knows because it made them.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)] // a test stops at the first thing that is not as it must be

mod scene;
#[path = "../scrape/mod.rs"]
mod scrape;

use scene::Scene;
use serde_json::json;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_named_by_thread_lock_and_function() {
    let scene = Scene::start(&["deadlock"]);
    scene.until("concurrency_process_wait_cycles", "", |cycles| cycles == 1.0).await;
    scene.until("concurrency_process_threads", "lock", |threads| threads == 2.0).await;
    let names =
        ["a-then-b", "b-then-a", "`lock_a`", "`lock_b`", "transfer_a_to_b", "transfer_b_to_a"];
    scene.until_page(&names).await;
    // The admin port says the same as the library's, each thread followed by the one that it waits for.
    let document = scene.until_document("/debug/cycles", "cycles").await;
    let waits = document["cycles"][0]["waits"].as_array().unwrap();
    assert_eq!((waits.len(), &document["cycles"][0]["kind"]), (2, &json!("lock")));
    for (wait, next) in waits.iter().zip(waits.iter().rev()) {
        assert_eq!(wait["held_by"][0]["holder"], next["waiter"], "{document}");
        let is_first = wait["waiter"].as_str().unwrap().starts_with("a-then-b (");
        assert_eq!(wait["waits_for"]["name"], if is_first { "lock_b" } else { "lock_a" });
        let site = if is_first { "transfer_a_to_b" } else { "transfer_b_to_a" };
        assert!(wait["site"].as_str().unwrap().contains(site), "{document}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_behind_a_hog_wait_for_one_lock_and_are_no_deadlock() {
    let scene = Scene::start(&["hog", "8"]);
    scene.until("concurrency_process_lock_waiters", "1", |waiters| waiters == 8.0).await;
    scene.until("concurrency_process_lock_standing_seconds", "1", |length| length > 0.5).await;
    let oldest = "concurrency_process_lock_wait_oldest_seconds";
    let seen = scene.until(oldest, "1", |length| length > 0.5).await;
    assert_eq!(seen.value("concurrency_process_wait_cycles", ""), Some(0.0));
    assert_eq!(seen.value("concurrency_process_convoys", ""), Some(0.0), "nobody gets a turn");
    assert_eq!(seen.value("concurrency_process_lock_waiters", "2"), None);
    let document = scene.until_document("/debug/waits", "resources").await;
    let [lock] = document["resources"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!((&lock["name"], &lock["pid"]), (&json!("lock_a"), &json!(scene.child.id())));
    // The first thread has it, whose number is the process's.
    let holder = lock["holders"][0]["holder"].as_str().unwrap();
    assert!(holder.ends_with(&format!("({})", scene.child.id())), "{document}");
    let waiters = lock["waiters"].as_array().unwrap();
    assert_eq!(waiters.len(), 8);
    assert!(
        waiters.iter().all(|waiter| waiter["waiter"].as_str().unwrap().starts_with("behind ("))
    );
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_moves_is_a_convoy() {
    let scene = Scene::start(&["convoy", "6"]);
    let seen = scene.until("concurrency_process_convoys", "", |convoys| convoys == 1.0).await;
    assert_eq!(seen.value("concurrency_process_wait_cycles", ""), Some(0.0));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_at_a_condition_wait_for_no_lock() {
    let scene = Scene::start(&["condition", "10"]);
    // They, and the one that pauses.
    let seen = scene.until("concurrency_process_threads", "idle", |threads| threads == 11.0).await;
    assert_eq!(seen.value("concurrency_process_threads", "lock"), Some(0.0));
    assert_eq!(seen.value("concurrency_process_lock_waiters", "1"), Some(0.0));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_accepts_are_counted_against_the_backlog() {
    let scene = Scene::start(&["listen", "5"]);
    let port = &scene.said[0];
    let address = format!("127.0.0.1:{port}");
    let clients: Vec<_> = (0..4).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let queue = "concurrency_process_accept_queue";
    let seen = scene.until(queue, port, |waiting| waiting == 4.0).await;
    assert_eq!(seen.value("concurrency_process_accept_queue_limit", port), Some(5.0));
    drop(clients);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forks_stays_in_the_group() {
    let scene = Scene::start(&["fork", "3"]);
    scene.until("concurrency_process_members", "", |members| members == 4.0).await;
    let children =
        std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", scene.child.id()));
    for child in children.unwrap_or_default().split_whitespace() {
        let _ = Command::new("kill").args(["-9", child]).status();
    }
    // Its dead children are nobody's to look at, though it never waits for them.
    scene.until("concurrency_process_members", "", |members| members == 1.0).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_backlog_are_counted_as_overflows() {
    let scene = Scene::start(&["listen", "5"]);
    let port = &scene.said[0];
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let before = overflows();
    let patience = Duration::from_millis(100);
    let clients: Vec<_> =
        (0..16).filter_map(|_| TcpStream::connect_timeout(&address, patience).ok()).collect();
    let lost = 16 - clients.len();
    assert!((1..16).contains(&lost), "{lost} of 16 didn't come in");
    let waiting = clients.len() as f64;
    scene.until("concurrency_process_accept_queue", port, |now| now == waiting).await;
    let counted = "concurrency_process_listen_overflows_total";
    let seen = scene.until(counted, "", |now| now >= before + lost as f64).await;
    // Others may overflow meanwhile: the counter is the namespace's, as the kernel keeps it.
    assert!(seen.value(counted, "").unwrap() <= overflows());
    scene.end().await;
}

/// Reads the kernel's own count, by another way than the sidecar: field by field.
fn overflows() -> f64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("TcpExt"))
        .map(|line| line.split(' ').collect())
        .collect();
    let pairs = lines[0].iter().zip(&lines[1]);
    let (_, value) = pairs.into_iter().find(|(name, _)| **name == "ListenOverflows").unwrap();
    value.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_first_thread_has_ended_lives_on() {
    let scene = Scene::start(&["leaderless", "3"]);
    let seen = scene.until("concurrency_process_threads", "idle", |threads| threads == 3.0).await;
    assert_eq!(seen.value("concurrency_process_members", ""), Some(1.0));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_behind_a_mutex_of_rust_wait_for_one_lock() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("hog");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/hog.rs");
    let built = Command::new("rustc").args(["--edition=2024", source, "-o"]).arg(&program).status();
    assert!(built.unwrap().success());
    let scene = Scene::watch(Command::new(&program).arg("7"));
    scene.until("concurrency_process_lock_waiters", "1", |waiters| waiters == 7.0).await;
    let seen = scene.until("concurrency_process_threads", "lock", |threads| threads == 7.0).await;
    // The one that has it is asleep, and std::sync::Mutex doesn't tell who that is.
    assert_eq!(seen.value("concurrency_process_threads", "idle"), Some(1.0));
    assert_eq!(seen.value("concurrency_process_wait_cycles", ""), Some(0.0));
    scene.until("concurrency_process_lock_standing_seconds", "1", |length| length > 0.2).await;
    let document = scene.until_document("/debug/waits", "resources").await;
    assert_eq!(document["resources"][0]["holders"], json!([]), "{document}");
    scene.end().await;
}

#[cfg(target_arch = "x86_64")]
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_32_bit_program_are_not_misread() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("narrow");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/narrow.c");
    let flags = ["-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", source, "-o"];
    assert!(Command::new("cc").args(flags).arg(&program).status().unwrap().success());
    let scene = Scene::watch(&mut Command::new(&program));
    let seen =
        scene.until("concurrency_process_threads", "sleeping", |threads| threads == 1.0).await;
    for state in ["lock", "idle", "io"] {
        assert_eq!(seen.value("concurrency_process_threads", state), None, "{state}");
    }
    assert_eq!(seen.value("concurrency_process_wait_cycles", ""), None);
    scene.until_page(&["32-bit"]).await;
    scene.end().await;
}
