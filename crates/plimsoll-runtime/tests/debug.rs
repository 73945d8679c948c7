//! The admin port of a process whose data runtime is deadlocked: it says so, and by whom.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll::sync::tokio::Mutex;
use plimsoll_record::Registry;
use plimsoll_runtime::admin::{Admin, spawn};
use plimsoll_runtime::ready::Readiness;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};

fn get(admin: &Admin, path: &str) -> String {
    let mut stream = TcpStream::connect(admin.address()).expect("connected");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
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
