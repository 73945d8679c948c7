//! The admin port of a process whose data runtime is deadlocked: it says so, and by whom.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll::sync::tokio::Mutex;
use plimsoll_record::Registry;
use plimsoll_record::waits::live;
use plimsoll_runtime::admin::{Admin, spawn};
use plimsoll_runtime::ready::Readiness;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::Duration;

fn get(admin: &Admin, path: &str) -> String {
    let (head, body) = answered(admin, path);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body
}

/// Returns the head and the body of an answer.
fn answered(admin: &Admin, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(admin.address()).expect("connected");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

fn document(admin: &Admin, path: &str) -> Value {
    serde_json::from_str(&get(admin, path)).expect("JSON")
}

/// Two tasks that block all threads that the runtime has for them, each on what the other holds.
fn deadlocked(registry: &Registry) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(2)
        .thread_name("starved")
        .build()
        .expect("built");
    let [a, b] = ["accounts", "orders"].map(|name| Arc::new(Mutex::named_in(registry, name, ())));
    let ready = Arc::new(Barrier::new(2));
    for (first, then) in [(&a, &b), (&b, &a)] {
        let (first, then, ready) = (Arc::clone(first), Arc::clone(then), Arc::clone(&ready));
        runtime.spawn_blocking(move || {
            let _first = first.blocking_lock();
            ready.wait();
            let _then = then.blocking_lock();
        });
    }
    runtime
}

