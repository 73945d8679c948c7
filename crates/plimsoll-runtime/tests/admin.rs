//! The admin port as a scraper, an orchestrator and an attacker meet it.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format;
use plimsoll_exposition::decode::Decoder;
use plimsoll_model::{Labels, catalog};
use plimsoll_record::Registry;
use plimsoll_runtime::admin::{Admin, BindError, spawn};
use plimsoll_runtime::ready::Readiness;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn started() -> (Admin, Registry, Readiness) {
    let (registry, readiness) = (Registry::new(), Readiness::new());
    let admin = spawn(loopback(), registry.clone(), readiness.clone()).expect("started");
    (admin, registry, readiness)
}

fn connected(admin: &Admin) -> TcpStream {
    let stream = TcpStream::connect(admin.address()).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream
}

/// Sends one request and returns the head and the body of the answer.
fn ask(admin: &Admin, request: &str, headers: &str) -> (String, String) {
    let mut stream = connected(admin);
    let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_ascii_lowercase(), body.to_string())
}

fn values(body: &str, format: Format) -> BTreeMap<String, f64> {
    let mut decoder = Decoder::new(10_000);
    let samples = decoder.decode(body.as_bytes(), format).expect("good").samples.clone();
    let named = samples.iter().zip(decoder.series()).map(|(sample, series)| {
        let key = series.key().expect("good labels");
        (format!("{}{}", key.name, key.labels), sample.value)
    });
    named.collect()
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let (admin, registry, _) = started();
    let labels = Labels::new([("operation", "pay"), ("attempt", "retry")]).expect("valid");
    registry.counter(&catalog::ATTEMPTS, labels).expect("registered").add(3);
    let name = r#"concurrency_attempts_total{attempt="retry",operation="pay"}"#;

    let (head, text) = ask(&admin, "GET /metrics", "");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert_eq!(values(&text, Format::Text).get(name), Some(&3.0), "{text}");

    let accept = "accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n";
    let (head, open) = ask(&admin, "GET /metrics", accept);
    assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
    assert_eq!(values(&open, Format::OpenMetrics).get(name), Some(&3.0), "{open}");

    let accept = "accept: application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";
    let (head, _) = ask(&admin, "HEAD /metrics", accept);
    assert!(head.contains("content-type: application/vnd.google.protobuf; proto="), "{head}");

    let (head, body) = ask(&admin, "HEAD /metrics", "");
    assert!(head.starts_with("http/1.1 200") && head.contains("content-length: "), "{head}");
    assert_eq!(body, "");
}

#[test]
fn promtool_has_nothing_to_say_about_metrics() {
    let (admin, ..) = started();
    let (_, text) = ask(&admin, "GET /metrics", "");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: apt-get install prometheus");
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Reads the numbers of a line of a file of the kernel's, from the word after `prefix` on.
#[cfg(target_os = "linux")]
fn kernel(file: &str, prefix: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(file).expect("the kernel's file");
    let line = text.lines().find_map(|line| line.split_once(prefix)).expect("the line").1;
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_what_the_kernel_tells() {
    let (admin, ..) = started();
    let (_, text) = ask(&admin, "GET /metrics", "");
    let values = values(&text, Format::Text);
    // After the command's name come its state, which is no number, and 18 numbers; then it says
    // in hundredths of a second when after the machine's start the process started.
    let age_s = kernel("/proc/uptime", "")[0] - kernel("/proc/self/stat", ")")[18] / 100.0;
    let date = Command::new("date").arg("+%s.%N").output().expect("date");
    let now_s: f64 = String::from_utf8_lossy(&date.stdout).trim().parse().expect("a number");
    let start_s = values["process_start_time_seconds"];
    assert!((now_s - age_s - start_s).abs() <= 2.0, "{start_s} is not {age_s} s before {now_s}");
    let resident_kib = kernel("/proc/self/status", "VmRSS:")[0];
    let ratio = values["process_resident_memory_bytes"] / (resident_kib * 1024.0);
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
    assert!(values["process_open_fds"] >= 4.0);
    assert!(values["process_cpu_seconds_total"] >= 0.0);
    let (_, later) = ask(&admin, "GET /metrics", "");
    assert!(later.contains(&format!("process_start_time_seconds {start_s}\n")));
}

#[test]
fn ready_is_when_nothing_holds_it_back() {
    let (registry, readiness) = (Registry::new(), Readiness::new());
    let archive = readiness.hold("archive");
    let admin = spawn(loopback(), registry, readiness.clone()).expect("started");
    let (head, body) = ask(&admin, "GET /-/ready", "");
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(body, "waits for: archive\n");
    drop(archive);
    assert!(ask(&admin, "GET /-/ready", "").0.starts_with("http/1.1 200"));
    let _draining = readiness.hold("draining");
    assert!(ask(&admin, "HEAD /-/ready", "").0.starts_with("http/1.1 503"));
    assert!(ask(&admin, "GET /-/healthy", "").0.starts_with("http/1.1 200"));
}

#[test]
fn what_isnt_there_and_what_isnt_allowed_is_said() {
    let (admin, ..) = started();
    let (head, body) = ask(&admin, "GET /", "");
    assert!(head.starts_with("http/1.1 404") && body.contains("/metrics"), "{head}");
    let (head, _) = ask(&admin, "POST /metrics", "content-length: 0\r\n");
    assert!(head.starts_with("http/1.1 405") && head.contains("allow: get, head"), "{head}");
    assert!(ask(&admin, "GET /metrics?name=x", "").0.starts_with("http/1.1 200"));
}

#[test]
fn it_answers_while_the_data_runtime_is_starved() {
    const WORKERS: usize = 2;
    let (admin, ..) = started();
    let (spinning, release) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()
        .expect("a runtime");
    for _ in 0..WORKERS {
        let (spinning, release) = (spinning.clone(), release.clone());
        runtime.spawn(async move {
            spinning.fetch_add(1, Ordering::Relaxed);
            while !release.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    }
    while spinning.load(Ordering::Relaxed) < WORKERS {
        std::thread::yield_now();
    }
    for path in ["/-/healthy", "/-/ready", "/metrics"] {
        let (head, _) = ask(&admin, &format!("GET {path}"), "");
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    }
    release.store(true, Ordering::Relaxed);
}

#[test]
fn clients_that_say_nothing_dont_keep_others_out() {
    let (admin, ..) = started();
    let _silent: Vec<TcpStream> = (0..40).map(|_| connected(&admin)).collect();
    let mut half = connected(&admin);
    half.write_all(b"GET /metr").expect("sent");
    let mut rubbish = connected(&admin);
    rubbish.write_all(&[0xff; 20_000]).expect("sent");
    assert!(ask(&admin, "GET /-/healthy", "").0.starts_with("http/1.1 200"));
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
    let (admin, registry, readiness) = started();
    let error = spawn(admin.address(), registry, readiness).expect_err("in use");
    assert!(matches!(error, BindError::Listen { .. }));
    let said = error.to_string();
    assert!(said.starts_with(&format!("can't listen on {}", admin.address())), "{said}");
}

#[test]
fn stop_joins_and_frees_the_port_although_a_client_stays() {
    let (admin, registry, readiness) = started();
    let mut idle = connected(&admin);
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    let mut first = [0; 12];
    idle.read_exact(&mut first).expect("answered");
    assert_eq!(&first, b"HTTP/1.1 200");
    let address = admin.address();
    admin.stop();
    let again = spawn(address, registry, readiness).expect("the port is free again");
    assert_eq!(again.address(), address);
}