#[test]
fn a_deadlock_is_named_and_counted_while_it_lasts() {
    let registry = Registry::new();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let admin = spawn(address, registry.clone(), Readiness::new()).expect("started");
    let none = r#"concurrency_wait_cycles{kind="lock"} 0"#;
    assert!(get(&admin, "/metrics").contains(none), "no deadlock yet");
    let runtime = deadlocked(&registry);

    let cycles = loop {
        let cycles = document(&admin, "/debug/cycles");
        if cycles["cycles"].as_array().is_some_and(|cycles| !cycles.is_empty()) {
            break cycles;
        }
    };
    let cycle = &cycles["cycles"][0];
    assert_eq!(cycle["kind"], "lock");
    let waits = cycle["waits"].as_array().expect("a list");
    assert_eq!(waits.len(), 2);
    let sentence = cycle["sentence"].as_str().expect("text");
    for (wait, next) in [(&waits[0], &waits[1]), (&waits[1], &waits[0])] {
        assert!(wait["waiter"].as_str().is_some_and(|who| who.starts_with("task ")), "{wait:#}");
        assert_eq!(wait["thread"], "thread starved");
        assert!(wait["site"].as_str().is_some_and(|site| site.contains("tests/debug.rs:")));
        assert_eq!(wait["held_by"][0]["holder"], next["waiter"], "{cycle:#}");
        let name = wait["waits_for"]["name"].as_str().expect("a name");
        assert!(sentence.contains(&format!("mutex {name:?}")), "{sentence}");
    }
    assert!(get(&admin, "/metrics").contains(r#"concurrency_wait_cycles{kind="lock"} 1"#));

    let waits = document(&admin, "/debug/waits");
    let resources = waits["resources"].as_array().expect("a list");
    let mut names: Vec<_> = resources.iter().filter_map(|of| of["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accounts", "orders"]);
    for resource in resources {
        assert_eq!(resource["waiters"].as_array().map(Vec::len), Some(1), "{resource:#}");
        assert!(resource["waiters"][0]["age_seconds"].as_f64().is_some_and(|age| age > 0.0));
        assert_eq!(resource["holders"].as_array().map(Vec::len), Some(1));
    }
    // The blocked threads stay behind: nothing can end them.
    runtime.shutdown_background();
}

/// A task keeps a lock while two others come to wait for it, and one of them gives up.
async fn convoy(registry: &Registry, name: &'static str) {
    let ledger = Arc::new(Mutex::named_in(registry, name, ()));
    let held = ledger.lock().await;
    let waits = [(); 2].map(|()| {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { drop(ledger.lock().await) })
    });
    while live().iter().filter(|wait| wait.resource.what().name == name).count() < 2 {
        tokio::task::yield_now().await;
    }
    let [patient, impatient] = waits;
    impatient.abort();
    drop(held);
    patient.await.expect("it got the lock");
}

#[test]
fn the_timeline_is_a_trace_that_a_viewer_opens() {
    let registry = Registry::new();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let admin = spawn(address, registry.clone(), Readiness::new()).expect("started");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("built");
    runtime.block_on(convoy(&registry, "convoy"));

    let trace = document(&admin, "/debug/timeline");
    let events = trace["traceEvents"].as_array().expect("a list");
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    let slices: Vec<_> = of("X").into_iter().filter(|at| at["args"]["name"] == "convoy").collect();
    let named = |name: &str| slices.iter().filter(|slice| slice["name"] == name).count();
    assert_eq!((named("waits for convoy"), named("holds convoy")), (2, 2), "{slices:#?}");
    for slice in &slices {
        assert!(slice["args"]["site"].as_str().is_some_and(|at| at.contains("tests/debug.rs:")));
        let track = of("M").into_iter().find(|track| track["tid"] == slice["tid"]);
        assert!(track.is_some_and(|track| track["name"] == "thread_name"), "{slice:#}");
    }
    // Each arrow begins in the wait and ends in the hold that lie around it.
    let around = |event: &Value, category: &str| {
        slices.iter().any(|slice| {
            let [at, from, dur] = [&event["ts"], &slice["ts"], &slice["dur"]];
            let [at, from, dur] = [at, from, dur].map(|time| time.as_f64().expect("a time"));
            slice["cat"] == category
                && slice["tid"] == event["tid"]
                && (from..=from + dur).contains(&at)
        })
    };
    let arrows: Vec<_> = of("s").into_iter().filter(|start| around(start, "wait")).collect();
    assert_eq!(arrows.len(), 2);
    for start in arrows {
        let end = of("f").into_iter().find(|end| end["id"] == start["id"]).expect("both ends");
        assert!(around(end, "hold") && end["bp"] == "e", "{end:#}");
    }
    let waiters: Vec<_> = of("C")
        .into_iter()
        .filter(|point| point["name"] == r#"concurrency_lock_waiters{lock="convoy"}"#)
        .collect();
    let mut levels = waiters.iter().filter_map(|point| point["args"]["level"].as_u64());
    assert_eq!((levels.clone().max(), levels.next_back()), (Some(2), Some(0)));
    assert!(waiters.is_sorted_by_key(|point| point["ts"].as_f64()));

    let view = get(&admin, "/debug/timeline/view");
    assert!(
        view.starts_with("<!doctype html>") && !view.contains("https://"),
        "it needs nothing else"
    );
}

#[test]
fn the_timeline_goes_back_as_far_as_it_is_asked() {
    let registry = Registry::new();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let admin = spawn(address, registry.clone(), Readiness::new()).expect("started");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("built");
    runtime.block_on(convoy(&registry, "earlier"));
    // Time itself is what is waited for.
    std::thread::sleep(Duration::from_millis(1_100));
    let levels = |query: &str| {
        let trace = document(&admin, &format!("/debug/timeline{query}"));
        let events = trace["traceEvents"].as_array().expect("a list");
        let is_it = |event: &&Value| event["name"] == r#"concurrency_lock_waiters{lock="earlier"}"#;
        events.iter().filter(is_it).count()
    };
    assert_eq!(levels("?seconds=1"), 0, "it was over by then");
    assert!(levels("?seconds=60") > 0);
    assert_eq!(levels("?seconds=60"), levels(""));
    for query in ["?seconds=0", "?seconds=3601", "?seconds=-1", "?seconds=", "?minutes=1", "?"] {
        let (head, body) = answered(&admin, &format!("/debug/timeline{query}"));
        assert!(head.starts_with("HTTP/1.1 400"), "{query}: {head}");
        assert!(body.starts_with("ask for /debug/timeline?seconds=30"), "{query}: {body}");
    }
}
